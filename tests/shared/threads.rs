//! What a runtime says of a thread.

use serde_json::{Value, json};

pub(crate) fn a_thread(status: &str) -> Value {
    json!({
        "id": "t1",
        "sessionId": "t1",
        "cliVersion": codexkit::RUNTIME_VERSION,
        "createdAt": 1,
        "updatedAt": 1,
        "cwd": "/",
        "ephemeral": false,
        "modelProvider": "mock",
        "preview": "",
        "projectId": null,
        "source": "cli",
        "status": {"type": status},
        "turns": [],
    })
}
