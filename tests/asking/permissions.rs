//! Nothing can be granted that was not asked for.

use codexkit::protocol::{
    GrantedPermissionProfile, PermissionGrantScope, PermissionsRequestApprovalResponse,
};
use codexkit::{PermissionsApproval, ServerRequest};
use serde_json::{Value, json};

use crate::support::{PERMISSIONS, Waiting, params};

fn asked(permissions: &Value) -> Value {
    let mut params = params(PERMISSIONS, "u1");
    params["permissions"] = permissions.clone();
    params
}

fn permissions_of(request: &ServerRequest) -> PermissionsApproval {
    match request {
        ServerRequest::PermissionsApproval(request) => request.clone(),
        other => panic!("{other:?}"),
    }
}

fn profile(permissions: &Value) -> GrantedPermissionProfile {
    serde_json::from_value(permissions.clone()).unwrap()
}

fn entry(path: &str, access: &str) -> Value {
    json!({"path": {"type": "path", "path": path}, "access": access})
}

fn special(kind: &Value, access: &str) -> Value {
    json!({"path": {"type": "special", "value": kind}, "access": access})
}

/// What the runtime asks for two directories and the network.
fn usual() -> Value {
    json!({
        "network": {"enabled": true},
        "fileSystem": {
            "read": ["/r"],
            "write": ["/opt/A", "/opt/B"],
            "entries": [entry("/opt/A", "write"), entry("/opt/B", "write"), entry("/r", "read")],
        },
    })
}

/// Checks what can be granted of what was asked, and what cannot, and why.
async fn check(asks: &Value, fits: &[Value], misfits: &[(Value, &str)]) {
    let asked = asked(asks);
    let mut waiting = Waiting::new().await;
    for (id, part) in (1..).zip(fits) {
        let request = waiting.ask(id, PERMISSIONS, &asked).await;
        let permissions = permissions_of(&request);
        for (misfit, because) in misfits {
            let answered = permissions.grant(profile(misfit), PermissionGrantScope::Turn);
            waiting.invalid(&request, answered, because).await;
        }
        let answered = permissions.grant(profile(part), PermissionGrantScope::Turn);
        let mut part = part.clone();
        crate::support::without_nulls(&mut part);
        // The scope of the turn is what holds anyway.
        waiting.sent(answered, id, &json!({"permissions": part})).await;
    }
}

fn write(paths: &[&str]) -> Value {
    json!({"fileSystem": {"write": paths}})
}

fn read(paths: &[&str]) -> Value {
    json!({"fileSystem": {"read": paths}})
}

