//! What the caller sets reaches the runtime, or the model behind it.

use codexkit::protocol::{
    AskForApproval, ClientInfo, CollaborationModeListParams, ReasoningSummary,
    ThreadItemOutputDeferral, ThreadItemsListParams, ThreadReadParams, ThreadStartParams,
};
use codexkit::testing::{MockModel, ModelRequest, Reply};
use codexkit::{ApprovalMode, Error, Sandbox, Thread};
use serde_json::{Value, json};

use crate::support::{SOON, rest, run, within};

/// The newest request to the model.
fn asked(model: &MockModel) -> ModelRequest {
    model.requests().pop().unwrap()
}

fn effort(model: &MockModel) -> Value {
    asked(model).body()["reasoning"]["effort"].clone()
}

/// The newest text of `role` with `part` in it.
fn told(model: &MockModel, role: &str, part: &str) -> String {
    let request = asked(model);
    let texts = request.input_texts(role);
    let text = texts.iter().rev().find(|text| text.contains(part));
    text.unwrap_or_else(|| panic!("no {part} in {texts:?}")).to_string()
}

#[tokio::test]
async fn a_model_an_effort_and_a_summary_hold_from_their_turn_on() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.start().await.thread_start().model("gpt-5.4").await.unwrap();
        thread.run("one").effort("low").await.unwrap();
        assert_eq!(asked(&place.model).model(), Some("gpt-5.4"));
        assert_eq!(effort(&place.model), "low");
        let turn = thread.run("two").model("gpt-5.5").effort("high");
        turn.summary(ReasoningSummary::Detailed).await.unwrap();
        for _ in 0..2 {
            assert_eq!(asked(&place.model).model(), Some("gpt-5.5"));
            assert_eq!(effort(&place.model), "high");
            assert_eq!(asked(&place.model).body()["reasoning"]["summary"], "detailed");
            thread.run("three").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn an_output_schema_holds_for_its_turn_only() {
    run(async |place| {
        place.model.always(r#"{"answer": 42}"#);
        let thread = place.thread().await;
        let schema = json!({
            "type": "object",
            "properties": {"answer": {"type": "number"}},
            "required": ["answer"],
            "additionalProperties": false,
        });
        thread.run("What is the answer?").output_schema(schema.clone()).await.unwrap();
        let format = asked(&place.model).body()["text"]["format"].clone();
        assert_eq!((&format["type"], &format["schema"]), (&json!("json_schema"), &schema));
        thread.run("And now in prose.").await.unwrap();
        assert_eq!(asked(&place.model).body()["text"]["format"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn instructions_reach_the_model() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let start = codex.thread_start().base_instructions("Be a parrot.");
        let thread = start.developer_instructions("Never say no.").await.unwrap();
        thread.run("hi").await.unwrap();
        assert_eq!(told(&place.model, "developer", "parrot"), "Be a parrot.");
        assert_eq!(told(&place.model, "developer", "Never"), "Never say no.");
    })
    .await;
}

#[tokio::test]
async fn a_directory_holds_from_its_turn_on_else_that_of_the_thread_or_of_the_client() {
    run(async |place| {
        place.model.always("ok");
        let directories = ["a", "b"].map(|name| place.home.path().join(name));
        for directory in &directories {
            std::fs::create_dir(directory).unwrap();
        }
        let [a, b] = &directories;
        let cwd = || {
            let text = told(&place.model, "user", "<cwd>");
            let path = text.split_once("<cwd>").unwrap().1.split_once("</cwd>").unwrap().0;
            std::path::PathBuf::from(path).canonicalize().unwrap()
        };
        let codex = place.start().await;
        codex.thread_start().await.unwrap().run("where").await.unwrap();
        assert_eq!(cwd(), place.home.workspace().canonicalize().unwrap());
        let thread = codex.thread_start().cwd(a).await.unwrap();
        thread.run("where").await.unwrap();
        assert_eq!(cwd(), a.canonicalize().unwrap());
        thread.run("where").cwd(b).await.unwrap();
        assert_eq!(cwd(), b.canonicalize().unwrap());
        thread.run("where").await.unwrap();
        assert_eq!(cwd(), b.canonicalize().unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_configuration_of_a_thread_goes_before_that_of_the_client() {
    run(async |place| {
        place.model.always("ok");
        let builder = place.builder().config("model_reasoning_effort", "high");
        let codex = place.start_with(builder).await;
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        assert_eq!(effort(&place.model), "high");
        let start = codex.thread_start().config("model_reasoning_effort", "low");
        start.await.unwrap().run("hi").await.unwrap();
        assert_eq!(effort(&place.model), "low");
    })
    .await;
}

#[tokio::test]
async fn a_thread_asks_the_provider_that_it_names() {
    run(async |place| {
        let other = MockModel::start().await.unwrap();
        other.push("I am the other one.");
        let provider = json!({"name": "other", "base_url": other.base_url()});
        let builder = place.builder().config("model_providers.other", provider);
        let codex = place.start_with(builder).await;
        let thread = codex.thread_start().model_provider("other").await.unwrap();
        let result = thread.run("Who are you?").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("I am the other one."));
        assert!(place.model.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_standard_service_tier_differs_from_none_at_all() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start_with(place.builder().config("service_tier", "flex")).await;
        let tier = async |thread: Thread| {
            thread.run("hi").await.unwrap();
            asked(&place.model).body()["service_tier"].clone()
        };
        assert_eq!(tier(codex.thread_start().await.unwrap()).await, "flex");
        let standard = codex.thread_start().service_tier(None).await.unwrap();
        assert_eq!(tier(standard).await, Value::Null);
        let priority = codex.thread_start().service_tier(Some("priority".into()));
        assert_eq!(tier(priority.await.unwrap()).await, "priority");
    })
    .await;
}

#[tokio::test]
async fn the_runtime_is_told_what_the_agent_may_do() {
    run(async |place| {
        place.model.always("ok");
        let rules = || told(&place.model, "developer", "`sandbox_mode`");
        let codex = place.start().await;
        let start = codex.thread_start().sandbox(Sandbox::ReadOnly);
        let thread = start.approval_mode(ApprovalMode::Ask).await.unwrap();
        thread.run("one").await.unwrap();
        assert!(rules().contains("`sandbox_mode` is `read-only`"), "{}", rules());
        assert!(rules().contains("if they are approved by the user"), "{}", rules());
        thread.run("two").sandbox(Sandbox::WorkspaceWrite).await.unwrap();
        assert!(rules().contains("`sandbox_mode` is `workspace-write`"), "{}", rules());
        thread.run("three").approval_mode(ApprovalMode::DenyAll).await.unwrap();
        assert!(rules().contains("`sandbox_mode` is `workspace-write`"), "{}", rules());
        assert!(!rules().contains("approved by the user"), "{}", rules());
    })
    .await;
}

#[tokio::test]
async fn params_change_anything_but_the_thread_and_the_input() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let [thread, other] =
            [codex.thread_start().await.unwrap(), codex.thread_start().await.unwrap()];
        let turn = thread.turn("Stay here.").params(|params| {
            let mut params = params.model("gpt-5.4");
            params.thread_id = other.id().to_owned();
            params.input.clear();
            params
        });
        let turn = within(SOON, turn.into_future()).await.unwrap();
        assert_eq!(turn.control().thread_id(), thread.id());
        turn.result().await.unwrap();
        let request = asked(&place.model);
        assert_eq!(request.model(), Some("gpt-5.4"));
        assert_eq!(request.input_texts("user").last(), Some(&"Stay here."));
        assert_eq!(request.header("thread-id"), Some(thread.id()));
    })
    .await;
}

#[tokio::test]
async fn only_an_ephemeral_thread_has_no_file() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        for ephemeral in [true, false] {
            let thread = codex.thread_start().ephemeral(ephemeral).await.unwrap();
            thread.run("hi").await.unwrap();
            let read = codex.request(ThreadReadParams::new(thread.id())).await.unwrap();
            assert_eq!(read.thread.ephemeral, ephemeral);
            assert_eq!(read.thread.path.is_none(), ephemeral);
        }
    })
    .await;
}

#[tokio::test]
async fn the_experimental_api_can_be_left_out() {
    run(async |place| {
        place.model.push("ok");
        let codex = place.start_with(place.builder().experimental_api(false)).await;
        let result = codex.thread_start().await.unwrap().run("hi").await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("ok"));
    })
    .await;
}

#[tokio::test]
async fn what_is_experimental_is_refused_here_as_the_runtime_would() {
    run(async |place| {
        let codex = place.start_with(place.builder().experimental_api(false)).await;
        let refused = |error: Error, expected: &str| {
            assert!(matches!(&error, Error::ExperimentalApi { what, .. } if what == expected));
            let advice = format!("`{expected}` is experimental; leave it out, or turn on ");
            assert!(error.to_string().starts_with(&advice), "{error}");
        };
        let error = codex.request(CollaborationModeListParams::default()).await.unwrap_err();
        refused(error, "collaborationMode/list");
        let start = codex.thread_start().params(|it| it.permissions("full"));
        refused(start.await.unwrap_err(), "thread/start.permissions");

        // The runtime calls them the same, when somebody gets past us.
        let mut start = ThreadStartParams::new();
        start.unrecognized.insert("permissions", "full");
        let mut deferral = ThreadItemOutputDeferral::new();
        deferral.unrecognized.insert("mcpToolCall", true);
        let list = ThreadItemsListParams::new("t").defer_output(deferral);
        let flags = ["mcp_elicitations", "rules", "sandbox_approval"].map(|it| (it, json!(true)));
        let granular = json!({ "granular": serde_json::Map::from_iter(flags.map(|(k, v)| (k.to_owned(), v))) });
        let granular = AskForApproval::Unrecognized(granular);
        let granular = ThreadStartParams::new().approval_policy(granular);
        let errors = [
            codex.request(start).await.err(),
            codex.request(list).await.err(),
            codex.request(granular).await.err(),
        ];
        let parts = [
            "thread/start.permissions",
            "thread/items/list.deferOutput.mcpToolCall",
            "askForApproval.granular",
        ];
        for (error, part) in errors.into_iter().zip(parts) {
            let error = error.unwrap().to_string();
            let expected = format!("{part} requires experimentalApi capability");
            assert!(error.contains(&expected), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_may_have_any_name() {
    run(async |place| {
        place.model.push("ok");
        let info = ClientInfo::new("my tool/2 (beta)", "0.0.7");
        let usual = place.start().await;
        let version = usual.runtime().version.clone();
        usual.close().await;
        let codex = place.start_with(place.builder().client_info(info)).await;
        assert_eq!(codex.runtime().version, version);
        codex.thread_start().await.unwrap().run("hi").await.unwrap();
        let request = asked(&place.model);
        let agent = request.header("user-agent").unwrap();
        assert!(agent.starts_with("my tool/2 (beta)/"), "{agent}");
        assert!(agent.contains("0.0.7"), "{agent}");
    })
    .await;
}

#[tokio::test]
async fn notifications_that_nobody_wants_are_not_sent() {
    run(async |place| {
        place.model.push(Reply::new().deltas(["Hel", "lo"]));
        let builder = place.builder().opt_out_notifications(["item/agentMessage/delta"]);
        let thread = place.start_with(builder).await.thread_start().await.unwrap();
        let mut turn = thread.turn("hi").await.unwrap();
        let events = rest(&mut turn).await.unwrap();
        assert!(
            events
                .iter()
                .all(|it| it.notification().unwrap().method() != "item/agentMessage/delta")
        );
        let result = turn.result().await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("Hello"));
    })
    .await;
}
