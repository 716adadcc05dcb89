//! Errors that a login would mend.

use super::{Error, RpcErrorKind};
use crate::protocol::CodexErrorInfo;

/// What to do about them.
pub(super) const LOG_IN: &str = "log in with `Codex::login_chatgpt`, \
    `Codex::login_chatgpt_device_code` or `Codex::login_api_key`";

impl Error {
    /// True when a login may mend it: there is no account although there has to be one, it is not of
    /// the kind that was needed, or the model refuses it. The model says the same of a key that its
    /// provider has from elsewhere than the runtime's account; no login mends that.
    pub fn needs_login(&self) -> bool {
        matches!(self, Error::AccountRequired)
            || self.kind() == Some(RpcErrorKind::AccountRequired)
            || self.codex_error_info().is_some_and(is_unauthorized)
    }
}

/// Whether the model did not take the account, or the lack of one.
pub(super) fn is_unauthorized(info: &CodexErrorInfo) -> bool {
    const UNAUTHORIZED: Option<u16> = Some(401);
    match info {
        CodexErrorInfo::Unauthorized => true,
        CodexErrorInfo::HttpConnectionFailed(it) => it.http_status_code == UNAUTHORIZED,
        CodexErrorInfo::ResponseStreamConnectionFailed(it) => it.http_status_code == UNAUTHORIZED,
        CodexErrorInfo::ResponseTooManyFailedAttempts(it) => it.http_status_code == UNAUTHORIZED,
        _ => false,
    }
}
