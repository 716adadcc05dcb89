//! The other side of a login: what it decides, and what it was asked.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::http::Server;
use crate::CodexBuilder;

mod browser;
mod request;
mod routes;
mod server;
mod tokens;

pub use self::request::IssuerRequest;
use self::{routes::SignIn, tokens::Tokens};

/// A local login issuer and ChatGPT backend for the real `codex app-server`, with a browser.
///
/// Every way to sign in works without a network and without an account:
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use codexkit::testing::{CallbackPort, MockIssuer, MockModel, TestHome};
///
/// let _port = CallbackPort::lock().await?;
/// let (home, model) = (TestHome::new()?, MockModel::start().await?);
/// let issuer = MockIssuer::start().await?;
/// let codex = issuer.configure(home.builder(&model)).start().await?;
/// let login = codex.login_chatgpt().await?;
/// let (status, _page) = issuer.visit(login.auth_url()).await?;
/// assert_eq!(status, 200);
/// login.wait().await?;
/// # Ok(())
/// # }
/// ```
///
/// Unless it is told otherwise it approves each browser login, lets each device code wait, and
/// signs in the account [`account_id`](Self::account_id) with the plan `plus`. Tokens are not
/// checked, neither those of the backend's requests nor refresh tokens. What it tells:
///
/// | request of the client | answer |
/// | --- | --- |
/// | `account/rateLimits/read` | 25 % of 5 hours and 10 % of 7 days used, both until 2000000000 |
/// | `account/usage/read` | 123456 tokens in all, 4000 on the best day and 1000 on 2033-05-01 |
///
/// Anything can be answered otherwise with [`answer`](Self::answer).
///
/// `Clone` is cheap and gives the same issuer. The server is a task of the Tokio runtime that
/// called [`start`](Self::start); dropping the last clone stops it and closes its connections.
#[derive(Clone)]
pub struct MockIssuer {
    shared: Arc<Shared>,
    /// Owned by the handles alone: the last one stops the server.
    server: Arc<Server>,
}

/// Where a runtime finds it, and what happens there.
impl MockIssuer {
    /// Starts an issuer on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no server is left when this is dropped.
    pub async fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_server = shared.clone();
        let serve = move |stream| server::serve_connection(stream, of_server.clone());
        Ok(Self { shared, server: Arc::new(Server::start(serve).await?) })
    }

    /// Makes the runtime sign in here, and the provider of a [`MockModel`](super::MockModel) ask
    /// for an account. What would use the account for anything but the model is off: analytics,
    /// apps and plugins.
    ///
    /// Everything goes to this issuer as long as the runtime's environment names no proxy, for
    /// which a [`TestHome`](super::TestHome) provides.
    pub fn configure(&self, builder: CodexBuilder) -> CodexBuilder {
        let url = self.url();
        builder
            .env("CODEX_APP_SERVER_LOGIN_ISSUER", &url)
            // A logout would else send the refresh token to the real issuer.
            .env("CODEX_REVOKE_TOKEN_URL_OVERRIDE", format!("{url}{}", routes::REVOKE))
            .config("chatgpt_base_url", format!("{url}/backend-api/"))
            .config("analytics.enabled", false)
            .config("features.apps", false)
            .config("features.plugins", false)
            .config("model_providers.mock.requires_openai_auth", true)
    }

    /// The URL of the issuer, for example `http://127.0.0.1:40213`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Opens a page as a browser does that is already signed in, follows the redirects and gives
    /// the status and the text of the last page. The way of a browser login begins with its
    /// `auth_url` and ends at the runtime.
    ///
    /// # Errors
    ///
    /// A page cannot be reached, or is not a page of this machine over plain HTTP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection. The page may have been asked for already.
    pub async fn visit(&self, url: &str) -> io::Result<(u16, String)> {
        browser::visit(url).await
    }

    /// All requests so far in the order of their arrival.
    pub fn requests(&self) -> Vec<IssuerRequest> {
        self.shared.state().requests.clone()
    }

    /// Waits until there are `count` requests or more since the start whose path begins with
    /// `path`, and returns them.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is consumed.
    pub async fn wait_for_requests(&self, path: &str, count: usize) -> Vec<IssuerRequest> {
        let mut arrived = self.shared.arrived.subscribe();
        loop {
            arrived.mark_unchanged();
            let mut requests = self.requests();
            requests.retain(|request| request.path().starts_with(path));
            if requests.len() >= count {
                return requests;
            }
            // The sender lives as long as `self`, so this ends only with another request.
            let _ = arrived.changed().await;
        }
    }
}

