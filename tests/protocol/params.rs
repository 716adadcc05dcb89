//! What the client sends: construction, null, widths, secrets.

use std::collections::{BTreeMap, BTreeSet};

use codexkit::protocol::{
    ApiKeyLoginAccountParams, ByteRange, ChatgptAuthTokensLoginAccountParams, ClientRequest,
    CommandExecParams, CustomGatewayProviderSettingsPatch, EnvironmentAddParams,
    LoginAccountParams, McpResourceReadTarget, PermissionsRequestApprovalResponse,
    ProviderSettingsPatch, ReadOnlySandboxPolicy, ReasoningEffort, ResponseItem, SandboxPolicy,
    TextUserInput, ThreadListParams, ThreadSectionMoveParams, ThreadStartParams, TurnStartParams,
    UserInput,
};
use serde_json::{Value, json};

use crate::{
    arbitrary::{Random, Schema},
    registry::types,
};

fn encode(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn params_are_made_from_what_is_required_and_setters() {
    let params = TurnStartParams::new("t", [UserInput::from(TextUserInput::new("hi"))])
        .effort("high")
        .model("gpt-5.5")
        .sandbox_policy(ReadOnlySandboxPolicy::new().network_access(true))
        .output_schema(json!({ "type": "object" }));
    assert_eq!(params.effort, Some(ReasoningEffort::from("high")));
    assert_eq!(
        encode(&params),
        json!({
            "threadId": "t",
            "input": [{ "type": "text", "text": "hi", "text_elements": [] }],
            "effort": "high",
            "model": "gpt-5.5",
            "sandboxPolicy": { "type": "readOnly", "networkAccess": true },
            "outputSchema": { "type": "object" },
        })
    );
    let back: TurnStartParams = serde_json::from_value(encode(&params)).unwrap();
    assert_eq!(back, params);
}

#[test]
fn params_without_required_properties_have_a_default() {
    assert_eq!(ThreadStartParams::default(), ThreadStartParams::new());
    assert_eq!(encode(ThreadStartParams::default()), json!({}));
}

#[test]
fn absent_null_and_a_value_are_three_things_where_the_protocol_says_so() {
    let cases = [
        (ThreadStartParams::new(), json!({})),
        (ThreadStartParams::new().service_tier(None), json!({ "serviceTier": null })),
        (
            ThreadStartParams::new().service_tier(Some("flex".to_owned())),
            json!({ "serviceTier": "flex" }),
        ),
    ];
    for (params, wire) in cases {
        assert_eq!(encode(&params), wire);
        assert_eq!(serde_json::from_value::<ThreadStartParams>(wire).unwrap(), params);
    }
    let listed = ThreadListParams::new().project_id(None).section_id(Some("s".to_owned()));
    assert_eq!(encode(listed), json!({ "projectId": null, "sectionId": "s" }));
    let patch = CustomGatewayProviderSettingsPatch::new().base_url(None).name("n");
    let patch = encode(ProviderSettingsPatch::from(patch));
    assert_eq!(patch, json!({ "type": "customGateway", "baseUrl": null, "name": "n" }));
}

#[test]
fn a_property_that_is_always_there_is_sent_as_null() {
    let params = ThreadSectionMoveParams::new("t", None);
    assert_eq!(encode(&params)["sectionId"], Value::Null);
    assert!(encode(&params).as_object().unwrap().contains_key("sectionId"));
    assert!(
        encode(McpResourceReadTarget::new("c", None)).as_object().unwrap().contains_key("linkId")
    );
}

#[test]
fn defaults_are_left_to_the_server_by_what_only_the_client_sends() {
    let answer: PermissionsRequestApprovalResponse =
        serde_json::from_value(json!({ "permissions": {} })).unwrap();
    assert_eq!(answer.scope.as_str(), "turn");
    assert_eq!(encode(&answer), json!({ "permissions": {} }));
    let answer = answer.scope("session");
    assert_eq!(encode(&answer)["scope"], "session");
}

#[test]
fn null_in_the_place_of_a_default_is_the_default() {
    let value = json!({ "permissions": {}, "scope": null });
    let answer: PermissionsRequestApprovalResponse = serde_json::from_value(value).unwrap();
    assert_eq!(answer.scope.as_str(), "turn");
    let value = json!({ "type": "readOnly", "networkAccess": null });
    let policy: SandboxPolicy = serde_json::from_value(value).unwrap();
    assert_eq!(policy, ReadOnlySandboxPolicy::new().network_access(false).into());
}

#[test]
fn null_takes_a_variable_out_of_the_environment() {
    let wire = json!({ "command": ["env"], "env": { "GONE": null, "KEPT": "x" } });
    let params: CommandExecParams = serde_json::from_value(wire.clone()).unwrap();
    let env = [("GONE".to_owned(), None), ("KEPT".to_owned(), Some("x".to_owned()))];
    assert_eq!(params.env, Some(BTreeMap::from(env)));
    assert_eq!(encode(params), wire);
}

#[test]
fn unsigned_integers_have_64_bits() {
    let wire = json!({ "start": 5_000_000_000_u64, "end": u64::MAX });
    let range: ByteRange = serde_json::from_value(wire.clone()).unwrap();
    assert_eq!(range, ByteRange::new(5_000_000_000, u64::MAX));
    assert_eq!(encode(range), wire);
    let error = serde_json::from_value::<ByteRange>(json!({ "start": -1, "end": 0 })).unwrap_err();
    assert_eq!(error.to_string(), "`start`: expected an integer (u64), found a number");
}

#[test]
fn properties_from_a_later_version_can_be_sent() {
    let mut params = ThreadStartParams::new();
    params.unrecognized.insert("brandNew", 1);
    assert_eq!(encode(params), json!({ "brandNew": 1 }));
}

#[test]
fn a_field_and_a_tag_win_over_a_property_of_their_name() {
    let mut params = ThreadStartParams::new().model("field");
    params.unrecognized.insert("model", "beside");
    assert_eq!(encode(params), json!({ "model": "field" }));
    let mut policy = ReadOnlySandboxPolicy::new();
    policy.unrecognized.insert("type", "beside");
    assert_eq!(encode(SandboxPolicy::from(policy))["type"], "readOnly");
}

#[test]
fn a_variant_without_properties_is_its_tag() {
    assert_eq!(encode(SandboxPolicy::danger_full_access()), json!({ "type": "dangerFullAccess" }));
}

#[test]
fn secrets_are_sent_and_never_printed() {
    let secret = "not-for-print";
    let api_key = LoginAccountParams::from(ApiKeyLoginAccountParams::new(secret));
    assert_eq!(encode(&api_key), json!({ "type": "apiKey", "apiKey": secret }));
    let tokens =
        LoginAccountParams::from(ChatgptAuthTokensLoginAccountParams::new("account-1", secret));
    assert_eq!(encode(&tokens)["accessToken"], secret);
    let environment = EnvironmentAddParams::new("e", "wss://host").auth_bearer_token(secret);
    assert_eq!(encode(&environment)["authBearerToken"], secret);

    for debug in [
        format!("{api_key:?}"),
        format!("{tokens:?}"),
        format!("{environment:?}"),
        format!("{:?}", ClientRequest::LoginAccount(api_key)),
    ] {
        assert!(!debug.contains(secret), "{debug}");
        assert!(debug.contains("<redacted>"), "{debug}");
    }
    let debug = format!("{tokens:?}");
    assert!(debug.contains("account-1"), "what is no secret stays visible: {debug}");
}

#[test]
fn secrets_that_do_not_fit_are_not_printed_either() {
    let secret = "not-for-print";
    let key = json!({ "type": "apiKey", "apiKey": [secret] });
    let login: LoginAccountParams = serde_json::from_value(key.clone()).unwrap();
    let shell = json!({ "type": "exec", "command": 7, "env": { "KEY": secret } });
    let call = json!({ "type": "local_shell_call", "action": shell, "status": "completed" });
    let item: ResponseItem = serde_json::from_value(call.clone()).unwrap();
    let cut = json!({ "type": "local_shell_call", "action": shell });
    let cut: ResponseItem = serde_json::from_value(cut).unwrap();
    for debug in [format!("{login:?}"), format!("{item:?}"), format!("{cut:?}")] {
        assert!(debug.contains("Unrecognized(<redacted>)"), "{debug}");
        assert!(!debug.contains(secret), "{debug}");
    }
    assert_eq!([encode(login), encode(item)], [key, call]);
}

/// What the name of a property says about its value.
fn sounds_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace(['_', '-'], "");
    let parts = [
        "accesskeyid",
        "apikey",
        "authurl",
        "authorizationurl",
        "bearer",
        "pairingcode",
        "password",
        "privatekey",
        "secretaccesskey",
        "secretkey",
        "usercode",
    ];
    parts.iter().any(|it| key.contains(it)) || key.ends_with("token")
}

