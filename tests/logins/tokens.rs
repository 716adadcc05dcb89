//! Tokens that the client renews are asked for in time, off the reader, and never shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use codexkit::protocol::{
    ChatgptAuthTokensRefreshParams, ChatgptAuthTokensRefreshReason,
    ChatgptAuthTokensRefreshResponse, ServerNotification,
};
use codexkit::testing::{FakeServer, Received};
use codexkit::{Codex, CodexBuilder, ConnectionEvent, Notifications};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::support::{silence, sync, within};

const REFRESH: &str = "account/chatgptAuthTokens/refresh";

const TOKEN: &str = "token-of-the-provider-0123";

async fn ask(server: &mut FakeServer, id: Value) {
    let params = json!({"reason": "unauthorized", "previousAccountId": "a1"});
    server.send(json!({"method": REFRESH, "id": id, "params": params})).await;
}

async fn answer(server: &mut FakeServer) -> Received {
    let answer = within(server.receive()).await.unwrap();
    assert_eq!(answer.method, "");
    answer
}

fn tokens() -> ChatgptAuthTokensRefreshResponse {
    ChatgptAuthTokensRefreshResponse::new("a1", TOKEN).chatgpt_plan_type("plus")
}

/// What the feed says of the refused request, which it has to be the next to say.
async fn problem(feed: &mut Notifications) -> Option<String> {
    match within(feed.next()).await.unwrap().unwrap() {
        ConnectionEvent::RequestRefused { request, problem, source, .. } => {
            assert_eq!(request.method, REFRESH);
            assert_eq!(request.params["previousAccountId"], "a1");
            let source = source.map(|it| format!(": {it}")).unwrap_or_default();
            problem.map(|it| it + &source)
        }
        other => panic!("{other:?}"),
    }
}

/// Has one request fail, and gives what went back and what the user is told.
async fn failure(builder: CodexBuilder) -> (Value, Option<String>) {
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    ask(&mut server, json!("s-1")).await;
    let answer = answer(&mut server).await;
    assert_eq!(answer.params["id"], "s-1");
    assert!(answer.params.get("result").is_none());
    let problem = problem(&mut feed).await;
    silence(&mut server).await;
    (answer.params["error"].clone(), problem)
}

