//! Runtimes that are not the pinned one: what they lack is refused, and that they are others is said.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::cmp::Ordering;

use codexkit::protocol::{
    Release, Request, ThreadForkParams, ThreadLoadedListParams, ThreadResumeParams,
    ThreadRevertParams, TurnStartParams, TurnToolOutput,
};
use codexkit::testing::FakeServer;
use codexkit::{
    Codex, CodexBuilder, ConnectionEvent, Error, RUNTIME_VERSION, Result, VersionPolicy,
};
use serde_json::json;

/// Versions that have what came with 0.151.0, or of which nothing is known.
const GOOD_ENOUGH: [&str; 7] =
    ["0.151.0", "0.151.1-alpha.1", "0.152.0", "1.0.0", "0.0.0", "nonsense", ""];
const TOO_OLD: [&str; 4] = ["0.150.0", "0.151.0-alpha.1", "0.9.0", "0.144.4"];

/// Without the experimental API, so that what was experimental is refused, too.
fn stable() -> CodexBuilder {
    Codex::builder().experimental_api(false)
}

/// A request, and the path of what is newer in it.
type Case<R> = (R, &'static str);

fn turns() -> [Case<TurnStartParams>; 3] {
    let turn = || TurnStartParams::new("t", []);
    [
        (turn().tool_output(TurnToolOutput::new("tool", "done")), "turn/start.toolOutput"),
        (turn().turn_trigger("timer"), "turn/start.turnTrigger"),
        (turn().service_tier_for_turn("fast"), "turn/start.serviceTierForTurn"),
    ]
}

fn resume() -> Case<ThreadResumeParams> {
    (ThreadResumeParams::new("t").exclude_turns(true), "thread/resume.excludeTurns")
}

fn fork() -> Case<ThreadForkParams> {
    (ThreadForkParams::new("t").exclude_turns(true), "thread/fork.excludeTurns")
}

async fn assert_refused<R: Request + 'static>(codex: &Codex, (params, path): Case<R>) {
    let version = codex.runtime().version.clone();
    match codex.request(params).await.map(|_| ()).unwrap_err() {
        Error::UnsupportedByRuntime { what, needed, found, .. } => {
            assert_eq!((&*what, needed), (path, Release::new(0, 151, 0)));
            assert_eq!(found, version);
        }
        other => panic!("{path} of {version}: {other:?}"),
    }
}

/// The server gets the request, and says no to it.
async fn assert_sent<R: Request + 'static>(
    codex: &Codex,
    server: &mut FakeServer,
    (params, path): Case<R>,
) {
    let (res, ()) = tokio::join!(async { codex.request(params).await.map(|_| ()) }, async {
        let received = server.expect(R::METHOD).await;
        let property = path.split_once('.').unwrap().1;
        assert!(!received.params[property].is_null(), "{received:?}");
        server.reply_error(&received.id, 7, "no").await;
    });
    assert_eq!(res.unwrap_err().code(), Some(7));
}

/// An ordinary request works, and is the next thing that the server gets.
async fn assert_works(codex: &Codex, server: &mut FakeServer) {
    let (reply, ()) = tokio::join!(codex.request(ThreadLoadedListParams::default()), async {
        let id = server.expect(ThreadLoadedListParams::METHOD).await.id;
        server.reply(&id, json!({"data": ["t1"]})).await;
    });
    assert_eq!(reply.unwrap().data, ["t1"]);
}

#[tokio::test]
async fn what_the_runtime_is_too_old_for_is_never_sent() {
    for version in TOO_OLD {
        let (codex, mut server) = FakeServer::start_as(version, stable()).await.unwrap();
        for case in turns() {
            assert_refused(&codex, case).await;
        }
        assert_refused(&codex, resume()).await;
        assert_refused(&codex, fork()).await;
        assert_works(&codex, &mut server).await;
    }
}

