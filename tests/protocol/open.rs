//! What this version does not know survives, and harms nothing beside it.

use codexkit::protocol::{
    AskForApproval, CodexErrorInfo, McpElicitationSchema, RequestId, ServerNotification,
    ThreadItem, ThreadStatus, Turn, TurnStartResponse, TurnStatus,
};
use serde_json::{Value, json};

fn turn(items: &Value) -> Value {
    json!({ "id": "u", "items": items, "itemsView": "full", "status": "inProgress" })
}

fn encode(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn an_unknown_enum_value_keeps_its_text() {
    let mut value = turn(&json!([]));
    value["status"] = json!("pondering");
    let turn: Turn = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(turn.status, TurnStatus::Unrecognized("pondering".to_owned()));
    assert_eq!(turn.status.as_str(), "pondering");
    assert_eq!(encode(&turn), value);
}

#[test]
fn an_unknown_item_is_kept_beside_the_known_ones() {
    let unknown = json!({ "type": "hologram", "id": "i1", "depth": [1, 2] });
    let known = json!({ "type": "plan", "id": "i2", "text": "first" });
    let value = turn(&json!([unknown, known]));
    let turn: Turn = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(turn.items[0], ThreadItem::Unrecognized(unknown));
    assert!(matches!(&turn.items[1], ThreadItem::Plan(it) if it.text == "first"));
    assert_eq!(turn.items[0].id(), Some("i1"));
    assert_eq!(turn.items[1].id(), Some("i2"));
    assert_eq!(encode(&turn), value);
}

#[test]
fn a_malformed_item_is_kept_beside_the_known_ones() {
    let malformed = json!({ "type": "plan", "id": 7 });
    let turn: Turn = serde_json::from_value(turn(&json!([malformed]))).unwrap();
    assert_eq!(turn.items[0], ThreadItem::Unrecognized(malformed));
}

#[test]
fn an_unknown_property_is_kept_at_any_depth() {
    let mut value = turn(&json!([{ "type": "plan", "id": "i", "text": "t", "mood": "bright" }]));
    value["weather"] = json!({ "wind": 3 });
    let turn: Turn = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(turn.unrecognized.get("weather"), Some(&json!({ "wind": 3 })));
    let ThreadItem::Plan(plan) = &turn.items[0] else { panic!("{turn:?}") };
    assert_eq!(plan.unrecognized.iter().collect::<Vec<_>>(), [("mood", &json!("bright"))]);
    assert_eq!(encode(&turn), value);
}

#[test]
fn an_unknown_property_of_a_streamed_notification_is_kept() {
    let value = json!({
        "method": "item/agentMessage/delta",
        "params": { "delta": "d", "itemId": "i", "threadId": "t", "turnId": "u", "mood": [1] },
    });
    let decoded: ServerNotification = serde_json::from_value(value.clone()).unwrap();
    let ServerNotification::AgentMessageDelta(it) = &decoded else { panic!("{decoded:?}") };
    assert_eq!(it.unrecognized.get("mood"), Some(&json!([1])));
    assert_eq!(encode(&decoded), value);
}

#[test]
fn an_unknown_notification_is_kept() {
    let params = json!({ "threadId": "t", "what": 1 });
    let decoded = ServerNotification::decode("rawResponseItem/completed", params.clone());
    assert_eq!(decoded.method(), "rawResponseItem/completed");
    let ServerNotification::Unrecognized(raw) = &decoded else { panic!("{decoded:?}") };
    assert_eq!(raw.params, params);
    let debug = format!("{decoded:?}");
    assert!(debug.contains("rawResponseItem") && !debug.contains("threadId"), "{debug}");
    assert_eq!(
        encode(&decoded),
        json!({ "method": "rawResponseItem/completed", "params": params })
    );
}

#[test]
fn a_notification_whose_params_do_not_fit_is_kept() {
    let params = json!({ "threadId": "t", "turn": { "id": "u" } });
    let decoded = ServerNotification::decode("turn/started", params.clone());
    assert!(matches!(&decoded, ServerNotification::Unrecognized(it) if it.params == params));
    let error = ServerNotification::try_decode("turn/started", &params).unwrap_err();
    assert_eq!(error.path(), "turn.items");
    assert_eq!(error.to_string(), "`turn.items`: missing");
}

#[test]
fn unions_of_strings_and_objects_tell_both_apart() {
    let text: CodexErrorInfo = serde_json::from_value(json!("unauthorized")).unwrap();
    assert_eq!(text, CodexErrorInfo::Unauthorized);

    let value = json!({ "httpConnectionFailed": { "httpStatusCode": 503 } });
    let object: CodexErrorInfo = serde_json::from_value(value.clone()).unwrap();
    let CodexErrorInfo::HttpConnectionFailed(it) = &object else { panic!("{object:?}") };
    assert_eq!(it.http_status_code, Some(503));
    assert_eq!(encode(&object), value);

    for unknown in [json!("brandNew"), json!({ "brandNew": { "x": 1 } }), json!({})] {
        let decoded: CodexErrorInfo = serde_json::from_value(unknown.clone()).unwrap();
        assert_eq!(decoded, CodexErrorInfo::Unrecognized(unknown.clone()));
        assert_eq!(encode(decoded), unknown);
    }
    let granular = json!({ "granular": {
        "mcp_elicitations": true, "request_permissions": false, "rules": true,
        "sandbox_approval": true, "skill_approval": false,
    }});
    let policy: AskForApproval = serde_json::from_value(granular.clone()).unwrap();
    assert!(matches!(&policy, AskForApproval::Granular(it) if it.mcp_elicitations));
    assert_eq!(encode(policy), granular);
}

#[test]
fn a_variant_without_properties_keeps_one_that_it_gains() {
    let value = json!({ "type": "idle", "since": 1 });
    let status: ThreadStatus = serde_json::from_value(value.clone()).unwrap();
    let ThreadStatus::Idle(idle) = &status else { panic!("{status:?}") };
    assert_eq!(idle.unrecognized.get("since"), Some(&json!(1)));
    assert_eq!(encode(status), value);
}

#[test]
fn alternatives_without_a_tag_are_told_apart_by_their_properties() {
    let value = json!({ "type": "object", "properties": {
        "free": { "type": "string", "maxLength": 9 },
        "one": { "type": "string", "enum": ["a", "b"] },
        "titled": { "type": "string", "oneOf": [{ "const": "a", "title": "A" }] },
        "many": { "type": "array", "items": { "type": "string", "enum": ["a"] } },
        "flag": { "type": "boolean" },
        "count": { "type": "integer", "minimum": 1 },
        "other": { "type": "colour" },
    }});
    let schema: McpElicitationSchema = serde_json::from_value(value.clone()).unwrap();
    let debug = |name: &str| format!("{:?}", schema.properties[name]);
    for (name, start) in [
        ("free", "String("),
        ("one", "Enum(SingleSelect(Untitled("),
        ("titled", "Enum(SingleSelect(Titled("),
        ("many", "Enum(MultiSelect(Untitled("),
        ("flag", "Boolean("),
        ("count", "Number("),
        ("other", "Unrecognized("),
    ] {
        assert!(debug(name).starts_with(start), "{name}: {}", debug(name));
    }
    assert_eq!(encode(schema), value);
}

#[test]
fn a_request_id_is_a_string_or_an_integer_and_nothing_else() {
    assert_eq!(serde_json::from_value::<RequestId>(json!(7)).unwrap(), RequestId::Integer(7));
    assert_eq!(serde_json::from_value::<RequestId>(json!("a")).unwrap(), RequestId::from("a"));
    assert_eq!([RequestId::from(7), RequestId::from("a")].map(|it| it.to_string()), ["7", "a"]);
    let error = serde_json::from_value::<RequestId>(json!(1.5)).unwrap_err();
    assert_eq!(error.to_string(), "expected string or integer, found a number");
}

#[test]
fn an_error_names_the_place_in_the_value() {
    let mut value = turn(&json!([]));
    value["id"] = json!(7);
    let error = serde_json::from_value::<TurnStartResponse>(json!({ "turn": value })).unwrap_err();
    assert_eq!(error.to_string(), "`turn.id`: expected a string, found a number");
}
