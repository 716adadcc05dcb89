//! Tokens that a handler of the client renews.

use std::time::Duration;

use codexkit::protocol::{
    ChatgptAuthTokensRefreshReason, ChatgptAuthTokensRefreshResponse, TurnStatus,
};
use codexkit::testing::{MockIssuer, Reply};
use codexkit::{Codex, Error, Handlers, Resolution, TokenRefresh, TurnHandle};

use crate::accounts::authorization;
use crate::held::{Tray, desk, still_talks};
use crate::support::{Place, run_with_issuer};
use crate::tokens::{REFUSED, failed_turn, log_in, provider};

/// Who leaves it to the test to renew tokens.
fn held() -> (Handlers, Tray<TokenRefresh>) {
    let (desk, tray) = desk();
    (Handlers::new().token_refresh(move |it| desk.hold(it)), tray)
}

/// Has the model refuse the token of a turn, which then waits for a new one.
async fn waiting(place: &Place, codex: &Codex) -> TurnHandle {
    place.model.push(Reply::unauthorized());
    codex.thread_start().await.unwrap().turn("hi").await.unwrap()
}

/// Answers with a new token, which is given back with what came of it.
fn renew(asked: &TokenRefresh, issuer: &MockIssuer) -> (String, codexkit::Result<()>) {
    let token = issuer.issue_token();
    let account = issuer.account_id();
    let answered = asked.respond(ChatgptAuthTokensRefreshResponse::new(account, &token));
    (token, answered)
}

#[tokio::test]
async fn a_handler_of_the_client_renews_tokens_as_well() {
    run_with_issuer(async |place, issuer| {
        let (handlers, mut tray) = held();
        let builder = issuer.configure(place.builder()).handler(handlers);
        let codex = place.start_with(builder).await;
        log_in(&codex, issuer).await;
        let turn = waiting(place, &codex).await;
        place.model.push("ok");
        let held = tray.next().await;
        assert_eq!(held.request.reason, ChatgptAuthTokensRefreshReason::Unauthorized);
        let (token, answered) = renew(&held.request, issuer);
        answered.unwrap();
        held.release(Ok(()));
        assert_eq!(turn.result().await.unwrap().final_response.as_deref(), Some("ok"));
        assert_eq!(authorization(place), Some(format!("Bearer {token}")));
    })
    .await;
}

#[tokio::test]
async fn a_provider_is_asked_before_the_handlers_of_the_client() {
    run_with_issuer(async |place, issuer| {
        let (handlers, tray) = held();
        let builder = issuer.configure(place.builder()).handler(handlers);
        let (builder, asked) = provider(builder, issuer, "account-1");
        let codex = place.start_with(builder).await;
        log_in(&codex, issuer).await;
        let turn = waiting(place, &codex).await;
        place.model.push("ok");
        assert_eq!(turn.result().await.unwrap().final_response.as_deref(), Some("ok"));
        assert_eq!(asked.lock().unwrap().len(), 1);
        assert!(tray.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_token_that_comes_too_late_is_not_sent() {
    run_with_issuer(async |place, issuer| {
        let (handlers, mut tray) = held();
        let handlers = handlers.deadline(Duration::from_millis(50));
        let builder = issuer.configure(place.builder()).handler(handlers);
        let (message, problems) = failed_turn(place, issuer, builder).await;
        assert_eq!(message, REFUSED);
        let problem = "its handler gave no answer within 50ms".to_owned();
        assert_eq!(problems, [Some(problem)]);
        let mut held = tray.next().await;
        held.dropped().await;
        assert_eq!(held.request.resolution(), Some(Resolution::TimedOut));
        let error = renew(&held.request, issuer).1.unwrap_err();
        assert!(matches!(error, Error::RequestResolved { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_token_for_a_client_that_is_closed_is_not_sent() {
    run_with_issuer(async |place, issuer| {
        let (handlers, mut tray) = held();
        let builder = issuer.configure(place.builder()).handler(handlers);
        let codex = place.start_with(builder).await;
        log_in(&codex, issuer).await;
        let _turn = waiting(place, &codex).await;
        let mut held = tray.next().await;
        codex.close().await;
        held.dropped().await;
        assert_eq!(held.request.resolved().await, Resolution::Closed);
        assert!(renew(&held.request, issuer).1.unwrap_err().is_closed());
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_waits_for_a_token_can_be_interrupted_and_a_late_token_is_not_used() {
    run_with_issuer(async |place, issuer| {
        let (handlers, mut tray) = held();
        let builder = issuer.configure(place.builder()).handler(handlers);
        let codex = place.start_with(builder).await;
        let token = log_in(&codex, issuer).await;
        let turn = waiting(place, &codex).await;
        let thread = codex.thread(turn.thread_id());
        let held = tray.next().await;
        turn.interrupt().await.unwrap();
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
        // The runtime neither says for which turn it asked nor that it does not wait any more.
        assert_eq!(held.request.resolution(), None);
        renew(&held.request, issuer).1.unwrap();
        place.model.push("ok");
        still_talks(&thread).await;
        assert_eq!(authorization(place), Some(format!("Bearer {token}")));
    })
    .await;
}

#[tokio::test]
async fn two_turns_whose_tokens_are_refused_both_get_new_ones() {
    run_with_issuer(async |place, issuer| {
        let (builder, asked) = provider(issuer.configure(place.builder()), issuer, "account-1");
        let codex = place.start_with(builder).await;
        let old = log_in(&codex, issuer).await;
        let (reply, hold) = Reply::unauthorized().hold();
        place.model.extend([reply.clone(), reply]);
        place.model.always("ok");
        let turns = [codex.thread_start().await.unwrap(), codex.thread_start().await.unwrap()]
            .map(|thread| tokio::spawn(async move { thread.run("hi").await }));
        hold.reached_by(2).await.unwrap();
        hold.release();
        for turn in turns {
            let result = turn.await.unwrap().unwrap();
            assert_eq!(result.final_response.as_deref(), Some("ok"));
        }
        // One at a time: the second turn may find the token of the first.
        assert!((1..=2).contains(&asked.lock().unwrap().len()));
        let old = format!("Bearer {old}");
        let requests = place.model.requests();
        let used = requests.iter().map(|it| it.header("authorization") == Some(&*old));
        assert_eq!(used.collect::<Vec<_>>(), [true, true, false, false]);
    })
    .await;
}