#[tokio::test]
async fn what_the_runtime_has_or_may_have_is_sent() {
    for version in GOOD_ENOUGH {
        let (codex, mut server) = FakeServer::start_as(version, stable()).await.unwrap();
        for case in turns() {
            assert_sent(&codex, &mut server, case).await;
        }
        assert_sent(&codex, &mut server, resume()).await;
        assert_sent(&codex, &mut server, fork()).await;
        assert_works(&codex, &mut server).await;
    }
}

#[cfg(feature = "experimental")]
#[tokio::test]
async fn what_was_experimental_is_sent_to_who_was_asked_for_the_experimental_api() {
    let (codex, mut server) = FakeServer::start_as("0.150.0", Codex::builder()).await.unwrap();
    assert_sent(&codex, &mut server, resume()).await;
    assert_sent(&codex, &mut server, fork()).await;
    for case in turns() {
        assert_refused(&codex, case).await;
    }
    assert_works(&codex, &mut server).await;
}

#[tokio::test]
async fn the_error_says_what_to_do() {
    let (codex, _server) = FakeServer::start_as("0.150.0", stable()).await.unwrap();
    let [(params, _), ..] = turns();
    let error = codex.request(params).await.unwrap_err();
    let expected = "`turn/start.toolOutput` needs runtime 0.151.0, and this is 0.150.0; update \
                    it, or leave that out";
    assert_eq!(error.to_string(), expected);
    let error = codex.request(ThreadRevertParams::new("t", "u")).await.unwrap_err();
    let expected = "`thread/revert` needs runtime 0.151.0, and this is 0.150.0; update it, turn \
                    on `CodexBuilder::experimental_api`, or leave that out";
    assert_eq!(error.to_string(), expected);
}

/// What the user puts among the unrecognized properties is on the user.
#[tokio::test]
async fn what_nobody_knows_is_sent_to_every_runtime() {
    let (codex, mut server) = FakeServer::start_as("0.144.4", stable()).await.unwrap();
    let mut params = TurnStartParams::new("t", []);
    params.unrecognized.insert("turnTrigger", json!("timer"));
    assert_sent(&codex, &mut server, (params, "turn/start.turnTrigger")).await;
}

#[tokio::test]
async fn another_version_is_reported_once_and_first() {
    for version in ["0.150.0", "1.0.0", "1.0.0-alpha.1", "0.0.0", "nonsense"] {
        let (codex, mut server) = FakeServer::start_as(version, stable()).await.unwrap();
        server.notify("thread/archived", json!({"threadId": "t"})).await;
        assert_works(&codex, &mut server).await;

        let mut first = codex.notifications();
        match first.next().await.unwrap().unwrap() {
            ConnectionEvent::RuntimeVersion { found, pinned, .. } => {
                assert_eq!(found, if version == "nonsense" { "" } else { version });
                assert_eq!((&found, pinned), (&codex.runtime().version, RUNTIME_VERSION));
            }
            other => panic!("{other:?}"),
        }
        let second = codex.notifications();
        let archived = first.next().await.unwrap().unwrap();
        assert!(matches!(archived, ConnectionEvent::Notification { .. }), "{archived:?}");
        codex.close().await;
        for mut feed in [first, second] {
            assert!(matches!(feed.next().await, Some(Err(Error::Closed(_)))));
        }
    }
}

#[tokio::test]
async fn the_pinned_version_is_nothing_to_report() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    server.notify("thread/archived", json!({"threadId": "t"})).await;
    let first = codex.notifications().next().await.unwrap().unwrap();
    assert!(matches!(first, ConnectionEvent::Notification { .. }), "{first:?}");
    assert_eq!(codex.runtime().compare_to_pin(), Some(Ordering::Equal));
}

