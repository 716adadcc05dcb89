//! What the agent may run is what the client lets it run.

use codexkit::protocol::{
    AcceptWithExecpolicyAmendmentCommandExecutionApprovalDecision as WithExecpolicy,
    CommandExecutionApprovalDecision as Decision, CommandExecutionApprovalKind,
    CommandExecutionStatus, ThreadItem, TurnStatus,
};
use codexkit::testing::Reply;
use codexkit::{
    ApprovalMode, CommandApproval, Error, Handlers, Resolution, Sandbox, ServerRequest, TurnHandle,
    TurnResult,
};
use serde_json::json;

use crate::asking::{
    CALL, asking, heard_of, made, next_request, nothing_was_made, nothing_went_wrong, run_command,
    still_talks, touch, untrusting, untrusting_start,
};
use crate::support::{Place, SOON, run, within};

const COMMAND: &str = "/bin/bash -lc 'touch made.txt'";

async fn next_approval(turn: &mut TurnHandle) -> CommandApproval {
    match next_request(turn).await {
        ServerRequest::CommandApproval(request) => request,
        other => panic!("{other:?}"),
    }
}

fn status(result: &TurnResult, id: &str) -> Option<CommandExecutionStatus> {
    result.items.iter().find_map(|item| match item {
        ThreadItem::CommandExecution(it) if it.id == id => Some(it.status.clone()),
        _ => None,
    })
}

/// Runs a turn whose model wants to run a command, with these handlers of the thread. Nothing goes
/// wrong.
async fn answered(place: &Place, handlers: Handlers) -> TurnResult {
    let codex = place.start_with(asking(place)).await;
    let feed = codex.notifications();
    let thread = untrusting_start(&codex).handler(handlers).await.unwrap();
    place.model.extend([touch(Reply::new(), CALL), "Well.".into()]);
    let result = within(SOON, thread.turn("Do it.").await.unwrap().result()).await.unwrap();
    still_talks(place, &thread).await;
    drop(thread);
    nothing_went_wrong(codex, feed).await;
    result
}

