//! What an account is asked for after the login.

use codexkit::Error;
use codexkit::protocol::{
    ChatgptAuthTokensLoginAccountParams, GetAccountRateLimitsParams, GetAccountTokenUsageParams,
    PlanType, RateLimitWindow,
};
use serde_json::json;

use crate::support::{Place, run};

#[tokio::test]
async fn a_token_from_elsewhere_signs_in_and_reaches_the_model() {
    run(async |place| {
        place.model.push("hello");
        let token = sign_in(place).await;
        assert_eq!(place.chatgpt_account().await.plan_type, PlanType::Plus);
        place.codex.thread_start().await.unwrap().run("hi").await.unwrap();
        let request = place.model.requests().pop().unwrap();
        assert_eq!(request.header("authorization"), Some(format!("Bearer {token}").as_str()));
        assert_ne!(place.issuer.issue_token(), token);
    })
    .await;
}

#[tokio::test]
async fn rate_limits_are_those_of_the_documentation_or_of_the_test() {
    run(async |place| {
        sign_in(place).await;
        let limits = place.codex.request(GetAccountRateLimitsParams::default()).await.unwrap();
        let values = |it: RateLimitWindow| (it.used_percent, it.window_duration_mins, it.resets_at);
        let snapshot = limits.rate_limits;
        let (until, hours, days) = (Some(2_000_000_000), Some(5 * 60), Some(7 * 24 * 60));
        assert_eq!(snapshot.primary.map(values), Some((25, hours, until)));
        assert_eq!(snapshot.secondary.map(values), Some((10, days, until)));
        assert_eq!(limits.account_id, Some(place.issuer.account_id()));
        assert_eq!(limits.ordinary_usage_allowed, Some(true));

        place.issuer.answer("/backend-api/wham/usage", 500, json!({ "detail": "out of order" }));
        let error = place.codex.request(GetAccountRateLimitsParams::default()).await.unwrap_err();
        assert!(error.to_string().contains("out of order"), "{error}");
        place.issuer.answer_as_usual("/backend-api/wham/usage");
        place.codex.request(GetAccountRateLimitsParams::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn usage_is_that_of_the_documentation() {
    run(async |place| {
        let params = GetAccountTokenUsageParams::default();
        let error = place.codex.request(params.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Rpc(_)), "{error:?}");

        sign_in(place).await;
        let usage = place.codex.request(params).await.unwrap();
        assert_eq!(usage.summary.lifetime_tokens, Some(123_456));
        assert_eq!(usage.summary.peak_daily_tokens, Some(4000));
        let buckets = usage.daily_usage_buckets.unwrap();
        assert_eq!((buckets[0].start_date.as_str(), buckets[0].tokens), ("2033-05-01", 1000));
    })
    .await;
}

/// Signs in with a token that does not take the callback port.
async fn sign_in(place: &mut Place) -> String {
    let token = place.issuer.issue_token();
    let params = ChatgptAuthTokensLoginAccountParams::new(place.issuer.account_id(), &token);
    place.start_login(params).await;
    place.outcome(None).await.unwrap();
    token
}
