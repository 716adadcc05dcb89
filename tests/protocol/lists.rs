//! One element that does not fit takes neither the others nor the message along.

use codexkit::protocol::{
    BrowserUseExtensionRequirements, ElementPlace, ExecLocalShellAction, ExtraFields,
    FuzzyFileSearchResult, GetAccountRateLimitsResponse, OtlpHttpOtelExporter, ServerNotification,
    ServerRequest, ThreadItem, ThreadListResponse, TurnPlanUpdatedNotification,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::recorded::without_nulls;

fn decode<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn encode(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The places of what was left out.
fn places(extra: &ExtraFields) -> Vec<(&str, ElementPlace)> {
    let all = extra.malformed_elements().iter();
    all.map(|it| (it.property(), it.place().clone())).collect()
}

fn at(indices: &[usize]) -> Vec<(&'static str, ElementPlace)> {
    indices.iter().map(|it| ("plan", ElementPlace::Index(*it))).collect()
}

fn plan(steps: &Value) -> Value {
    json!({ "threadId": "t", "turnId": "u", "plan": steps })
}

#[test]
fn steps_that_do_not_fit_are_left_out_wherever_they_stand() {
    let step = |name: &str| json!({ "step": name, "status": "pending" });
    let (a, b) = (step("a"), step("b"));
    for (steps, left_out) in [
        (json!([a, b]), &[][..]),
        (json!([7, a, b]), &[0]),
        (json!([a, { "step": "no status" }, b]), &[1]),
        (json!([a, b, null]), &[2]),
        (json!([[], a, "x", {}, b, false]), &[0, 2, 3, 5]),
        (json!([{ "step": 1, "status": "pending" }, 2]), &[0, 1]),
    ] {
        let value = plan(&steps);
        let decoded: TurnPlanUpdatedNotification = decode(&value);
        assert_eq!(places(&decoded.unrecognized), at(left_out));
        let mut kept = steps.as_array().unwrap().clone();
        kept.retain(|it| [&a, &b].contains(&it));
        assert_eq!(encode(&decoded.plan), json!(kept));
        for it in decoded.unrecognized.malformed_elements() {
            let ElementPlace::Index(index) = it.place() else { panic!("{it:?}") };
            assert_eq!(it.value(), &steps[index]);
            assert!(it.reason().path().starts_with(&format!("plan[{index}]")), "{it:?}");
        }
        assert_eq!(decoded.unrecognized.is_empty(), left_out.is_empty());
        assert_eq!(encode(&decoded), value);
    }
}

#[test]
fn the_reason_names_the_place_in_the_struct_with_the_list() {
    let decoded: TurnPlanUpdatedNotification =
        decode(&plan(&json!([{ "step": 7, "status": "pending" }])));
    let reason = decoded.unrecognized.malformed_elements()[0].reason();
    assert_eq!(reason.to_string(), "`plan[0].step`: expected a string, found a number");
    assert!(format!("{decoded:?}").contains(&format!("unrecognized: {{malformed {reason}}}")));
}

#[test]
fn a_list_may_change_before_it_is_sent_on() {
    let step = |name: &str| json!({ "step": name, "status": "pending" });
    let value = plan(&json!([step("a"), 1, step("b"), 2]));
    let mut decoded: TurnPlanUpdatedNotification = decode(&value);
    let b = decoded.plan.pop().unwrap();
    assert_eq!(encode(&decoded)["plan"], json!([step("a"), 1, 2]));
    decoded.plan.clear();
    assert_eq!(encode(&decoded)["plan"], json!([1, 2]));
    decoded.unrecognized = ExtraFields::default();
    decoded.plan.push(b);
    assert_eq!(encode(&decoded)["plan"], json!([step("b")]));
}

#[test]
fn the_whole_list_must_be_a_list_and_there_if_it_is_required() {
    for (plan, why) in [
        (json!("later"), "`plan`: expected an array, found a string"),
        (json!({}), "`plan`: expected an array, found an object"),
        (Value::Null, "`plan`: expected an array, found null"),
    ] {
        let params = json!({ "threadId": "t", "turnId": "u", "plan": plan });
        let error = ServerNotification::try_decode("turn/plan/updated", &params).unwrap_err();
        assert_eq!(error.to_string(), why);
    }
    let params = json!({ "threadId": "t", "turnId": "u" });
    let error = ServerNotification::try_decode("turn/plan/updated", &params).unwrap_err();
    assert_eq!(error.to_string(), "`plan`: missing");
}

#[test]
fn a_number_among_strings_or_a_string_among_numbers_is_left_out() {
    let mut value = json!({
        "file_name": "f", "match_type": "file", "path": "p", "root": "r", "score": 1,
        "indices": [1, "two", 3],
    });
    let decoded: FuzzyFileSearchResult = decode(&value);
    assert_eq!(decoded.indices, Some(vec![1, 3]));
    assert_eq!(places(&decoded.unrecognized), [("indices", ElementPlace::Index(1))]);
    assert_eq!(encode(&decoded), value);
    value["indices"] = Value::Null;
    assert_eq!(decode::<FuzzyFileSearchResult>(&value).indices, None);

    let value = json!({ "command": ["rm", 7, "-r"] });
    let decoded: ExecLocalShellAction = decode(&value);
    assert_eq!(decoded.command, ["rm", "-r"]);
    assert_eq!(encode(&decoded), value);
}

#[test]
fn an_entry_of_a_map_that_does_not_fit_is_left_out() {
    let limits = json!({ "limitId": "x" });
    let value = json!({
        "rateLimits": limits,
        "rateLimitsByLimitId": { "a": limits, "b": [], "c": { "limitId": 7 }, "d": limits },
    });
    let mut decoded: GetAccountRateLimitsResponse = decode(&value);
    let key = |it: &str| ("rateLimitsByLimitId", ElementPlace::Key(it.to_owned()));
    assert_eq!(places(&decoded.unrecognized), [key("b"), key("c")]);
    let reason = decoded.unrecognized.malformed_elements()[1].reason();
    assert_eq!(reason.path(), "rateLimitsByLimitId.c.limitId");
    let map = decoded.rate_limits_by_limit_id.as_mut().unwrap();
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "d"]);
    let first = map["a"].clone();
    map.insert("b".to_owned(), first);
    map.remove("d");
    let changed = json!({ "a": limits, "b": limits, "c": { "limitId": 7 } });
    assert_eq!(without_nulls(&encode(&decoded))["rateLimitsByLimitId"], changed);
    assert_eq!(without_nulls(&encode(decode::<GetAccountRateLimitsResponse>(&value))), value);
    decoded.rate_limits_by_limit_id = None;
    assert_eq!(encode(&decoded).get("rateLimitsByLimitId"), None);
}

