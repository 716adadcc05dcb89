//! A watch lasts until it is dropped, on the side of the runtime, too.

use std::path::PathBuf;

use codexkit::testing::FakeServer;
use codexkit::{Codex, FileWatch};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{HOUR, next_notification, poll_once, sync};

async fn a_watch(codex: &Codex, server: &mut FakeServer) -> (FileWatch, serde_json::Value) {
    let fs = codex.fs();
    let (watch, id) = tokio::join!(fs.watch("/project"), async {
        let request = server.expect("fs/watch").await;
        server.reply(&request.id, json!({"path": "/project"})).await;
        request.params["watchId"].clone()
    });
    (watch.unwrap(), id)
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_dropped_is_ended_and_takes_nothing_in_any_more() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (mut watch, id) = a_watch(&codex, &mut server).await;
    let changed = json!({"watchId": id, "changedPaths": ["/project/new"]});
    server.notify("fs/changed", changed.clone()).await;
    assert_eq!(watch.next().await.unwrap().unwrap(), [PathBuf::from("/project/new")]);
    drop(watch);
    let unwatch = timeout(HOUR, server.expect("fs/unwatch")).await.unwrap();
    assert_eq!(unwatch.params["watchId"], id);
    // What comes until the answer is nobody's.
    server.notify("fs/changed", changed.clone()).await;
    server.reply(&unwatch.id, json!({})).await;
    sync(&codex, &mut server).await;
    server.notify("fs/changed", changed).await;
    let mut feed = codex.notifications();
    assert_eq!(next_notification(&mut feed).await.method(), "fs/changed");
    drop(server);
    assert!(feed.next().await.unwrap().unwrap_err().is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_start_is_dropped_is_ended() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let fs = codex.fs();
    let mut start = Box::pin(fs.watch("/project"));
    poll_once(&mut start).await;
    let watch = server.expect("fs/watch").await;
    drop(start);
    let unwatch = timeout(HOUR, server.expect("fs/unwatch")).await.unwrap();
    assert_eq!(unwatch.params["watchId"], watch.params["watchId"]);
}
