//! Connections, and the life of the server.

use std::collections::HashSet;

use codexkit::testing::{MockModel, Reply};
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet};

use super::client::{Client, address, text};

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let model = MockModel::start().await.unwrap();
    model.extend([Reply::from("one"), Reply::server_error(), Reply::from("two")]);
    let mut client = Client::connect(&model).await;
    client.post(&json!({})).await;
    client.head().await;
    assert_eq!(client.events().await.len(), 3);
    client.post(&json!({})).await;
    let head = client.head().await;
    assert_eq!(head.status, 500);
    client.text(&head).await;
    client.post(&json!({})).await;
    client.head().await;
    assert_eq!(client.events().await.len(), 3);
}

#[tokio::test]
async fn many_requests_at_once_get_their_own_replies() {
    let model = MockModel::start().await.unwrap();
    let (reply, hold) = Reply::new().hold();
    model.answer_with(move |request| reply.clone().text(request.body()["marker"].to_string()));
    let mut clients = JoinSet::new();
    for marker in 0..64 {
        let model = model.clone();
        clients.spawn(async move {
            let mut client = Client::connect(&model).await;
            client.post(&json!({ "marker": marker })).await;
            client.head().await;
            let events = client.events().await;
            assert_eq!(events[1]["item"]["content"][0]["text"], marker.to_string());
            events[0]["response"]["id"].as_str().unwrap().to_owned()
        });
    }
    hold.reached_by(64).await.unwrap();
    hold.release();
    let ids: HashSet<_> = clients.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 64);
    assert_eq!(model.requests().len(), 64);
}

#[tokio::test]
async fn parallel_requests_share_the_queue_without_loss() {
    let model = MockModel::start().await.unwrap();
    model.extend((0..64).map(|n| n.to_string()));
    let mut clients = JoinSet::new();
    for _ in 0..64 {
        let model = model.clone();
        clients.spawn(async move { text(&model).await });
    }
    let texts: HashSet<_> = clients.join_all().await.into_iter().collect();
    assert_eq!(texts.len(), 64);
    assert_eq!(model.unused(), 0);
}

#[tokio::test]
async fn a_large_body_is_read_whole() {
    let model = MockModel::start().await.unwrap();
    model.push("ok");
    let text = "x".repeat(10 << 20);
    let mut client = Client::connect(&model).await;
    client.post(&json!({ "text": text })).await;
    assert_eq!(client.head().await.status, 200);
    assert_eq!(model.requests()[0].body()["text"], text);
}

#[tokio::test]
async fn other_requests_take_no_reply() {
    let model = MockModel::start().await.unwrap();
    model.push("for the model");
    let mut client = Client::connect(&model).await;
    let others = [
        ("GET", "/v1/models", "", 200),
        ("GET", "/v1/responses", "", 404),
        ("POST", "/v1/responses/compact", "{}", 404),
        ("POST", "/v1/models", "{}", 404),
        ("POST", "/v1/responses", "no json", 400),
    ];
    for (method, path, body, status) in others {
        client.send(method, path, "", body.as_bytes()).await;
        let head = client.head().await;
        assert_eq!(head.status, status, "{method} {path}");
        let body = client.text(&head).await;
        assert_eq!(body.starts_with("mock model: "), status != 200, "{body}");
    }
    assert!(model.requests().is_empty());
    assert_eq!(model.unused(), 1);
    assert_eq!(text(&model).await, "for the model");
}

#[tokio::test]
async fn the_last_clone_stops_the_server() {
    let model = MockModel::start().await.unwrap();
    let address = address(&model);
    let (reply, hold) = Reply::new().hold();
    model.push(reply);
    let mut waiting = Client::ask(&model).await;
    let mut idle = Client::connect(&model).await;
    hold.reached().await.unwrap();

    let last = model.clone();
    drop(model);
    last.push("still here");
    assert_eq!(text(&last).await, "still here");

    drop(last);
    waiting.rest().await;
    idle.rest().await;
    TcpStream::connect(address).await.unwrap_err();
    hold.abandoned().await.unwrap();
}

#[tokio::test]
async fn the_settings_point_a_runtime_at_the_model() {
    let model = MockModel::start().await.unwrap();
    let config = model.config();
    let value = |key: &str| {
        let mut values = config.iter().filter(|(it, _)| it == key);
        let (_, value) = values.next().unwrap();
        assert!(values.next().is_none(), "{key} is given twice");
        value.clone()
    };
    assert_eq!(value("model_providers.mock.base_url"), model.base_url());
    assert_eq!(value("model_provider"), "mock");
    assert_eq!(value("model_providers.mock.request_max_retries"), 0);
    assert_eq!(value("model_providers.mock.stream_max_retries"), 0);
    assert_eq!(value("features.plugins"), false);
}
