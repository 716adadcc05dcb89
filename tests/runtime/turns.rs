//! What a turn gives.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use codexkit::protocol::{
    ImageUserInput, ReasoningSummary, TextUserInput, ThreadItem, TokenUsageBreakdown, TurnStatus,
    UserInput,
};
use codexkit::testing::{Phase, Reply, Usage};
use codexkit::{RUNTIME_VERSION, VersionPolicy};

use crate::support::{next_delta, rest, run};

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn counts(usage: &TokenUsageBreakdown) -> [i64; 5] {
    let it = usage;
    [
        it.input_tokens,
        it.cached_input_tokens,
        it.output_tokens,
        it.reasoning_output_tokens,
        it.total_tokens,
    ]
}

#[tokio::test]
async fn a_delta_arrives_while_the_model_still_speaks() {
    run(async |place| {
        let (reply, hold) = Reply::new().deltas(["Hel", "lo"]).hold();
        place.model.push(reply.delta("!"));
        let thread = place.thread().await;
        let mut turn = thread.turn("Say hello.").await.unwrap();
        assert_eq!(next_delta(&mut turn).await, "Hel");
        assert_eq!(next_delta(&mut turn).await, "lo");
        hold.release();
        assert_eq!(next_delta(&mut turn).await, "!");
        let result = turn.result().await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("Hello!"));
    })
    .await;
}

#[tokio::test]
async fn a_result_has_everything_that_the_turn_gave() {
    run(async |place| {
        let usage = Usage::new(1200, 34).cached(1000).reasoning(30);
        place.model.push(Reply::new().deltas(["Hel", "lo"]).usage(usage));
        let (thread, before) = (place.thread().await, now());
        let turn = thread.turn("Say hello.").await.unwrap();
        let id = turn.id().to_owned();
        let result = turn.result().await.unwrap();
        assert_eq!(result.id, id);
        assert_eq!(result.status, TurnStatus::Completed);
        assert_eq!(result.error, None);
        assert_eq!(result.final_response.as_deref(), Some("Hello"));
        let (started, completed) = (result.started_at.unwrap(), result.completed_at.unwrap());
        assert!(before <= started && started <= completed && completed <= now());
        assert!((0..60_000).contains(&result.duration_ms.unwrap()), "{:?}", result.duration_ms);
        match &result.items[..] {
            [ThreadItem::UserMessage(user), ThreadItem::AgentMessage(agent)] => {
                assert!(
                    matches!(&user.content[..], [UserInput::Text(it)] if it.text == "Say hello.")
                );
                assert_eq!(agent.text, "Hello");
            }
            other => panic!("{other:?}"),
        }
        let usage = result.usage.unwrap();
        assert_eq!(counts(&usage.last), [1200, 1000, 34, 30, 1234]);
        assert_eq!(counts(&usage.total), [1200, 1000, 34, 30, 1234]);
        assert!(usage.model_context_window.unwrap() > 1200);
    })
    .await;
}

#[tokio::test]
async fn every_event_of_a_turn_arrives_in_the_order_of_the_runtime() {
    run(async |place| {
        place.model.push(Reply::new().reasoning("A plan", "").deltas(["one ", "two"]));
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        let mut turn = thread.turn("Count.").summary(ReasoningSummary::Auto).await.unwrap();
        let events = rest(&mut turn).await.unwrap();
        let methods: Vec<_> = events.iter().map(|it| it.notification().unwrap().method()).collect();
        let expected = [
            "turn/started",
            "item/started",
            "item/completed",
            "item/started",
            "item/reasoning/summaryPartAdded",
            "item/reasoning/summaryTextDelta",
            "item/completed",
            "item/started",
            "item/agentMessage/delta",
            "item/agentMessage/delta",
            "item/completed",
            "turn/completed",
        ];
        assert_eq!(methods, expected);
        for event in events {
            let emitted_at = event.emitted_at_ms().unwrap() / 1000;
            assert!((now() - 60..=now()).contains(&emitted_at), "{emitted_at}");
        }
        assert!(turn.next().await.is_none());
        assert_eq!(codex.malformed_lines(), 0);
    })
    .await;
}

