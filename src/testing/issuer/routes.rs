//! What is answered to which request.

use hyper::{StatusCode, header::HeaderValue};
use serde_json::{Value, json};

use super::{
    State,
    request::IssuerRequest,
    tokens::{Tokens, user_id},
};

pub(super) const TOKEN: &str = "/oauth/token";
pub(super) const REVOKE: &str = "/oauth/revoke";
pub(super) const DEVICE_CODE: &str = "/api/accounts/deviceauth/usercode";
pub(super) const DEVICE_TOKEN: &str = "/api/accounts/deviceauth/token";

pub(super) enum Answer {
    Json(StatusCode, Value),
    Redirect(HeaderValue),
}

/// What the user does with a browser login.
#[derive(Clone, Copy, Default)]
pub(super) enum SignIn {
    #[default]
    Approve,
    Deny,
    CorruptState,
}

pub(super) fn answer(state: &mut State, request: &IssuerRequest) -> Answer {
    if let Some((status, body)) = state.answers.get(request.path()) {
        return Answer::Json(*status, body.clone());
    }
    let answer = match (request.method(), request.path()) {
        ("GET", "/oauth/authorize") => return authorize(state, request),
        ("POST", TOKEN) => token(&mut state.tokens, request),
        ("POST", REVOKE) => Some(json!({})),
        ("POST", DEVICE_CODE) => Some(device_code()),
        ("POST", DEVICE_TOKEN) if !state.device_approved => {
            return Answer::Json(StatusCode::FORBIDDEN, json!({}));
        }
        ("POST", DEVICE_TOKEN) => Some(device_token(&mut state.tokens)),
        ("GET", path) => path
            .strip_prefix("/backend-api/wham/")
            .and_then(|path| backend(path, &Owner::of(request, &state.tokens))),
        _ => None,
    };
    match answer {
        Some(body) => Answer::Json(StatusCode::OK, body),
        None => {
            Answer::Json(StatusCode::NOT_FOUND, json!({ "error": "the mock has no such page" }))
        }
    }
}

/// Sends the browser back to the runtime.
fn authorize(state: &mut State, request: &IssuerRequest) -> Answer {
    let (Some(redirect), Some(login)) = (request.query("redirect_uri"), request.query("state"))
    else {
        return bad_request("the link has no redirect_uri or no state");
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    match state.sign_in {
        SignIn::Approve | SignIn::CorruptState => {
            query.append_pair("code", &state.tokens.opaque("authorization-code"))
        }
        SignIn::Deny => query.append_pair("error", "access_denied"),
    };
    match state.sign_in {
        SignIn::CorruptState => query.append_pair("state", "forged"),
        SignIn::Approve | SignIn::Deny => query.append_pair("state", &login),
    };
    match HeaderValue::from_str(&format!("{redirect}?{}", query.finish())) {
        Ok(location) => Answer::Redirect(location),
        Err(_) => bad_request("the redirect_uri is no URL"),
    }
}

fn bad_request(problem: &str) -> Answer {
    Answer::Json(StatusCode::BAD_REQUEST, json!({ "error": problem }))
}

/// The end of a login and a refresh give all tokens, an exchange only what it asks for.
fn token(tokens: &mut Tokens, request: &IssuerRequest) -> Option<Value> {
    match request.form("requested_token").as_deref() {
        None => Some(json!({
            "id_token": tokens.id(),
            "access_token": tokens.access(),
            "refresh_token": tokens.opaque("refresh-token"),
        })),
        Some("openai-api-key") => Some(json!({ "access_token": tokens.opaque("sk-exchanged") })),
        Some(_) => None,
    }
}

fn device_code() -> Value {
    // The runtime asks again after so many seconds.
    json!({ "device_auth_id": "device-1", "user_code": "ABCD-1234", "interval": "1" })
}

fn device_token(tokens: &mut Tokens) -> Value {
    json!({
        "authorization_code": tokens.opaque("authorization-code"),
        "code_challenge": "challenge",
        "code_verifier": "verifier",
    })
}

/// The account that a request of the backend is about.
struct Owner {
    account_id: String,
    plan: String,
}

impl Owner {
    fn of(request: &IssuerRequest, tokens: &Tokens) -> Self {
        let account = &tokens.account;
        // Somebody may have signed in before another account was chosen.
        let account_id = request.header("chatgpt-account-id").unwrap_or(&account.id).to_owned();
        Self { account_id, plan: account.plan.clone() }
    }
}

fn backend(path: &str, owner: &Owner) -> Option<Value> {
    Some(match path {
        "accounts/check" => json!({
            "accounts": [{
                "id": owner.account_id,
                "name": "a workspace",
                "workspace_backend_origin": "https://chatgpt.com",
                "account_routing_override": "NO_CONSTRAINT",
            }],
            "default_account_id": owner.account_id,
        }),
        "settings/user" => json!({}),
        "usage" => rate_limits(owner),
        "rate-limit-reset-credits" => json!({ "available_count": 0, "credits": [] }),
        "profiles/me" => json!({
            "stats": {
                "lifetime_tokens": 123_456,
                "peak_daily_tokens": 4000,
                "longest_running_turn_sec": 90,
                "current_streak_days": 2,
                "longest_streak_days": 5,
                "daily_usage_buckets": [{ "start_date": "2033-05-01", "tokens": 1000 }],
            },
        }),
        _ => return None,
    })
}

fn rate_limits(owner: &Owner) -> Value {
    let window = |used: u8, seconds: u32| {
        json!({
            "used_percent": used,
            "limit_window_seconds": seconds,
            "reset_after_seconds": 600,
            "reset_at": 2_000_000_000,
        })
    };
    json!({
        "user_id": user_id(&owner.account_id),
        "account_id": owner.account_id,
        "plan_type": owner.plan,
        "rate_limit": {
            "allowed": true,
            "limit_reached": false,
            "ordinary_usage_allowed": true,
            "primary_window": window(25, 5 * 60 * 60),
            "secondary_window": window(10, 7 * 24 * 60 * 60),
        },
        "rate_limit_reset_credits": { "available_count": 0 },
    })
}
