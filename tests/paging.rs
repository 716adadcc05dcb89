//! Lists that come page by page, from a server that does what it likes with the pages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::{IntoFuture, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use codexkit::protocol::{
    ItemThreadItemsListAnchor, SortDirection, ThreadItemsListAnchor, ThreadItemsListCursor,
    ThreadItemsListParams, ThreadLoadedListParams,
};
use codexkit::testing::FakeServer;
use codexkit::{Error, Items, Result};
use futures_core::Stream;
use serde_json::{Value, json};

type Ids = Items<ThreadLoadedListParams>;

const METHOD: &str = "thread/loaded/list";

/// Answers the next request with this page, and gives the cursor that was asked for.
async fn give(server: &mut FakeServer, items: &[&str], next: Option<&str>) -> Value {
    let request = server.expect(METHOD).await;
    server.reply(&request.id, json!({"data": items, "nextCursor": next})).await;
    request.params["cursor"].clone()
}

/// The next item, while the server gives one page.
async fn with_page(
    items: &mut Ids,
    server: &mut FakeServer,
    page: &[&str],
    next: Option<&str>,
) -> (Option<Result<String>>, Value) {
    tokio::join!(items.next(), give(server, page, next))
}

fn ok(item: Option<Result<String>>) -> String {
    item.unwrap().unwrap()
}

async fn is_over(items: &mut Ids) {
    for _ in 0..2 {
        assert!(items.next().await.is_none());
    }
}

#[tokio::test]
async fn a_page_is_asked_for_when_its_first_item_is() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut ids = codex.thread_loaded_list().limit(2).all();
    let (first, cursor) = with_page(&mut ids, &mut server, &["a", "b"], Some("c1")).await;
    assert_eq!((ok(first), cursor), ("a".into(), Value::Null));
    assert_eq!(ok(ids.next().await), "b");
    // The server would panic if it had been asked for the second page by now.
    let (models, ()) = tokio::join!(codex.models().into_future(), async {
        let request = server.expect("model/list").await;
        server.reply(&request.id, json!({"data": []})).await;
    });
    assert!(models.unwrap().data.is_empty());
    let (third, cursor) = with_page(&mut ids, &mut server, &["c"], None).await;
    assert_eq!((ok(third), cursor), ("c".into(), "c1".into()));
    is_over(&mut ids).await;
}

#[tokio::test]
async fn awaited_it_is_the_one_page_with_its_cursors() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let list = codex.thread_loaded_list().cursor("here").limit(1);
    let (page, request) = tokio::join!(list.into_future(), async {
        let request = server.expect(METHOD).await;
        server.reply(&request.id, json!({"data": ["a"], "nextCursor": "there"})).await;
        request
    });
    let page = page.unwrap();
    assert_eq!(request.params, json!({"cursor": "here", "limit": 1}));
    assert_eq!((page.data, page.next_cursor.as_deref()), (vec!["a".into()], Some("there")));
}

#[tokio::test]
async fn an_empty_page_with_a_cursor_is_not_the_end() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut ids = codex.thread_loaded_list().all();
    let (first, cursors) = tokio::join!(ids.next(), async {
        [
            give(&mut server, &[], Some("c1")).await,
            give(&mut server, &[], Some("c2")).await,
            give(&mut server, &["a"], None).await,
        ]
    });
    assert_eq!((ok(first), cursors), ("a".into(), [Value::Null, "c1".into(), "c2".into()]));
    is_over(&mut ids).await;
}

#[tokio::test]
async fn pages_that_go_in_a_circle_end_with_an_error_after_what_they_hold() {
    for (start, pages) in [
        (None, &[("a", "c1"), ("b", "c1")][..]),
        (None, &[("a", "c1"), ("b", "c2"), ("c", "c1")]),
        (Some("c0"), &[("a", "c0")]),
    ] {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let list = codex.thread_loaded_list();
        let mut ids = start.map_or(list.clone(), |it| list.cursor(it)).all();
        for (item, next) in pages {
            let (given, _) = with_page(&mut ids, &mut server, &[item], Some(next)).await;
            assert_eq!(ok(given), *item);
        }
        let error = ids.next().await.unwrap().unwrap_err();
        let Error::Decode { method, source, .. } = error else { panic!("{error}") };
        assert_eq!(method, METHOD);
        assert!(source.to_string().contains("already there"), "{source}");
        is_over(&mut ids).await;
    }
}

