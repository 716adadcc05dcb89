//! Every kind of error is provoked here, so that a runtime that words it differently is noticed.

use codexkit::protocol::{
    self, CodexErrorInfo, Request, ReviewStartParams, ReviewTarget, SandboxMode,
    ServerNotification, ThreadArchiveParams, ThreadCompactStartParams, ThreadDeleteParams,
    ThreadForkParams, ThreadGoalGetParams, ThreadItemsListParams, ThreadReadParams,
    ThreadResumeParams, ThreadSetNameParams, ThreadStartParams, ThreadTurnsListParams,
    TurnInterruptParams, TurnSteerParams,
};
use codexkit::testing::Reply;
use codexkit::{Codex, ConnectionEvent, Error, Notifications, RpcErrorKind, Thread};
use serde::Serialize;
use serde_json::{Value, json};

use crate::support::{next_delta, next_where, run};

/// A thread of which no runtime has heard.
const ABSENT: &str = "01a1fe12-0000-7000-8000-000000000000";

/// Sends what the runtime must refuse, and says why it does.
async fn refusal<R: Request + 'static>(codex: &Codex, params: R) -> (RpcErrorKind, String) {
    match codex.request(params).await {
        Err(Error::Rpc(error)) => (error.kind(), error.to_string()),
        Err(other) => panic!("{}: {other}", R::METHOD),
        Ok(_) => panic!("{} was accepted", R::METHOD),
    }
}

/// Checks the kind, and that the error says what to do.
#[track_caller]
fn assert_kind(refusal: &(RpcErrorKind, String), kind: RpcErrorKind, advice: &str) {
    assert_eq!(refusal.0, kind, "{}", refusal.1);
    assert!(refusal.1.contains(advice), "{}", refusal.1);
}

fn input() -> Vec<protocol::UserInput> {
    vec![protocol::TextUserInput::new("hi").into()]
}

fn turn(thread: &str) -> protocol::TurnStartParams {
    protocol::TurnStartParams::new(thread, input())
}

fn resume(thread: &str) -> ThreadResumeParams {
    ThreadResumeParams::new(thread).exclude_turns(true)
}

fn fork(thread: &str) -> ThreadForkParams {
    ThreadForkParams::new(thread).exclude_turns(true)
}

fn review(thread: &str) -> ReviewStartParams {
    let target = protocol::CustomReviewTarget::new("Look.");
    ReviewStartParams::new(thread, ReviewTarget::Custom(target))
}

#[tokio::test]
async fn a_thread_that_is_not_loaded_is_not_found() {
    run(async |place| {
        place.model.push("ok");
        let thread = place.thread().await;
        thread.run("hi").await.unwrap();
        thread.codex().close().await;
        let codex = place.start().await;
        for id in [ABSENT, thread.id()] {
            let steer = TurnSteerParams::new(id, "t", input());
            let refusals = [
                refusal(&codex, turn(id)).await,
                refusal(&codex, steer).await,
                refusal(&codex, TurnInterruptParams::new(id, "t")).await,
                refusal(&codex, review(id)).await,
                refusal(&codex, ThreadCompactStartParams::new(id)).await,
            ];
            for refusal in refusals {
                assert_kind(&refusal, RpcErrorKind::ThreadNotFound, "`Codex::thread_resume` first");
            }
        }
        let refusals = [
            refusal(&codex, ThreadReadParams::new(ABSENT)).await,
            refusal(&codex, ThreadTurnsListParams::new(ABSENT)).await,
        ];
        for refusal in refusals {
            assert_kind(&refusal, RpcErrorKind::ThreadNotFound, "if it exists");
        }
    })
    .await;
}

