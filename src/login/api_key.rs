//! The login with an API key.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

use crate::codex::Codex;
use crate::error::{CloseReason, Error, Result, RpcError};
use crate::protocol::{
    ApiKeyLoginAccountParams, LoginAccountParams, LoginAccountResponse, Offer, Request,
    SecretValue, Unavailable,
};

impl Codex {
    /// Logs in with an API key (`account/login/start`). It takes the place of the account there was,
    /// and ends a login that was begun in another way. The runtime stores the key and does not try
    /// it: that it is wrong is known when a turn fails.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> Result<(), Box<dyn std::error::Error>> {
    /// codex.login_api_key(std::env::var("OPENAI_API_KEY")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The key is in no log, no `Debug` and no error of this call, and the copies that this crate
    /// makes of it on its way to the runtime are wiped after use. Who wants that of his own copy as
    /// well gives a [`SecretString`]. What the runtime does with it is its own affair: the pinned one
    /// writes it to `auth.json`, or where its configuration says, and not to its standard error.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] if the key is empty, or has white space or anything but ASCII in it;
    /// [`Error::Rpc`] if the runtime says no, as it does when its configuration allows no such login
    /// or tokens of the client are in use; and what can happen to any call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn login_api_key(&self, key: impl Into<SecretString>) -> Result<()> {
        let key = key.into();
        check(key.expose_secret())?;
        let answer = self.connection.call(&ApiKeyLogin::new(&key)).await;
        match answer.map_err(|error| without(&key, error))? {
            LoginAccountResponse::ApiKey(_) => Ok(()),
            _ => Err(super::other_answer()),
        }
    }
}

fn check(key: &str) -> Result<()> {
    let problem = if key.is_empty() {
        "the API key is empty"
    } else if key.contains(|it: char| !it.is_ascii_graphic()) {
        "the API key has something in it that no key has, such as the end of a line: trim it"
    } else {
        return Ok(());
    };
    Err(Error::InvalidInput(problem.into()))
}

/// What the runtime says may repeat what it was given, plainly or quoted.
fn without(key: &SecretString, error: Error) -> Error {
    let plain = Zeroizing::new(without_escapes(key.expose_secret()));
    let shows = |text: &str| Zeroizing::new(without_escapes(text)).contains(plain.as_str());
    match error {
        Error::Rpc(error) => {
            let RpcError { method, code, message, data, .. } = *error;
            let mut message = message.replace(key.expose_secret(), REDACTED);
            if shows(&message) {
                REDACTED.clone_into(&mut message);
            }
            let data = data.filter(|data| !shows(&data.to_string()));
            Error::Rpc(Box::new(RpcError::new(method, code, message, data)))
        }
        Error::Closed(CloseReason::Exited { status, stderr }) if shows(&stderr) => {
            Error::Closed(CloseReason::Exited { status, stderr: REDACTED.into() })
        }
        error => error,
    }
}

/// What is left of a text however often it was quoted.
fn without_escapes(text: &str) -> String {
    text.replace('\\', "")
}

/// What is shown where the key was.
const REDACTED: &str = "<redacted>";

/// Params whose key is wiped when they are dropped.
struct ApiKeyLogin(LoginAccountParams);

impl ApiKeyLogin {
    fn new(key: &SecretString) -> ApiKeyLogin {
        ApiKeyLogin(ApiKeyLoginAccountParams::new(key.expose_secret()).into())
    }
}

impl Request for ApiKeyLogin {
    const METHOD: &'static str = LoginAccountParams::METHOD;
    const EXPERIMENTAL: bool = LoginAccountParams::EXPERIMENTAL;
    type Response = LoginAccountResponse;

    fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
        self.0.unavailable(offer)
    }
}

impl Serialize for ApiKeyLogin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SecretValue::of(&self.0).serialize(serializer)
    }
}

impl Drop for ApiKeyLogin {
    fn drop(&mut self) {
        if let LoginAccountParams::ApiKey(params) = &mut self.0 {
            params.api_key.zeroize();
        }
    }
}
