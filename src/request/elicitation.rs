//! What an MCP server wants to know of the user.

mod form;

use serde_json::{Value, json};

use crate::connection::Line;
use crate::error::Result;
use crate::protocol::approval::{APPROVAL_KIND, PERSIST, PERSIST_SESSION, TOOL_CALL_APPROVAL};
use crate::protocol::{
    McpServerElicitationAction, McpServerElicitationRequestParams,
    McpServerElicitationRequestResponse, SecretValue, envelope,
};

use super::{Elicitation, Kind, RequestScope};

impl Elicitation {
    /// Answers with what the user has filled in: an object with a value for each property of the
    /// form.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): what does not fit the schema of the form is invalid. Formats
    /// of texts, such as that of an address, are not looked at.
    pub fn accept_with(&self, content: impl Into<Value>) -> Result<()> {
        let mut response =
            McpServerElicitationRequestResponse::new(McpServerElicitationAction::Accept);
        response.content = Some(content.into());
        self.respond(response)
    }

    /// Says that the user agrees: opens the page, fills in nothing, lets the tool be called.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): a form may have properties that need a value.
    pub fn accept(&self) -> Result<()> {
        self.respond(McpServerElicitationRequestResponse::new(McpServerElicitationAction::Accept))
    }

    /// Says that the user does not want to.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn decline(&self) -> Result<()> {
        self.respond(McpServerElicitationRequestResponse::new(McpServerElicitationAction::Decline))
    }

    /// Says that the user has turned away without a decision.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn cancel(&self) -> Result<()> {
        self.respond(McpServerElicitationRequestResponse::new(McpServerElicitationAction::Cancel))
    }

    /// Lets the tool be called, and again without a question as long as the thread is loaded
    /// (`_meta.persist`).
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): the runtime may not have offered this.
    pub fn accept_for_session(&self) -> Result<()> {
        let mut response =
            McpServerElicitationRequestResponse::new(McpServerElicitationAction::Accept);
        response.meta = Some(json!({ PERSIST: PERSIST_SESSION }));
        self.respond(response)
    }

    /// Whether the runtime asks if a tool of the server may be called (`_meta.codex_approval_kind`):
    /// to accept is to let it be called. The server can make its own questions look like that, so
    /// that this says nothing about who asks.
    pub fn is_tool_approval(&self) -> bool {
        is_tool_approval(self)
    }
}

pub(super) fn is_tool_approval(asked: &McpServerElicitationRequestParams) -> bool {
    let McpServerElicitationRequestParams::Form(form) = asked else { return false };
    let kind = form.meta.as_ref().and_then(|meta| meta.get(APPROVAL_KIND));
    kind.and_then(Value::as_str) == Some(TOOL_CALL_APPROVAL)
}

fn offers_to_persist(asked: &McpServerElicitationRequestParams, how: &Value) -> bool {
    let McpServerElicitationRequestParams::Form(form) = asked else { return false };
    let offered = form.meta.as_ref().and_then(|meta| meta.get(PERSIST)?.as_array());
    offered.is_some_and(|offered| offered.contains(how))
}

pub(super) fn scope(asked: &McpServerElicitationRequestParams) -> RequestScope {
    use McpServerElicitationRequestParams as Asked;

    let turn = match asked {
        Asked::Form(it) => it.turn_id.clone(),
        Asked::NamespacedOpenaiForm(it) => it.turn_id.clone(),
        Asked::OpenaiForm(it) => it.turn_id.clone(),
        #[cfg(feature = "experimental")]
        Asked::OpenaiUserVerification(it) => it.turn_id.clone(),
        Asked::Url(it) => it.turn_id.clone(),
        Asked::Unrecognized(_) => None,
    };
    RequestScope { thread: asked.thread_id().map(str::to_owned), turn, root: None }
}

impl Kind for McpServerElicitationRequestParams {
    fn no(&self) -> Option<McpServerElicitationRequestResponse> {
        let action = McpServerElicitationAction::Decline;
        Some(McpServerElicitationRequestResponse::new(action))
    }

    fn encode(
        id: &str,
        response: &McpServerElicitationRequestResponse,
    ) -> serde_json::Result<Line> {
        envelope::secret_answer_line(id, &SecretValue::of(response)).map(Line::Secret)
    }

    fn wipe(response: &mut McpServerElicitationRequestResponse) {
        drop(response.content.take().map(SecretValue::from));
    }

    fn check(&self, response: &McpServerElicitationRequestResponse) -> Result<(), String> {
        let content = response.content.as_ref().filter(|content| !content.is_null());
        let persist = response.meta.as_ref().and_then(|meta| meta.get(PERSIST));
        if persist.is_some_and(|it| !offers_to_persist(self, it)) {
            return Err("this was not offered to be accepted for longer than once".into());
        }
        if response.action != McpServerElicitationAction::Accept {
            return match content {
                Some(_) => Err("only who accepts says something".into()),
                None => Ok(()),
            };
        }
        match (self, content) {
            (Self::Form(asked), content) => form::check(&asked.requested_schema, content),
            (Self::Url(_), Some(_)) => Err("there is nothing to fill in: a page is opened".into()),
            (Self::OpenaiForm(_) | Self::NamespacedOpenaiForm(_), Some(content))
                if !content.is_object() =>
            {
                Err("what is filled in is an object".into())
            }
            _ => Ok(()),
        }
    }
}