#[tokio::test]
async fn a_thread_of_which_nothing_is_stored_is_not_persisted() {
    run(async |place| {
        let codex = place.start().await;
        let fresh = codex.thread_start().await.unwrap();
        let fresh = fresh.id();
        let refusals = [
            refusal(&codex, resume(ABSENT)).await,
            refusal(&codex, fork(ABSENT)).await,
            refusal(&codex, ThreadSetNameParams::new(ABSENT, "name")).await,
            refusal(&codex, ThreadArchiveParams::new(ABSENT)).await,
            refusal(&codex, ThreadDeleteParams::new(ABSENT)).await,
            refusal(&codex, ThreadItemsListParams::new(ABSENT)).await,
            refusal(&codex, resume(fresh)).await,
            refusal(&codex, ThreadReadParams::new(fresh).include_turns(true)).await,
        ];
        for refusal in refusals {
            let advice = "stored with its first turn, and never if it is ephemeral";
            assert_kind(&refusal, RpcErrorKind::ThreadNotPersisted, advice);
        }
    })
    .await;
}

#[tokio::test]
async fn an_ephemeral_thread_says_that_it_is_one_or_that_it_is_not_stored() {
    run(async |place| {
        let codex = place.start().await;
        let thread = codex.thread_start().ephemeral(true).await.unwrap();
        let id = thread.id();
        let refusals = [
            refusal(&codex, ThreadReadParams::new(id).include_turns(true)).await,
            refusal(&codex, ThreadTurnsListParams::new(id)).await,
            refusal(&codex, ThreadSetNameParams::new(id, "name")).await,
            refusal(&codex, ThreadGoalGetParams::new(id)).await,
        ];
        for refusal in refusals {
            assert_kind(&refusal, RpcErrorKind::EphemeralThread, "without `ephemeral`");
        }
        let refusals = [
            refusal(&codex, resume(id)).await,
            refusal(&codex, fork(id)).await,
            refusal(&codex, ThreadItemsListParams::new(id)).await,
        ];
        for refusal in refusals {
            assert_kind(&refusal, RpcErrorKind::ThreadNotPersisted, "never if it is ephemeral");
        }
    })
    .await;
}

