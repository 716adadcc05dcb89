//! Tokens that the client gets by itself, and renews when the runtime asks for it.

use std::error::Error as StdError;
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

impl CodexBuilder {
    /// Renews the ChatGPT tokens that the client has logged in with (the experimental case
    /// `chatgptAuthTokens` of [`LoginAccountParams`](crate::protocol::LoginAccountParams)), when the
    /// runtime asks for it (`account/chatgptAuthTokens/refresh`) because the model refused them. The
    /// new ones have to be of the account that it names.
    ///
    /// The provider is asked in a task of its own and has 9 s: the runtime waits no longer than 10 s.
    /// If it fails, panics or takes longer, the turn fails, and
    /// [`ConnectionEvent::RequestRefused`](crate::ConnectionEvent) says why. Its error is not sent to
    /// the runtime.
    ///
    /// ```no_run
    /// # async fn tokens_of_my_service() -> Result<(String, String), std::io::Error> { unimplemented!() }
    /// # fn example() {
    /// use codexkit::Codex;
    /// use codexkit::protocol::ChatgptAuthTokensRefreshResponse;
    ///
    /// let builder = Codex::builder().chatgpt_token_provider(async |asked| {
    ///     let (account, token) = tokens_of_my_service().await?;
    ///     Ok::<_, std::io::Error>(ChatgptAuthTokensRefreshResponse::new(account, token))
    /// });
    /// # }
    /// ```
    pub fn chatgpt_token_provider<F, Fut, E>(mut self, refresh: F) -> Self
    where
        F: Fn(ChatgptAuthTokensRefreshParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ChatgptAuthTokensRefreshResponse, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.token_provider = Some(TokenProvider::new(refresh));
        self
    }
}

/// How long a provider may take. The runtime gives up after 10 s.
const TIME: Duration = Duration::from_secs(9);

type Answer = Result<ChatgptAuthTokensRefreshResponse, Box<dyn StdError + Send + Sync>>;

/// What a user gives to renew tokens.
#[derive(Clone)]
pub(crate) struct TokenProvider(
    Arc<dyn Fn(ChatgptAuthTokensRefreshParams) -> BoxFuture<Answer> + Send + Sync>,
);

impl TokenProvider {
    pub(crate) fn new<F, Fut, E>(refresh: F) -> TokenProvider
    where
        F: Fn(ChatgptAuthTokensRefreshParams) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ChatgptAuthTokensRefreshResponse, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        TokenProvider(Arc::new(move |params| {
            let answer = refresh(params);
            Box::pin(async move { answer.await.map_err(Into::into) })
        }))
    }

    /// Asks the user's code in a task of its own, so that a panic there harms nothing else. Gives the
    /// answer for the runtime, or what went wrong.
    pub(crate) async fn refresh(
        &self,
        params: ChatgptAuthTokensRefreshParams,
    ) -> Result<SecretValue, String> {
        let provider = Arc::clone(&self.0);
        // Dropping the set ends the task.
        let mut task = JoinSet::new();
        task.spawn(async move { provider(params).await });
        match timeout(TIME, task.join_next()).await {
            Ok(Some(Ok(Ok(mut response)))) => {
                let answer = SecretValue::of(&response);
                response.access_token.zeroize();
                Ok(answer)
            }
            Ok(Some(Ok(Err(error)))) => Err(format!("the provider of tokens failed: {error}")),
            Ok(Some(Err(_)) | None) => Err("the provider of tokens panicked".into()),
            Err(_) => Err(format!("the provider of tokens gave none within {TIME:?}")),
        }
    }
}

impl fmt::Debug for TokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenProvider").finish_non_exhaustive()
    }
}
