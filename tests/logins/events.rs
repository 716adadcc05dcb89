//! The events of the account come as a stream of their own to whoever wants that.

use codexkit::protocol::AuthMode;
use codexkit::testing::FakeServer;
use codexkit::{AccountEvent, AccountEvents, Codex, Error};
use serde_json::json;

use crate::support::{chatgpt, complete, completion, heard, sync, within};

async fn next(events: &mut AccountEvents) -> AccountEvent {
    within(events.next()).await.unwrap().unwrap()
}

async fn updated(server: &mut FakeServer, mode: &str) {
    server.notify("account/updated", json!({"authMode": mode, "planType": "plus"})).await;
}

async fn a_place() -> (Codex, FakeServer) {
    FakeServer::start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_the_account_is_told() {
    let (codex, mut server) = a_place().await;
    let mut events = codex.account_events();
    updated(&mut server, "apikey").await;
    let window = json!({"usedPercent": 12, "windowDurationMins": 300, "resetsAt": 7});
    let limits = json!({"rateLimits": {"limitId": "codex", "primary": window}});
    server.notify("account/rateLimits/updated", limits).await;
    let gateway = json!({"providerId": "p", "status": "connected", "loginId": "l1"});
    server.notify("account/gatewayOAuth/changed", gateway).await;
    match next(&mut events).await {
        AccountEvent::Updated(it) => assert_eq!(it.auth_mode, Some(AuthMode::Apikey)),
        other => panic!("{other:?}"),
    }
    match next(&mut events).await {
        AccountEvent::RateLimits(it) => {
            assert_eq!(it.rate_limits.limit_id.as_deref(), Some("codex"));
        }
        other => panic!("{other:?}"),
    }
    match next(&mut events).await {
        AccountEvent::GatewayOAuth(it) => assert_eq!(it.provider_id, "p"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_the_account_are_in_the_feed_of_everything_unless_somebody_has_their_own() {
    let (codex, mut server) = a_place().await;
    let mut feed = codex.notifications();
    updated(&mut server, "apikey").await;
    assert_eq!(heard(&mut feed, &mut server).await, ["account/updated"]);
    let (mut first, mut second) = (codex.account_events(), codex.account_events());
    updated(&mut server, "chatgpt").await;
    server.notify("warning", json!({"message": "of something else"})).await;
    assert_eq!(heard(&mut feed, &mut server).await, ["warning"]);
    let expected = next(&mut first).await;
    assert!(matches!(expected, AccountEvent::Updated(_)), "{expected:?}");
    assert_eq!(next(&mut second).await, expected);
    drop(first);
    updated(&mut server, "chatgpt").await;
    assert_eq!(heard(&mut feed, &mut server).await, [""; 0]);
    assert_eq!(next(&mut second).await, expected);
    drop(second);
    updated(&mut server, "apikey").await;
    assert_eq!(heard(&mut feed, &mut server).await, ["account/updated"]);
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_logins_are_no_events_of_the_account() {
    let (codex, mut server) = a_place().await;
    let (mut feed, mut events) = (codex.notifications(), codex.account_events());
    let login = chatgpt(&codex, &mut server, "l1").await;
    complete(&mut server, "l1", None).await;
    server.send(completion(serde_json::Value::Null, None)).await;
    complete(&mut server, "foreign", None).await;
    updated(&mut server, "chatgpt").await;
    assert_eq!(heard(&mut feed, &mut server).await, ["null", "foreign"]);
    assert!(matches!(next(&mut events).await, AccountEvent::Updated(_)));
    within(login.wait()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_learns_how_much_was_lost_and_goes_on() {
    let (codex, mut server) = a_place().await;
    let mut events = codex.account_events();
    for n in 0..300 {
        updated(&mut server, &format!("mode {n}")).await;
    }
    sync(&codex, &mut server).await;
    assert_eq!(next(&mut events).await, AccountEvent::Lagged(44));
    for n in 44..300 {
        match next(&mut events).await {
            AccountEvent::Updated(it) => {
                assert_eq!(it.auth_mode.unwrap().as_str(), format!("mode {n}"));
            }
            other => panic!("{other:?}"),
        }
    }
    updated(&mut server, "apikey").await;
    assert!(matches!(next(&mut events).await, AccountEvent::Updated(_)));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_is_told_once() {
    let (codex, mut server) = a_place().await;
    let mut events = codex.account_events();
    updated(&mut server, "apikey").await;
    drop(server);
    within(codex.closed()).await;
    assert!(matches!(next(&mut events).await, AccountEvent::Updated(_)));
    for events in [&mut events, &mut codex.account_events()] {
        assert!(within(events.next()).await.unwrap().unwrap_err().is_closed());
        assert!(within(events.next()).await.is_none());
        assert!(within(events.next()).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_in_another_form_is_kept_as_it_is() {
    let (codex, mut server) = a_place().await;
    let mut events = codex.account_events();
    let params = json!({"rateLimits": "many"});
    server.notify("account/rateLimits/updated", params.clone()).await;
    match next(&mut events).await {
        AccountEvent::Unrecognized(it) => {
            assert_eq!((it.method.as_str(), it.params), ("account/rateLimits/updated", params));
        }
        other => panic!("{other:?}"),
    }
    // One that is no JSON is a malformed line like any other.
    let mut feed = codex.notifications();
    server.send_bytes(b"{\"method\":\"account/updated\",\"params\":{\"authMode\":\n").await;
    updated(&mut server, "apikey").await;
    assert!(matches!(next(&mut events).await, AccountEvent::Updated(_)));
    let malformed = within(feed.next()).await.unwrap().unwrap();
    assert!(matches!(malformed, codexkit::ConnectionEvent::Malformed { .. }), "{malformed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_an_error_and_the_others_go_on() {
    let (codex, mut server) = a_place().await;
    let mut events = codex.account_events();
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for new in [deep.as_str(), r#""\ud800""#] {
        let line = format!("{{\"method\":\"account/updated\",\"params\":{{\"new\":{new}}}}}\n");
        server.send_bytes(line.as_bytes()).await;
        match within(events.next()).await.unwrap() {
            Err(Error::Decode { method, .. }) => assert_eq!(method, "account/updated"),
            other => panic!("{other:?}"),
        }
    }
    updated(&mut server, "apikey").await;
    match next(&mut events).await {
        AccountEvent::Updated(it) => assert_eq!(it.auth_mode, Some(AuthMode::Apikey)),
        other => panic!("{other:?}"),
    }
    assert_eq!(codex.malformed_lines(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_feed_of_the_account_does_not_keep_the_connection() {
    let (codex, mut server) = a_place().await;
    let mut events = codex.account_events();
    drop(codex);
    assert!(within(server.receive()).await.is_none());
    assert!(within(events.next()).await.unwrap().unwrap_err().is_closed());
}

#[tokio::test(start_paused = true)]
async fn an_event_of_the_account_is_one_also_if_it_names_a_thread() {
    let (codex, mut server) = a_place().await;
    let mut events = codex.account_events();
    let params = json!({"threadId": "t1", "rateLimits": {"limitId": "codex"}});
    server.notify("account/rateLimits/updated", params).await;
    assert!(matches!(next(&mut events).await, AccountEvent::RateLimits(_)));
}
