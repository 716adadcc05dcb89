//! Completeness: every method of the schema, tied to what it takes and gives.

use std::collections::{BTreeMap, BTreeSet};

use codexkit::protocol::{
    CLIENT_METHODS, ClientNotification, ClientRequest, MemoryResetParams, RUNTIME_VERSION,
    SERVER_NOTIFICATION_METHODS, SERVER_REQUEST_METHODS, ServerNotification, ServerRequest,
    ServerRequestError, ThreadStartParams,
};
use serde_json::{Value, json};

use crate::{
    arbitrary::Schema,
    registry::{Method, bundle, calls, notifications, requests},
};

/// The methods under a root of the bundle, with the name of their params.
fn schema_methods(bundle: &str, root: &str) -> BTreeMap<String, Option<String>> {
    let bundle = self::bundle(bundle);
    let arms = bundle["definitions"][root]["oneOf"].as_array().unwrap().clone();
    let entry = |arm: Value| {
        let params = &arm["properties"]["params"];
        let target = params["$ref"].as_str().or(params["anyOf"][0]["$ref"].as_str());
        let target = target.map(|it| it.rsplit('/').next().unwrap().to_owned());
        (arm["properties"]["method"]["enum"][0].as_str().unwrap().to_owned(), target)
    };
    arms.into_iter().map(entry).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

#[test]
fn every_client_method_of_the_schema_is_tied_to_its_params_and_response() {
    let schema = schema_methods("experimental", "ClientRequest");
    let generated = requests();
    assert!(schema.len() > 150, "{}", schema.len());
    assert_eq!(set(schema.keys().map(String::as_str)), set(generated.iter().map(|it| it.name)));
    assert_eq!(set(schema.keys().map(String::as_str)), set(CLIENT_METHODS.iter().copied()));
    assert_eq!(CLIENT_METHODS.len(), schema.len());
    check_params(&schema, &generated);
}

#[test]
fn every_server_method_of_the_schema_is_tied_to_its_params_and_response() {
    let schema = schema_methods("experimental", "ServerRequest");
    let generated = calls();
    assert!(schema.len() >= 10, "{}", schema.len());
    assert_eq!(set(schema.keys().map(String::as_str)), set(generated.iter().map(|it| it.name)));
    assert_eq!(set(schema.keys().map(String::as_str)), set(SERVER_REQUEST_METHODS.iter().copied()));
    check_params(&schema, &generated);
}

fn check_params(schema: &BTreeMap<String, Option<String>>, generated: &[Method]) {
    for it in generated {
        if let Some(params) = &schema[it.name] {
            assert_eq!(params, it.params, "{}", it.name);
        }
        assert!(it.response.ends_with("Response"), "{}: {}", it.name, it.response);
    }
}

#[test]
fn every_response_of_the_schema_answers_a_method() {
    let bundle = bundle("experimental");
    let definitions = bundle["definitions"].as_object().unwrap();
    let inner = definitions["v2"].as_object().unwrap();
    let names = definitions.keys().chain(inner.keys()).map(String::as_str);
    let schema = set(names.filter(|it| it.ends_with("Response") && *it != "JSONRPCResponse"));
    let (requests, calls) = (requests(), calls());
    let generated = set(requests.iter().chain(&calls).map(|it| it.response));
    assert_eq!(schema, generated);
}

#[test]
fn experimental_methods_are_those_that_the_stable_bundle_lacks() {
    let stable = schema_methods("stable", "ClientRequest");
    assert!(stable.len() > 90, "{}", stable.len());
    for it in requests() {
        assert_eq!(it.experimental, !stable.contains_key(it.name), "{}", it.name);
    }
}

#[test]
fn every_notification_of_the_schema_has_a_variant() {
    let schema = schema_methods("experimental", "ServerNotification");
    assert!(schema.len() > 70, "{}", schema.len());
    assert_eq!(
        set(schema.keys().map(String::as_str)),
        set(SERVER_NOTIFICATION_METHODS.iter().copied())
    );
    for method in schema.keys() {
        // The params do not fit, so a known method complains about them and not about itself.
        let error = ServerNotification::try_decode(method, &json!(0)).unwrap_err().to_string();
        assert_eq!(error, "expected an object, found a number", "{method}");
    }
    let error = ServerNotification::try_decode("no/such", &json!({})).unwrap_err().to_string();
    assert_eq!(error, "unknown notification `no/such`");
}

#[test]
fn notification_params_know_their_method() {
    let schema = schema_methods("experimental", "ServerNotification");
    let is_shared =
        |params: &Option<String>| schema.values().filter(|it| *it == params).count() > 1;
    let expected = schema.iter().filter(|it| !is_shared(it.1));
    let expected: BTreeSet<_> =
        expected.map(|(method, params)| (method.as_str(), params.as_deref().unwrap())).collect();
    assert_eq!(notifications().into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn whatever_the_server_sends_knows_its_method() {
    let schema = Schema::pinned();
    for (method, params) in schema.methods("ServerNotification") {
        let it = ServerNotification::try_decode(method, &schema.least(params)).unwrap();
        assert_eq!(it.method(), method);
    }
    for (method, params) in schema.methods("ServerRequest") {
        let it = ServerRequest::try_decode(method, &schema.least(params)).unwrap();
        assert_eq!(it.method(), method);
    }
}

#[test]
fn a_request_of_any_kind_knows_its_method_and_writes_its_params() {
    let request = ClientRequest::ThreadStart(ThreadStartParams::new().cwd("/project"));
    assert_eq!(request.method(), "thread/start");
    assert_eq!(serde_json::to_value(&request).unwrap(), json!({ "cwd": "/project" }));
    assert_eq!(ClientNotification::Initialized.method(), "initialized");
}

#[test]
fn params_of_a_method_that_takes_none_are_null() {
    assert_eq!(serde_json::to_string(&MemoryResetParams::new()).unwrap(), "null");
}

#[test]
fn a_server_request_that_does_not_decode_says_why() {
    let unknown = ServerRequest::try_decode("no/such", &json!({})).unwrap_err();
    assert!(
        matches!(&unknown, ServerRequestError::UnknownMethod { method } if method == "no/such")
    );

    let params = json!({ "threadId": "t", "turnId": "u", "itemId": "i", "isBlocking": "yes",
        "questions": [] });
    let invalid = ServerRequest::try_decode("item/tool/requestUserInput", &params).unwrap_err();
    let ServerRequestError::InvalidParams { source, .. } = &invalid else { panic!("{invalid}") };
    assert_eq!(source.path(), "isBlocking");
    assert_eq!(invalid.to_string(), "invalid params of `item/tool/requestUserInput`");
}

#[test]
fn a_server_request_whose_params_are_a_union_must_fit_its_variant() {
    let method = "mcpServer/elicitation/request";
    let url = json!({ "mode": "url", "serverName": "s", "threadId": "t", "url": 1 });
    let error = ServerRequest::try_decode(method, &url).unwrap_err();
    assert!(matches!(error, ServerRequestError::InvalidParams { .. }), "{error:?}");

    let untold = json!({ "serverName": "s", "threadId": "t", "url": "u" });
    let error = ServerRequest::try_decode(method, &untold).unwrap_err();
    let ServerRequestError::InvalidParams { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "`mode`: expected a string");

    let unknown = json!({ "mode": "hologram", "serverName": "s", "threadId": "t" });
    let request = ServerRequest::try_decode(method, &unknown).unwrap();
    assert_eq!(request.method(), method);
    assert_eq!(serde_json::to_value(&request).unwrap()["params"], unknown);
}

#[test]
fn the_version_is_that_of_the_pin() {
    let pin = bundle("pin");
    assert_eq!(pin["runtime"], RUNTIME_VERSION);
    assert_eq!(RUNTIME_VERSION, env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_readme_names_the_version_of_the_pin() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    for line in
        [format!("codexkit = \"{RUNTIME_VERSION}\""), format!("@openai/codex@{RUNTIME_VERSION}")]
    {
        assert!(readme.contains(&line), "README.md has no `{line}`");
    }
}
