//! Only what was offered can be decided about commands; everything about files can.

use codexkit::ServerRequest;
use codexkit::protocol::{
    CommandExecutionApprovalDecision as Decision, FileChangeApprovalDecision, ReviewDecision,
};
use serde_json::{Value, json};

use crate::support::{COMMAND, FILES, LEGACY_COMMAND, LEGACY_PATCH, Waiting, command_of, params};

fn asked(more: &Value) -> Value {
    let mut params = params(COMMAND, "u1");
    let map = params.as_object_mut().unwrap();
    map.remove("availableDecisions");
    map.extend(more.as_object().unwrap().clone());
    params
}

fn decision(json: &Value) -> Decision {
    let decision: Decision = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&decision).unwrap(), *json);
    decision
}

fn execpolicy(tokens: &[&str]) -> Value {
    json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": tokens}})
}

fn network(host: &str, action: &str) -> Value {
    let amendment = json!({"host": host, "action": action});
    json!({"applyNetworkPolicyAmendment": {"network_policy_amendment": amendment}})
}

fn amendments(hosts: &[(&str, &str)]) -> Value {
    hosts.iter().map(|(host, action)| json!({"host": host, "action": action})).collect()
}

const NOT_OFFERED: &str = "was not offered";

/// Checks which decisions are taken, in which order they are offered, and that all others are not.
async fn check(more: &Value, offered: &[Value], others: &[Value]) {
    let asked = asked(more);
    let (mut waiting, request) = Waiting::of(COMMAND, &asked).await;
    let command = command_of(request.clone());
    let decisions: Vec<_> =
        command.decisions().iter().map(|it| serde_json::to_value(it).unwrap()).collect();
    assert_eq!(decisions, offered);
    for other in others {
        let answered = command.decide(decision(other));
        waiting.invalid(&request, answered, NOT_OFFERED).await;
    }
    let first = command.decide(decision(&offered[0]));
    waiting.sent(first, 1, &json!({"decision": offered[0]})).await;
    for (n, offered) in offered.iter().enumerate().skip(1) {
        let id = u64::try_from(n).unwrap() + 1;
        let command = command_of(waiting.ask(id, COMMAND, &asked).await);
        let answered = command.decide(decision(offered));
        waiting.sent(answered, id, &json!({"decision": offered})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_offers_can_be_decided_and_no_is_always_possible() {
    let touch = execpolicy(&["touch", "made.txt"]);
    check(
        &json!({
            "proposedExecpolicyAmendment": ["touch", "made.txt"],
            "availableDecisions": ["accept", touch, "cancel"],
        }),
        &[json!("accept"), touch.clone(), json!("cancel"), json!("decline")],
        &[
            json!("acceptForSession"),
            execpolicy(&["touch"]),
            execpolicy(&["touch", "made.txt", "x"]),
            execpolicy(&["made.txt", "touch"]),
            execpolicy(&[]),
            network("a.example", "allow"),
            json!("perhaps"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_proposed_and_is_not_offered_cannot_be_decided() {
    check(
        &json!({
            "proposedExecpolicyAmendment": ["touch"],
            "proposedNetworkPolicyAmendments": amendments(&[("a.example", "allow")]),
            "availableDecisions": ["accept", "decline", "cancel"],
        }),
        &[json!("accept"), json!("decline"), json!("cancel")],
        &[json!("acceptForSession"), execpolicy(&["touch"]), network("a.example", "allow")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn to_deny_a_host_is_possible_if_it_was_proposed() {
    check(
        &json!({
            "proposedNetworkPolicyAmendments":
                amendments(&[("a.example", "allow"), ("a.example", "deny")]),
            "availableDecisions":
                ["accept", "acceptForSession", network("a.example", "allow"), "cancel"],
        }),
        &[
            json!("accept"),
            json!("acceptForSession"),
            network("a.example", "allow"),
            json!("cancel"),
            network("a.example", "deny"),
            json!("decline"),
        ],
        &[network("b.example", "deny"), network("b.example", "allow"), execpolicy(&["ls"])],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_denial_that_is_offered_is_offered_once() {
    check(
        &json!({
            "proposedNetworkPolicyAmendments": amendments(&[("a.example", "deny")]),
            "availableDecisions": [network("a.example", "deny"), "cancel"],
        }),
        &[network("a.example", "deny"), json!("cancel"), json!("decline")],
        &[json!("accept"), json!("acceptForSession")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_say_what_it_offers_offers_what_it_proposed() {
    check(
        &json!({
            "proposedExecpolicyAmendment": ["touch"],
            "proposedNetworkPolicyAmendments":
                amendments(&[("a.example", "allow"), ("a.example", "deny")]),
        }),
        &[
            json!("accept"),
            json!("acceptForSession"),
            execpolicy(&["touch"]),
            network("a.example", "allow"),
            network("a.example", "deny"),
            json!("decline"),
            json!("cancel"),
        ],
        &[execpolicy(&["ls"]), network("b.example", "allow"), json!("perhaps")],
    )
    .await;
    let others = [execpolicy(&["touch"]), network("a.example", "deny")];
    let usual = ["accept", "acceptForSession", "decline", "cancel"].map(|it| json!(it));
    check(&json!({}), &usual, &others).await;
    check(&json!({"availableDecisions": null}), &usual, &others).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_offers_nothing_gets_a_no() {
    check(
        &json!({"availableDecisions": []}),
        &[json!("decline"), json!("cancel")],
        &[json!("accept"), json!("acceptForSession")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_is_new_can_be_given_back() {
    let new = json!({"acceptInAnotherWay": {"until": "noon"}});
    check(
        &json!({"availableDecisions": ["new", new]}),
        &[json!("new"), new.clone(), json!("decline"), json!("cancel")],
        &[json!("accept"), json!("newer"), json!({"acceptInAnotherWay": {"until": "midnight"}})],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_usual_answers_have_names() {
    let mut waiting = Waiting::new().await;
    for (id, expected) in (0..).zip(["accept", "acceptForSession", "decline", "cancel"]) {
        let request = waiting.ask(2 * id, COMMAND, &params(COMMAND, "u1")).await;
        let command = command_of(request);
        let answered = match expected {
            "accept" => command.accept(),
            "acceptForSession" => command.accept_for_session(),
            "decline" => command.decline(),
            _ => command.cancel(),
        };
        waiting.sent(answered, 2 * id, &json!({"decision": expected})).await;
        let request = waiting.ask(2 * id + 1, FILES, &params(FILES, "u1")).await;
        let ServerRequest::FileChangeApproval(files) = request else { panic!("{request:?}") };
        let answered = match expected {
            "accept" => files.accept(),
            "acceptForSession" => files.accept_for_session(),
            "decline" => files.decline(),
            _ => files.cancel(),
        };
        waiting.sent(answered, 2 * id + 1, &json!({"decision": expected})).await;
    }
    let (mut waiting, request) =
        Waiting::of(COMMAND, &asked(&json!({"availableDecisions": ["accept", "cancel"]}))).await;
    let command = command_of(request.clone());
    waiting.invalid(&request, command.accept_for_session(), NOT_OFFERED).await;
    waiting.sent(command.accept(), 1, &json!({"decision": "accept"})).await;
}

#[tokio::test(start_paused = true)]
async fn any_decision_about_files_is_taken() {
    let mut waiting = Waiting::new().await;
    for (id, text) in (0..).zip(["accept", "acceptForSession", "decline", "cancel", "new"]) {
        let request = waiting.ask(id, FILES, &params(FILES, "u1")).await;
        let ServerRequest::FileChangeApproval(files) = request else { panic!("{request:?}") };
        let decision: FileChangeApprovalDecision = serde_json::from_value(json!(text)).unwrap();
        waiting.sent(files.decide(decision), id, &json!({"decision": text})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_old_words_are_answered_in_the_old_words() {
    let mut waiting = Waiting::new().await;
    let decisions = [
        json!("approved"),
        json!("approved_for_session"),
        json!({"denied": {"rejection": "no"}}),
        json!("abort"),
    ];
    for (id, json) in (0..).zip(decisions) {
        let decision: ReviewDecision = serde_json::from_value(json.clone()).unwrap();
        let request = waiting.ask(2 * id, LEGACY_COMMAND, &params(LEGACY_COMMAND, "")).await;
        let ServerRequest::LegacyCommandApproval(command) = request else { panic!("{request:?}") };
        waiting.sent(command.decide(decision.clone()), 2 * id, &json!({"decision": json})).await;
        let request = waiting.ask(2 * id + 1, LEGACY_PATCH, &params(LEGACY_PATCH, "")).await;
        let ServerRequest::LegacyPatchApproval(patch) = request else { panic!("{request:?}") };
        waiting.sent(patch.decide(decision), 2 * id + 1, &json!({"decision": json})).await;
    }
}
