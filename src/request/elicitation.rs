//! What an MCP server wants to know of the user.

mod form;

use serde_json::Value;

use crate::error::Result;
use crate::protocol::{
    McpServerElicitationAction, McpServerElicitationRequestParams,
    McpServerElicitationRequestResponse,
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

    /// Whether it is the runtime that asks, for a tool of the server to be called
    /// (`_meta.codex_approval_kind`).
    pub fn is_tool_approval(&self) -> bool {
        is_tool_approval(self)
    }
}

pub(super) fn is_tool_approval(asked: &McpServerElicitationRequestParams) -> bool {
    let McpServerElicitationRequestParams::Form(form) = asked else { return false };
    let kind = form.meta.as_ref().and_then(|meta| meta.get("codex_approval_kind"));
    kind.and_then(Value::as_str) == Some("mcp_tool_call")
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

    fn check(&self, response: &McpServerElicitationRequestResponse) -> Result<(), String> {
        let content = response.content.as_ref().filter(|content| !content.is_null());
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
