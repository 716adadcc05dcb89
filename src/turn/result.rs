//! What a turn gave.

use crate::error::{Error, Result, TurnFailure};
use crate::protocol::{self, Notification};

use super::TurnEvent;

/// What a turn gave.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TurnResult {
    /// The id of the turn.
    pub id: String,
    /// How it ended.
    pub status: protocol::TurnStatus,
    /// Why it failed, or was interrupted by the runtime.
    pub error: Option<protocol::TurnError>,
    /// When it began, in seconds since the Unix epoch.
    pub started_at: Option<i64>,
    /// When it ended, in seconds since the Unix epoch.
    pub completed_at: Option<i64>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// The answer of the agent: its last message in the phase `final_answer`, or else its last
    /// message without a phase.
    pub final_response: Option<String>,
    /// What was completed during the turn, in order: messages, commands, file changes, …
    /// (`item/completed`).
    pub items: Vec<protocol::ThreadItem>,
    /// The tokens used by the thread so far and by the last model call
    /// (`thread/tokenUsage/updated`).
    pub usage: Option<protocol::ThreadTokenUsage>,
}

/// Gathers a result from the events that pass by.
#[derive(Default)]
pub(crate) struct Collected {
    items: Vec<protocol::ThreadItem>,
    usage: Option<protocol::ThreadTokenUsage>,
    end: Option<End>,
    /// What was wrong with the last line that was broken: it may have been the end.
    broken: Option<String>,
}

enum End {
    Completed(Box<protocol::Turn>),
    /// The notification that should have told how the turn ended does not fit its schema.
    Undecodable(protocol::DecodeError),
}

impl Collected {
    pub(crate) fn observe(&mut self, event: &TurnEvent) {
        let Some(notification) = event.notification() else { return };
        match notification {
            protocol::ServerNotification::ItemCompleted(it) => self.items.push(it.item.clone()),
            protocol::ServerNotification::ThreadTokenUsageUpdated(it) => {
                self.usage = Some(it.token_usage.clone());
            }
            protocol::ServerNotification::TurnStarted(_) => (self.end, self.broken) = (None, None),
            protocol::ServerNotification::TurnCompleted(it) => {
                self.end = Some(End::Completed(Box::new(it.turn.clone())));
            }
            protocol::ServerNotification::Unrecognized(it)
                if it.method == protocol::TurnCompletedNotification::METHOD =>
            {
                self.end = match protocol::ServerNotification::try_decode(&it.method, &it.params) {
                    Ok(_) => None,
                    Err(error) => Some(End::Undecodable(error)),
                };
            }
            _ => (),
        }
    }

    pub(crate) fn observe_broken(&mut self, error: &dyn std::error::Error) {
        self.broken = Some(error.to_string());
    }

    /// The result of a turn that has ended.
    pub(crate) fn into_result(self, id: &str) -> Result<TurnResult> {
        let method = protocol::TurnCompletedNotification::METHOD;
        let turn = match self.end {
            Some(End::Completed(turn)) => turn,
            Some(End::Undecodable(error)) => return Err(Error::decode(method, error)),
            None => {
                let problem = self.broken.unwrap_or_else(|| "it is missing".into());
                return Err(Error::decode(method, protocol::DecodeError::new(problem)));
            }
        };
        let result = TurnResult {
            error: turn.error,
            started_at: turn.started_at,
            completed_at: turn.completed_at,
            duration_ms: turn.duration_ms,
            ..TurnResult::new(id, turn.status, self.items, self.usage)
        };
        match result.status {
            protocol::TurnStatus::Failed => {
                Err(Error::TurnFailed(Box::new(TurnFailure { turn: result })))
            }
            _ => Ok(result),
        }
    }

    /// What there is of a turn that has not ended.
    pub(super) fn into_unfinished(self, id: &str) -> TurnResult {
        TurnResult::new(id, protocol::TurnStatus::InProgress, self.items, self.usage)
    }
}

impl TurnResult {
    pub(crate) fn new(
        id: &str,
        status: protocol::TurnStatus,
        items: Vec<protocol::ThreadItem>,
        usage: Option<protocol::ThreadTokenUsage>,
    ) -> TurnResult {
        TurnResult {
            id: id.to_owned(),
            status,
            error: None,
            started_at: None,
            completed_at: None,
            duration_ms: None,
            final_response: final_response(&items),
            items,
            usage,
        }
    }
}

fn final_response(items: &[protocol::ThreadItem]) -> Option<String> {
    let messages = || {
        items.iter().rev().filter_map(|item| match item {
            protocol::ThreadItem::AgentMessage(message) => Some(message),
            _ => None,
        })
    };
    let is_final = |it: &&protocol::AgentMessageThreadItem| {
        it.phase == Some(protocol::MessagePhase::FinalAnswer)
    };
    let message = messages().find(is_final).or_else(|| messages().find(|it| it.phase.is_none()))?;
    Some(message.text.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response_of(messages: &[(&str, Option<&str>)]) -> Option<String> {
        let items: Vec<protocol::ThreadItem> = messages
            .iter()
            .map(|(text, phase)| {
                let item =
                    json!({"type": "agentMessage", "id": text, "text": text, "phase": phase});
                serde_json::from_value(item).unwrap()
            })
            .collect();
        final_response(&items)
    }

    #[test]
    fn the_final_answer_is_the_response_even_if_more_is_said() {
        let messages =
            [("answer", Some("final_answer")), ("later", None), ("hm", Some("commentary"))];
        assert_eq!(response_of(&messages).as_deref(), Some("answer"));
    }

    #[test]
    fn without_a_final_answer_the_last_message_without_a_phase_is_the_response() {
        assert_eq!(response_of(&[("a", None), ("b", None)]).as_deref(), Some("b"));
        assert_eq!(response_of(&[("a", None), ("", None)]).as_deref(), Some(""));
    }

    #[test]
    fn commentary_is_no_response() {
        assert_eq!(response_of(&[("a", Some("commentary")), ("b", Some("partial_answer"))]), None);
        assert_eq!(response_of(&[]), None);
    }
}