/// The version that is refused; empty if it is not known.
fn refused(start: Result<(Codex, FakeServer)>) -> Option<String> {
    match start {
        Ok(_) => None,
        Err(Error::VersionMismatch { found, .. }) => Some(found),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_version_is_refused_only_if_the_user_asked_for_that() {
    use VersionPolicy::{Any, Exact, NotOlder};
    let prerelease = format!("{RUNTIME_VERSION}-alpha.1");
    let older = ["0.150.0", &prerelease].map(|it| (it, [Some(it), Some(it)]));
    let newer = ["1.0.0", "1.0.0-alpha.1"].map(|it| (it, [None, Some(it)]));
    let unknown = [("0.0.0", [None, Some("0.0.0")]), ("nonsense", [None, Some("")])];
    let pinned = [(RUNTIME_VERSION, [None, None])];
    for (version, expected) in older.into_iter().chain(newer).chain(unknown).chain(pinned) {
        let start = |policy| FakeServer::start_as(version, stable().version_policy(policy));
        assert_eq!(refused(start(Any).await), None, "{version}");
        let actual = [refused(start(NotOlder).await), refused(start(Exact).await)];
        assert_eq!(actual, expected.map(|it| it.map(str::to_owned)), "{version}");
    }
}

#[tokio::test]
async fn a_refused_version_is_named() {
    for (version, start) in [
        ("0.150.0", "the runtime is version 0.150.0, not the pinned "),
        ("nonsense", "the runtime does not say that it is the pinned "),
    ] {
        let exact = stable().version_policy(VersionPolicy::Exact);
        let error = FakeServer::start_as(version, exact).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with(start), "{error}");
    }
}

/// Nothing in it can be used, and that is no reason to fail.
#[tokio::test]
async fn a_user_agent_without_a_version_leaves_the_version_unknown() {
    for user_agent in ["", "curl", "/", "codexkit/", "codexkit/one.two (x)"] {
        let (mut server, reader, writer) = FakeServer::pipes();
        let (codex, ()) = tokio::join!(stable().connect(reader, writer), async {
            let id = server.expect("initialize").await.id;
            let result = json!({
                "userAgent": user_agent,
                "codexHome": "/home/user/.codex",
                "platformFamily": "unix",
                "platformOs": "linux",
            });
            server.reply(&id, result).await;
            server.expect("initialized").await;
        });
        let codex = codex.unwrap();
        let runtime = codex.runtime();
        assert_eq!((&*runtime.version, &*runtime.user_agent), ("", user_agent));
        assert_eq!((runtime.matches_pin(), runtime.compare_to_pin()), (false, None));
        assert_works(&codex, &mut server).await;
    }
}

/// The server gets this, with or without the property that leaves out the turns.
async fn assert_leaves_out<T>(
    server: &mut FakeServer,
    method: &str,
    start: impl IntoFuture<Output = Result<T>>,
    expected: Option<bool>,
) {
    let (started, ()) = tokio::join!(start.into_future(), async {
        let request = server.expect(method).await;
        assert_eq!(request.params["excludeTurns"].as_bool(), expected, "{method}");
        server.reply_error(&request.id, -32600, "no such thread").await;
    });
    assert_eq!(started.map(drop).unwrap_err().code(), Some(-32600));
}

#[tokio::test]
async fn what_the_client_adds_unasked_is_left_out_where_it_is_not_known() {
    for (versions, expected) in [(&TOO_OLD[..], None), (&GOOD_ENOUGH[..], Some(true))] {
        for version in versions {
            let (codex, mut server) = FakeServer::start_as(version, stable()).await.unwrap();
            let (resume, fork) = (codex.thread_resume("t"), codex.thread_fork("t"));
            assert_leaves_out(&mut server, "thread/resume", resume.clone(), expected).await;
            assert_leaves_out(&mut server, "thread/fork", fork.clone(), expected).await;
            // What every runtime does anyway needs no property.
            let (resume, fork) = (resume.include_turns(true), fork.include_turns(true));
            assert_leaves_out(&mut server, "thread/resume", resume, None).await;
            assert_leaves_out(&mut server, "thread/fork", fork, None).await;
        }
    }
}
