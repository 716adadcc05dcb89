//! What the runtime asks for and nobody grants is refused, and the turn goes on.

use codexkit::protocol::{
    CommandExecutionStatus, DynamicToolCallStatus, FunctionDynamicToolSpec, PatchApplyStatus,
    RawMessage, ThreadItem, TurnStatus,
};
use codexkit::testing::Reply;
use codexkit::{ApprovalMode, Sandbox, Thread, TurnResult};
use serde_json::{Value, json};

use crate::asking::{
    Refusal, add_file, ask, asking, next_refusal, nothing_was_made, nothing_went_wrong, touch,
    touch_escalated, untrusting,
};
use crate::support::{Place, run};

/// Runs a turn in which the model makes one call, and gives back what the call led to: the result,
/// what the model heard of it, and the request that was refused.
async fn refused(
    place: &Place,
    thread: &Thread,
    call: Reply,
) -> (TurnResult, String, (String, Value)) {
    let mut feed = thread.codex().notifications();
    place.model.extend([call, "What a pity.".into()]);
    let result = thread.run("Do it.").await.unwrap();
    assert_eq!(result.status, TurnStatus::Completed);
    assert_eq!(result.final_response.as_deref(), Some("What a pity."));
    let heard = place.model.requests().pop().unwrap().tool_output("call_1").unwrap();
    let Refusal { request: RawMessage { method, params, .. }, problem, .. } =
        next_refusal(&mut feed).await;
    assert_eq!(problem, None);
    assert_eq!(params["threadId"], thread.id());
    assert_eq!(params["turnId"], result.id);
    (result, heard, (method, params))
}

