//! What a model does so that its user is asked, and how that shows.

use std::error::Error as StdError;
use std::future::pending;
use std::sync::{Arc, Mutex};

use codexkit::protocol::{AskForApproval, PermissionGrantScope, RawMessage};
use codexkit::testing::Reply;
use codexkit::{
    Codex, CodexBuilder, ConnectionEvent, HandlerResult, Handlers, Notifications, Result,
    ServerRequest, Thread, ThreadStart, TurnEvent, TurnHandle,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::support::{Place, SOON, within};

/// The id of the call that leads to the question.
pub(crate) const CALL: &str = "call_1";

pub(crate) const EVERYTHING: [Asked; 4] =
    [Asked::Command, Asked::FileChange, Asked::Permissions, Asked::UserInput];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Command,
    FileChange,
    Permissions,
    UserInput,
}

impl Asked {
    pub(crate) fn method(self) -> &'static str {
        match self {
            Asked::Command => "item/commandExecution/requestApproval",
            Asked::FileChange => "item/fileChange/requestApproval",
            Asked::Permissions => "item/permissions/requestApproval",
            Asked::UserInput => "item/tool/requestUserInput",
        }
    }

    /// What the model says to bring the question about.
    pub(crate) fn call(self) -> Reply {
        match self {
            Asked::Command => touch(Reply::new(), CALL),
            Asked::FileChange => add_file(Reply::new(), CALL, "made.txt"),
            Asked::Permissions => {
                let arguments =
                    json!({"reason": "May I?", "permissions": {"network": {"enabled": true}}});
                Reply::new().function_call(CALL, "request_permissions", arguments)
            }
            Asked::UserInput => ask(Reply::new(), CALL, &[("q1", &["left", "right"])]),
        }
    }

    /// Says yes.
    pub(crate) fn accept(self, request: &ServerRequest) -> Result<()> {
        match (self, request) {
            (Asked::Command, ServerRequest::CommandApproval(it)) => it.accept(),
            (Asked::FileChange, ServerRequest::FileChangeApproval(it)) => it.accept(),
            (Asked::Permissions, ServerRequest::PermissionsApproval(it)) => {
                it.grant_all(PermissionGrantScope::Turn)
            }
            (Asked::UserInput, ServerRequest::UserInput(it)) => it.answer([("q1", "left")]),
            (_, other) => panic!("{other:?}"),
        }
    }

    /// Whether this is what the model hears after a yes, and what it wanted is done.
    pub(crate) fn is_done(self, place: &Place, heard: &str) -> bool {
        match self {
            Asked::Command => heard.contains("exited with code 0") && made(place) == ["made.txt"],
            Asked::FileChange => heard.contains("Success.") && made(place) == ["made.txt"],
            Asked::Permissions => {
                json_of(heard)["permissions"]["network"] == json!({"enabled": true})
            }
            Asked::UserInput => json_of(heard) == json!({"answers": {"q1": {"answers": ["left"]}}}),
        }
    }

    /// Whether this is what the model hears after a no, and nothing is done.
    pub(crate) fn is_refused(self, place: &Place, heard: &str) -> bool {
        let is_no = match self {
            Asked::Command | Asked::FileChange => heard.contains("rejected by user"),
            Asked::Permissions => {
                json_of(heard)["permissions"] == json!({"network": null, "file_system": null})
            }
            Asked::UserInput => json_of(heard) == json!({"answers": {}}),
        };
        is_no && nothing_was_made(place)
    }
}

/// How to start a runtime whose models may ask everything.
pub(crate) fn asking(place: &Place) -> CodexBuilder {
    place
        .builder()
        .config("features.default_mode_request_user_input", true)
        .config("features.request_permissions_tool", true)
        .config("suppress_unstable_features_warning", true)
}

/// A thread that asks before anything.
pub(crate) fn untrusting_start(codex: &Codex) -> ThreadStart {
    codex.thread_start().params(|it| it.approval_policy(AskForApproval::Untrusted))
}

pub(crate) async fn untrusting(place: &Place) -> Thread {
    untrusting_start(&place.start_with(asking(place)).await).await.unwrap()
}

/// What the model has heard of its last call with this id.
pub(crate) fn heard_of(place: &Place, call_id: &str) -> String {
    place.model.requests().pop().unwrap().tool_output(call_id).unwrap()
}

/// The next request of the server among the events of a turn, which must come soon.
pub(crate) async fn next_request(turn: &mut TurnHandle) -> ServerRequest {
    let found = async {
        while let Some(event) = turn.next().await {
            if let TurnEvent::Request(request) = event.unwrap() {
                return request;
            }
        }
        panic!("the turn ended and asked nothing")
    };
    within(SOON, found).await
}

