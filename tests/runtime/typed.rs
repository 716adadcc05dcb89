//! Turns whose answer is a Rust type.

use std::collections::BTreeMap;
use std::error::Error as _;

use codexkit::protocol::{TurnInterruptParams, TurnStatus};
use codexkit::testing::{Phase, Reply};
use codexkit::{Error, ExternalMessage, OutputError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Place, run};

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Verdict {
    /// One word.
    word: String,
    stars: Option<u8>,
    by: Vec<Voter>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Voter {
    Human { name: String },
    Machine,
}

fn text() -> String {
    json!({"word": "good", "stars": null, "by": [{"kind": "human", "name": "Ann"}, {"kind": "machine"}]})
        .to_string()
}

fn verdict() -> Verdict {
    let by = vec![Voter::Human { name: "Ann".into() }, Voter::Machine];
    Verdict { word: "good".into(), stars: None, by }
}

/// The form of the answer to which the newest request binds the model.
fn format(place: &Place) -> Value {
    place.model.requests().pop().unwrap().body()["text"]["format"].clone()
}

fn output(error: Error) -> OutputError {
    match error {
        Error::Output(error) => *error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_model_is_bound_to_the_schema_of_the_type_and_its_answer_is_a_value() {
    run(async |place| {
        place.model.push(&*text());
        let thread = place.thread().await;
        let result = thread.run_typed::<Verdict>("Judge.").effort("low").await.unwrap();
        assert_eq!(result.value, verdict());
        assert_eq!(result.turn.final_response, Some(text()));
        assert_eq!(result.turn.status, TurnStatus::Completed);
        let object = |properties: Value| {
            let required: Vec<_> = properties.as_object().unwrap().keys().collect();
            json!({
                "type": "object", "properties": properties, "required": required,
                "additionalProperties": false,
            })
        };
        let kind = |kind: &str| json!({"type": "string", "enum": [kind]});
        let mut schema = object(json!({
            "word": {"type": "string", "description": "One word."},
            "stars": {"type": ["integer", "null"], "minimum": 0, "maximum": 255},
            "by": {"type": "array", "items": {"$ref": "#/$defs/Voter"}},
        }));
        schema["$defs"] = json!({"Voter": {"anyOf": [
            object(json!({"kind": kind("human"), "name": {"type": "string"}})),
            object(json!({"kind": kind("machine")})),
        ]}});
        let expected = json!({
            "type": "json_schema", "strict": true, "name": "codex_output_schema", "schema": schema,
        });
        assert_eq!(format(place), expected);
        assert_eq!(place.model.requests()[0].body()["reasoning"]["effort"], "low");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_object_comes_wrapped_and_is_given_without_it() {
    run(async |place| {
        place.model.push(r#"{"value": ["a", "b"]}"#);
        let alert = ExternalMessage::new("monitor", "Two disks are full.");
        let result = place.thread().await.run_typed::<Vec<String>>(alert).await.unwrap();
        assert_eq!(result.value, ["a", "b"]);
        assert_eq!(format(place)["schema"]["type"], "object");
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_another_type_is_an_error_that_holds_it() {
    run(async |place| {
        let thread = place.thread().await;
        for answer in ["It is good.", r#"{"word": "good"}"#, r#"{"word": 1, "stars": 2, "by": []}"#]
        {
            place.model.push(answer);
            let error = thread.run_typed::<Verdict>("Judge.").await.unwrap_err();
            assert_eq!(error.turn().unwrap().status, TurnStatus::Completed);
            assert!(error.source().unwrap().to_string().contains("line 1 column"));
            let id = error.turn().unwrap().id.clone();
            let said = format!("the answer of turn {id} is not of the type that was asked for");
            assert_eq!(error.to_string(), said);
            assert_eq!(output(error).text(), Some(answer));
        }
    })
    .await;
}

#[tokio::test]
async fn a_turn_without_an_answer_is_an_error_that_holds_the_turn() {
    run(async |place| {
        let thread = place.thread().await;
        place.model.push(Reply::new().phase(Phase::Commentary).text(text()));
        let error = output(thread.run_typed::<Verdict>("Judge.").await.unwrap_err());
        assert_eq!((error.text(), error.turn.items.len()), (None, 2));
        let (reply, hold) = Reply::new().delta("{").hold();
        place.model.push(reply);
        let typed = tokio::spawn(thread.run_typed::<Verdict>("Judge.").into_future());
        hold.reached().await.unwrap();
        let request = place.model.requests().pop().unwrap();
        let turn = request.body()["client_metadata"]["turn_id"].as_str().unwrap();
        let interrupt = TurnInterruptParams::new(thread.id(), turn);
        thread.codex().request(interrupt).await.unwrap();
        let error = output(typed.await.unwrap().unwrap_err());
        assert_eq!((error.text(), &error.turn.status), (None, &TurnStatus::Interrupted));
        let expected =
            format!("turn {} ended without an answer; its status is interrupted", error.turn.id);
        assert_eq!(error.to_string(), expected);
        assert!(error.source().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_turn_that_fails_is_no_matter_of_its_answer() {
    run(async |place| {
        place.model.push(Reply::new().text(text()).failed("server_error", "Oh dear."));
        let error = place.thread().await.run_typed::<Verdict>("Judge.").await.unwrap_err();
        assert!(matches!(&error, Error::TurnFailed(failure) if failure.turn.final_response == Some(text())));
    })
    .await;
}

#[tokio::test]
async fn a_type_that_no_strict_schema_describes_is_refused_before_it_is_sent() {
    run(async |place| {
        let thread = place.thread().await;
        match thread.run_typed::<BTreeMap<String, u8>>("Judge.").await {
            Err(Error::InvalidInput(text)) => assert!(text.contains("is a map"), "{text}"),
            other => panic!("{other:?}"),
        }
        // The thread has had no turn.
        place.model.push(&*text());
        let mut turn = thread.turn("Judge.").await.unwrap();
        while turn.next().await.is_some() {}
        assert_eq!(place.model.requests().len(), 1);
    })
    .await;
}