fn status(item: &ThreadItem) -> &CommandExecutionStatus {
    match item {
        ThreadItem::CommandExecution(command) => &command.status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_command_that_needs_approval_is_not_run() {
    run(async |place| {
        let thread = untrusting(place).await;
        let call = touch(Reply::new(), "call_1");
        let (result, heard, (method, params)) = refused(place, &thread, call).await;
        assert_eq!(method, "item/commandExecution/requestApproval");
        assert_eq!(params["itemId"], "call_1");
        assert_eq!(status(&result.items[1]), &CommandExecutionStatus::Declined);
        assert!(heard.contains("rejected by user"), "{heard}");
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn a_command_that_wants_out_of_its_sandbox_is_not_run() {
    run(async |place| {
        let codex = place.start().await;
        let start = codex.thread_start().sandbox(Sandbox::ReadOnly);
        let thread = start.approval_mode(ApprovalMode::Ask).await.unwrap();
        let call = touch_escalated(Reply::new(), "call_1");
        let (result, heard, (method, params)) = refused(place, &thread, call).await;
        assert_eq!(method, "item/commandExecution/requestApproval");
        assert_eq!(params["reason"], "May I?");
        assert_eq!(status(&result.items[1]), &CommandExecutionStatus::Declined);
        assert!(heard.contains("rejected by user"), "{heard}");
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn of_several_requests_at_once_each_is_refused() {
    run(async |place| {
        let thread = untrusting(place).await;
        let mut feed = thread.codex().notifications();
        let calls = ["call_1", "call_2", "call_3"];
        place.model.push(calls.into_iter().fold(Reply::new(), touch));
        place.model.push("What a pity.");
        let result = thread.run("Do it thrice.").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("What a pity."));
        let mut items = Vec::new();
        for _ in calls {
            items.push(next_refusal(&mut feed).await.request.params["itemId"].clone());
        }
        items.sort_by_key(Value::to_string);
        assert_eq!(items, calls);
        let declined = |it: &ThreadItem| status(it) == &CommandExecutionStatus::Declined;
        assert!(result.items[1..4].iter().all(declined), "{:?}", result.items);
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn a_patch_that_needs_approval_is_not_applied() {
    run(async |place| {
        let thread = untrusting(place).await;
        let call = add_file(Reply::new(), "call_1", "new.txt");
        let (result, heard, (method, _)) = refused(place, &thread, call).await;
        assert_eq!(heard, "patch rejected by user");
        assert_eq!(method, "item/fileChange/requestApproval");
        match &result.items[1] {
            ThreadItem::FileChange(it) => assert_eq!(it.status, PatchApplyStatus::Declined),
            other => panic!("{other:?}"),
        }
        assert!(nothing_was_made(place));
    })
    .await;
}

#[tokio::test]
async fn a_question_is_answered_with_nothing() {
    run(async |place| {
        let thread = untrusting(place).await;
        let call = ask(Reply::new(), "call_1", &[("q1", &["left", "right"])]);
        let (_, heard, (method, params)) = refused(place, &thread, call).await;
        assert_eq!(method, "item/tool/requestUserInput");
        assert_eq!(params["questions"][0]["options"][1]["label"], "right");
        assert_eq!(heard, r#"{"answers":{}}"#);
    })
    .await;
}

#[tokio::test]
async fn permissions_are_not_granted() {
    run(async |place| {
        let codex = place.start_with(asking(place)).await;
        let start = codex.thread_start().sandbox(Sandbox::ReadOnly);
        let thread = start.approval_mode(ApprovalMode::Ask).await.unwrap();
        let arguments = json!({"reason": "May I?", "permissions": {"network": {"enabled": true}}});
        let call = Reply::new().function_call("call_1", "request_permissions", arguments);
        let (_, heard, (method, params)) = refused(place, &thread, call).await;
        assert_eq!(method, "item/permissions/requestApproval");
        assert_eq!(params["permissions"]["network"]["enabled"], true);
        let nothing = json!({"network": null, "file_system": null});
        let granted: Value = serde_json::from_str(&heard).unwrap();
        assert_eq!(granted["permissions"], nothing);
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_nobody_provides_is_not_called() {
    run(async |place| {
        let codex = place.start().await;
        let schema = json!({"type": "object", "properties": {}});
        let tool = FunctionDynamicToolSpec::new("weather", "The weather here.", schema);
        let start = codex.thread_start().params(|it| it.dynamic_tools(vec![tool.into()]));
        let thread = start.await.unwrap();
        let call = Reply::new().function_call("call_1", "weather", json!({}));
        let (result, _, (method, params)) = refused(place, &thread, call).await;
        assert_eq!(method, "item/tool/call");
        assert_eq!(params["tool"], "weather");
        match &result.items[1] {
            ThreadItem::DynamicToolCall(it) => assert_eq!(it.status, DynamicToolCallStatus::Failed),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn where_everything_is_denied_nothing_is_asked() {
    run(async |place| {
        let codex = place.start().await;
        let feed = codex.notifications();
        let start = codex.thread_start().sandbox(Sandbox::ReadOnly);
        let thread = start.approval_mode(ApprovalMode::DenyAll).await.unwrap();
        place.model.push(touch_escalated(Reply::new(), "call_1"));
        place.model.push(touch(Reply::new(), "call_2"));
        place.model.push("What a pity.");
        let result = thread.run("Do it.").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("What a pity."));
        let heard = place.model.requests()[1].tool_output("call_1").unwrap();
        assert!(heard.contains("approval policy is Never"), "{heard}");
        assert!(nothing_was_made(place));
        drop(thread);
        nothing_went_wrong(codex, feed).await;
    })
    .await;
}

#[tokio::test]
async fn where_a_reviewer_decides_the_client_is_not_asked() {
    run(async |place| {
        let codex = place.start().await;
        let feed = codex.notifications();
        let start = codex.thread_start().sandbox(Sandbox::ReadOnly);
        let thread = start.approval_mode(ApprovalMode::AutoReview).await.unwrap();
        place.model.push(touch_escalated(Reply::new(), "call_1"));
        place.model.push(r#"{"outcome": "deny", "rationale": "Not today."}"#);
        place.model.push("What a pity.");
        let result = thread.run("Do it.").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("What a pity."));
        assert_eq!(status(&result.items[1]), &CommandExecutionStatus::Declined);
        let heard = place.model.requests()[2].tool_output("call_1").unwrap();
        assert!(heard.contains("Not today."), "{heard}");
        assert!(nothing_was_made(place));
        drop(thread);
        nothing_went_wrong(codex, feed).await;
    })
    .await;
}
