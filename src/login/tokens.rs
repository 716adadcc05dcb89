//! Tokens that the client gets by itself, and renews when the runtime asks for it.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use zeroize::Zeroize;

use crate::codex::BoxFuture;
use crate::config::CodexBuilder;
use crate::protocol::{
    ChatgptAuthTokensRefreshParams, ChatgptAuthTokensRefreshResponse, SecretValue,
};
use crate::request::Unanswered;

impl CodexBuilder {
    /// Renews the ChatGPT tokens that the client has logged in with (the experimental case
    /// `chatgptAuthTokens` of [`LoginAccountParams`](crate::protocol::LoginAccountParams)), when the
    /// runtime asks for it (`account/chatgptAuthTokens/refresh`) because the model refused them. The
    /// new ones should be of the account that it names: with others the turn mostly fails.
    ///
    /// The provider is asked in a task of its own, perhaps again before it has answered, and has
    /// 9 s: the runtime waits no longer than 10 s. Then, or when the connection ends, its future is
    /// dropped. Like any async code it must not block its thread. If it fails, panics or takes
    /// longer, the turn fails, and [`ConnectionEvent::RequestRefused`](crate::ConnectionEvent) says
    /// why; the runtime is told that there is no answer, and nothing of the error. The tokens are
    /// wiped once they are written.
    ///
    /// It is let go of when the connection ends. Until then it must not hold the client, which would
    /// keep itself open like that.
    ///
    /// ```
    /// use codexkit::Codex;
    /// use codexkit::protocol::ChatgptAuthTokensRefreshResponse;
    ///
    /// let builder = Codex::builder().chatgpt_token_provider(async |asked| {
    ///     let account = asked.previous_account_id.unwrap_or_default();
    ///     let token = renewed_token(&account).await?;
    ///     Ok::<_, std::io::Error>(ChatgptAuthTokensRefreshResponse::new(account, token))
    /// });
    /// # async fn renewed_token(account: &str) -> std::io::Result<String> { Ok(account.into()) }
    /// ```
    pub fn chatgpt_token_provider<F, Fut, E>(mut self, refresh: F) -> Self
    where
        F: Fn(ChatgptAuthTokensRefreshParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ChatgptAuthTokensRefreshResponse, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.token_provider = Some(TokenProvider::new(refresh));
        self
    }
}

/// How long a provider may take. The runtime gives up after 10 s.
const TIME: Duration = Duration::from_secs(9);

/// The new tokens, encoded at once so that they are wiped whatever becomes of them.
type Answer = Result<SecretValue, Arc<dyn Error + Send + Sync>>;

/// What a user gives to renew tokens.
#[derive(Clone)]
pub(crate) struct TokenProvider(
    Arc<dyn Fn(ChatgptAuthTokensRefreshParams) -> BoxFuture<Answer> + Send + Sync>,
);

impl TokenProvider {
    fn new<F, Fut, E>(refresh: F) -> TokenProvider
    where
        F: Fn(ChatgptAuthTokensRefreshParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ChatgptAuthTokensRefreshResponse, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        TokenProvider(Arc::new(move |params| {
            let tokens = refresh(params);
            Box::pin(async move {
                let mut tokens = tokens.await.map_err(|error| Arc::from(error.into()))?;
                let answer = SecretValue::of(&tokens);
                tokens.access_token.zeroize();
                Ok(answer)
            })
        }))
    }

    /// Asks the user's code in a task of its own, so that a panic there harms nothing else.
    pub(crate) async fn refresh(
        &self,
        params: ChatgptAuthTokensRefreshParams,
    ) -> Result<SecretValue, Unanswered> {
        let provider = Arc::clone(&self.0);
        // Dropping the set ends the task.
        let mut task = JoinSet::new();
        task.spawn(async move { provider(params).await });
        let (problem, source) = match timeout(TIME, task.join_next()).await {
            Ok(Some(Ok(Ok(answer)))) => return Ok(answer),
            Ok(Some(Ok(Err(error)))) => ("the provider of tokens failed".into(), Some(error)),
            Ok(Some(Err(_)) | None) => ("the provider of tokens panicked".into(), None),
            Err(_) => (format!("the provider of tokens gave none within {TIME:?}"), None),
        };
        Err(Unanswered { problem, source })
    }
}

impl fmt::Debug for TokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenProvider").finish_non_exhaustive()
    }
}