#[tokio::test(start_paused = true)]
async fn new_tokens_answer_the_request() {
    let builder =
        Codex::builder().chatgpt_token_provider(async |asked: ChatgptAuthTokensRefreshParams| {
            assert_eq!(asked.reason, ChatgptAuthTokensRefreshReason::Unauthorized);
            assert_eq!(asked.previous_account_id.as_deref(), Some("a1"));
            Ok::<_, std::io::Error>(tokens())
        });
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    let result = json!({"accessToken": TOKEN, "chatgptAccountId": "a1", "chatgptPlanType": "plus"});
    for id in [json!(0), json!(7), json!("a string"), json!("\u{e9}\"\\")] {
        ask(&mut server, id.clone()).await;
        let answer = answer(&mut server).await;
        assert_eq!(answer.params, json!({"id": id, "result": result}));
    }
    server.notify("test/last", json!({})).await;
    match within(feed.next()).await.unwrap().unwrap() {
        ConnectionEvent::Notification { notification, .. } => {
            assert!(matches!(*notification, ServerNotification::Unrecognized(_)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_without_a_plan_are_tokens() {
    let builder = Codex::builder().chatgpt_token_provider(async |_| {
        Ok::<_, std::io::Error>(ChatgptAuthTokensRefreshResponse::new("a2", TOKEN))
    });
    let (_codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    ask(&mut server, json!(1)).await;
    let result = &answer(&mut server).await.params["result"];
    assert_eq!(
        (&result["accessToken"], &result["chatgptAccountId"]),
        (&json!(TOKEN), &json!("a2"))
    );
    assert!(result["chatgptPlanType"].is_null());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_provider_is_told_to_the_user_and_not_to_the_runtime() {
    let builder = Codex::builder()
        .chatgpt_token_provider(async |_| Err(std::io::Error::other("of the provider")));
    let (error, problem) = failure(builder).await;
    assert_eq!(problem.as_deref(), Some("its handler failed: of the provider"));
    assert!(!error.to_string().contains("provider"), "{error}");
    assert_eq!(error["code"], -32000);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_provider_is_a_refusal() {
    let at_once = Codex::builder().chatgpt_token_provider(|asked| {
        assert!(asked.previous_account_id.is_none(), "of the provider");
        std::future::ready(Ok::<_, std::io::Error>(tokens()))
    });
    let later =
        Codex::builder().chatgpt_token_provider(async |asked: ChatgptAuthTokensRefreshParams| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(asked.previous_account_id.is_none(), "of the provider");
            Ok::<_, std::io::Error>(tokens())
        });
    for builder in [at_once, later] {
        let (error, problem) = failure(builder).await;
        assert_eq!(problem.as_deref(), Some("its handler panicked"));
        assert!(!error.to_string().contains("provider"), "{error}");
    }
}

/// Tells when it is dropped.
struct Guard(Option<oneshot::Sender<()>>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

/// A provider that never gives anything, and when it is given up.
fn a_provider_that_hangs() -> (CodexBuilder, oneshot::Receiver<()>) {
    let (sender, dropped) = oneshot::channel();
    let guard = std::sync::Mutex::new(Some(Guard(Some(sender))));
    let builder = Codex::builder().chatgpt_token_provider(move |_| {
        let guard = guard.lock().unwrap().take();
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            Ok::<_, std::io::Error>(tokens())
        }
    });
    (builder, dropped)
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_takes_too_long_is_given_up_before_the_runtime_does() {
    let (builder, dropped) = a_provider_that_hangs();
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    ask(&mut server, json!(1)).await;
    let started = Instant::now();
    let answer = answer(&mut server).await;
    assert_eq!(started.elapsed().as_secs(), 9);
    assert_eq!(answer.params["error"]["code"], -32000);
    assert_eq!(problem(&mut feed).await.as_deref(), Some("its handler gave no answer within 9s"));
    within(dropped).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_just_makes_it_is_in_time() {
    let builder = Codex::builder().chatgpt_token_provider(async |_| {
        tokio::time::sleep(Duration::from_millis(8900)).await;
        Ok::<_, std::io::Error>(tokens())
    });
    let (_codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    ask(&mut server, json!(1)).await;
    assert_eq!(answer(&mut server).await.params["result"]["accessToken"], TOKEN);
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_given_up_with_the_connection() {
    for by_this_side in [true, false] {
        let (builder, dropped) = a_provider_that_hangs();
        let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
        ask(&mut server, json!(1)).await;
        sync(&codex, &mut server).await;
        let started = Instant::now();
        if by_this_side {
            codex.close().await;
        } else {
            drop(server);
        }
        within(dropped).await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_works_does_not_keep_the_connection() {
    let (builder, dropped) = a_provider_that_hangs();
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    ask(&mut server, json!(1)).await;
    sync(&codex, &mut server).await;
    drop(codex);
    assert!(within(server.receive()).await.is_none());
    within(dropped).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn requests_for_tokens_are_answered_independently() {
    let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let builder = {
        let (asked, go) = (Arc::clone(&asked), Arc::clone(&go));
        Codex::builder().chatgpt_token_provider(move |_| {
            let (n, go) = (asked.fetch_add(1, Ordering::SeqCst), Arc::clone(&go));
            async move {
                if n == 0 {
                    go.notified().await;
                }
                let account = format!("a{n}");
                Ok::<_, std::io::Error>(ChatgptAuthTokensRefreshResponse::new(account, TOKEN))
            }
        })
    };
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    ask(&mut server, json!(1)).await;
    sync(&codex, &mut server).await;
    ask(&mut server, json!(2)).await;
    let second = answer(&mut server).await.params;
    assert_eq!((&second["id"], &second["result"]["chatgptAccountId"]), (&json!(2), &json!("a1")));
    // What else there is goes on as well.
    sync(&codex, &mut server).await;
    go.notify_one();
    let first = answer(&mut server).await.params;
    assert_eq!((&first["id"], &first["result"]["chatgptAccountId"]), (&json!(1), &json!("a0")));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_provider_that_waits_for_a_blocked_thread_holds_no_message_back() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let builder = Codex::builder().chatgpt_token_provider(move |_| {
        let released = Arc::clone(&released);
        let blocking = move || {
            let _ = released.lock().unwrap().recv_timeout(Duration::from_secs(8));
            tokens()
        };
        tokio::task::spawn_blocking(blocking)
    });
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    ask(&mut server, json!(1)).await;
    for _ in 0..20 {
        sync(&codex, &mut server).await;
    }
    release.send(()).unwrap();
    assert_eq!(answer(&mut server).await.params["result"]["accessToken"], TOKEN);
}

#[tokio::test(start_paused = true)]
async fn without_a_provider_the_request_is_refused_at_once() {
    let (error, problem) = failure(Codex::builder()).await;
    assert_eq!(error["code"], -32000);
    assert_eq!(error["message"], format!("the client does not provide `{REFRESH}`"));
    assert_eq!(problem, None);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_makes_no_sense_does_not_reach_the_provider() {
    let builder = Codex::builder().chatgpt_token_provider(|_| {
        panic!("asked");
        #[allow(unreachable_code, reason = "says what it would give")]
        std::future::ready(Ok::<_, std::io::Error>(tokens()))
    });
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    server.send(json!({"method": REFRESH, "id": 1, "params": {"reason": 7}})).await;
    assert_eq!(answer(&mut server).await.params["error"]["code"], -32602);
    match within(feed.next()).await.unwrap().unwrap() {
        ConnectionEvent::RequestRefused { problem: Some(problem), .. } => {
            assert!(problem.contains("`reason`"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_for_something_else_is_refused_although_there_is_a_provider() {
    let builder =
        Codex::builder().chatgpt_token_provider(async |_| Ok::<_, std::io::Error>(tokens()));
    let (_codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    server.send(json!({"method": "new/ask", "id": 1, "params": {}})).await;
    assert_eq!(answer(&mut server).await.params["error"]["code"], -32601);
}

#[tokio::test(start_paused = true)]
async fn new_tokens_are_in_no_debug_output() {
    let builder =
        Codex::builder().chatgpt_token_provider(async |_| Ok::<_, std::io::Error>(tokens()));
    let (codex, mut server) = FakeServer::start_with(builder.clone()).await.unwrap();
    let feed = codex.notifications();
    ask(&mut server, json!(1)).await;
    answer(&mut server).await;
    let shown = format!("{builder:?} {codex:?} {feed:?} {:?}", tokens());
    assert!(!shown.contains("token-of"), "{shown}");
}
