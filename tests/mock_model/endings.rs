//! Replies that end badly.

use std::{io, panic};

use codexkit::testing::{MockModel, Reply};
use serde_json::{Value, json};

use super::client::{Client, events};

#[tokio::test]
async fn a_failed_reply_keeps_what_came_before() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::new().delta("par").failed("server_error", "it broke").id("resp_x"));
    let events = events(&model).await;
    assert_eq!(events[2]["delta"], "par");
    assert_eq!(
        events[3..],
        [json!({
            "type": "response.failed",
            "response": {
                "id": "resp_x",
                "error": { "code": "server_error", "message": "it broke" },
            },
        })]
    );
}

#[tokio::test]
async fn an_incomplete_reply_names_its_reason() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::new().incomplete("max_output_tokens").id("resp_x"));
    assert_eq!(
        events(&model).await[1..],
        [json!({
            "type": "response.incomplete",
            "response": {
                "id": "resp_x",
                "incomplete_details": { "reason": "max_output_tokens" },
            },
        })]
    );
}

#[tokio::test]
async fn a_truncated_reply_ends_cleanly_without_completion() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::new().delta("par").truncated());
    let last = events(&model).await.pop().unwrap();
    assert_eq!(last["type"], "response.output_text.delta");
}

#[tokio::test]
async fn a_disconnect_breaks_the_body_after_all_events_before_it() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::new().deltas(["par", "tial"]).disconnected());
    let mut client = Client::ask(&model).await;
    assert_eq!(client.head().await.status, 200);
    for _ in ["response.created", "response.output_item.added"] {
        client.event().await.unwrap().unwrap();
    }
    assert_eq!(client.event().await.unwrap().unwrap()["delta"], "par");
    assert_eq!(client.event().await.unwrap().unwrap()["delta"], "tial");
    let error = client.event().await.unwrap_err().kind();
    assert!(
        matches!(error, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset),
        "{error}"
    );
}

#[tokio::test]
async fn no_response_is_a_closed_connection() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::no_response());
    assert_eq!(Client::ask(&model).await.rest().await, b"");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn an_http_error_has_its_status_and_body() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::http_error(503, json!({ "error": { "code": "server_is_overloaded" } })));
    let (status, body) = error(&model).await;
    assert_eq!(status, 503);
    assert_eq!(body, json!({ "error": { "code": "server_is_overloaded" } }));
}

#[tokio::test]
async fn common_errors_have_the_shape_of_the_api() {
    let model = MockModel::start().await.unwrap();
    let replies = [
        (Reply::unauthorized(), 401, "invalid_api_key"),
        (Reply::rate_limited(), 429, "rate_limit_exceeded"),
        (Reply::usage_limit_reached(), 429, "usage_limit_reached"),
        (Reply::server_error(), 500, "server_error"),
    ];
    for (reply, status, code) in replies {
        model.push(reply);
        let (actual, body) = error(&model).await;
        assert_eq!(actual, status);
        assert_eq!(body["error"]["type"], code);
        assert_eq!(body["error"]["code"], code);
    }
    model.push(Reply::context_length_exceeded());
    let failed = events(&model).await.pop().unwrap();
    assert_eq!(failed["response"]["error"]["code"], "context_length_exceeded");
}

#[test]
fn a_reply_that_makes_no_sense_panics() {
    let nonsense: [fn() -> Reply; 5] = [
        || Reply::server_error().text("never sent"),
        || Reply::no_response().failed("never", "sent"),
        || Reply::http_error(200, Value::Null),
        || Reply::http_error(1000, Value::Null),
        || Reply::new().header("two words", "x"),
    ];
    for reply in nonsense {
        assert!(panic::catch_unwind(reply).is_err());
    }
}

async fn error(model: &MockModel) -> (u16, Value) {
    let mut client = Client::ask(model).await;
    let head = client.head().await;
    assert_eq!(head.header("content-type"), Some("application/json"));
    let body = client.text(&head).await;
    (head.status, serde_json::from_str(&body).unwrap())
}
