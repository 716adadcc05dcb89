//! What is parked stands among the events of its turn, and whoever gives the events up refuses it.

use codexkit::protocol::ReviewTarget;
use codexkit::{Codex, Resolution, ServerRequest, TurnEvent};
use serde_json::{Value, json};

use crate::support::{
    Asked, COMMAND, Scene, answer, ask_command, command_of, decision, notification, notified,
    params, parked, problem, quiet, request, resolve_elsewhere, scene, scene_with, send_at_once,
    silence, within,
};

const DROPPED: &str = "it was dropped without an answer";

fn delta(text: &str) -> Value {
    let params = json!({"threadId": "t1", "turnId": "u1", "itemId": "m1", "delta": text});
    notification("item/agentMessage/delta", &params)
}

fn item(method: &str, turn: &str) -> Value {
    let item = json!({"type": "agentMessage", "id": "i1", "text": ""});
    let params = json!({
        "item": item, "threadId": "t1", "turnId": turn, "startedAtMs": 1, "completedAtMs": 1,
    });
    notification(method, &params)
}

fn command(id: u64, turn: &str) -> Value {
    request(id, COMMAND, &params(COMMAND, turn))
}

#[tokio::test(start_paused = true)]
async fn it_comes_in_its_place_among_the_events() {
    for at_once in [true, false] {
        let mut scene = scene().await;
        let mut turn = scene.parking_turn("u1").await;
        let messages = [
            item("item/started", "u1"),
            command(1, "u1"),
            delta("a"),
            command(2, "u1"),
            command(3, "u1"),
            item("item/completed", "u1"),
        ];
        if at_once {
            send_at_once(&mut scene.server, &messages).await;
        } else {
            for message in messages {
                scene.server.send(message).await;
                scene.sync().await;
            }
        }
        assert_eq!(notified(&mut turn).await.method(), "item/started");
        let first = command_of(parked(&mut turn).await);
        assert_eq!(notified(&mut turn).await.method(), "item/agentMessage/delta");
        let second = command_of(parked(&mut turn).await);
        let third = command_of(parked(&mut turn).await);
        assert_eq!(notified(&mut turn).await.method(), "item/completed");
        for (id, request) in [(3, third), (1, first), (2, second)] {
            assert_eq!(serde_json::to_value(request.id()).unwrap(), id);
            request.accept().unwrap();
            assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_wakes_whoever_waits_for_the_next_event() {
    let mut scene = scene().await;
    let mut turn = scene.parking_turn("u1").await;
    let waiting = tokio::spawn(async move { (parked(&mut turn).await, turn) });
    scene.sync().await;
    ask_command(&mut scene.server, 1, "u1").await;
    let (request, _turn) = within(waiting).await.unwrap();
    command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_on_to_the_result_refuses_it() {
    let mut scene = scene().await;
    let mut feed = scene.codex.notifications();
    let turn = scene.parking_turn("u1").await;
    ask_command(&mut scene.server, 1, "u1").await;
    let result = tokio::spawn(turn.result());
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(problem(&mut feed).await.as_deref(), Some(DROPPED));
    scene.server.message("t1", "u1", "done").await;
    scene.server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(within(result).await.unwrap().unwrap().final_response.as_deref(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_only_texts_or_items_refuses_it() {
    let mut scene = scene().await;
    let mut turn = scene.parking_turn("u1").await;
    send_at_once(&mut scene.server, &[command(1, "u1"), delta("a")]).await;
    assert_eq!(within(turn.text_deltas().next()).await.unwrap().unwrap(), "a");
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    send_at_once(&mut scene.server, &[command(2, "u1"), item("item/completed", "u1")]).await;
    within(turn.completed_items().next()).await.unwrap().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(2, "decline"));
    // As does who takes only the notification out of an event.
    ask_command(&mut scene.server, 3, "u1").await;
    let event = within(turn.next()).await.unwrap().unwrap();
    assert_eq!((event.notification(), event.emitted_at_ms()), (None, None));
    let copy = event.clone();
    assert_eq!(event, copy);
    assert_eq!(event.into_notification(), None);
    scene.sync().await;
    drop(copy);
    assert_eq!(answer(&mut scene.server).await, decision(3, "decline"));
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_the_handle_refuses_it() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut feed = scene.codex.notifications();
    let mut turn = scene.parking_turn("u1").await;
    send_at_once(&mut scene.server, &[command(1, "u1"), command(2, "u1"), command(3, "u1")]).await;
    let kept = parked(&mut turn).await;
    let clone = kept.clone();
    drop(turn);
    for id in [2, 3] {
        assert_eq!(answer(&mut scene.server).await, decision(id, "decline"));
        assert_eq!(problem(&mut feed).await.as_deref(), Some(DROPPED));
    }
    drop(kept);
    scene.sync().await;
    // The clone keeps it open.
    assert_eq!(clone.resolution(), None);
    command_of(clone).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    // Without a handle there is the next.
    ask_command(&mut scene.server, 4, "u1").await;
    assert_eq!(asked.next().await.0, "client");
}

#[tokio::test(start_paused = true)]
async fn what_is_resolved_before_it_is_read_does_not_come() {
    let mut scene = scene().await;
    let mut turn = scene.parking_turn("u1").await;
    let resolved =
        notification("serverRequest/resolved", &json!({"threadId": "t1", "requestId": 1}));
    send_at_once(
        &mut scene.server,
        &[command(1, "u1"), delta("a"), command(2, "u1"), resolved, delta("b")],
    )
    .await;
    assert_eq!(notified(&mut turn).await.method(), "item/agentMessage/delta");
    let second = parked(&mut turn).await;
    assert_eq!(serde_json::to_value(second.id()).unwrap(), 2);
    assert_eq!(notified(&mut turn).await.method(), "item/agentMessage/delta");
    scene.server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(answer(&mut scene.server).await, decision(2, "decline"));
    assert_eq!(notified(&mut turn).await.method(), "turn/completed");
    assert!(turn.next().await.is_none());
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn what_its_turn_has_ended_does_not_come() {
    let mut scene = scene().await;
    let mut feed = scene.codex.notifications();
    let mut turn = scene.parking_turn("u1").await;
    let turn_params =
        json!({"id": "u1", "items": [], "status": "interrupted", "itemsView": "full"});
    let end = notification("turn/completed", &json!({"threadId": "t1", "turn": turn_params}));
    send_at_once(&mut scene.server, &[command(1, "u1"), end]).await;
    assert_eq!(notified(&mut turn).await.method(), "turn/completed");
    assert!(turn.next().await.is_none());
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    quiet(&mut feed, &mut scene.server).await;
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn a_handle_may_change_its_mind() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut turn = scene.parking_turn("u1").await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    turn.park_requests(false);
    ask_command(&mut scene.server, 2, "u1").await;
    let (who, second) = asked.next().await;
    assert_eq!(who, "client");
    // What was parked before still is.
    let first = parked(&mut turn).await;
    turn.park_requests(true);
    ask_command(&mut scene.server, 3, "u1").await;
    let third = parked(&mut turn).await;
    for (id, request) in [(1, first), (2, second), (3, third)] {
        command_of(request).accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
    asked.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_was_attached_may_park() {
    let mut scene = scene().await;
    scene.server.start_turn("t1", "u1").await;
    scene.sync().await;
    let mut turn = within(scene.thread.attach("u1")).await.unwrap();
    turn.park_requests(true);
    ask_command(&mut scene.server, 1, "u1").await;
    command_of(parked(&mut turn).await).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
}

/// A review `r1` that works as turn `inner`, and parks.
async fn review(scene: &mut Scene) -> codexkit::TurnHandle {
    let start = scene.thread.review(ReviewTarget::uncommitted_changes());
    let (review, ()) = tokio::join!(start, async {
        let request = within(scene.server.expect("review/start")).await;
        let turn =
            json!({"id": "r1", "items": [], "status": "inProgress", "itemsView": "notLoaded"});
        scene.server.reply(&request.id, json!({"reviewThreadId": "t1", "turn": turn})).await;
    });
    let mut review = review.unwrap();
    review.park_requests(true);
    let turn = json!({
        "id": "inner", "rootTurnId": "r1", "items": [], "status": "inProgress",
        "itemsView": "notLoaded",
    });
    scene.server.notify("turn/started", json!({"threadId": "t1", "turn": turn})).await;
    assert_eq!(notified(&mut review).await.method(), "turn/started");
    review
}

#[tokio::test(start_paused = true)]
async fn a_review_parks_what_the_turn_is_asked_that_works_for_it() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let mut review = review(&mut scene).await;
    for (id, turn) in [(1, "inner"), (2, "r1")] {
        ask_command(&mut scene.server, id, turn).await;
        let request = command_of(parked(&mut review).await);
        request.accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
    ask_command(&mut scene.server, 3, "other").await;
    assert_eq!(asked.next().await.0, "client");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_review_is_the_end_of_what_its_turn_is_asked() {
    let mut scene = scene().await;
    let mut review = review(&mut scene).await;
    ask_command(&mut scene.server, 1, "inner").await;
    let request = parked(&mut review).await;
    scene.server.complete_turn("t1", "r1", "interrupted").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(within(request.resolved()).await, Resolution::TurnEnded);
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_review_is_asked_does_not_wait_for_another_turn_that_starts() {
    let mut scene = scene().await;
    let mut review = review(&mut scene).await;
    let start = tokio::spawn(scene.thread.turn("go").into_future());
    within(scene.server.expect("turn/start")).await;
    let asked_at = tokio::time::Instant::now();
    ask_command(&mut scene.server, 1, "inner").await;
    command_of(parked(&mut review).await).accept().unwrap();
    assert_eq!(asked_at.elapsed().as_secs(), 0);
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    start.abort();
}

fn goal(status: &str) -> Value {
    json!({
        "threadId": "t1", "objective": "Finish.", "status": status, "createdAt": 1, "updatedAt": 1,
        "tokensUsed": 0, "timeUsedSeconds": 0,
    })
}

#[tokio::test(start_paused = true)]
async fn a_goal_parks_what_its_turns_are_asked() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let start = scene.thread.goal_run("Finish.").park_requests().into_future();
    let (run, ()) = tokio::join!(start, async {
        let request = within(scene.server.expect("thread/read")).await;
        let thread = crate::threads::a_thread("idle");
        scene.server.reply(&request.id, json!({"thread": thread})).await;
        let request = within(scene.server.expect("thread/goal/get")).await;
        scene.server.reply(&request.id, json!({"goal": null})).await;
        let request = within(scene.server.expect("thread/goal/set")).await;
        scene.server.reply(&request.id, json!({"goal": goal("active")})).await;
        scene.server.start_turn("t1", "g1").await;
    });
    let mut run = run.unwrap();
    let mut ended = Vec::new();
    for (id, turn) in [(1, "g1"), (2, "g2")] {
        if id == 2 {
            scene.server.complete_turn("t1", "g1", "completed").await;
            scene.server.start_turn("t1", "g2").await;
        }
        ask_command(&mut scene.server, id, turn).await;
        ask_command(&mut scene.server, id + 10, turn).await;
        let request = loop {
            let event = within(run.next()).await.unwrap().unwrap();
            if let TurnEvent::Request(request) = event {
                break request;
            }
        };
        assert_eq!(request.turn_id(), Some(turn));
        command_of(request).accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
        let Some(Ok(TurnEvent::Request(other))) = within(run.next()).await else { panic!() };
        ended.push(other);
        scene.server.complete_turn("t1", turn, "completed").await;
        assert_eq!(answer(&mut scene.server).await, decision(id + 10, "decline"));
    }
    assert!(ended.iter().all(|it| it.resolution() == Some(Resolution::TurnEnded)));
    run.park_requests(false);
    ask_command(&mut scene.server, 30, "g3").await;
    assert_eq!(asked.next().await.0, "client");
}

#[tokio::test(start_paused = true)]
async fn events_that_are_not_read_can_be_many() {
    let mut scene = scene().await;
    let mut turn = scene.parking_turn("u1").await;
    let text = "x".repeat(1000);
    for id in 0..500_u64 {
        send_at_once(&mut scene.server, &[delta(&text), command(id, "u1")]).await;
    }
    for id in 0..500_u64 {
        assert_eq!(notified(&mut turn).await.method(), "item/agentMessage/delta");
        let request: ServerRequest = parked(&mut turn).await;
        command_of(request).accept().unwrap();
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
    resolve_elsewhere(&mut scene.server, 499).await;
    silence(&mut scene.server).await;
}
