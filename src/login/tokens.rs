//! Tokens that the client gets by itself, and renews when the runtime asks for it.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use crate::config::CodexBuilder;
use crate::protocol::{ChatgptAuthTokensRefreshParams, ChatgptAuthTokensRefreshResponse};
use crate::request::{Handlers, TokenRefresh};

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
        let provider = Handlers::new().token_refresh(move |request: TokenRefresh| {
            let tokens = refresh(request.params().clone());
            async move {
                let tokens = tokens.await.map_err(Into::into)?;
                Ok::<_, Box<dyn Error + Send + Sync>>(request.respond(tokens)?)
            }
        });
        self.token_provider = Some(Arc::new(provider));
        self
    }
}
