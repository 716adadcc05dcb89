//! What an MCP server is answered fits the way in which it asks.

use codexkit::protocol::McpServerElicitationRequestResponse;
use codexkit::{Elicitation, ServerRequest};
use serde_json::{Value, json};

use crate::support::{ELICITATION, Waiting, params};

/// The params of a request in this mode, with what belongs to that.
pub(crate) fn asked(mode: &str, with: &Value) -> Value {
    let mut params = params(ELICITATION, "u1");
    let map = params.as_object_mut().unwrap();
    map.remove("requestedSchema");
    map.insert("mode".into(), mode.into());
    map.extend(with.as_object().unwrap().clone());
    params
}

pub(crate) fn elicitation_of(request: &ServerRequest) -> Elicitation {
    match request {
        ServerRequest::Elicitation(request) => request.clone(),
        other => panic!("{other:?}"),
    }
}

fn response(action: &str, content: Option<Value>) -> McpServerElicitationRequestResponse {
    let mut response = json!({"action": action});
    if let Some(content) = content {
        response["content"] = content;
    }
    serde_json::from_value(response).unwrap()
}

fn url() -> Value {
    asked("url", &json!({"url": "https://example.com/x", "elicitationId": "e1"}))
}

fn name_form() -> Value {
    let form = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    asked("form", &json!({"requestedSchema": form}))
}

#[tokio::test(start_paused = true)]
async fn a_page_is_opened_or_not_and_not_filled_in() {
    let mut waiting = Waiting::new().await;
    for (id, action) in (1..).zip(["accept", "decline", "cancel"]) {
        let request = waiting.ask(id, ELICITATION, &url()).await;
        let page = elicitation_of(&request);
        assert!(!page.is_tool_approval());
        let filled_in = page.accept_with(json!({"name": "bob"}));
        waiting.invalid(&request, filled_in, "a page is opened").await;
        let filled_in = page.accept_with(json!({}));
        waiting.invalid(&request, filled_in, "a page is opened").await;
        let answered = match action {
            "accept" => page.accept(),
            "decline" => page.decline(),
            _ => page.cancel(),
        };
        waiting.sent(answered, id, &json!({"action": action})).await;
    }
    let request = waiting.ask(9, ELICITATION, &url()).await;
    let answered = elicitation_of(&request).accept_with(Value::Null);
    waiting.sent(answered, 9, &json!({"action": "accept"})).await;
}

#[tokio::test(start_paused = true)]
async fn who_says_no_says_nothing_else() {
    let mut waiting = Waiting::new().await;
    let mut id = 0;
    for params in [url(), name_form()] {
        for action in ["decline", "cancel", "new"] {
            id += 1;
            let request = waiting.ask(id, ELICITATION, &params).await;
            let asked = elicitation_of(&request);
            for content in [json!({"name": "bob"}), json!({}), json!("x")] {
                let answered = asked.respond(response(action, Some(content)));
                waiting.invalid(&request, answered, "only who accepts").await;
            }
            let answered = asked.respond(response(action, None));
            waiting.sent(answered, id, &json!({"action": action})).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn forms_that_only_the_server_understands_take_every_object() {
    let mut waiting = Waiting::new().await;
    for (id, mode) in (1..).zip(["openai/form", "openaiForm"]) {
        let params = asked(mode, &json!({"requestedSchema": {"anything": [1]}}));
        let request = waiting.ask(id, ELICITATION, &params).await;
        let form = elicitation_of(&request);
        for content in [json!([]), json!("x"), json!(7), json!(true)] {
            let answered = form.accept_with(content);
            waiting.invalid(&request, answered, "what is filled in is an object").await;
        }
        let content = json!({"whatever": {"deep": [1, 2]}});
        let answered = form.accept_with(content.clone());
        waiting.sent(answered, id, &json!({"action": "accept", "content": content})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_is_new_can_be_answered() {
    let mut waiting = Waiting::new().await;
    let request = waiting.ask(1, ELICITATION, &asked("new", &json!({"puzzle": 7}))).await;
    assert_eq!(request.thread_id(), Some("t1"));
    let answered = elicitation_of(&request).accept_with(json!("solved"));
    waiting.sent(answered, 1, &json!({"action": "accept", "content": "solved"})).await;
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_is_to_be_called_is_known_by_its_mark() {
    let form = json!({"type": "object", "properties": {}});
    let mut waiting = Waiting::new().await;
    for (id, (mode, meta, expected)) in (1..).zip([
        ("form", json!({"codex_approval_kind": "mcp_tool_call"}), true),
        ("form", json!({"codex_approval_kind": "new"}), false),
        ("form", json!({"codex_approval_kind": ["mcp_tool_call"]}), false),
        ("form", json!({}), false),
        ("form", json!(null), false),
        ("form", json!("mcp_tool_call"), false),
        ("openai/form", json!({"codex_approval_kind": "mcp_tool_call"}), false),
    ]) {
        let params = asked(mode, &json!({"requestedSchema": form, "_meta": meta}));
        let request = waiting.ask(id, ELICITATION, &params).await;
        let asked = elicitation_of(&request);
        assert_eq!(asked.is_tool_approval(), expected, "{meta}");
        waiting.sent(asked.accept(), id, &json!({"action": "accept"})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_else_an_answer_says_is_sent() {
    let (mut waiting, request) = Waiting::of(ELICITATION, &name_form()).await;
    let answer = json!({"action": "accept", "_meta": {"from": "here"}, "new": 7});
    let response: McpServerElicitationRequestResponse =
        serde_json::from_value(answer.clone()).unwrap();
    waiting.sent(elicitation_of(&request).respond(response), 1, &answer).await;
}

#[tokio::test(start_paused = true)]
async fn an_approval_holds_for_the_session_only_if_that_is_offered() {
    for (offered, is_valid) in [
        (json!({"codex_approval_kind": "mcp_tool_call", "persist": ["session", "always"]}), true),
        (json!({"codex_approval_kind": "mcp_tool_call", "persist": ["always"]}), false),
        (json!({"codex_approval_kind": "mcp_tool_call"}), false),
        (json!(null), false),
    ] {
        let mut params = params(ELICITATION, "u1");
        params["_meta"] = offered;
        let (mut waiting, request) = Waiting::of(ELICITATION, &params).await;
        let answered = elicitation_of(&request).accept_for_session();
        if is_valid {
            let answer = json!({"action": "accept", "_meta": {"persist": "session"}});
            waiting.sent(answered, 1, &answer).await;
        } else {
            assert!(matches!(answered, Err(codexkit::Error::InvalidInput(_))), "{answered:?}");
            let accepted = elicitation_of(&request).accept();
            waiting.sent(accepted, 1, &json!({"action": "accept"})).await;
        }
    }
}