#[tokio::test]
async fn an_archived_thread_says_so() {
    run(async |place| {
        place.model.push("ok");
        let thread = place.thread().await;
        thread.run("hi").await.unwrap();
        let codex = thread.codex();
        codex.request(ThreadArchiveParams::new(thread.id())).await.unwrap();
        let refusals =
            [refusal(codex, resume(thread.id())).await, refusal(codex, fork(thread.id())).await];
        for refusal in refusals {
            assert_kind(&refusal, RpcErrorKind::ThreadArchived, "`Codex::thread_unarchive` first");
        }
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_is_open_in_another_process_has_an_active_writer() {
    run(async |place| {
        place.model.push("ok");
        let thread = place.thread().await;
        thread.run("hi").await.unwrap();
        // Not started by the place, which takes the runtime in its home for the only one.
        let other = place.builder().start().await.unwrap();
        let id = thread.id();
        let refusals = [
            refusal(&other, resume(id)).await,
            refusal(&other, ThreadArchiveParams::new(id)).await,
            refusal(&other, ThreadDeleteParams::new(id)).await,
        ];
        for refusal in refusals {
            let advice = "close it where it is open, or fork it with `Codex::thread_fork`";
            assert_kind(&refusal, RpcErrorKind::ActiveWriter, advice);
        }
        other.request(fork(id)).await.unwrap();
        thread.codex().close().await;
        other.request(resume(id)).await.unwrap();
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_does_not_run_cannot_be_reached() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let (codex, id) = (thread.codex(), thread.id());
        let steer = |turn: &str| TurnSteerParams::new(id, turn, input());
        let interrupt = |turn: &str| TurnInterruptParams::new(id, turn);
        for refusal in [refusal(codex, steer("t")).await, refusal(codex, interrupt("t")).await] {
            assert_kind(&refusal, RpcErrorKind::NoActiveTurn, "no active turn to ");
        }
        let mut turn = thread.turn("hi").await.unwrap();
        next_delta(&mut turn).await;
        for refused in
            [codex.request(steer("t")).await.err(), codex.request(interrupt("t")).await.err()]
        {
            match refused {
                Some(Error::Rpc(error)) => {
                    assert_eq!(error.kind(), RpcErrorKind::OtherTurnActive, "{error}");
                    assert_eq!(error.active_turn(), Some(turn.id()), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        hold.release();
        turn.result().await.unwrap();
    })
    .await;
}

/// The id of the next turn that the runtime says it has started or ended.
async fn next_turn(feed: &mut Notifications, started: bool) -> String {
    loop {
        if let ConnectionEvent::Notification { notification, .. } =
            feed.next().await.unwrap().unwrap()
        {
            match *notification {
                ServerNotification::TurnStarted(it) if started => return it.turn.id,
                ServerNotification::TurnCompleted(it) if !started => return it.turn.id,
                _ => (),
            }
        }
    }
}

/// A thread with a turn in its past.
async fn used(codex: &Codex) -> Thread {
    let thread = codex.thread_start().await.unwrap();
    thread.run("hi").await.unwrap();
    thread
}

#[tokio::test]
async fn a_review_and_a_compaction_cannot_be_steered() {
    run(async |place| {
        let codex = place.start().await;
        let mut feed = codex.notifications();
        for compact in [false, true] {
            place.model.push("ok");
            let thread = used(&codex).await;
            let (reply, hold) = Reply::new().delta("Hm").hold();
            place.model.push(reply);
            let id = if compact {
                codex.request(ThreadCompactStartParams::new(thread.id())).await.unwrap();
                next_turn(&mut feed, true).await
            } else {
                let review = codex.request(review(thread.id())).await.unwrap();
                next_turn(&mut feed, true).await;
                review.turn.id
            };
            let error = codex
                .request(TurnSteerParams::new(thread.id(), id, input()))
                .await
                .map(drop)
                .unwrap_err();
            assert_eq!(error.kind(), Some(RpcErrorKind::NotSteerable), "{error}");
            assert!(error.to_string().ends_with("wait until the turn has ended"), "{error}");
            let info = serde_json::to_value(error.codex_error_info()).unwrap();
            let kind = if compact { "compact" } else { "review" };
            assert_eq!(info, json!({"activeTurnNotSteerable": {"turnKind": kind}}));
            let joined = thread.run("And this?").await.unwrap_err();
            assert_eq!(joined.kind(), Some(RpcErrorKind::NotSteerable), "{joined}");
            hold.release();
            next_turn(&mut feed, false).await;
        }
    })
    .await;
}

/// A method that no runtime has.
#[derive(Serialize)]
struct Nonsense {}

impl Request for Nonsense {
    const METHOD: &'static str = "codexkit/nonsense";
    const EXPERIMENTAL: bool = false;
    type Response = Value;
}

#[tokio::test]
async fn an_unknown_method_is_told_from_params_that_are_wrong() {
    run(async |place| {
        let codex = place.start().await;
        let unknown = refusal(&codex, Nonsense {}).await;
        assert_kind(&unknown, RpcErrorKind::UnknownMethod, "see `RuntimeInfo::matches_pin`");
        assert!(unknown.1.len() < 1500, "{}", unknown.1);
        let sandbox = SandboxMode::Unrecognized("open".into());
        let mut broken = turn(ABSENT);
        broken.unrecognized.insert("summary", json!(7));
        let refusals = [
            refusal(&codex, ThreadStartParams::new().sandbox(sandbox)).await,
            refusal(&codex, broken).await,
            refusal(&codex, turn("nonsense")).await,
            refusal(&codex, resume("nonsense")).await,
            refusal(&codex, protocol::ThreadListParams::new().cursor("nonsense")).await,
        ];
        for refusal in refusals {
            assert_kind(&refusal, RpcErrorKind::InvalidParams, "nvalid ");
        }
    })
    .await;
}

#[tokio::test]
async fn the_rest_of_the_kinds_are_told_apart() {
    run(async |place| {
        let codex = place.start_with(place.builder().experimental_api(false)).await;
        let thread = codex.thread_start().await.unwrap();
        let long = thread.run("x".repeat(1024 * 1024 + 1)).await.unwrap_err();
        assert_eq!(long.kind(), Some(RpcErrorKind::InputTooLarge));
        assert!(long.to_string().ends_with("into a file that the agent can read"), "{long}");
        let provider = codex.thread_start().model_provider("nobody").await.unwrap_err();
        assert_eq!(provider.kind(), Some(RpcErrorKind::InvalidConfig), "{provider}");
        let write = protocol::ConfigValueWriteParams::new("model", "replace", 7);
        let written = refusal(&codex, write).await;
        assert_kind(&written, RpcErrorKind::InvalidConfig, "expected a string");
        let mut sneaky = ThreadStartParams::new();
        sneaky.unrecognized.insert("permissions", json!("full"));
        let sneaky = refusal(&codex, sneaky).await;
        assert_kind(&sneaky, RpcErrorKind::ExperimentalApi, "`CodexBuilder::experimental_api`");
        let missing = place.home.path().join("missing").to_str().unwrap().to_owned();
        let file = refusal(&codex, protocol::FsReadFileParams::new(missing)).await;
        assert_kind(&file, RpcErrorKind::Internal, "No such file");
        let other = refusal(&codex, protocol::CommandExecParams::new([])).await;
        assert_kind(&other, RpcErrorKind::Other, "command must not be empty");
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_failed_of_an_overload_may_be_tried_again_and_others_not() {
    let overloaded = json!({"error": {"code": "server_is_overloaded", "message": "Busy."}});
    let cases = [
        (Reply::new().failed("server_is_overloaded", "Busy."), CodexErrorInfo::ServerOverloaded),
        (Reply::http_error(503, overloaded), CodexErrorInfo::ServerOverloaded),
        (Reply::new().failed("cyber_policy", "No."), CodexErrorInfo::CyberPolicy),
        (Reply::new().failed("rate_limit_exceeded", "Slow."), CodexErrorInfo::RateLimitExceeded),
        (Reply::server_error(), CodexErrorInfo::InternalServerError),
        (Reply::http_error(400, json!({})), CodexErrorInfo::Other),
    ];
    run(async |place| {
        let thread = place.thread().await;
        for (reply, expected) in cases {
            place.model.push(reply);
            let error = thread.run("Say something.").await.unwrap_err();
            assert_eq!(error.codex_error_info(), Some(&expected), "{error}");
            let is_overload = expected == CodexErrorInfo::ServerOverloaded;
            assert_eq!(error.is_overloaded(), is_overload, "{error}");
            assert_eq!(error.is_retryable(), is_overload, "{error}");
            assert_eq!((error.code(), error.kind()), (None, None));
            let turn = error.turn().unwrap();
            let cause = turn.error.as_ref().unwrap();
            let mut expected = format!("turn {} failed: {}", turn.id, cause.message);
            if let Some(details) = &cause.additional_details {
                expected = format!("{expected}; {details}");
            }
            assert_eq!(error.to_string(), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_cause_with_a_status_keeps_it() {
    run(async |place| {
        place.model.push(Reply::http_error(404, json!({})));
        place.model.push(Reply::new().delta("Hel").disconnected());
        place.model.push("Hello.");
        let builder = place.builder().config("model_providers.mock.stream_max_retries", 1);
        let thread = place.thread().await;
        let error = thread.run("Say hello.").await.unwrap_err();
        let info = serde_json::to_value(error.codex_error_info()).unwrap();
        assert_eq!(info, json!({"httpConnectionFailed": {"httpStatusCode": 404}}));
        thread.codex().close().await;
        let thread = place.start_with(builder).await.thread_start().await.unwrap();
        let mut turn = thread.turn("Say hello.").await.unwrap();
        let retried = next_where(&mut turn, |it| match it {
            ServerNotification::Error(error) => Some(error),
            _ => None,
        });
        let retried = retried.await;
        assert!(retried.will_retry);
        let info = serde_json::to_value(retried.error.codex_error_info).unwrap();
        assert_eq!(info, json!({"responseStreamDisconnected": {}}));
        turn.result().await.unwrap();
    })
    .await;
}
