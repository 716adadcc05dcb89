//! What comes from something other than the user.

use std::fmt;

use crate::error::{Error, Result};
use crate::protocol;

use super::{Input, check};

/// Something that a program has to say to the agent, such as an alert of a monitor: it starts a
/// turn, or joins the running one, as the output of a tool that the model did not call. So the
/// model sees where it comes from, and does not take it for the words of the user.
///
/// It is a whole input: it cannot be part of a list, and it cannot steer.
///
/// ```no_run
/// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
/// use codexkit::ExternalMessage;
///
/// let alert = ExternalMessage::new("disk_monitor", "/dev/sda1 is 97 % full").namespace("ops");
/// let result = thread.run(alert).await?;
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0277
/// # async fn example(turn: codexkit::TurnHandle) -> codexkit::Result<()> {
/// turn.steer(codexkit::ExternalMessage::new("disk_monitor", "full")).await
/// # }
/// ```
///
/// ```compile_fail,E0308
/// # fn example(thread: codexkit::Thread) {
/// use codexkit::{ExternalMessage, Input};
///
/// let start = thread.run([Input::text("Look:"), ExternalMessage::new("disk_monitor", "full")]);
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct ExternalMessage(protocol::TurnToolOutput);

impl ExternalMessage {
    /// A message from a tool of this name: text, or a list of texts, images and audio.
    pub fn new(
        tool_name: impl Into<String>,
        content: impl Into<protocol::FunctionCallOutputBody>,
    ) -> ExternalMessage {
        ExternalMessage(protocol::TurnToolOutput::new(tool_name, content))
    }

    /// The group of tools that the tool belongs to.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> ExternalMessage {
        ExternalMessage(self.0.namespace(namespace))
    }

    /// Asks to keep the message in what the model sees of the thread.
    #[must_use]
    pub fn retain(self, yes: bool) -> ExternalMessage {
        ExternalMessage(self.0.retain(yes))
    }

    fn into_output(self) -> Result<protocol::TurnToolOutput> {
        if self.0.name.trim().is_empty() {
            let problem = "the external message has a blank tool name: name where it comes from";
            return Err(Error::InvalidInput(problem.into()));
        }
        if let protocol::FunctionCallOutputBody::List(items) = &self.0.output {
            if items.is_empty() {
                let problem = "the external message has an empty list as its content";
                return Err(Error::InvalidInput(problem.into()));
            }
            for (at, item) in items.iter().enumerate() {
                if let Some(why) = check::output_problem(item) {
                    let item = at + 1;
                    let problem = format!("item {item} of the external message {why}");
                    return Err(Error::InvalidInput(problem));
                }
            }
        }
        Ok(self.0)
    }
}

impl fmt::Debug for ExternalMessage {
    /// Says how much there is of it, and leaves out what is in it: that is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = match &self.0.output {
            protocol::FunctionCallOutputBody::List(items) => items.len(),
            _ => 1,
        };
        f.debug_struct("ExternalMessage").field("items", &items).finish_non_exhaustive()
    }
}

/// What starts a turn: an [`Input`] of the user, or an [`ExternalMessage`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TurnInput {
    /// What the user says.
    User(Input),
    /// What something else says.
    External(ExternalMessage),
}

impl TurnInput {
    /// Writes this to where it belongs in the params of a turn.
    pub(crate) fn write_to(self, params: &mut protocol::TurnStartParams) -> Result<()> {
        match self {
            TurnInput::User(_) if params.tool_output.is_some() => {
                let problem = "the turn has both an input of the user and a tool output: start it \
                               with an `ExternalMessage` instead";
                return Err(Error::InvalidInput(problem.into()));
            }
            TurnInput::User(input) => params.input = input.into_items()?,
            TurnInput::External(message) => {
                params.input.clear();
                params.tool_output = Some(message.into_output()?);
            }
        }
        Ok(())
    }
}

impl<T: Into<Input>> From<T> for TurnInput {
    fn from(input: T) -> TurnInput {
        TurnInput::User(input.into())
    }
}

impl From<ExternalMessage> for TurnInput {
    fn from(message: ExternalMessage) -> TurnInput {
        TurnInput::External(message)
    }
}
