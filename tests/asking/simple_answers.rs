//! The time, an attestation, tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codexkit::ServerRequest;
use codexkit::protocol::{
    AttestationGenerateResponse, ChatgptAuthTokensRefreshResponse, CurrentTimeReadResponse,
};
use serde_json::json;

use crate::support::{ATTESTATION, TIME, TOKENS, Waiting, params};

#[tokio::test(start_paused = true)]
async fn the_time_is_in_whole_seconds_since_1970() {
    let mut waiting = Waiting::new().await;
    let second = Duration::from_secs(1);
    for (id, time, expected) in [
        (1, UNIX_EPOCH, 0),
        (2, UNIX_EPOCH + second * 3 / 2, 1),
        (3, UNIX_EPOCH + second * 1_795_233_989, 1_795_233_989),
    ] {
        let request = waiting.ask(id, TIME, &params(TIME, "")).await;
        let ServerRequest::CurrentTime(asked) = &request else { panic!("{request:?}") };
        for early in [UNIX_EPOCH - Duration::from_nanos(1), UNIX_EPOCH - second * 100] {
            waiting.invalid(&request, asked.answer(early), "out of range").await;
        }
        let negative = asked.respond(CurrentTimeReadResponse::new(-1));
        waiting.invalid(&request, negative, "out of range").await;
        waiting.sent(asked.answer(time), id, &json!({"currentTimeAt": expected})).await;
    }
    let request = waiting.ask(9, TIME, &params(TIME, "")).await;
    let ServerRequest::CurrentTime(asked) = &request else { panic!("{request:?}") };
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    asked.answer(SystemTime::now()).unwrap();
    let answer = crate::support::answer(&mut waiting.scene.server).await;
    let told = answer["result"]["currentTimeAt"].as_u64().unwrap();
    assert!((before..before + 100).contains(&told), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_blank_attestation_is_none() {
    let (mut waiting, request) = Waiting::of(ATTESTATION, &json!({})).await;
    let ServerRequest::Attestation(asked) = &request else { panic!("{request:?}") };
    for blank in ["", " ", "\n\t\u{a0}"] {
        waiting.invalid(&request, asked.answer(blank), "the token is blank").await;
        let answered = asked.respond(AttestationGenerateResponse::new(blank));
        waiting.invalid(&request, answered, "the token is blank").await;
    }
    waiting.sent(asked.answer("v1.\"x\""), 1, &json!({"token": "v1.\"x\""})).await;
}

#[tokio::test(start_paused = true)]
async fn tokens_go_back_as_they_are() {
    let (mut waiting, request) = Waiting::of(TOKENS, &params(TOKENS, "")).await;
    let ServerRequest::TokenRefresh(asked) = &request else { panic!("{request:?}") };
    assert_eq!(asked.previous_account_id.as_deref(), Some("a1"));
    let tokens = ChatgptAuthTokensRefreshResponse::new("a1", "é\"\\").chatgpt_plan_type("plus");
    let expected =
        json!({"accessToken": "é\"\\", "chatgptAccountId": "a1", "chatgptPlanType": "plus"});
    waiting.sent(asked.respond(tokens), 1, &expected).await;
}
