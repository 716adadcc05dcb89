//! The account that signs in, and the tokens for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// How long a token is good for. The runtime renews one by itself when its end is near.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes tokens for an account, and remembers them.
#[derive(Default)]
pub(super) struct Tokens {
    pub(super) account: Account,
    pub(super) issued: Vec<String>,
}

pub(super) struct Account {
    pub(super) email: String,
    pub(super) id: String,
    pub(super) plan: String,
}

impl Tokens {
    pub(super) fn access(&mut self) -> String {
        self.jwt("access")
    }

    pub(super) fn id(&mut self) -> String {
        self.jwt("id")
    }

    /// A secret that is no token of the account: what it is for, and a number.
    pub(super) fn opaque(&mut self, kind: &str) -> String {
        let secret = format!("{kind}-{}", self.issued.len());
        self.issue(secret)
    }

    /// The runtime reads the claims and leaves the signature to the backend, so there is none.
    fn jwt(&mut self, kind: &str) -> String {
        let end = SystemTime::now() + LIFETIME;
        let end = end.duration_since(UNIX_EPOCH).map_or(u64::MAX, |it| it.as_secs());
        let account = &self.account;
        let claims = json!({
            "jti": format!("{kind}-{}", self.issued.len()),
            "exp": end,
            "email": account.email,
            "https://api.openai.com/auth": {
                "chatgpt_account_id": account.id,
                "chatgpt_plan_type": account.plan,
                "chatgpt_user_id": user_id(&account.id),
            },
        });
        let header = json!({ "alg": "none", "typ": "JWT" });
        self.issue(format!("{}.{}.{}", encode(&header), encode(&claims), encode(&json!("none"))))
    }

    fn issue(&mut self, secret: String) -> String {
        self.issued.push(secret.clone());
        secret
    }
}

impl Account {
    pub(super) fn new(email: &str, id: &str, plan: &str) -> Self {
        Self { email: email.to_owned(), id: id.to_owned(), plan: plan.to_owned() }
    }
}

impl Default for Account {
    fn default() -> Self {
        Self::new("someone@example.invalid", "account-1", "plus")
    }
}

/// Every account has a user of its own.
pub(super) fn user_id(account_id: &str) -> String {
    format!("user-of-{account_id}")
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
