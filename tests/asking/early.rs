//! What is asked about a turn before its start is answered waits for whoever starts it.

use codexkit::{Resolution, TurnHandle};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::scopes::two_handlers;
use crate::support::{
    Asked, COMMAND, Scene, answer, ask_command, command_of, decision, notified, params, parked,
    problem, quiet, resolve_elsewhere, scene, silence, within,
};

type Starting = JoinHandle<codexkit::Result<TurnHandle>>;

/// Begins to start a turn, and gives the id of the request that the server gets.
async fn begin(
    scene: &mut Scene,
    change: impl FnOnce(codexkit::TurnStart<TurnHandle>) -> codexkit::TurnStart<TurnHandle>,
) -> (Starting, Value) {
    let start = change(scene.thread.turn("go"));
    let start = tokio::spawn(start.into_future());
    (start, within(scene.server.expect("turn/start")).await.id)
}

async fn accept(scene: &mut Scene, id: &Value, turn: &str) {
    let turn = json!({"id": turn, "items": [], "status": "inProgress", "itemsView": "notLoaded"});
    scene.server.reply(id, json!({"turn": turn})).await;
}

#[tokio::test(start_paused = true)]
async fn it_goes_to_the_handler_of_the_turn() {
    let (mut scene, mut asked) = two_handlers().await;
    let handler = asked.handler("turn");
    let (start, id) = begin(&mut scene, |it| it.handler(handler)).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    asked.assert_empty();
    accept(&mut scene, &id, "u1").await;
    let (who, request) = asked.next().await;
    assert_eq!(who, "turn");
    let _turn = within(start).await.unwrap().unwrap();
    command_of(request).accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
}