/// A turn with a changed file, and beside it what is none.
fn turn(changes: &Value) -> Value {
    let item =
        json!({ "type": "fileChange", "id": "i", "status": "completed", "changes": changes });
    json!({ "id": "u", "items": [item], "itemsView": "full", "status": "completed" })
}

fn change(path: &str) -> Value {
    json!({ "path": path, "diff": "", "kind": { "type": "add" } })
}

fn assert_second_change_is_left_out(item: &ThreadItem) {
    let ThreadItem::FileChange(it) = item else { panic!("{item:?}") };
    assert_eq!(it.changes.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(places(&it.unrecognized), [("changes", ElementPlace::Index(1))]);
    assert_eq!(it.unrecognized.malformed_elements()[0].reason().path(), "changes[1].diff");
}

#[test]
fn only_the_innermost_list_of_a_notification_leaves_something_out() {
    let changes = json!([change("a"), { "path": "b" }, change("c")]);
    let params = json!({ "threadId": "t", "turn": turn(&changes) });
    let decoded = ServerNotification::try_decode("turn/completed", &params).unwrap();
    let ServerNotification::TurnCompleted(it) = &decoded else { panic!("{decoded:?}") };
    assert!(it.unrecognized.is_empty() && it.turn.unrecognized.is_empty());
    assert_second_change_is_left_out(&it.turn.items[0]);
    assert_eq!(without_nulls(&encode(&decoded)["params"]), params);
}

#[test]
fn only_the_innermost_list_of_a_response_leaves_something_out() {
    let changes = json!([change("a"), { "path": "b" }, change("c")]);
    let thread = |turns: Value| {
        json!({
            "cliVersion": "1", "createdAt": 1, "cwd": "/", "ephemeral": false, "id": "t",
            "historyMode": "legacy", "modelProvider": "p", "preview": "", "projectId": null, "sessionId": "s",
            "source": "cli", "status": { "type": "notLoaded" }, "turns": turns, "updatedAt": 1,
        })
    };
    let whole = thread(json!([turn(&changes), "no turn", turn(&json!([]))]));
    let value = json!({ "data": [{ "id": "half a thread" }, whole, thread(json!([]))] });
    let decoded: ThreadListResponse = decode(&value);
    assert_eq!(places(&decoded.unrecognized), [("data", ElementPlace::Index(0))]);
    assert_eq!(decoded.data.len(), 2);
    let thread = &decoded.data[0];
    assert_eq!(places(&thread.unrecognized), [("turns", ElementPlace::Index(1))]);
    assert_eq!(thread.turns.len(), 2);
    assert_second_change_is_left_out(&thread.turns[0].items[0]);
    assert_eq!(without_nulls(&encode(&decoded)), without_nulls(&value));
}

#[test]
fn a_request_of_the_server_says_what_its_lists_left_out() {
    let params = json!({
        "threadId": "t", "turnId": "u", "itemId": "i", "startedAtMs": 1, "kind": "command",
        "proposedExecpolicyAmendment": ["touch", null, "made.txt"],
    });
    let method = "item/commandExecution/requestApproval";
    let decoded = ServerRequest::try_decode(method, &params).unwrap();
    let ServerRequest::CommandExecutionRequestApproval(it) = &decoded else {
        panic!("{decoded:?}")
    };
    let words = ["touch", "made.txt"].map(str::to_owned).to_vec();
    assert_eq!(it.proposed_execpolicy_amendment, Some(words));
    let expected = [("proposedExecpolicyAmendment", ElementPlace::Index(1))];
    assert_eq!(places(&it.unrecognized), expected);
    assert_eq!(
        without_nulls(&encode(&decoded)["params"])["proposedExecpolicyAmendment"],
        params["proposedExecpolicyAmendment"]
    );
}

#[test]
fn debug_prints_no_element_that_may_be_a_secret() {
    let secret = "not-for-print";
    let action = json!({ "command": [], "env": { "KEY": [secret], "OTHER": secret } });
    let action_decoded: ExecLocalShellAction = decode(&action);
    let exporter = json!({
        "endpoint": "e", "protocol": "json", "headers": { "authorization": { "bearer": secret } },
    });
    let exporter_decoded: OtlpHttpOtelExporter = decode(&exporter);
    // The struct around this list has no secret of its own and prints what is beside its fields.
    let headers =
        json!({ "requestHeaders": [{ "value": secret }, { "name": "n", "value": [secret] }] });
    let headers_decoded: BrowserUseExtensionRequirements = decode(&headers);

    let left_out = [
        &action_decoded.unrecognized,
        &exporter_decoded.unrecognized,
        &headers_decoded.unrecognized,
    ];
    assert_eq!(left_out.map(|it| it.malformed_elements().len()), [1, 1, 2]);
    for extra in left_out {
        let element = &extra.malformed_elements()[0];
        assert!(element.value().to_string().contains(secret));
        assert!(!format!("{extra:?} {extra:#?} {element:?}").contains(secret), "{extra:?}");
        assert!(!element.reason().to_string().contains(secret));
    }
    for (debug, encoded, value) in [
        (format!("{action_decoded:?}"), encode(&action_decoded), action),
        (format!("{exporter_decoded:?}"), encode(&exporter_decoded), exporter),
        (format!("{headers_decoded:?}"), encode(&headers_decoded), headers),
    ] {
        assert!(!debug.contains(secret), "{debug}");
        assert_eq!(without_nulls(&encoded), value);
    }
}
