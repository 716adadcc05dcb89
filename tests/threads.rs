//! What starting, resuming, forking and listing threads puts on the wire.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::IntoFuture;

use codexkit::protocol::{SortDirection, ThreadSortKey, ThreadSourceKind, ThreadStartSource};
use codexkit::testing::FakeServer;
use codexkit::{ApprovalMode, Codex, Sandbox};
use serde_json::{Value, json};

/// The params of the request that `call` sends.
async fn sent(server: &mut FakeServer, method: &str, call: impl IntoFuture) -> Value {
    tokio::select! {
        _ = call.into_future() => panic!("`{method}` did not wait for its answer"),
        request = server.expect(method) => request.params,
    }
}

#[tokio::test]
async fn what_is_not_set_is_not_sent_but_that_the_history_stays_where_it_is() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    assert_eq!(sent(&mut server, "thread/start", codex.thread_start()).await, json!({}));
    let expected = json!({"threadId": "t1", "excludeTurns": true});
    assert_eq!(sent(&mut server, "thread/resume", codex.thread_resume("t1")).await, expected);
    assert_eq!(sent(&mut server, "thread/fork", codex.thread_fork("t1")).await, expected);
    assert_eq!(sent(&mut server, "thread/list", codex.thread_list()).await, json!({}));
}

#[tokio::test]
async fn the_history_is_asked_for_by_who_wants_it() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let (with, without) =
        (json!({"threadId": "t1"}), json!({"threadId": "t1", "excludeTurns": true}));
    for (include, expected) in [(true, with), (false, without)] {
        let resume = codex.thread_resume("t1").include_turns(!include).include_turns(include);
        assert_eq!(sent(&mut server, "thread/resume", resume).await, expected);
        let fork = codex.thread_fork("t1").include_turns(!include).include_turns(include);
        assert_eq!(sent(&mut server, "thread/fork", fork).await, expected);
    }
}

/// What the three builders have in common, all of it set.
macro_rules! with_every_option {
    ($builder:expr) => {
        $builder
            .model("m")
            .model_provider("p")
            .cwd("/p")
            .sandbox(Sandbox::WorkspaceWrite)
            .approval_mode(ApprovalMode::AutoReview)
            .config("features.goals", true)
            .config("model_verbosity", "low")
            .base_instructions("base")
            .developer_instructions("developer")
            .service_tier(Some("flex".into()))
    };
}

/// How that looks on the wire, together with what is not common.
fn with(others: Value) -> Value {
    let mut all = json!({
        "model": "m",
        "modelProvider": "p",
        "cwd": "/p",
        "sandbox": "workspace-write",
        "approvalPolicy": "on-request",
        "approvalsReviewer": "auto_review",
        "config": {"features.goals": true, "model_verbosity": "low"},
        "baseInstructions": "base",
        "developerInstructions": "developer",
        "serviceTier": "flex",
    });
    let Value::Object(others) = others else { panic!("{others}") };
    all.as_object_mut().unwrap().extend(others);
    all
}

#[tokio::test]
async fn every_option_has_its_place_on_the_wire() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = with_every_option!(codex.thread_start())
        .ephemeral(true)
        .service_name("service")
        .session_start_source(ThreadStartSource::Clear)
        .thread_source("source");
    let expected = with(json!({
        "ephemeral": true,
        "serviceName": "service",
        "sessionStartSource": "clear",
        "threadSource": "source",
    }));
    assert_eq!(sent(&mut server, "thread/start", start).await, expected);

    let resume = with_every_option!(codex.thread_resume("t1"));
    let expected = with(json!({"threadId": "t1", "excludeTurns": true}));
    assert_eq!(sent(&mut server, "thread/resume", resume).await, expected);

    let fork = with_every_option!(codex.thread_fork("t1"))
        .ephemeral(true)
        .last_turn_id("u1")
        .thread_source("source");
    let expected = with(json!({
        "threadId": "t1",
        "excludeTurns": true,
        "ephemeral": true,
        "lastTurnId": "u1",
        "threadSource": "source",
    }));
    assert_eq!(sent(&mut server, "thread/fork", fork).await, expected);
}

#[tokio::test]
async fn params_can_say_what_has_no_method() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = codex.thread_start().model("a").params(|params| params.model("b"));
    assert_eq!(sent(&mut server, "thread/start", start).await, json!({"model": "b"}));
    let resume = codex.thread_resume("t1").params(|mut params| {
        params.exclude_turns = None;
        params
    });
    assert_eq!(sent(&mut server, "thread/resume", resume).await, json!({"threadId": "t1"}));
}