#[tokio::test]
async fn an_error_that_stays_ends_the_items_after_those_that_came_before_it() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut ids = codex.thread_loaded_list().all();
    let (first, _) = with_page(&mut ids, &mut server, &["a"], Some("c1")).await;
    assert_eq!(ok(first), "a");
    let (second, ()) = tokio::join!(ids.next(), async {
        let request = server.expect(METHOD).await;
        server.reply_error(&request.id, -32600, "invalid cursor").await;
    });
    assert_eq!(second.unwrap().unwrap_err().code(), Some(-32600));
    is_over(&mut ids).await;
}

#[tokio::test]
async fn after_an_error_that_may_pass_the_page_can_be_asked_for_again() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut ids = codex.thread_loaded_list().all();
    let (first, _) = with_page(&mut ids, &mut server, &["a"], Some("c1")).await;
    assert_eq!(ok(first), "a");
    for _ in 0..2 {
        let (second, cursor) = tokio::join!(ids.next(), async {
            let request = server.expect(METHOD).await;
            server.reply_error(&request.id, -32001, "Server overloaded; retry later.").await;
            request.params["cursor"].clone()
        });
        assert!(second.unwrap().unwrap_err().is_overloaded());
        assert_eq!(cursor, "c1");
    }
    let (second, cursor) = with_page(&mut ids, &mut server, &["b"], None).await;
    assert_eq!((ok(second), cursor), ("b".into(), "c1".into()));
    is_over(&mut ids).await;
}

#[tokio::test]
async fn a_dropped_wait_neither_loses_nor_repeats_a_page() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut ids = codex.thread_loaded_list().all();
    for (page, next) in [(["a", "b"], Some("c1")), (["c", "d"], None)] {
        let is_ready = {
            let mut wait = pin!(ids.next());
            poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_ready())).await
        };
        assert!(!is_ready);
        let request = server.expect(METHOD).await;
        server.reply(&request.id, json!({"data": page, "nextCursor": next})).await;
        assert_eq!([ok(ids.next().await), ok(ids.next().await)], page);
    }
    is_over(&mut ids).await;
}

#[tokio::test]
async fn the_items_are_a_stream_as_well() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut ids = pin!(codex.thread_loaded_list().all());
    let (first, _) =
        tokio::join!(poll_fn(|cx| ids.as_mut().poll_next(cx)), give(&mut server, &["a"], None));
    assert_eq!(ok(first), "a");
    assert!(poll_fn(|cx| ids.as_mut().poll_next(cx)).await.is_none());
}

#[tokio::test]
async fn the_end_of_the_connection_ends_the_items_with_its_reason() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let mut ids = codex.thread_loaded_list().all();
    let (first, _) = with_page(&mut ids, &mut server, &["a", "b"], Some("c1")).await;
    assert_eq!(ok(first), "a");
    drop(server);
    codex.closed().await;
    assert_eq!(ok(ids.next().await), "b");
    assert!(ids.next().await.unwrap().unwrap_err().is_closed());
    is_over(&mut ids).await;
}

#[tokio::test(start_paused = true)]
async fn each_page_has_the_deadline_of_the_list() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let limit = Duration::from_secs(3);
    let mut ids = codex.thread_loaded_list().timeout(limit).all();
    let (first, _) = with_page(&mut ids, &mut server, &["a"], Some("c1")).await;
    assert_eq!(ok(first), "a");
    match ids.next().await.unwrap().unwrap_err() {
        Error::Timeout { what, after, .. } => assert_eq!((what, after), (METHOD, limit)),
        other => panic!("{other}"),
    }
    server.expect(METHOD).await;
    let (second, cursor) = with_page(&mut ids, &mut server, &["b"], None).await;
    assert_eq!((ok(second), cursor), ("b".into(), "c1".into()));
    is_over(&mut ids).await;
}

#[tokio::test]
async fn a_list_that_begins_at_an_item_goes_on_with_cursors() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let anchor = ThreadItemsListAnchor::Item(ItemThreadItemsListAnchor::new("i1"));
    let params = ThreadItemsListParams::new("t1")
        .turn_id("u1")
        .cursor(ThreadItemsListCursor::Anchor(anchor));
    let mut items = codex.list(params).sort_direction(SortDirection::Desc).all();
    let item = |id: &str| json!({"turnId": "u1", "item": {"type": "plan", "id": id, "text": "-"}});
    let mut cursors = Vec::new();
    for (id, next) in [("i0", Some("c1")), ("h9", None)] {
        let (given, ()) = tokio::join!(items.next(), async {
            let request = server.expect("thread/items/list").await;
            cursors.push(request.params["cursor"].clone());
            server.reply(&request.id, json!({"data": [item(id)], "nextCursor": next})).await;
        });
        assert_eq!(given.unwrap().unwrap().item.id(), Some(id));
    }
    assert!(items.next().await.is_none());
    assert_eq!(cursors, [json!({"type": "item", "itemId": "i1"}), json!("c1")]);
}