#[tokio::test]
async fn a_command_that_is_accepted_runs() {
    run(async |place| {
        let handlers = Handlers::new().command_approval(async |request| {
            assert_eq!(request.kind, CommandExecutionApprovalKind::Command);
            assert_eq!((&*request.item_id, request.command.as_deref()), (CALL, Some(COMMAND)));
            request.accept()
        });
        let result = answered(place, handlers).await;
        assert_eq!(result.final_response.as_deref(), Some("Well."));
        assert_eq!(status(&result, CALL), Some(CommandExecutionStatus::Completed));
        let heard = heard_of(place, CALL);
        assert!(heard.contains("exited with code 0"), "{heard}");
        assert_eq!(made(place), ["made.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_declined_does_not_run_and_the_turn_goes_on() {
    run(async |place| {
        let handlers = Handlers::new().command_approval(async |request| request.decline());
        let result = answered(place, handlers).await;
        assert_eq!(result.final_response.as_deref(), Some("Well."));
        assert_eq!(status(&result, CALL), Some(CommandExecutionStatus::Declined));
        let heard = heard_of(place, CALL);
        assert!(heard.contains("rejected by user"), "{heard}");
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_cancelled_does_not_run_and_the_turn_is_interrupted() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.push(touch(Reply::new(), CALL));
        let handlers = Handlers::new().command_approval(async |request| request.cancel());
        let turn = thread.turn("Do it.").handler(handlers).await.unwrap();
        let result = within(SOON, turn.result()).await.unwrap();
        assert_eq!(result.status, TurnStatus::Interrupted);
        assert_eq!(status(&result, CALL), Some(CommandExecutionStatus::Declined));
        still_talks(place, &thread).await;
        assert!(nothing_was_made(place));
    })
    .await;
}

/// A turn that asks for two commands at once, and both requests in the order of the calls.
async fn two(place: &Place) -> (TurnHandle, CommandApproval, CommandApproval) {
    let thread = untrusting(place).await;
    let both = run_command(touch(Reply::new(), CALL), "call_2", "touch other.txt");
    place.model.extend([both, "Well.".into()]);
    let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
    let mut requests = [next_approval(&mut turn).await, next_approval(&mut turn).await];
    requests.sort_by(|a, b| a.item_id.cmp(&b.item_id));
    let [first, second] = requests;
    assert_eq!([&*first.item_id, &*second.item_id], [CALL, "call_2"]);
    (turn, first, second)
}

#[tokio::test]
async fn two_commands_are_answered_in_the_reverse_order() {
    run(async |place| {
        let (turn, first, second) = two(place).await;
        second.accept().unwrap();
        assert_eq!(second.resolution(), Some(Resolution::Answered));
        assert_eq!(first.resolution(), None);
        first.decline().unwrap();
        let result = within(SOON, turn.result()).await.unwrap();
        assert_eq!(result.status, TurnStatus::Completed);
        assert_eq!(status(&result, CALL), Some(CommandExecutionStatus::Declined));
        assert_eq!(status(&result, "call_2"), Some(CommandExecutionStatus::Completed));
        assert_eq!(made(place), ["other.txt"]);
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_along_with_a_cancelled_command_needs_no_answer() {
    run(async |place| {
        let (turn, first, second) = two(place).await;
        first.cancel().unwrap();
        let resolution = within(SOON, second.resolved()).await;
        assert!(matches!(resolution, Resolution::TurnEnded | Resolution::Elsewhere));
        assert!(matches!(second.accept(), Err(Error::RequestResolved { .. })));
        let result = within(SOON, turn.result()).await.unwrap();
        assert_eq!(result.status, TurnStatus::Interrupted);
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn a_command_is_decided_only_once() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.extend([touch(Reply::new(), CALL), "Well.".into()]);
        let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
        let request = next_approval(&mut turn).await;
        let clone = request.clone();
        request.decline().unwrap();
        match clone.accept() {
            Err(Error::RequestResolved { resolution: Resolution::Answered, .. }) => (),
            other => panic!("{other:?}"),
        }
        assert_eq!(turn.result().await.unwrap().final_response.as_deref(), Some("Well."));
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn the_decisions_are_what_the_runtime_offers_and_two_ways_to_say_no() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.extend([touch(Reply::new(), CALL), "Well.".into()]);
        let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
        let request = next_approval(&mut turn).await;
        let amendment = words(["touch", "made.txt"]);
        assert_eq!(request.proposed_execpolicy_amendment.as_ref(), Some(&amendment));
        let with_amendment = WithExecpolicy::new(amendment).into();
        let expected = [Decision::Accept, with_amendment, Decision::Cancel, Decision::Decline];
        assert_eq!(request.decisions(), expected);
        request.decline().unwrap();
        turn.result().await.unwrap();
    })
    .await;
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

#[tokio::test]
async fn a_rule_that_is_accepted_with_a_command_holds_for_the_next_one() {
    run(async |place| {
        let codex = place.start_with(asking(place)).await;
        let thread = untrusting_start(&codex).await.unwrap();
        place.model.extend([touch(Reply::new(), CALL), "Well.".into()]);
        let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
        let request = next_approval(&mut turn).await;
        let decision = request.decisions().remove(1);
        assert!(matches!(decision, Decision::AcceptWithExecpolicyAmendment(_)));
        request.decide(decision).unwrap();
        turn.result().await.unwrap();
        assert_eq!(made(place), ["made.txt"]);
        std::fs::remove_file(place.home.workspace().join("made.txt")).unwrap();

        // In another thread nobody is there to accept it.
        let thread = untrusting_start(&codex).await.unwrap();
        let feed = codex.notifications();
        place.model.extend([touch(Reply::new(), "call_2"), "Well.".into()]);
        let result = thread.run("Do it again.").await.unwrap();
        assert_eq!(status(&result, "call_2"), Some(CommandExecutionStatus::Completed));
        assert_eq!(made(place), ["made.txt"]);
        let rules = place.home.codex_home().join("rules/default.rules");
        let rules = std::fs::read_to_string(rules).unwrap();
        assert!(rules.contains(r#"["touch", "made.txt"]"#), "{rules}");
        drop(thread);
        nothing_went_wrong(codex, feed).await;
    })
    .await;
}

#[tokio::test]
async fn a_decision_that_was_not_offered_is_not_sent() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.extend([touch(Reply::new(), CALL), "Well.".into()]);
        let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
        let request = next_approval(&mut turn).await;
        let decisions = [
            WithExecpolicy::new(words(["touch"])).into(),
            WithExecpolicy::new(words(["whoami"])).into(),
            WithExecpolicy::new(Vec::<String>::new()).into(),
            Decision::Unrecognized("approved".into()),
        ];
        for decision in decisions {
            match request.decide(decision) {
                Err(Error::InvalidInput(problem)) => {
                    assert!(problem.contains("was not offered"), "{problem}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(request.resolution(), None);
        }
        request.decline().unwrap();
        let result = turn.result().await.unwrap();
        assert_eq!(status(&result, CALL), Some(CommandExecutionStatus::Declined));
        assert!(nothing_was_made(place));
        assert!(!place.home.codex_home().join("rules/default.rules").exists());
    })
    .await;
}

#[tokio::test]
async fn the_runtime_lets_no_command_be_accepted_for_the_session() {
    run(async |place| {
        // It also says what it offers to a client that did not ask for the experimental API.
        for experimental in [true, false] {
            let codex = place.start_with(asking(place).experimental_api(experimental)).await;
            let thread = untrusting_start(&codex).await.unwrap();
            place.model.extend([touch(Reply::new(), CALL), "Well.".into()]);
            let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
            let request = next_approval(&mut turn).await;
            let is_offered = request.decisions().contains(&Decision::AcceptForSession);
            assert!(!is_offered && request.available_decisions.is_some());
            let error = request.accept_for_session().unwrap_err();
            assert!(matches!(error, Error::InvalidInput(_)), "{error}");
            request.decline().unwrap();
            turn.result().await.unwrap();
            codex.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_accepted_once_is_asked_for_again() {
    run(async |place| {
        let thread = untrusting(place).await;
        let handlers = Handlers::new().command_approval(async |request| request.accept());
        place.model.extend([touch(Reply::new(), CALL), "Well.".into()]);
        thread.run("Do it.").handler(handlers).await.unwrap();
        std::fs::remove_file(place.home.workspace().join("made.txt")).unwrap();
        // Nobody is there to accept it.
        place.model.extend([touch(Reply::new(), "call_2"), "Well.".into()]);
        let result = thread.run("Do it again.").await.unwrap();
        assert_eq!(status(&result, "call_2"), Some(CommandExecutionStatus::Declined));
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn input_to_a_command_outside_of_the_sandbox_is_to_be_approved_too() {
    run(async |place| {
        let codex = place.start_with(asking(place)).await;
        let start = codex.thread_start().sandbox(Sandbox::WorkspaceWrite);
        let thread = start.approval_mode(ApprovalMode::Ask).await.unwrap();
        let arguments = json!({
            "cmd": "read line; echo \"got $line\"",
            "tty": true,
            "yield_time_ms": 250,
            "sandbox_permissions": "require_escalated",
            "justification": "May I?",
        });
        place.model.push(Reply::new().function_call(CALL, "exec_command", arguments));
        // Only the runtime knows how it calls the terminal.
        place.model.answer_with(|request| {
            if request.tool_output("call_2").is_some() {
                return Reply::from("Well.");
            }
            let heard = request.tool_output(CALL).unwrap();
            let (_, session) = heard.split_once("session ID ").unwrap();
            let session: i64 = session.split_whitespace().next().unwrap().parse().unwrap();
            let arguments = json!({"session_id": session, "chars": "hello\n"});
            Reply::new().function_call("call_2", "write_stdin", arguments)
        });
        let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
        let command = next_approval(&mut turn).await;
        assert_eq!(command.reason.as_deref(), Some("May I?"));
        command.accept().unwrap();
        let input = next_approval(&mut turn).await;
        assert_eq!(input.kind, CommandExecutionApprovalKind::WriteStdin);
        let ids = (&*input.item_id, input.approval_id.as_deref());
        assert_eq!(ids, (CALL, Some("call_2")));
        let expected = [Decision::Accept, Decision::Cancel, Decision::Decline];
        assert_eq!(input.decisions(), expected);
        input.accept().unwrap();
        within(SOON, turn.result()).await.unwrap();
        let heard = heard_of(place, "call_2");
        assert!(heard.contains("got hello"), "{heard}");
    })
    .await;
}