#[tokio::test]
async fn the_runtime_says_what_it_is() {
    run(async |place| {
        let binary = std::env::var("CODEX_BIN").unwrap_or_else(|_| "codex".into());
        let printed = Command::new(binary).arg("--version").output().unwrap().stdout;
        let printed = String::from_utf8(printed).unwrap();
        let version = printed.trim().strip_prefix("codex-cli ").unwrap();
        let is_pinned = version == RUNTIME_VERSION;

        match place.builder().version_policy(VersionPolicy::Exact).start().await {
            Ok(codex) => {
                assert!(is_pinned);
                codex.close().await;
            }
            Err(error) => assert!(!is_pinned, "{error}"),
        }
        let codex = place.start().await;
        let runtime = codex.runtime();
        assert_eq!(runtime.version, version);
        assert_eq!(runtime.matches_pin(), is_pinned);
        let agent = format!("codexkit/{version} (");
        assert!(runtime.user_agent.starts_with(&agent), "{}", runtime.user_agent);
        assert_eq!(runtime.codex_home, place.home.codex_home().canonicalize().unwrap());
        assert_eq!(runtime.platform_family, std::env::consts::FAMILY);
        assert_eq!(runtime.platform_os, std::env::consts::OS);
    })
    .await;
}

#[tokio::test]
async fn a_turn_knows_those_before_it() {
    run(async |place| {
        place.model.extend(["Nice to meet you.", "You are Ada."]);
        let thread = place.thread().await;
        thread.run("I am Ada.").await.unwrap();
        let result = thread.run("Who am I?").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("You are Ada."));
        assert_eq!(result.items.len(), 2);
        let requests = place.model.requests();
        assert_eq!(requests.len(), 2);
        assert!(requests[1].input_texts("user").ends_with(&["I am Ada.", "Who am I?"]));
        assert_eq!(requests[1].input_texts("assistant"), ["Nice to meet you."]);
    })
    .await;
}

#[tokio::test]
async fn the_response_is_chosen_by_the_phases_of_the_messages() {
    let (note, answer) = (Phase::Commentary, Phase::FinalAnswer);
    let cases = [
        (Reply::new().phase(note).text("Hm.").phase(answer).text("42"), Some("42")),
        (Reply::new().phase(answer).text("42").phase(note).text("Done."), Some("42")),
        (Reply::new().phase(note).text("Hm.").text("Well."), None),
        (Reply::new().text("41").text("42"), Some("42")),
        (Reply::new().text("42").phase(note).text("Done."), Some("42")),
        (Reply::new(), None),
    ];
    run(async |place| {
        let thread = place.thread().await;
        for (reply, expected) in cases {
            place.model.push(reply.clone());
            let result = thread.run("What is the answer?").await.unwrap();
            assert_eq!(result.final_response.as_deref(), expected, "{reply:?}");
            assert_eq!(result.status, TurnStatus::Completed);
        }
    })
    .await;
}

#[tokio::test]
async fn images_reach_the_model() {
    /// One transparent dot.
    const PIXEL: &str = concat!(
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
        "AAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==",
    );
    run(async |place| {
        place.model.push("A dot.");
        let thread = place.thread().await;
        let input: Vec<UserInput> = vec![
            TextUserInput::new("What is this?").into(),
            ImageUserInput::from_url(PIXEL).into(),
        ];
        let result = thread.run(input).await.unwrap();
        assert!(matches!(&result.items[0], ThreadItem::UserMessage(it) if it.content.len() == 2));
        let requests = place.model.requests();
        assert_eq!(requests[0].image_urls(), [PIXEL]);
        assert!(requests[0].input_texts("user").contains(&"What is this?"));
    })
    .await;
}
