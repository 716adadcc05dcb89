//! What is there with the feature `experimental` and without it. The same tests run both ways.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use std::collections::BTreeSet;

use codexkit::protocol::{
    CLIENT_METHODS, Request, SERVER_NOTIFICATION_METHODS, SERVER_REQUEST_METHODS, ServerRequest,
    ThreadArchiveParams, ThreadReadResponse,
};
use serde_json::{Value, json};

const EXPERIMENTAL: bool = cfg!(feature = "experimental");

/// The bundle whose protocol this is.
fn bundle() -> Value {
    let text = if EXPERIMENTAL {
        include_str!("../schema/experimental.json")
    } else {
        include_str!("../schema/stable.json")
    };
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_methods_are_those_of_the_bundle() {
    let bundle = bundle();
    for (root, methods) in [
        ("ClientRequest", CLIENT_METHODS),
        ("ServerNotification", SERVER_NOTIFICATION_METHODS),
        ("ServerRequest", SERVER_REQUEST_METHODS),
    ] {
        let arms = bundle["definitions"][root]["oneOf"].as_array().unwrap();
        let schema: BTreeSet<_> =
            arms.iter().map(|it| it["properties"]["method"]["enum"][0].as_str().unwrap()).collect();
        assert_eq!(schema, methods.iter().copied().collect(), "{root}");
    }
    let counts = [CLIENT_METHODS, SERVER_NOTIFICATION_METHODS, SERVER_REQUEST_METHODS];
    let expected = if EXPERIMENTAL { [184, 86, 11] } else { [109, 86, 10] };
    assert_eq!(counts.map(<[_]>::len), expected);
}

#[test]
fn a_property_outside_of_the_scope_is_kept_as_one_that_nobody_knows() {
    let value = json!({ "thread": {
        "attachedToThreadId": "t0", "cliVersion": "1", "createdAt": 1, "cwd": "/p",
        "ephemeral": false, "id": "t", "modelProvider": "p", "preview": "", "projectId": null,
        "sessionId": "s", "source": "cli", "status": { "type": "idle" }, "turns": [], "updatedAt": 1,
    }});
    let response: ThreadReadResponse = serde_json::from_value(value.clone()).unwrap();
    let unknown = response.thread.unrecognized.get("attachedToThreadId");
    assert_eq!(
        unknown,
        if EXPERIMENTAL { None } else { Some(&value["thread"]["attachedToThreadId"]) }
    );
    let encoded = serde_json::to_value(&response).unwrap();
    assert_eq!(encoded["thread"]["attachedToThreadId"], "t0");
}

#[test]
fn a_request_of_the_server_outside_of_the_scope_is_unknown() {
    let decoded = ServerRequest::try_decode("currentTime/read", &json!({ "threadId": "t" }));
    assert_eq!(decoded.is_ok(), EXPERIMENTAL, "{decoded:?}");
}

#[test]
fn a_stable_request_has_nothing_experimental() {
    assert_eq!(ThreadArchiveParams::new("t").experimental(), None);
}
