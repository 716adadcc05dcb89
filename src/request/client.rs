//! What the server wants of the client itself: the time, tokens, an attestation, a tool.

#[cfg(feature = "experimental")]
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroize;

use crate::connection::Line;
#[cfg(feature = "experimental")]
use crate::error::Error;
use crate::error::Result;
use crate::protocol::{
    AttestationGenerateParams, AttestationGenerateResponse, ChatgptAuthTokensRefreshParams,
    ChatgptAuthTokensRefreshResponse, DynamicToolCallOutputContentItem, DynamicToolCallParams,
    DynamicToolCallResponse, InputTextDynamicToolCallOutputContentItem, SecretValue, envelope,
};
#[cfg(feature = "experimental")]
use crate::protocol::{CurrentTimeReadParams, CurrentTimeReadResponse};

#[cfg(feature = "experimental")]
use super::CurrentTime;
use super::{Attestation, Kind};

#[cfg(feature = "experimental")]
impl CurrentTime {
    /// Answers with this time, in whole seconds.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): a time before 1970 is invalid.
    pub fn answer(&self, time: SystemTime) -> Result<()> {
        let since = time.duration_since(UNIX_EPOCH).ok();
        match since.and_then(|it| i64::try_from(it.as_secs()).ok()) {
            Some(seconds) => self.respond(CurrentTimeReadResponse::new(seconds)),
            None => Err(Error::InvalidInput("this time is out of range".into())),
        }
    }
}

impl Attestation {
    /// Answers with a token.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): a blank token is invalid.
    pub fn answer(&self, token: impl Into<String>) -> Result<()> {
        self.respond(AttestationGenerateResponse::new(token))
    }
}

#[cfg(feature = "experimental")]
impl Kind for CurrentTimeReadParams {
    fn no(&self) -> Option<CurrentTimeReadResponse> {
        None
    }

    fn check(&self, response: &CurrentTimeReadResponse) -> Result<(), String> {
        if response.current_time_at < 0 { Err("this time is out of range".into()) } else { Ok(()) }
    }
}

impl Kind for AttestationGenerateParams {
    fn no(&self) -> Option<AttestationGenerateResponse> {
        None
    }

    fn check(&self, response: &AttestationGenerateResponse) -> Result<(), String> {
        if response.token.trim().is_empty() { Err("the token is blank".into()) } else { Ok(()) }
    }

    fn encode(id: &str, response: &AttestationGenerateResponse) -> serde_json::Result<Line> {
        envelope::secret_answer_line(id, &SecretValue::of(response)).map(Line::Secret)
    }

    fn wipe(response: &mut AttestationGenerateResponse) {
        response.token.zeroize();
    }
}

impl Kind for ChatgptAuthTokensRefreshParams {
    fn no(&self) -> Option<ChatgptAuthTokensRefreshResponse> {
        None
    }

    fn encode(id: &str, tokens: &ChatgptAuthTokensRefreshResponse) -> serde_json::Result<Line> {
        envelope::secret_answer_line(id, &SecretValue::of(tokens)).map(Line::Secret)
    }

    fn wipe(tokens: &mut ChatgptAuthTokensRefreshResponse) {
        tokens.access_token.zeroize();
    }
}

impl Kind for DynamicToolCallParams {
    fn no(&self) -> Option<DynamicToolCallResponse> {
        let text = InputTextDynamicToolCallOutputContentItem::new("the tool gave no result");
        Some(DynamicToolCallResponse::new(
            vec![DynamicToolCallOutputContentItem::InputText(text)],
            false,
        ))
    }
}
