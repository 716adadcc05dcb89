//! What a runtime does at a login, and who asks it to.

use std::time::Duration;

use codexkit::protocol::{AccountLoginCompletedNotification, ThreadLoadedListParams};
use codexkit::testing::{FakeServer, Received};
use codexkit::{
    ChatgptLoginHandle, Codex, ConnectionEvent, DeviceCodeLoginHandle, Error, LoginFailure,
    Notifications, Result,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) use crate::polls::poll_once;

/// Longer than anything takes that ends at all. The clock of these tests only goes on when nothing
/// else can.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What the runtime says of an attempt that was cancelled, or whose place another one took.
pub(crate) const CANCELLED: &str = "Login server error: Login was not completed";

pub(crate) type Completed = Result<AccountLoginCompletedNotification>;

/// Waits for what has to come.
pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    timeout(HOUR, future.into_future()).await.expect("it never came")
}

/// Takes in the request that starts a login of this type.
pub(crate) async fn expect_start(server: &mut FakeServer, kind: &str) -> Received {
    let start = within(server.expect("account/login/start")).await;
    assert_eq!(start.params["type"], kind);
    start
}

pub(crate) fn chatgpt_reply(login: &str) -> Value {
    json!({"type": "chatgpt", "loginId": login, "authUrl": format!("https://auth/?of={login}")})
}

pub(crate) fn device_code_reply(login: &str) -> Value {
    json!({
        "type": "chatgptDeviceCode",
        "loginId": login,
        "verificationUrl": "https://auth/device",
        "userCode": format!("CODE-{login}"),
    })
}

pub(crate) async fn accept_chatgpt(server: &mut FakeServer, login: &str) {
    let start = expect_start(server, "chatgpt").await;
    server.reply(&start.id, chatgpt_reply(login)).await;
}

pub(crate) async fn accept_device_code(server: &mut FakeServer, login: &str) {
    let start = expect_start(server, "chatgptDeviceCode").await;
    server.reply(&start.id, device_code_reply(login)).await;
}

/// A login in the browser that the runtime has accepted.
pub(crate) async fn chatgpt(
    codex: &Codex,
    server: &mut FakeServer,
    login: &str,
) -> ChatgptLoginHandle {
    let start = codex.login_chatgpt().into_future();
    tokio::join!(start, accept_chatgpt(server, login)).0.unwrap()
}

/// A login with a code that the runtime has accepted.
pub(crate) async fn device_code(
    codex: &Codex,
    server: &mut FakeServer,
    login: &str,
) -> DeviceCodeLoginHandle {
    let start = codex.login_chatgpt_device_code().into_future();
    tokio::join!(start, accept_device_code(server, login)).0.unwrap()
}

/// Begins a login in the browser, and gives the request that the runtime gets.
pub(crate) async fn begin(
    codex: &Codex,
    server: &mut FakeServer,
) -> (JoinHandle<Result<ChatgptLoginHandle>>, Received) {
    let start = tokio::spawn(codex.login_chatgpt().into_future());
    (start, expect_start(server, "chatgpt").await)
}

/// The news that a login has ended, of nobody's login if its id is null.
pub(crate) fn completion(login: impl Into<Value>, error: Option<&str>) -> Value {
    let params = json!({"loginId": login.into(), "success": error.is_none(), "error": error});
    json!({"method": "account/login/completed", "params": params, "emittedAtMs": 1})
}

pub(crate) async fn complete(server: &mut FakeServer, login: &str, error: Option<&str>) {
    server.send(completion(login, error)).await;
}

pub(crate) fn reply(request: &Received, result: Value) -> Value {
    let mut reply = json!({"id": request.id});
    reply["result"] = result;
    reply
}

/// Sends all of this in one write.
pub(crate) async fn send_at_once(server: &mut FakeServer, messages: &[Value]) {
    let lines: Vec<_> = messages.iter().map(|message| format!("{message}\n")).collect();
    let lines = lines.concat();
    server.send_bytes(lines.as_bytes()).await;
}

pub(crate) async fn expect_cancel(server: &mut FakeServer, login: &str) -> Received {
    let cancel = within(server.expect("account/login/cancel")).await;
    assert_eq!(cancel.params, json!({"loginId": login}));
    cancel
}

/// Fails unless the login of this id has succeeded.
#[track_caller]
pub(crate) fn assert_succeeded(completed: Completed, login: &str) {
    let completed = completed.unwrap();
    assert!(completed.success);
    assert_eq!(completed.login_id.as_deref(), Some(login));
}

/// Fails unless the login of this id has failed.
#[track_caller]
pub(crate) fn failure(completed: Completed, login: &str) -> LoginFailure {
    match completed {
        Err(Error::LoginFailed(failure)) => {
            assert_eq!(failure.login_id, login);
            *failure
        }
        other => panic!("{other:?}"),
    }
}

/// Whatever was sent before has arrived on the other side when this returns.
pub(crate) async fn sync(codex: &Codex, server: &mut FakeServer) {
    let request = codex.request(ThreadLoadedListParams::default()).into_future();
    let (answer, ()) = tokio::join!(request, async {
        let id = within(server.expect("thread/loaded/list")).await.id;
        server.reply(&id, json!({"data": []})).await;
    });
    answer.unwrap();
}

/// Fails if the client says anything within the next minute.
pub(crate) async fn silence(server: &mut FakeServer) {
    let next = timeout(Duration::from_secs(60), server.receive()).await;
    assert!(next.is_err(), "{next:?}");
}

/// Everything that the feed has got so far: of ends of logins their id, of other notifications
/// their method.
pub(crate) async fn heard(feed: &mut Notifications, server: &mut FakeServer) -> Vec<String> {
    const LAST: &str = "test/last";
    server.notify(LAST, json!({})).await;
    let mut heard = Vec::new();
    loop {
        let event = within(feed.next()).await.unwrap().unwrap();
        let ConnectionEvent::Notification { notification, .. } = event else {
            panic!("{event:?}");
        };
        if notification.method() == LAST {
            return heard;
        }
        heard.push(match *notification {
            codexkit::protocol::ServerNotification::AccountLoginCompleted(it) => {
                it.login_id.unwrap_or_else(|| "null".to_owned())
            }
            other => other.method().to_owned(),
        });
    }
}
