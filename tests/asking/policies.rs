//! A policy allows what it was told to, and nothing else.

use codexkit::{Codex, RequestPolicy};
use serde_json::{Value, json};

use crate::support::{
    ATTESTATION, Asked, COMMAND, ELICITATION, FILES, LEGACY_COMMAND, LEGACY_PATCH, PERMISSIONS,
    TIME, TOKENS, TOOL, USER_INPUT, Waiting, answer, ask, params, scene_with, without_nulls,
};

/// What is to be approved.
const APPROVALS: [&str; 6] =
    [COMMAND, FILES, PERMISSIONS, ELICITATION, LEGACY_COMMAND, LEGACY_PATCH];

/// A request of this kind; of an MCP server, that for a tool.
fn asked(method: &str) -> Value {
    let mut params = params(method, "u1");
    if method == ELICITATION {
        params["_meta"] = json!({"codex_approval_kind": "mcp_tool_call", "tool_name": "x"});
    }
    params
}

fn yes(method: &str) -> Value {
    match method {
        COMMAND | FILES => json!({"decision": "accept"}),
        PERMISSIONS => json!({"permissions": {"network": {"enabled": true}}}),
        _ => json!({"action": "accept"}),
    }
}

fn no(method: &str) -> Value {
    match method {
        COMMAND | FILES => json!({"decision": "decline"}),
        PERMISSIONS => json!({"permissions": {}}),
        ELICITATION => json!({"action": "decline"}),
        _ => json!({"decision": {"denied": {"rejection": "the client does not grant it"}}}),
    }
}

/// What the policy answers to each kind, or who is asked then.
async fn answers(policy: RequestPolicy, method: &str, params: &Value) -> Value {
    let asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    scene.thread.set_handler(policy);
    ask(&mut scene.server, 1, method, params).await;
    // Whoever drops it refuses it as well, so that it has to be kept.
    let mut asked = asked;
    tokio::select! {
        answer = answer(&mut scene.server) => {
            let mut result = answer["result"].clone();
            without_nulls(&mut result);
            result
        }
        (who, _request) = asked.next() => json!(who),
    }
}

#[tokio::test(start_paused = true)]
async fn without_rules_everything_is_declined() {
    for method in APPROVALS {
        assert_eq!(answers(RequestPolicy::deny_all(), method, &asked(method)).await, no(method));
    }
}

