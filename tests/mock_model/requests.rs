//! What a test can see of a request.

use std::time::Duration;

use codexkit::testing::{MockModel, ModelRequest};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::{Client, text};

#[tokio::test]
async fn a_request_shows_how_it_was_made() {
    let body = json!({ "model": "gpt-5.5" });
    let request = request(&body).await;
    assert_eq!(request.method(), "POST");
    assert_eq!(request.path(), "/v1/responses");
    assert_eq!(request.header("originator"), Some("a test"));
    assert_eq!(request.header("ORIGINATOR"), Some("a test"));
    assert_eq!(request.header("missing"), None);
    assert!(request.headers().any(|header| header == ("originator", "a test")));
    assert_eq!(*request.body(), body);
    assert_eq!(request.model(), Some("gpt-5.5"));
}

#[tokio::test]
async fn a_request_finds_texts_images_and_tools() {
    let request = request(&json!({
        "input": [
            { "type": "message", "role": "developer", "content": [
                { "type": "input_text", "text": "rules" },
            ] },
            { "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "look" },
                { "type": "input_image", "image_url": "data:image/png;base64,AAAA" },
                { "type": "input_text", "text": "here" },
            ] },
            { "type": "reasoning", "content": [{ "type": "reasoning_text", "text": "hm" }] },
            { "type": "message", "role": "assistant", "content": [
                { "type": "output_text", "text": "nice" },
            ] },
            { "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "more" },
            ] },
        ],
        "tools": [{ "type": "function", "name": "exec_command" }, { "type": "web_search" }],
    }))
    .await;
    assert_eq!(request.input().len(), 5);
    assert_eq!(request.input_texts("user"), ["look", "here", "more"]);
    assert_eq!(request.input_texts("developer"), ["rules"]);
    assert_eq!(request.input_texts("assistant"), ["nice"]);
    assert_eq!(request.image_urls(), ["data:image/png;base64,AAAA"]);
    assert_eq!(request.tool_names(), ["exec_command", "web_search"]);
}

#[tokio::test]
async fn a_tool_output_is_found_by_its_call() {
    let request = request(&json!({ "input": [
        { "type": "function_call", "call_id": "call_1", "name": "x", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "call_1", "output": "plain" },
        { "type": "custom_tool_call_output", "call_id": "call_2", "output": [
            { "type": "input_text", "text": "in " },
            { "type": "input_image", "image_url": "data:," },
            { "type": "input_text", "text": "pieces" },
        ] },
    ] }))
    .await;
    assert_eq!(request.tool_output("call_1").unwrap(), "plain");
    assert_eq!(request.tool_output("call_2").unwrap(), "in pieces");
    assert_eq!(request.tool_output("call_3"), None);
}

#[tokio::test]
async fn a_body_of_another_shape_has_nothing_to_find() {
    let request = request(&json!(["input"])).await;
    assert_eq!(request.model(), None);
    assert!(request.input().is_empty());
    assert!(request.input_texts("user").is_empty());
    assert!(request.image_urls().is_empty());
    assert!(request.tool_names().is_empty());
    assert_eq!(request.tool_output("call_1"), None);
}

#[tokio::test]
async fn debug_output_keeps_secrets() {
    let model = MockModel::start().await.unwrap();
    model.always("ok");
    let mut client = Client::connect(&model).await;
    let headers = "authorization: Bearer sk-one\r\nx-api-key: sk-two\r\n";
    let body = br#"{"model":"gpt-5.5","input":["sk-three"]}"#;
    client.send("POST", "/v1/responses", headers, body).await;
    client.head().await;
    let requests = model.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer sk-one"));
    let debug = format!("{requests:#?} {model:#?}");
    assert!(debug.contains("authorization") && debug.contains("gpt-5.5"), "{debug}");
    assert!(!debug.contains("sk-"), "{debug}");
}

#[tokio::test]
async fn waiting_for_requests_survives_being_cancelled() {
    let model = MockModel::start().await.unwrap();
    model.always("ok");
    assert!(model.wait_for_requests(0).await.is_empty());
    assert!(timeout(Duration::ZERO, model.wait_for_requests(1)).await.is_err());

    text(&model).await;
    assert_eq!(model.wait_for_requests(1).await.len(), 1);
    assert!(timeout(Duration::ZERO, model.wait_for_requests(2)).await.is_err());

    let (requests, _) = tokio::join!(model.wait_for_requests(2), text(&model));
    assert_eq!(requests.len(), 2);
    assert_eq!(model.wait_for_requests(1).await.len(), 2);
}

#[tokio::test]
async fn the_fallback_sees_the_request() {
    let model = MockModel::start().await.unwrap();
    let asked = model.clone();
    model.answer_with(move |request| {
        // The model may be used from here.
        format!("{} of {}", request.body()["marker"], asked.requests().len())
    });
    let mut client = Client::connect(&model).await;
    client.post(&json!({ "marker": 7 })).await;
    client.head().await;
    let events = client.events().await;
    assert_eq!(events[1]["item"]["content"][0]["text"], "7 of 1");
}

async fn request(body: &Value) -> ModelRequest {
    let model = MockModel::start().await.unwrap();
    model.push("ok");
    let mut client = Client::connect(&model).await;
    let headers = "Originator: a test\r\n";
    client.send("POST", "/v1/responses?query", headers, body.to_string().as_bytes()).await;
    assert_eq!(client.head().await.status, 200);
    model.requests().remove(0)
}