/// A request that was refused although nobody wanted that.
pub(crate) struct Refusal {
    pub(crate) request: RawMessage,
    pub(crate) problem: Option<String>,
    pub(crate) source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Refusal {
    /// The problem, and the error behind it.
    pub(crate) fn told(self) -> Option<String> {
        let source = self.source.map(|it| format!(": {it}")).unwrap_or_default();
        self.problem.map(|it| it + &source)
    }
}

/// The next one, which must come soon.
pub(crate) async fn next_refusal(feed: &mut Notifications) -> Refusal {
    let found = async {
        loop {
            match feed.next().await.unwrap().unwrap() {
                ConnectionEvent::RequestRefused { request, problem, source, .. } => {
                    return Refusal { request, problem, source };
                }
                event if is_harmless(&event) => (),
                other => panic!("{other:?}"),
            }
        }
    };
    within(SOON, found).await
}

/// Fails if anything was refused, repeated or not understood until the connection ended, which this
/// brings about.
pub(crate) async fn nothing_went_wrong(codex: Codex, mut feed: Notifications) {
    codex.close().await;
    while let Some(Ok(event)) = feed.next().await {
        assert!(is_harmless(&event), "{event:?}");
    }
}

/// Whether an event comes to every client of any runtime.
pub(crate) fn is_harmless(event: &ConnectionEvent) -> bool {
    matches!(event, ConnectionEvent::Notification { .. } | ConnectionEvent::RuntimeVersion { .. })
}

/// The same closure for everything that may be asked.
pub(crate) fn every<F, Fut>(answer: F) -> Handlers
where
    F: Fn(ServerRequest) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = HandlerResult> + Send + 'static,
{
    let [first, second, third] = [(); 3].map(|()| answer.clone());
    Handlers::new()
        .command_approval(move |it| first(ServerRequest::CommandApproval(it)))
        .file_change_approval(move |it| second(ServerRequest::FileChangeApproval(it)))
        .permissions_approval(move |it| third(ServerRequest::PermissionsApproval(it)))
        .user_input(move |it| answer(ServerRequest::UserInput(it)))
}

/// Who was asked, in this order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    /// Somebody who declines everything.
    pub(crate) fn declines(&self, name: &'static str) -> Handlers {
        let log = self.clone();
        every(move |request| {
            log.0.lock().unwrap().push(name);
            let refused = request.refuse();
            async move { Ok(refused?) }
        })
    }

    /// Somebody who leaves everything to the next one.
    pub(crate) fn passes(&self, name: &'static str) -> Handlers {
        let log = self.clone();
        every(move |request| {
            log.0.lock().unwrap().push(name);
            request.pass();
            async { Ok(()) }
        })
    }

    pub(crate) fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A request that a handler has and does not answer.
pub(crate) struct Held {
    pub(crate) request: ServerRequest,
    /// Ends when the future of the handler is dropped.
    pub(crate) given_up: oneshot::Receiver<()>,
}

/// Handlers that never answer, and what they are asked.
pub(crate) fn silent() -> (Handlers, mpsc::UnboundedReceiver<Held>) {
    let (sender, asked) = mpsc::unbounded_channel();
    let handlers = every(move |request| {
        let sender = sender.clone();
        async move {
            let (guard, given_up) = oneshot::channel::<()>();
            sender.send(Held { request, given_up })?;
            let () = pending().await;
            drop(guard);
            Ok(())
        }
    });
    (handlers, asked)
}

/// Shows that the thread is not harmed.
pub(crate) async fn still_talks(place: &Place, thread: &Thread) {
    place.model.push("Yes.");
    let result = within(SOON, thread.run("Are you still there?").into_future()).await.unwrap();
    assert_eq!(result.final_response.as_deref(), Some("Yes."));
}

/// A call of a command that leaves a trace.
pub(crate) fn touch(reply: Reply, call_id: &str) -> Reply {
    run_command(reply, call_id, "touch made.txt")
}

pub(crate) fn run_command(reply: Reply, call_id: &str, command: &str) -> Reply {
    reply.function_call(call_id, "exec_command", json!({"cmd": command}))
}

/// The same as [`touch`], from a model that wants it done outside of the sandbox.
pub(crate) fn touch_escalated(reply: Reply, call_id: &str) -> Reply {
    let arguments = json!({
        "cmd": "touch made.txt",
        "sandbox_permissions": "require_escalated",
        "justification": "May I?",
    });
    reply.function_call(call_id, "exec_command", arguments)
}

/// A patch that makes a file.
pub(crate) fn add_file(reply: Reply, call_id: &str, name: &str) -> Reply {
    patch(reply, call_id, &format!("*** Add File: {name}\n+hello"))
}

pub(crate) fn patch(reply: Reply, call_id: &str, changes: &str) -> Reply {
    let patch = format!("*** Begin Patch\n{changes}\n*** End Patch");
    reply.custom_tool_call(call_id, "apply_patch", &patch)
}

/// Questions with options to the user, by their ids.
pub(crate) fn ask(reply: Reply, call_id: &str, questions: &[(&str, &[&str])]) -> Reply {
    let option = |label: &&str| json!({"label": label, "description": label});
    let question = |(id, options): &(&str, &[&str])| {
        let options: Vec<_> = options.iter().map(option).collect();
        json!({"id": id, "header": "Choice", "question": "Which one?", "options": options})
    };
    let questions: Vec<_> = questions.iter().map(question).collect();
    reply.function_call(call_id, "request_user_input", json!({"questions": questions}))
}

/// The names of what there is in the working directory.
pub(crate) fn made(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.home.workspace()).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn nothing_was_made(place: &Place) -> bool {
    made(place).is_empty()
}

fn json_of(heard: &str) -> Value {
    serde_json::from_str(heard).unwrap_or_else(|error| panic!("{error}: {heard}"))
}
