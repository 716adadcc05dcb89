//! What joins a turn that runs leaves that turn as it is.

use codexkit::protocol::TurnStatus;
use codexkit::testing::Reply;
use codexkit::{RpcErrorKind, Thread, TurnHandle};
use serde_json::{Value, json};

use crate::support::{Place, next_delta, run};

/// A turn that runs until the hold is released.
async fn running(place: &Place) -> (Thread, TurnHandle, codexkit::testing::Hold) {
    let (reply, hold) = Reply::new().delta("Once").hold();
    place.model.push(reply);
    let thread = place.thread().await;
    let mut turn = thread.turn("one").await.unwrap();
    assert_eq!(next_delta(&mut turn).await, "Once");
    (thread, turn, hold)
}

fn schema() -> Value {
    json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false})
}

#[tokio::test]
async fn what_is_set_on_a_turn_that_joins_another_holds_from_the_next_turn_on() {
    run(async |place| {
        let (thread, first, hold) = running(place).await;
        place.model.always("ok");
        let second = thread.turn("two").effort("high").service_tier(Some("flex".into()));
        let second = second.await.unwrap();
        assert_eq!(second.id(), first.id());
        hold.release();
        first.result().await.unwrap();
        thread.run("three").await.unwrap();
        let requests = place.model.requests();
        let set = requests.iter().map(|it| {
            let body = it.body();
            (body["reasoning"]["effort"].as_str() == Some("high"), body["service_tier"] == "flex")
        });
        assert_eq!(set.collect::<Vec<_>>(), [(false, false), (false, false), (true, true)]);
        assert!(requests[1].input_texts("user").contains(&"two"));
    })
    .await;
}

#[tokio::test]
async fn a_turn_with_another_output_schema_cannot_join_and_the_error_says_what_to_do() {
    run(async |place| {
        let (thread, first, hold) = running(place).await;
        let error = thread.run("two").output_schema(schema()).await.unwrap_err();
        assert_eq!(error.kind(), Some(RpcErrorKind::OutputSchemaMismatch), "{error}");
        assert!(error.to_string().ends_with("; wait until the turn that runs has ended"));
        hold.release();
        assert_eq!(first.result().await.unwrap().status, TurnStatus::Completed);
        place.model.push("{}");
        thread.run("two").output_schema(schema()).await.unwrap();
    })
    .await;
}

#[cfg(feature = "schemars")]
#[tokio::test]
async fn a_typed_turn_cannot_join_and_can_follow() {
    run(async |place| {
        let (thread, first, hold) = running(place).await;
        let error = thread.run_typed::<Vec<u8>>("two").await.unwrap_err();
        assert_eq!(error.kind(), Some(RpcErrorKind::OutputSchemaMismatch), "{error}");
        hold.release();
        first.result().await.unwrap();
        place.model.push(r#"{"value": [1]}"#);
        assert_eq!(thread.run_typed::<Vec<u8>>("two").await.unwrap().value, [1]);
    })
    .await;
}