/// Who signs in, and what is decided. Each of these counts from now on.
impl MockIssuer {
    /// Signs in this account. The plan is one of the protocol's names, for example `pro`.
    pub fn sign_in_as(&self, email: &str, account_id: &str, plan: &str) {
        self.shared.state().tokens.account = tokens::Account::new(email, account_id, plan);
    }

    /// The id of the account that signs in.
    pub fn account_id(&self) -> String {
        self.shared.state().tokens.account.id.clone()
    }

    /// Lets the user approve browser logins, as in the beginning.
    pub fn approve_sign_in(&self) {
        self.shared.state().sign_in = SignIn::Approve;
    }

    /// Lets the user deny browser logins.
    pub fn deny_sign_in(&self) {
        self.shared.state().sign_in = SignIn::Deny;
    }

    /// Sends the browser back with a state that is not that of the login, as a forged link does.
    pub fn corrupt_state(&self) {
        self.shared.state().sign_in = SignIn::CorruptState;
    }

    /// Lets the user enter the code of device logins, also of those that wait already.
    pub fn approve_device(&self) {
        self.shared.state().device_approved = true;
        self.answer_as_usual(routes::DEVICE_TOKEN);
    }

    /// Ends device logins without success, also those that wait already: with status 400. The
    /// runtime takes 403 and 404 as a code that nobody has entered yet, and any other status that
    /// is no success as the end.
    pub fn deny_device(&self) {
        self.answer(routes::DEVICE_TOKEN, 400, json!({ "error": "access_denied" }));
    }

    /// Gives no device codes, as an issuer for which they are switched off.
    pub fn disable_device_codes(&self) {
        self.answer(routes::DEVICE_CODE, 404, json!({}));
    }

    /// Refuses to give tokens, both at the end of a login and for a refresh.
    pub fn refuse_tokens(&self, description: &str) {
        let body = json!({ "error": "invalid_grant", "error_description": description });
        self.answer(routes::TOKEN, 400, body);
    }

    /// Gives tokens again.
    pub fn grant_tokens(&self) {
        self.answer_as_usual(routes::TOKEN);
    }

    /// Makes an access token of the account, for a login with tokens from elsewhere. Each one is
    /// different.
    pub fn issue_token(&self) -> String {
        self.shared.state().tokens.access()
    }

    /// Everything that was handed out and has to stay secret: access, id and refresh tokens, API
    /// keys and authorization codes.
    pub fn issued_secrets(&self) -> Vec<String> {
        self.shared.state().tokens.issued.clone()
    }

    /// Answers all requests to a path with this and nothing else, for example `/oauth/token` or
    /// `/backend-api/wham/usage`.
    ///
    /// # Panics
    ///
    /// If `status` is not from 100 to 999.
    pub fn answer(&self, path: &str, status: u16, body: Value) {
        let status = StatusCode::from_u16(status).expect("an HTTP status is from 100 to 999");
        self.shared.state().answers.insert(path.to_owned(), (status, body));
    }

    /// Takes back [`answer`](Self::answer).
    pub fn answer_as_usual(&self, path: &str) {
        self.shared.state().answers.remove(path);
    }
}

impl fmt::Debug for MockIssuer {
    /// Shows no token, and of the requests only how many there were.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("MockIssuer")
            .field("url", &self.url())
            .field("requests", &state.requests.len())
            .field("issued_secrets", &state.tokens.issued.len())
            .finish_non_exhaustive()
    }
}

/// What the handles and the server's task have in common.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Changes with every request, for those that wait for one.
    arrived: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    sign_in: SignIn,
    device_approved: bool,
    tokens: Tokens,
    /// What is answered to a path whatever the rest says.
    answers: HashMap<String, (StatusCode, Value)>,
    requests: Vec<IssuerRequest>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No change of the state can panic half-way, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
