//! Whom a message concerns.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Text;
use crate::protocol::{
    AccountLoginCompletedNotification, CommandExecOutputDeltaNotification, FsChangedNotification,
    Notification, TurnStartedNotification,
};

/// Which thread, turn or stream a message names.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Scope<'a> {
    pub(crate) thread: Option<Cow<'a, str>>,
    pub(crate) turn: Option<Cow<'a, str>>,
    /// Another turn, for which the turn that starts does the work.
    pub(crate) root_turn: Option<Cow<'a, str>>,
    pub(crate) stream: Option<Stream<'a>>,
    /// The attempt to log in that has ended.
    pub(crate) login: Option<Cow<'a, str>>,
}

/// Something outside of threads that sends notifications, by the id that the client gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stream<'a> {
    /// A command that was started with `command/exec`.
    Process(Cow<'a, str>),
    /// What was asked for with `fs/watch`.
    Watch(Cow<'a, str>),
}

pub(super) fn scope_of<'a>(method: &str, params: Option<&'a RawValue>) -> Scope<'a> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(borrow)]
        thread_id: Option<Text<'a>>,
        #[serde(borrow)]
        turn_id: Option<Text<'a>>,
        #[serde(borrow)]
        turn: Option<Turn<'a>>,
        #[serde(borrow)]
        process_id: Option<Text<'a>>,
        #[serde(borrow)]
        watch_id: Option<Text<'a>>,
        #[serde(borrow)]
        login_id: Option<Text<'a>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Turn<'a> {
        #[serde(borrow)]
        id: Text<'a>,
        #[serde(borrow)]
        root_turn_id: Option<Text<'a>>,
    }
    // Params that do not look like this belong to no thread and no turn.
    let params = params.and_then(|it| serde_json::from_str::<Params<'_>>(it.get()).ok());
    let Some(params) = params else { return Scope::default() };
    let stream = match method {
        CommandExecOutputDeltaNotification::METHOD => {
            params.process_id.map(|it| Stream::Process(it.0))
        }
        FsChangedNotification::METHOD => params.watch_id.map(|it| Stream::Watch(it.0)),
        _ => None,
    };
    let (turn, root) = match params.turn {
        Some(turn) => (Some(turn.id.0), turn.root_turn_id.map(|id| id.0)),
        None => (None, None),
    };
    let turn = params.turn_id.map(|id| id.0).or(turn);
    let is_start = method == TurnStartedNotification::METHOD;
    let root_turn = root.filter(|root| is_start && turn.as_ref() != Some(root));
    let is_end_of_login = method == AccountLoginCompletedNotification::METHOD;
    let login = params.login_id.map(|id| id.0).filter(|_| is_end_of_login);
    Scope { thread: params.thread_id.map(|id| id.0), turn, root_turn, stream, login }
}