#[tokio::test]
async fn every_filter_has_its_place_on_the_wire() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let list = codex
        .thread_list()
        .archived(true)
        .cwd("/a")
        .limit(7)
        .model_providers(["p"])
        .search_term("term")
        .sort_key(ThreadSortKey::UpdatedAt)
        .sort_direction(SortDirection::Asc)
        .source_kinds([ThreadSourceKind::Exec])
        .use_state_db_only(true);
    let expected = json!({
        "archived": true,
        "cwd": "/a",
        "limit": 7,
        "modelProviders": ["p"],
        "searchTerm": "term",
        "sortKey": "updated_at",
        "sortDirection": "asc",
        "sourceKinds": ["exec"],
        "useStateDbOnly": true,
    });
    assert_eq!(sent(&mut server, "thread/list", list).await, expected);
    let list = codex.thread_list().cwd("/a").cwd("/b").cwd("/c");
    let expected = json!({"cwd": ["/a", "/b", "/c"]});
    assert_eq!(sent(&mut server, "thread/list", list).await, expected);
}

#[tokio::test]
async fn the_servers_are_those_of_a_name_and_of_a_thread() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let list = codex.mcp_servers().server_name("notes").thread("t1");
    let expected = json!({"serverName": "notes", "threadId": "t1"});
    assert_eq!(sent(&mut server, "mcpServerStatus/list", list).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_tool_of_a_server_gets_its_arguments_and_has_all_the_time_that_it_needs() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = codex.thread("t1");
    let call = thread.mcp_tool_call("notes", "count", json!({"of": ["a", 1]})).into_future();
    let (called, request) = tokio::join!(call, async {
        let request = server.expect("mcpServer/tool/call").await;
        tokio::time::sleep(std::time::Duration::from_secs(86_400)).await;
        server.reply(&request.id, json!({"content": []})).await;
        request
    });
    assert_eq!(called.unwrap().content, Vec::<Value>::new());
    let expected = json!({
        "threadId": "t1",
        "server": "notes",
        "tool": "count",
        "arguments": {"of": ["a", 1]},
    });
    assert_eq!(request.params, expected);
}

#[tokio::test]
async fn every_section_no_section_and_one_section_are_three_things() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    for (list, expected) in [
        (codex.thread_list(), json!({})),
        (codex.thread_list().unsectioned(), json!({"sectionId": null})),
        (codex.thread_list().section("s1"), json!({"sectionId": "s1"})),
    ] {
        assert_eq!(sent(&mut server, "thread/list", list).await, expected);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_path_that_is_no_text_is_refused_before_anything_is_sent() {
    use std::os::unix::ffi::OsStrExt;

    fn is_refused<T>(result: codexkit::Result<T>) {
        match result {
            Err(codexkit::Error::InvalidInput(problem)) => {
                assert!(problem.contains("not valid UTF-8"), "{problem}");
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        }
    }

    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"/a\xff"));
    let (codex, mut server) = FakeServer::start().await.unwrap();
    is_refused(codex.thread_start().cwd(path).await);
    is_refused(codex.thread_resume("t1").cwd(path).await);
    is_refused(codex.thread_fork("t1").cwd(path).await);
    is_refused(codex.thread_list().cwd(path).cwd("/b").await);
    is_refused(codex.thread_list().cwd(path).all().next().await.unwrap());
    is_refused(codex.fuzzy_file_search("x", [path]).await);
    is_refused(codex.fs().read(path).await);
    nothing_was_sent(&codex, &mut server).await;
}

#[tokio::test]
async fn a_relative_path_of_a_file_is_refused_before_anything_is_sent() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let fs = codex.fs();
    let errors = [
        fs.read("a").await.map(drop).unwrap_err(),
        fs.write("a", "").await.unwrap_err(),
        fs.create_dir_all("a").await.unwrap_err(),
        fs.copy("a", "/b").await.unwrap_err(),
        fs.copy("/a", "b").await.unwrap_err(),
        fs.remove("a").await.unwrap_err(),
        fs.remove_all("a").await.unwrap_err(),
        fs.metadata("a").await.map(drop).unwrap_err(),
        fs.read_dir("").await.map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, codexkit::Error::InvalidInput(_)), "{error}");
        assert!(error.to_string().contains("not absolute"), "{error}");
    }
    nothing_was_sent(&codex, &mut server).await;
}

/// The first request of `codex` is the one that is made here.
async fn nothing_was_sent(codex: &Codex, server: &mut FakeServer) {
    sent(server, "model/list", codex.models()).await;
}

#[tokio::test]
async fn a_file_that_is_no_base64_is_an_error_of_its_own() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let fs = codex.fs();
    let (content, ()) = tokio::join!(fs.read("/a"), async {
        let request = server.expect("fs/readFile").await;
        server.reply(&request.id, json!({"dataBase64": "%%"})).await;
    });
    let error = content.unwrap_err();
    assert!(matches!(&error, codexkit::Error::Decode { method, .. } if method == "fs/readFile"));
}

#[tokio::test]
async fn a_thread_by_its_id_needs_no_request() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let thread = codex.thread("t1");
    assert_eq!((thread.id(), thread.opened()), ("t1", None));
    assert_eq!(format!("{thread:?}"), r#"Thread { id: "t1", .. }"#);
    let params = sent(&mut server, "thread/read", thread.read()).await;
    assert_eq!(params, json!({"threadId": "t1"}));
}