#[tokio::test(start_paused = true)]
async fn each_rule_allows_its_kind() {
    type Rule = fn(RequestPolicy) -> RequestPolicy;
    let rules: [(&str, Rule); 4] = [
        (COMMAND, RequestPolicy::allow_commands),
        (FILES, RequestPolicy::allow_file_changes),
        (PERMISSIONS, RequestPolicy::allow_permissions),
        (ELICITATION, |policy| policy.allow_mcp_tools_of("s")),
    ];
    for (allowed, rule) in rules {
        for method in APPROVALS {
            let policy = rule(RequestPolicy::deny_all());
            let expected = if method == allowed { yes(method) } else { no(method) };
            assert_eq!(answers(policy, method, &asked(method)).await, expected, "{method}");
            let policy = rule(RequestPolicy::deny_all()).pass_the_rest();
            let expected = if method == allowed { yes(method) } else { json!("client") };
            assert_eq!(answers(policy, method, &asked(method)).await, expected, "{method}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_rule_allows_what_runtimes_before_turns_ask() {
    let all = || {
        RequestPolicy::deny_all()
            .allow_commands()
            .allow_file_changes()
            .allow_permissions()
            .allow_mcp_tools_of("s")
    };
    for method in [LEGACY_COMMAND, LEGACY_PATCH] {
        assert_eq!(answers(all(), method, &asked(method)).await, no(method));
        let passes = all().pass_the_rest();
        assert_eq!(answers(passes, method, &asked(method)).await, "client");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_approval_is_passed_on() {
    for policy in [RequestPolicy::deny_all(), RequestPolicy::deny_all().allow_mcp_tools_of("s")] {
        for method in [USER_INPUT, TOOL, TOKENS, TIME, ATTESTATION] {
            // Of the thread there is no more to ask about.
            let of_thread = !matches!(method, TOKENS | ATTESTATION);
            assert!(of_thread || params(method, "u1").get("threadId").is_none());
            assert_eq!(answers(policy.clone(), method, &params(method, "u1")).await, "client");
        }
        // A question of a server itself is none of its tools.
        assert_eq!(answers(policy, ELICITATION, &params(ELICITATION, "u1")).await, "client");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_may_look_at_the_request() {
    let policy = || {
        RequestPolicy::deny_all()
            .allow_commands_if(|it| it.command.as_deref() == Some("ls"))
            .allow_commands_if(|it| it.command.as_deref().is_some_and(|it| it.ends_with("pwd")))
            .allow_file_changes_if(|it| it.item_id == "i1")
            .allow_permissions_if(|it| it.permissions.file_system.is_none())
            .allow_mcp_tools_of("s")
    };
    let command = |command: &str| {
        let mut params = asked(COMMAND);
        params["command"] = json!(command);
        params
    };
    let with = |method: &str, pointer: &str, value: Value| {
        let mut params = asked(method);
        *params.pointer_mut(pointer).unwrap() = value;
        params
    };
    let files = json!({"fileSystem": {"write": ["/"]}, "network": {"enabled": true}});
    for (method, params, is_allowed) in [
        (COMMAND, command("ls"), true),
        (COMMAND, command("cd / && pwd"), true),
        (COMMAND, command("rm"), false),
        (COMMAND, command("ls; rm"), false),
        (FILES, asked(FILES), true),
        (FILES, with(FILES, "/itemId", json!("i2")), false),
        (PERMISSIONS, asked(PERMISSIONS), true),
        (PERMISSIONS, with(PERMISSIONS, "/permissions", files), false),
        (ELICITATION, asked(ELICITATION), true),
        (ELICITATION, with(ELICITATION, "/serverName", json!("other")), false),
    ] {
        let expected = if is_allowed { yes(method) } else { no(method) };
        assert_eq!(answers(policy(), method, &params).await, expected, "{method} {params}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_for_commands_or_files_is_none_for_what_comes_with_more() {
    let all = || RequestPolicy::deny_all().allow_commands().allow_file_changes();
    let with = |method: &str, property: &str, value: Value| {
        let mut params = asked(method);
        params[property] = value;
        (method.to_owned(), params)
    };
    let permissions = json!({"network": {"enabled": true}, "fileSystem": {"write": ["/"]}});
    for (method, params) in [
        with(COMMAND, "kind", json!("humanCommand")),
        with(COMMAND, "kind", json!("writeStdin")),
        with(COMMAND, "kind", json!("later")),
        with(COMMAND, "additionalPermissions", permissions),
        with(
            COMMAND,
            "networkApprovalContext",
            json!({"host": "example.org", "protocol": "https"}),
        ),
        with(COMMAND, "command", json!(null)),
        with(COMMAND, "later", json!(1)),
        with(FILES, "grantRoot", json!("/")),
        with(FILES, "later", json!(1)),
    ] {
        assert_eq!(answers(all(), &method, &params).await, no(&method), "{params}");
        assert_eq!(answers(all().pass_the_rest(), &method, &params).await, "client", "{params}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_declined_because_it_is_not_known_is_told() {
    for (method, name) in [(COMMAND, "commands"), (FILES, "files"), (PERMISSIONS, "permissions")] {
        let mut waiting = Waiting::new().await;
        let all = RequestPolicy::deny_all().allow_commands().allow_file_changes();
        waiting.scene.thread.set_handler(all.allow_permissions());
        let mut feed = waiting.scene.codex.notifications();
        let mut params = asked(method);
        if method == PERMISSIONS {
            params["permissions"]["network"]["later"] = json!(1);
        } else {
            params["later"] = json!(1);
        }
        ask(&mut waiting.scene.server, 1, method, &params).await;
        let mut result = answer(&mut waiting.scene.server).await["result"].clone();
        without_nulls(&mut result);
        assert_eq!(result, no(method), "{name}");
        let (_, problem, source) = crate::support::refusal(&mut feed).await;
        assert_eq!(problem.as_deref(), Some("its handler failed"));
        assert!(source.unwrap().contains("known"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_fits_and_cannot_be_said_yes_to_is_passed_on_as_well() {
    let policy = || RequestPolicy::deny_all().allow_commands().allow_permissions().pass_the_rest();
    let mut not_offered = asked(COMMAND);
    not_offered["availableDecisions"] = json!(["cancel"]);
    assert_eq!(answers(policy(), COMMAND, &not_offered).await, "client");
    let mut unknown = asked(PERMISSIONS);
    unknown["permissions"]["network"]["later"] = json!(1);
    assert_eq!(answers(policy(), PERMISSIONS, &unknown).await, "client");
}

#[tokio::test(start_paused = true)]
async fn a_rule_for_the_network_looks_at_the_host_and_is_none_for_commands() {
    let policy = || RequestPolicy::deny_all().allow_network_if(|it| it.host == "example.org");
    let to = |host: &str| {
        let mut params = asked(COMMAND);
        params["command"] = json!(null);
        params["networkApprovalContext"] = json!({"host": host, "protocol": "https"});
        params
    };
    assert_eq!(answers(policy(), COMMAND, &to("example.org")).await, yes(COMMAND));
    assert_eq!(answers(policy(), COMMAND, &to("example.com")).await, no(COMMAND));
    assert_eq!(answers(policy(), COMMAND, &asked(COMMAND)).await, no(COMMAND));
    let mut both = to("example.org");
    both["command"] = json!("ls");
    assert_eq!(answers(policy(), COMMAND, &both).await, no(COMMAND));
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_and_cannot_be_said_yes_to_is_refused() {
    let mut not_offered = asked(COMMAND);
    not_offered["availableDecisions"] = json!(["cancel"]);
    let policy = RequestPolicy::deny_all().allow_commands();
    assert_eq!(answers(policy.clone(), COMMAND, &not_offered).await, no(COMMAND));
    // The user is told.
    let mut waiting = Waiting::new().await;
    waiting.scene.thread.set_handler(policy);
    let mut feed = waiting.scene.codex.notifications();
    ask(&mut waiting.scene.server, 1, COMMAND, &not_offered).await;
    let (_, problem, source) = crate::support::refusal(&mut feed).await;
    assert_eq!(problem.as_deref(), Some("its handler failed"));
    assert!(source.unwrap().contains("was not offered"));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_panics_allows_nothing() {
    let policy = RequestPolicy::deny_all().allow_commands_if(|it| {
        assert!(it.turn_id.is_empty(), "on purpose");
        true
    });
    assert_eq!(answers(policy, COMMAND, &asked(COMMAND)).await, no(COMMAND));
}
