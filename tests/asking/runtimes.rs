//! Handlers run on every kind of runtime, and one that is at work holds nothing up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codexkit::{Codex, CommandApproval, Handlers};
use tokio::sync::Notify;

use crate::support::{
    Asked, Scene, answer, ask_command, command_of, decision, parked, scene, scene_with, within,
};

async fn asked_and_answered(mut scene: Scene, mut asked: Asked) {
    let mut ids = Vec::new();
    for id in 0..200 {
        ask_command(&mut scene.server, id, "u1").await;
    }
    let answering = tokio::spawn(async move {
        for _ in 0..200 {
            asked.command().await.accept().unwrap();
        }
    });
    for _ in 0..200 {
        let answer = answer(&mut scene.server).await;
        assert_eq!(answer["result"]["decision"], "accept");
        ids.push(answer["id"].as_u64().unwrap());
    }
    within(answering).await.unwrap();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..200));
}

#[tokio::test]
async fn one_thread_will_do() {
    let asked = Asked::new();
    let scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    asked_and_answered(scene, asked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_will_many() {
    let asked = Asked::new();
    let scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    asked_and_answered(scene, asked).await;
}

#[tokio::test(start_paused = true)]
async fn handlers_at_work_hold_up_neither_each_other_nor_anything_else() {
    let go = Arc::new(Notify::new());
    let at_work = Arc::new(AtomicUsize::new(0));
    let handlers = {
        let (go, at_work) = (Arc::clone(&go), Arc::clone(&at_work));
        Handlers::new().command_approval(move |request: CommandApproval| {
            let (go, at_work) = (Arc::clone(&go), Arc::clone(&at_work));
            async move {
                at_work.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                request.accept()
            }
        })
    };
    let mut scene = scene_with(Codex::builder().handler(handlers)).await;
    for id in 0..50 {
        ask_command(&mut scene.server, id, "u9").await;
    }
    scene.sync().await;
    assert_eq!(at_work.load(Ordering::SeqCst), 50);
    let mut turn = scene.parking_turn("u1").await;
    ask_command(&mut scene.server, 99, "u1").await;
    command_of(parked(&mut turn).await).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(99, "accept"));
    scene.server.message("t1", "u1", "done").await;
    scene.server.complete_turn("t1", "u1", "completed").await;
    within(turn.result()).await.unwrap();
    go.notify_waiters();
    for _ in 0..50 {
        assert_eq!(answer(&mut scene.server).await["result"]["decision"], "accept");
    }
}

#[tokio::test]
async fn a_handler_that_waits_for_a_blocked_thread_holds_up_nothing() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let handlers = Handlers::new().command_approval(move |request: CommandApproval| {
        let released = Arc::clone(&released);
        async move {
            let blocking = move || released.lock().unwrap().recv_timeout(Duration::from_secs(60));
            tokio::task::spawn_blocking(blocking).await??;
            request.accept()?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        }
    });
    let mut scene = scene_with(Codex::builder().handler(handlers)).await;
    ask_command(&mut scene.server, 1, "u9").await;
    for _ in 0..20 {
        scene.sync().await;
    }
    release.send(()).unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_use_the_client() {
    let handlers = Handlers::new().command_approval(async |request: CommandApproval| {
        let codex = request.codex().ok_or("there is no client any more")?;
        let loaded = codexkit::protocol::ThreadLoadedListParams::default();
        let loaded = codex.request(loaded).await?.data;
        if loaded == ["t1"] {
            request.accept()?;
        } else {
            request.decline()?;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    });
    let mut scene = scene_with(Codex::builder().handler(handlers)).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let id = within(scene.server.expect("thread/loaded/list")).await.id;
    scene.server.reply(&id, serde_json::json!({"data": ["t1"]})).await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
}

#[test]
fn the_end_of_the_runtime_is_the_end_of_what_waits() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (request, scene) = runtime.block_on(async {
        let mut asked = Asked::new();
        let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
        ask_command(&mut scene.server, 1, "u1").await;
        let request = asked.command().await;
        let working = Handlers::new().command_approval(async |request: CommandApproval| {
            request.resolved().await;
            request.accept()
        });
        scene.thread.set_handler(working);
        ask_command(&mut scene.server, 2, "u1").await;
        scene.sync().await;
        (request, scene)
    });
    drop(runtime);
    assert_eq!(request.resolution(), Some(codexkit::Resolution::Closed));
    assert!(matches!(request.accept(), Err(codexkit::Error::Closed(_))));
    request.pass();
    drop(scene);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_endings_and_drops_from_many_threads_are_one_answer_each() {
    for _ in 0..20 {
        let mut asked = Asked::new();
        let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
        for id in 0..50 {
            ask_command(&mut scene.server, id, "u1").await;
        }
        let mut tasks = Vec::new();
        for n in 0..50 {
            let request = asked.command().await;
            for way in 0..4 {
                let request = request.clone();
                tasks.push(tokio::spawn(async move {
                    match (way + n) % 5 {
                        0 => drop(request.accept()),
                        1 => drop(request.refuse()),
                        2 => request.pass(),
                        3 => drop(request),
                        _ => drop(request.resolved().await),
                    }
                }));
            }
        }
        scene.server.complete_turn("t1", "u1", "completed").await;
        let mut ids = Vec::new();
        for _ in 0..50 {
            ids.push(answer(&mut scene.server).await["id"].as_u64().unwrap());
        }
        for task in tasks {
            within(task).await.unwrap();
        }
        scene.sync().await;
        ids.sort_unstable();
        assert!(ids.into_iter().eq(0..50));
    }
}

#[tokio::test]
async fn nobody_is_needed_to_wait_for_a_handler() {
    let mut scene = scene().await;
    let handler = Handlers::new().command_approval(async |request| request.accept());
    let turn = scene.turn_with("u1", handler).await;
    drop(turn);
    ask_command(&mut scene.server, 1, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
}