/// How many values of each definition are searched for secrets.
const SECRET_VALUES: u64 = 40;

/// Where they were found.
const SECRET_PROPERTIES: [&str; 16] = [
    "accessKeyId",
    "accessToken",
    "apiKey",
    "authBearerToken",
    "authUrl",
    "authorizationUrl",
    "client-private-key",
    "env",
    "headers",
    "manualPairingCode",
    "pairingCode",
    "requestHeaders",
    "secretAccessKey",
    "sessionToken",
    "token",
    "userCode",
];

/// They sound secret and are not.
const REVIEWED: [&str; 1] = ["cancellationToken"];

/// What it holds is a list of named values, any of which may be a secret.
fn holds_secrets(key: &str) -> bool {
    let key = key.to_lowercase();
    key == "env" || key.ends_with("headers")
}

/// Puts `secret` in the place of every string that is no name. Returns whether there was one.
fn fill(value: &mut Value, secret: &str) -> bool {
    match value {
        Value::String(it) => {
            secret.clone_into(it);
            true
        }
        Value::Object(map) => map
            .iter_mut()
            .filter(|it| it.0 != "name")
            .fold(false, |found, (_, it)| found | fill(it, secret)),
        Value::Array(items) => items.iter_mut().fold(false, |found, it| found | fill(it, secret)),
        _ => false,
    }
}

/// Puts `secret` wherever a string sounds like one. Adds the names of those properties to `planted`.
fn plant(value: &mut Value, secret: &str, planted: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, it) in map {
                let here =
                    it.is_string() && sounds_secret(key) && !REVIEWED.contains(&key.as_str());
                if (here || holds_secrets(key)) && fill(it, secret) {
                    planted.insert(key.clone());
                }
                plant(it, secret, planted);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| plant(it, secret, planted)),
        _ => (),
    }
}

#[test]
fn no_type_prints_what_sounds_secret() {
    let schema = Schema::pinned();
    let secret = "not-for-print";
    let mut all = BTreeSet::new();
    for (name, ty) in types() {
        let Some(of) = schema.definition(name) else { continue };
        for seed in 0..SECRET_VALUES {
            let mut value = Random::new(&schema, seed).value(of);
            let mut planted = BTreeSet::new();
            plant(&mut value, secret, &mut planted);
            if !planted.is_empty() {
                let encoded = (ty.round_trip)(value).unwrap();
                assert!(encoded.value.to_string().contains(secret), "{name}");
                assert!(!encoded.debug.contains(secret), "{name}: {}", encoded.debug);
                all.extend(planted);
            }
        }
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(all, SECRET_PROPERTIES);
}