#[tokio::test(start_paused = true)]
async fn it_is_parked_behind_what_came_before_it() {
    let (mut scene, mut asked) = two_handlers().await;
    let (start, id) = begin(&mut scene, codexkit::TurnStart::park_requests).await;
    scene.server.start_turn("t1", "u1").await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    accept(&mut scene, &id, "u1").await;
    let mut turn = within(start).await.unwrap().unwrap();
    assert_eq!(notified(&mut turn).await.method(), "turn/started");
    let request = command_of(parked(&mut turn).await);
    request.accept().unwrap();
    assert_eq!(answer(&mut scene.server).await, decision(1, "accept"));
    asked.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn of_a_start_that_fails_it_goes_farther_out() {
    let (mut scene, mut asked) = two_handlers().await;
    let handler = asked.handler("turn");
    let (start, id) = begin(&mut scene, |it| it.handler(handler).park_requests()).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    asked.assert_empty();
    scene.server.reply_error(&id, -32600, "no").await;
    assert_eq!(asked.next().await.0, "thread");
    within(start).await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn of_a_start_that_fails_it_is_refused_if_there_is_nobody() {
    let mut scene = scene().await;
    let mut feed = scene.codex.notifications();
    let (start, id) = begin(&mut scene, codexkit::TurnStart::park_requests).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    scene.server.reply_error(&id, -32600, "no").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    assert_eq!(problem(&mut feed).await, None);
    within(start).await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn of_a_start_that_is_dropped_it_still_goes_to_the_handler_of_the_turn() {
    let (mut scene, mut asked) = two_handlers().await;
    let handler = asked.handler("turn");
    let (start, id) = begin(&mut scene, |it| it.handler(handler)).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    start.abort();
    start.await.unwrap_err();
    asked.assert_empty();
    accept(&mut scene, &id, "u1").await;
    assert_eq!(asked.next().await.0, "turn");
}

#[tokio::test(start_paused = true)]
async fn of_a_start_that_is_dropped_it_goes_farther_out() {
    let (mut scene, mut asked) = two_handlers().await;
    let (start, id) = begin(&mut scene, |it| it).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    start.abort();
    start.await.unwrap_err();
    accept(&mut scene, &id, "u1").await;
    assert_eq!(asked.next().await.0, "thread");
}

#[tokio::test(start_paused = true)]
async fn of_a_parking_start_that_is_dropped_it_is_answered_all_the_same() {
    let mut scene = scene().await;
    let (start, id) = begin(&mut scene, codexkit::TurnStart::park_requests).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    start.abort();
    start.await.unwrap_err();
    accept(&mut scene, &id, "u1").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    // What comes later goes to who is there.
    let mut asked = Asked::new();
    scene.thread.set_handler(asked.handler("thread"));
    ask_command(&mut scene.server, 2, "u1").await;
    assert_eq!(asked.next().await.0, "thread");
}

#[tokio::test(start_paused = true)]
async fn of_a_start_that_is_never_answered_it_waits_only_so_long() {
    let (mut scene, mut asked) = two_handlers().await;
    let (start, _) = begin(&mut scene, |it| it).await;
    ask_command(&mut scene.server, 1, "u1").await;
    within(start).await.unwrap().unwrap_err();
    assert_eq!(asked.next().await.0, "thread");
}

#[tokio::test(start_paused = true)]
async fn if_its_turn_ends_before_the_answer_it_is_refused_and_nobody_is_asked() {
    let (mut scene, mut asked) = two_handlers().await;
    let mut feed = scene.codex.notifications();
    let handler = asked.handler("turn");
    let (start, id) = begin(&mut scene, |it| it.handler(handler).park_requests()).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.server.complete_turn("t1", "u1", "interrupted").await;
    assert_eq!(answer(&mut scene.server).await, decision(1, "decline"));
    accept(&mut scene, &id, "u1").await;
    let mut turn = within(start).await.unwrap().unwrap();
    assert_eq!(notified(&mut turn).await.method(), "turn/completed");
    assert!(turn.next().await.is_none());
    asked.assert_empty();
    quiet(&mut feed, &mut scene.server).await;
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn if_it_is_resolved_elsewhere_nobody_is_asked() {
    let (mut scene, mut asked) = two_handlers().await;
    let (start, id) = begin(&mut scene, codexkit::TurnStart::park_requests).await;
    ask_command(&mut scene.server, 1, "u1").await;
    resolve_elsewhere(&mut scene.server, 1).await;
    accept(&mut scene, &id, "u1").await;
    let mut turn = within(start).await.unwrap().unwrap();
    scene.server.complete_turn("t1", "u1", "completed").await;
    assert_eq!(notified(&mut turn).await.method(), "turn/completed");
    asked.assert_empty();
    silence(&mut scene.server).await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_connection() {
    let (mut scene, mut asked) = two_handlers().await;
    let (start, _) = begin(&mut scene, codexkit::TurnStart::park_requests).await;
    ask_command(&mut scene.server, 1, "u1").await;
    scene.sync().await;
    drop(scene.server);
    within(start).await.unwrap().unwrap_err();
    asked.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn what_is_about_another_turn_that_has_a_handle_does_not_wait() {
    let (mut scene, mut asked) = two_handlers().await;
    let _old = scene.turn_with("u1", asked.handler("old")).await;
    let handler = asked.handler("new");
    let (start, id) = begin(&mut scene, |it| it.handler(handler)).await;
    ask_command(&mut scene.server, 1, "u1").await;
    let (who, _first) = asked.next().await;
    assert_eq!(who, "old");
    ask_command(&mut scene.server, 2, "u2").await;
    scene.sync().await;
    accept(&mut scene, &id, "u2").await;
    assert_eq!(asked.next().await.0, "new");
    let _new = within(start).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_starts_get_what_is_theirs() {
    let (mut scene, mut asked) = two_handlers().await;
    let (one, other) = (asked.handler("one"), asked.handler("other"));
    let (first, first_id) = begin(&mut scene, |it| it.handler(one)).await;
    let (second, second_id) = begin(&mut scene, |it| it.handler(other)).await;
    for (id, turn) in [(1, "u1"), (2, "u2"), (3, "u3")] {
        ask_command(&mut scene.server, id, turn).await;
    }
    scene.sync().await;
    asked.assert_empty();
    accept(&mut scene, &second_id, "u2").await;
    let (who, request) = asked.next().await;
    assert_eq!((who, request.turn_id()), ("other", Some("u2")));
    let _second = within(second).await.unwrap().unwrap();
    asked.assert_empty();
    accept(&mut scene, &first_id, "u1").await;
    let mut rest = [asked.next().await, asked.next().await];
    rest.sort_by_key(|it| it.0);
    assert_eq!(
        rest.each_ref().map(|it| (it.0, it.1.turn_id())),
        [("one", Some("u1")), ("thread", Some("u3")),]
    );
    let _first = within(first).await.unwrap().unwrap();
    assert!(rest.iter().all(|it| it.1.resolution() != Some(Resolution::TurnEnded)));
}

#[tokio::test(start_paused = true)]
async fn what_names_no_turn_does_not_wait() {
    let (mut scene, mut asked) = two_handlers().await;
    let (_start, _) = begin(&mut scene, |it| it).await;
    let mut of_thread = params(crate::support::ELICITATION, "");
    of_thread["turnId"] = json!(null);
    crate::support::ask(&mut scene.server, 1, crate::support::ELICITATION, &of_thread).await;
    assert_eq!(asked.next().await.0, "thread");
    let mut of_other = params(COMMAND, "u1");
    of_other["threadId"] = json!("t2");
    crate::support::ask(&mut scene.server, 2, COMMAND, &of_other).await;
    assert_eq!(asked.next().await.0, "client");
}
