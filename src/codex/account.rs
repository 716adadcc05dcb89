//! The account that the runtime works with.

use crate::account::AccountEvents;
use crate::error::{Error, Result};
use crate::login::LoginStart;
use crate::protocol;

use super::{Call, Codex};

impl Codex {
    /// The account that the runtime is logged in to, if any (`account/read`), after its token was
    /// [renewed](Call::refresh_token) if that is wanted.
    pub fn account(&self) -> Call<protocol::GetAccountParams> {
        self.request(protocol::GetAccountParams::default())
    }

    /// The same, but that there is none although the model provider asks for one is an error.
    ///
    /// # Errors
    ///
    /// [`Error::AccountRequired`], which says how to log in; and what can happen to any call.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens when the future is dropped.
    pub async fn require_account(&self) -> Result<protocol::GetAccountResponse> {
        let found = self.account().await?;
        if found.account.is_none() && found.requires_openai_auth {
            return Err(Error::AccountRequired);
        }
        Ok(found)
    }

    /// Begins a login to ChatGPT in a browser on the machine of the runtime (`account/login/start`).
    /// Await it for the address to open, and then its end.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// let login = codex.login_chatgpt().await?;
    /// println!("Open {}", login.auth_url());
    /// login.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The browser comes back to port 1455 of that machine (1457 if another program has it), where
    /// the runtime waits for it. Another runtime of this machine that begins such a login takes the
    /// port, which cancels this one.
    pub fn login_chatgpt(&self) -> LoginStart<protocol::ChatgptLoginAccountParams> {
        LoginStart::new(&self.connection, protocol::ChatgptLoginAccountParams::default())
    }

    /// Begins a login to ChatGPT with a code that is entered on any device (`account/login/start`).
    /// Await it for the code and where to enter it, and then its end.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// let login = codex.login_chatgpt_device_code().await?;
    /// println!("Enter {} at {}", login.user_code(), login.verification_url());
    /// login.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn login_chatgpt_device_code(
        &self,
    ) -> LoginStart<protocol::ChatgptDeviceCodeLoginAccountParams> {
        LoginStart::new(&self.connection, protocol::ChatgptDeviceCodeLoginAccountParams::default())
    }

    /// Forgets the account (`account/logout`), and ends a login that was begun. Tokens of ChatGPT are
    /// revoked where they were issued, which takes 5 s without a network.
    pub fn logout(&self) -> Call<protocol::LogoutAccountParams> {
        self.request(protocol::LogoutAccountParams)
    }

    /// How much of the limits of a ChatGPT account is used up (`account/rateLimits/read`).
    pub fn rate_limits(&self) -> Call<protocol::GetAccountRateLimitsParams> {
        self.request(protocol::GetAccountRateLimitsParams::default())
    }

    /// What a ChatGPT account has used over time (`account/usage/read`).
    pub fn account_usage(&self) -> Call<protocol::GetAccountTokenUsageParams> {
        self.request(protocol::GetAccountTokenUsageParams::default())
    }

    /// What happens to the account from now on, whoever causes it. As long as somebody has such a
    /// feed, these events are not in [`Codex::notifications`].
    pub fn account_events(&self) -> AccountEvents {
        AccountEvents::new(self.connection.link())
    }
}

impl Call<protocol::GetAccountParams> {
    /// Has the token of the account renewed first. If that is refused, the answer has no account, and
    /// a new login is needed.
    pub fn refresh_token(self) -> Self {
        self.params(|it| it.refresh_token(true))
    }
}