#[tokio::test(start_paused = true)]
async fn a_part_can_be_granted_and_more_cannot() {
    check(
        &usual(),
        &[
            json!({}),
            usual(),
            json!({"network": {"enabled": true}}),
            json!({"network": {"enabled": false}}),
            write(&["/opt/A"]),
            write(&["/opt/A/sub", "/opt/B/./x/"]),
            write(&[]),
            read(&["/r", "/r/deep/er", "/opt/A", "/opt/B/x"]),
            json!({"fileSystem": {"entries": [entry("/opt/A/x", "write"), entry("/opt/B", "read")]}}),
            json!({"fileSystem": {"entries": [entry("/r/x", "read"), entry("/opt/A", "deny")]}}),
            json!({"fileSystem": {"entries": [entry("/elsewhere", "deny")]}}),
        ],
        &[
            (write(&["/opt"]), "to write `/opt`"),
            (write(&["/"]), "to write `/`"),
            (write(&["/opt/A", "/opt/C"]), "to write `/opt/C`"),
            (write(&["/opt/AB"]), "to write `/opt/AB`"),
            (write(&["/opt/A/../C"]), "to write"),
            (write(&["/opt/A/.."]), "to write"),
            (write(&["/opt/A/x/../../B"]), "to write"),
            (write(&["opt/A"]), "to write"),
            (write(&[""]), "to write"),
            (write(&["/r"]), "to write `/r`"),
            (read(&["/opt"]), "to read `/opt`"),
            (read(&["/r/../etc"]), "to read"),
            (read(&["/rr"]), "to read `/rr`"),
            (json!({"fileSystem": {"entries": [entry("/opt", "write")]}}), "an entry"),
            (json!({"fileSystem": {"entries": [entry("/r", "write")]}}), "an entry"),
            (json!({"fileSystem": {"entries": [entry("/r/../x", "read")]}}), "an entry"),
            (json!({"fileSystem": {"entries": [entry("/opt/A", "new")]}}), "what is not known"),
            (
                json!({"fileSystem": {"entries": [special(&json!({"kind": "root"}), "write")]}}),
                "an entry",
            ),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_the_network_it_cannot_be_granted() {
    for network in [json!(null), json!({}), json!({"enabled": false}), json!({"enabled": null})] {
        check(
            &json!({"network": network, "fileSystem": {"write": ["/a"]}}),
            &[json!({}), json!({"network": {"enabled": false}}), write(&["/a"])],
            &[(json!({"network": {"enabled": true}}), "the network was not asked for")],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_files_none_can_be_granted() {
    check(
        &json!({"network": {"enabled": true}}),
        &[json!({"network": {"enabled": true}}), json!({"fileSystem": {}})],
        &[
            (write(&["/a"]), "to write `/a`"),
            (read(&["/a"]), "to read `/a`"),
            (json!({"fileSystem": {"entries": [entry("/a", "read")]}}), "an entry"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn entries_that_were_asked_for_can_be_granted_as_paths() {
    let root = special(&json!({"kind": "root"}), "read");
    check(
        &json!({"fileSystem": {"entries": [entry("/a", "write"), entry("/b", "read"), root]}}),
        &[write(&["/a/x"]), read(&["/a", "/b"]), json!({"fileSystem": {"entries": [root]}})],
        &[
            (write(&["/b"]), "to write `/b`"),
            (
                json!({"fileSystem": {"entries": [special(&json!({"kind": "root"}), "write")]}}),
                "an entry",
            ),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_path_that_was_asked_for_can_be_granted_as_it_is() {
    check(
        &json!({"fileSystem": {"write": ["/a/../b"]}}),
        &[write(&["/a/../b"])],
        &[(write(&["/a/../b/../c"]), "to write"), (write(&["/b"]), "to write")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_granted_or_nothing() {
    let mut waiting = Waiting::new().await;
    let mut usual = usual();
    crate::support::without_nulls(&mut usual);
    let expected = json!({"permissions": usual});
    let for_session = json!({"permissions": usual, "scope": "session"});
    for (id, scope, expected) in
        [(1, PermissionGrantScope::Turn, expected), (2, PermissionGrantScope::Session, for_session)]
    {
        let request = waiting.ask(id, PERMISSIONS, &asked(&usual)).await;
        let answered = permissions_of(&request).grant_all(scope);
        waiting.sent(answered, id, &expected).await;
    }
    let request = waiting.ask(3, PERMISSIONS, &asked(&usual)).await;
    let answered = permissions_of(&request).decline();
    waiting.sent(answered, 3, &json!({"permissions": {}})).await;
}

#[tokio::test(start_paused = true)]
async fn a_strict_review_is_for_a_turn_alone() {
    let response = |scope: &str, strict: bool| -> PermissionsRequestApprovalResponse {
        let response = json!({
            "permissions": {"network": {"enabled": true}},
            "scope": scope,
            "strictAutoReview": strict,
        });
        serde_json::from_value(response).unwrap()
    };
    let mut waiting = Waiting::new().await;
    for (id, scope, strict) in [(1, "turn", true), (2, "session", false), (3, "turn", false)] {
        let request = waiting.ask(id, PERMISSIONS, &asked(&usual())).await;
        let permissions = permissions_of(&request);
        let invalid = permissions.respond(response("session", true));
        waiting.invalid(&request, invalid, "a strict review").await;
        let answered = permissions.respond(response(scope, strict));
        let expected = serde_json::to_value(response(scope, strict)).unwrap();
        waiting.sent(answered, id, &expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_cannot_be_granted_though_it_was_asked() {
    let unknown = "what is not known";
    for asks in [
        json!({"network": {"enabled": true, "later": true}}),
        json!({"fileSystem": {"write": ["/opt"], "later": ["/"]}}),
        json!({"fileSystem": {"entries": [entry("/opt", "later")]}}),
        json!({"fileSystem": {"entries": [{"path": {"type": "later"}, "access": "write"}]}}),
        json!({"fileSystem": {"entries": [{"path": {"type": "path", "path": 7}, "access": "read"}]}}),
    ] {
        let mut waiting = Waiting::new().await;
        let request = waiting.ask(1, PERMISSIONS, &asked(&asks)).await;
        let permissions = permissions_of(&request);
        let all = permissions.grant_all(PermissionGrantScope::Turn);
        waiting.invalid(&request, all, unknown).await;
        waiting.sent(permissions.decline(), 1, &json!({"permissions": {}})).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_stay_denied_stays_so() {
    let denied = entry("/a/secret", "deny");
    let asks = json!({"fileSystem": {"write": ["/a"], "entries": [entry("/a", "write"), denied]}});
    let with = |entries: &[&Value]| json!({"fileSystem": {"write": ["/a"], "entries": entries}});
    let because = "to stay denied";
    check(
        &asks,
        &[asks.clone(), with(&[&denied]), json!({}), json!({"fileSystem": {"entries": [denied]}})],
        &[
            (with(&[]), because),
            (json!({"fileSystem": {"read": ["/a/secret"]}}), because),
            (json!({"fileSystem": {"write": ["/a/b"]}}), because),
            (with(&[&entry("/a/other", "deny")]), because),
        ],
    )
    .await;
}
