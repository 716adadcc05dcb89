//! Much at once.

use codexkit::protocol::{ServerNotification, ThreadItem, TurnStatus, UserInput};
use codexkit::testing::{Hold, ModelRequest, Reply};
use codexkit::{Codex, Thread, TurnHandle, TurnResult};
use tokio::task::{JoinSet, LocalSet};

use crate::support::{SOON, run, within};

/// What the user typed last.
fn prompt(request: &ModelRequest) -> String {
    request.input_texts("user").last().unwrap().to_string()
}

/// Goes on with `reply` by repeating what the user typed, a word at a time.
fn echo(reply: &Reply, request: &ModelRequest) -> Reply {
    reply.clone().deltas(prompt(request).split_inclusive(' '))
}

/// Fails unless the result of a turn is that of `prompt` alone, to a model that is an [`echo`].
fn assert_echoed(result: &TurnResult, prompt: &str) {
    assert_eq!(result.status, TurnStatus::Completed);
    assert_eq!(result.final_response.as_deref(), Some(prompt));
    match &result.items[..] {
        [ThreadItem::UserMessage(user), ThreadItem::AgentMessage(agent)] => {
            assert!(matches!(&user.content[..], [UserInput::Text(it)] if it.text == prompt));
            assert_eq!(agent.text, prompt);
        }
        other => panic!("{other:?}"),
    }
}

/// A turn whose every event must be its own.
struct Listener {
    thread: Thread,
    turn: TurnHandle,
}

impl Listener {
    async fn start(codex: &Codex, prompt: &str) -> Listener {
        let thread = codex.thread_start().await.unwrap();
        let turn = thread.turn(prompt).await.unwrap();
        Listener { thread, turn }
    }

    /// The text of the next delta; `None` at the end of the turn.
    async fn next_delta(&mut self) -> Option<String> {
        while let Some(event) = self.turn.next().await {
            let notification = event.unwrap().into_notification().unwrap();
            let params = &serde_json::to_value(&notification).unwrap()["params"];
            assert_eq!(params["threadId"], self.thread.id(), "{notification:?}");
            let turn = params.get("turnId").unwrap_or(&params["turn"]["id"]);
            assert_eq!(turn, self.turn.id(), "{notification:?}");
            if let ServerNotification::AgentMessageDelta(delta) = notification {
                return Some(delta.delta);
            }
        }
        None
    }
}

#[tokio::test]
async fn turns_that_stream_at_once_hear_only_themselves() {
    /// Two words, each of them held back.
    fn speech(words: [&str; 2]) -> (Reply, [Hold; 2]) {
        let (reply, first) = Reply::new().hold();
        let (reply, second) = reply.delta(words[0]).hold();
        (reply.delta(words[1]), [first, second])
    }
    run(async |place| {
        let (left_speech, [left_1, left_2]) = speech(["Left ", "leaves."]);
        let (right_speech, [right_1, right_2]) = speech(["Right ", "writes."]);
        place.model.answer_with(move |request| match prompt(request).as_str() {
            "left" => left_speech.clone(),
            _ => right_speech.clone(),
        });
        let codex = place.start().await;
        let mut left = Listener::start(&codex, "left").await;
        let mut right = Listener::start(&codex, "right").await;
        left_1.release();
        assert_eq!(left.next_delta().await.unwrap(), "Left ");
        right_1.release();
        assert_eq!(right.next_delta().await.unwrap(), "Right ");
        right_2.release();
        assert_eq!(right.next_delta().await.unwrap(), "writes.");
        assert_eq!(right.next_delta().await, None);
        left_2.release();
        assert_eq!(left.next_delta().await.unwrap(), "leaves.");
        assert_eq!(left.next_delta().await, None);
        for (listener, expected) in [(left, "Left leaves."), (right, "Right writes.")] {
            let result = listener.turn.result().await.unwrap();
            assert_eq!(result.final_response.as_deref(), Some(expected));
            assert_eq!(result.items.len(), 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_turns_on_fifty_threads_hear_only_themselves() {
    run(async |place| {
        let (reply, hold) = Reply::new().hold();
        place.model.answer_with(move |request| echo(&reply, request));
        let codex = place.start().await;
        let mut turns = JoinSet::new();
        for n in 0..50 {
            let codex = codex.clone();
            turns.spawn(async move {
                let prompt = format!("This is thread number {n}.");
                let mut listener = Listener::start(&codex, &prompt).await;
                while listener.next_delta().await.is_some() {}
                assert_echoed(&listener.turn.result().await.unwrap(), &prompt);
                let prompt = format!("This is still thread number {n}.");
                assert_echoed(&listener.thread.run(&prompt).await.unwrap(), &prompt);
            });
        }
        // All of the first turns run at the same time.
        hold.reached_by(50).await.unwrap();
        hold.release();
        turns.join_all().await;
        assert_eq!(codex.malformed_lines(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_is_answered_and_a_turn_interrupted_however_many_turns_wait() {
    run(async |place| {
        let (reply, hold) = Reply::new().hold();
        place.model.always(reply);
        let codex = place.start().await;
        let mut waiting = JoinSet::new();
        for n in 0..20 {
            let thread = codex.thread_start().await.unwrap();
            waiting.spawn(thread.run(format!("Wait, {n}.")).into_future());
        }
        let last = codex.thread_start().await.unwrap().turn("Wait, too.").await.unwrap();
        hold.reached_by(21).await.unwrap();
        assert!(!within(SOON, codex.models().into_future()).await.unwrap().data.is_empty());
        within(SOON, last.interrupt()).await.unwrap();
        let last = within(SOON, last.result()).await.unwrap();
        assert_eq!(last.status, TurnStatus::Interrupted);
        assert!(waiting.try_join_next().is_none());
        hold.release();
        for result in waiting.join_all().await {
            assert_eq!(result.unwrap().status, TurnStatus::Completed);
        }
    })
    .await;
}

#[tokio::test]
async fn sixteen_clients_run_side_by_side() {
    let (local, mut clients) = (LocalSet::new(), JoinSet::new());
    for n in 0..16 {
        let client = run(async move |place| {
            place.model.answer_with(|request| echo(&Reply::new(), request));
            let thread = place.thread().await;
            for turn in 0..2 {
                let prompt = format!("This is turn {turn} of client {n}.");
                assert_echoed(&thread.run(&prompt).await.unwrap(), &prompt);
            }
        });
        clients.spawn_local_on(client, &local);
    }
    local.run_until(clients.join_all()).await;
}
