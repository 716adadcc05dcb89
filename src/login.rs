//! Logins that a person completes elsewhere: in a browser, or with a code.

mod api_key;
#[macro_use]
mod attempt;
#[cfg(feature = "browser")]
mod browser;
mod failure;
mod tokens;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use self::attempt::Attempt;
use crate::codex::BoxFuture;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::protocol::{self, LoginAccountResponse, Request};

pub use self::failure::LoginFailure;

/// A login in the browser: [`Codex::login_chatgpt`](crate::Codex::login_chatgpt). Clones are of the
/// same attempt.
///
/// The runtime has one attempt at a time: a second one, any other login and a logout end the first.
/// One that nobody completes ends after 10 minutes. A clone keeps the connection open.
#[derive(Clone)]
#[must_use = "somebody has to open the address of the login"]
pub struct ChatgptLoginHandle {
    attempt: Arc<Attempt>,
    auth_url: Arc<str>,
}

impl ChatgptLoginHandle {
    /// The address to open in a browser **on the machine of the runtime**: at the end it leads back
    /// to a port there.
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }
}

/// A login with a code, on any device: [`Codex::login_chatgpt_device_code`]. Clones are of the same
/// attempt.
///
/// The runtime has one attempt at a time: a second one, any other login and a logout end the first.
/// One that nobody completes ends after 15 minutes. A clone keeps the connection open.
///
/// [`Codex::login_chatgpt_device_code`]: crate::Codex::login_chatgpt_device_code
#[derive(Clone)]
#[must_use = "somebody has to enter the code of the login"]
pub struct DeviceCodeLoginHandle {
    attempt: Arc<Attempt>,
    verification_url: Arc<str>,
    user_code: Arc<str>,
}

impl DeviceCodeLoginHandle {
    /// The address at which the code is to be entered.
    pub fn verification_url(&self) -> &str {
        &self.verification_url
    }

    /// The code to enter there.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }
}

impl fmt::Debug for ChatgptLoginHandle {
    /// Leaves out the address: whoever opens it logs in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatgptLoginHandle")
            .field("login_id", &self.login_id())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DeviceCodeLoginHandle {
    /// Leaves out the code: whoever enters it logs in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCodeLoginHandle")
            .field("login_id", &self.login_id())
            .field("verification_url", &self.verification_url())
            .finish_non_exhaustive()
    }
}

attempt_methods! { ChatgptLoginHandle DeviceCodeLoginHandle }

/// A login that begins when it is awaited: [`Codex::login_chatgpt`](crate::Codex::login_chatgpt),
/// [`Codex::login_chatgpt_device_code`](crate::Codex::login_chatgpt_device_code).
#[must_use = "a login only begins when it is awaited"]
pub struct LoginStart<P> {
    connection: Connection,
    params: P,
}

impl<P> LoginStart<P> {
    pub(crate) fn new(connection: &Connection, params: P) -> LoginStart<P> {
        LoginStart { connection: connection.clone(), params }
    }

    /// Changes the params of the request as they will be sent (`account/login/start`).
    pub fn params(mut self, change: impl FnOnce(P) -> P) -> Self {
        self.params = change(self.params);
        self
    }
}

impl<P> fmt::Debug for LoginStart<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginStart").finish_non_exhaustive()
    }
}

impl IntoFuture for LoginStart<protocol::ChatgptLoginAccountParams> {
    type Output = Result<ChatgptLoginHandle>;
    type IntoFuture = BoxFuture<Self::Output>;

    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime says no, as it does when its configuration allows no such login
    /// or tokens of the client are in use; and what can happen to any call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the request was sent does nothing. Afterwards the attempt, of which
    /// nobody could know the address, is cancelled, if its reply comes within five times the usual
    /// time.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let started = start(self.connection, self.params.into(), |response| match response {
                LoginAccountResponse::Chatgpt(it) => Ok((it.login_id, it.auth_url)),
                other => Err(other),
            });
            let (attempt, auth_url) = started.await?;
            Ok(ChatgptLoginHandle { attempt, auth_url: auth_url.into() })
        })
    }
}

impl IntoFuture for LoginStart<protocol::ChatgptDeviceCodeLoginAccountParams> {
    type Output = Result<DeviceCodeLoginHandle>;
    type IntoFuture = BoxFuture<Self::Output>;

    /// # Errors
    ///
    /// [`Error::Rpc`] if the runtime says no, if its server gives out no codes, or cannot be reached;
    /// and what can happen to any call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the request was sent does nothing. Afterwards the attempt, of which
    /// nobody could know the code, is cancelled, if its reply comes within five times the usual time.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let started = start(self.connection, self.params.into(), |response| match response {
                LoginAccountResponse::ChatgptDeviceCode(it) => {
                    Ok((it.login_id, (it.verification_url, it.user_code)))
                }
                other => Err(other),
            });
            let (attempt, (verification_url, user_code)) = started.await?;
            let (verification_url, user_code) = (verification_url.into(), user_code.into());
            Ok(DeviceCodeLoginHandle { attempt, verification_url, user_code })
        })
    }
}

/// Begins an attempt. It is cancelled if nobody is there any more to take it, or nobody can know how
/// to complete it.
async fn start<D: Send + 'static>(
    connection: Connection,
    params: protocol::LoginAccountParams,
    read: fn(LoginAccountResponse) -> Result<(String, D), LoginAccountResponse>,
) -> Result<(Arc<Attempt>, D)> {
    let expected = connection.expect_login();
    let started = connection.accepted(params, move |connection, response| match read(response) {
        Ok((id, details)) => Some((Attempt::new(connection, expected.claim(&id), id), details)),
        Err(other) => {
            let named = serde_json::to_value(other).and_then(serde_json::from_value);
            if let Ok::<protocol::CancelLoginAccountParams, _>(attempt) = named {
                connection.post(&protocol::CancelLoginAccountParams::new(attempt.login_id));
            }
            None
        }
    });
    let (attempt, details) = started.await?.ok_or_else(other_answer)?;
    attempt.cancel_on_drop(false);
    Ok((Arc::new(attempt), details))
}

/// The runtime has answered something else than it was asked.
fn other_answer() -> Error {
    Error::Decode {
        method: protocol::LoginAccountParams::METHOD.to_owned(),
        source: "it is not the answer to this kind of login".into(),
    }
}
