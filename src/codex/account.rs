//! The account that the runtime works with.

use crate::protocol;

use super::{Call, Codex};

impl Codex {
    /// The account that the runtime is logged in to, if any (`account/read`).
    /// [`refresh_token`](protocol::GetAccountParams::refresh_token) has its token renewed first.
    pub fn account(&self) -> Call<protocol::GetAccountParams> {
        self.request(protocol::GetAccountParams::default())
    }

    /// Forgets the account (`account/logout`).
    pub fn logout(&self) -> Call<protocol::LogoutAccountParams> {
        self.request(protocol::LogoutAccountParams)
    }
}
