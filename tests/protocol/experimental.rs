//! What only the experimental API takes says so before it is sent.

use std::collections::BTreeSet;

use codexkit::protocol::{
    AmazonBedrockLoginAccountParams, GranularAskForApproval, LoginAccountParams, MemoryResetParams,
    Request, ThreadItemOutputDeferral, ThreadItemsListParams, ThreadStartParams,
};
use serde_json::Value;

use crate::{
    examples::{Examples, wire_bundle},
    registry::{bundle, requests},
};

/// The cases that the runtime refuses although the stable bundle has them.
const CASES: [&str; 4] =
    ["granular", "amazonBedrock", "amazonBedrockAccessKeys", "chatgptAuthTokens"];

/// The names of the properties of a definition.
fn properties(bundle: &Value, definition: &str) -> BTreeSet<String> {
    let outer = &bundle["definitions"];
    let schema =
        [&outer["v2"][definition], &outer[definition]].into_iter().find(|it| !it.is_null());
    let properties = schema.and_then(|it| it["properties"].as_object());
    properties.into_iter().flat_map(|it| it.keys().cloned()).collect()
}

#[test]
fn every_property_that_the_stable_bundle_lacks_is_found_before_it_is_sent() {
    let (stable, experimental) = (bundle("stable"), wire_bundle());
    let examples = Examples::new(&experimental);
    let mut found = 0;
    for method in requests().into_iter().filter(|it| !it.experimental) {
        let known = properties(&stable, method.params);
        let all = properties(&experimental, method.params);
        let new: BTreeSet<_> = all.difference(&known).collect();
        for value in examples.definition(method.params) {
            let sent = value.as_object().unwrap().iter().filter(|it| !it.1.is_null());
            let used: BTreeSet<&String> =
                sent.map(|it| it.0).filter(|it| new.contains(it)).collect();
            let expected = used.first().map(|it| format!("{}.{it}", method.name));
            let part = (method.experimental_part)(value.clone());
            if expected.is_some() {
                assert_eq!(part, expected, "{value:#}");
                found += used.len();
            }
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn params_of_the_stable_bundle_have_nothing_experimental() {
    let stable = bundle("stable");
    let examples = Examples::new(&stable);
    let mut values = 0;
    for method in requests().into_iter().filter(|it| !it.experimental) {
        for value in examples.definition(method.params) {
            let text = value.to_string();
            if !CASES.iter().any(|it| text.contains(&format!("\"{it}\""))) {
                assert_eq!((method.experimental_part)(value.clone()), None, "{value:#}");
            }
            values += 1;
        }
    }
    assert!(values > 500, "{values}");
}

#[test]
fn methods_and_inner_properties_count_too() {
    assert_eq!(MemoryResetParams::new().experimental().as_deref(), Some("memory/reset"));
    let deferral = ThreadItemOutputDeferral::new().mcp_tool_call(true);
    let params = ThreadItemsListParams::new("t").defer_output(deferral);
    let expected = "thread/items/list.deferOutput.mcpToolCall";
    assert_eq!(params.experimental().as_deref(), Some(expected));
    assert_eq!(ThreadStartParams::new().model("m").experimental(), None);

    let granular = GranularAskForApproval::new(true, true, true);
    let params = ThreadStartParams::new().approval_policy(granular);
    assert_eq!(params.experimental().as_deref(), Some("thread/start.approvalPolicy"));
    let login = LoginAccountParams::from(AmazonBedrockLoginAccountParams::new("key", "region"));
    assert_eq!(login.experimental().as_deref(), Some("account/login/start"));
    assert_eq!(LoginAccountParams::chatgpt().experimental(), None);
}
