//! Replies that wait for the test.

use std::{io, time::Duration};

use codexkit::testing::{MockModel, Reply};
use serde_json::json;
use tokio::time::timeout;

use super::client::{Client, text};

#[tokio::test]
async fn a_held_reply_goes_on_when_it_is_released() {
    let model = MockModel::start().await.unwrap();
    let (reply, hold) = Reply::new().delta("Hel").hold();
    model.push(reply.delta("lo"));
    let mut client = Client::ask(&model).await;
    hold.reached().await.unwrap();
    client.head().await;
    assert_eq!(client.event().await.unwrap().unwrap()["type"], "response.created");
    assert_eq!(client.event().await.unwrap().unwrap()["type"], "response.output_item.added");
    assert_eq!(client.event().await.unwrap().unwrap()["delta"], "Hel");

    // The server serves another request meanwhile: it is not just slow.
    model.push("other");
    assert_eq!(text(&model).await, "other");
    assert_eq!(client.arrived(), b"");

    hold.release();
    assert_eq!(client.event().await.unwrap().unwrap()["delta"], "lo");
    assert_eq!(client.events().await.last().unwrap()["type"], "response.completed");
}

#[tokio::test]
async fn a_dropped_hold_releases() {
    let model = MockModel::start().await.unwrap();
    let (reply, hold) = Reply::new().hold();
    model.push(reply.text("late"));
    let mut client = Client::ask(&model).await;
    hold.reached().await.unwrap();
    drop(hold);
    client.head().await;
    assert_eq!(client.events().await.len(), 3);

    let (reply, hold) = Reply::new().hold();
    drop(hold);
    model.push(reply.text("never held"));
    assert_eq!(text(&model).await, "never held");
}

#[tokio::test]
async fn a_reply_can_be_held_twice() {
    let model = MockModel::start().await.unwrap();
    let (reply, first) = Reply::bare().hold();
    let (reply, second) = reply.event(json!({ "type": "one" })).hold();
    model.push(reply.event(json!({ "type": "two" })));
    let mut client = Client::ask(&model).await;
    client.head().await;
    first.reached().await.unwrap();
    assert!(timeout(Duration::ZERO, second.reached()).await.is_err());
    first.release();
    assert_eq!(client.event().await.unwrap().unwrap()["type"], "one");
    second.reached().await.unwrap();
    second.release();
    assert_eq!(client.event().await.unwrap().unwrap()["type"], "two");
    assert!(client.events().await.is_empty());
}

#[tokio::test]
async fn copies_of_a_reply_are_held_and_released_together() {
    let model = MockModel::start().await.unwrap();
    let (reply, hold) = Reply::new().hold();
    model.always(reply.text("all at once"));
    let mut clients = Vec::new();
    for arrived in 1..=3 {
        clients.push(Client::ask(&model).await);
        hold.reached_by(arrived).await.unwrap();
    }
    assert!(timeout(Duration::ZERO, hold.reached_by(4)).await.is_err());
    hold.release();
    for mut client in clients {
        client.head().await;
        assert_eq!(client.events().await.len(), 3);
    }
}

#[tokio::test]
async fn an_http_error_is_held_before_its_status() {
    let model = MockModel::start().await.unwrap();
    let (reply, hold) = Reply::server_error().hold();
    model.push(reply);
    let mut client = Client::ask(&model).await;
    hold.reached().await.unwrap();
    model.push("other");
    assert_eq!(text(&model).await, "other");
    assert_eq!(client.arrived(), b"");
    hold.release();
    assert_eq!(client.head().await.status, 500);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let model = MockModel::start().await.unwrap();
    for reply in [Reply::new(), Reply::no_response()] {
        let (reply, hold) = reply.hold();
        model.push(reply);
        let client = Client::ask(&model).await;
        hold.reached().await.unwrap();
        assert!(timeout(Duration::ZERO, hold.abandoned()).await.is_err());
        drop(client);
        hold.abandoned().await.unwrap();
    }
}

#[tokio::test]
async fn waiting_for_a_hold_ends_when_it_cannot_be_reached() {
    let model = MockModel::start().await.unwrap();
    let (reply, first) = Reply::new().hold();
    let (reply, second) = reply.hold();
    model.push(reply);
    let client = Client::ask(&model).await;
    first.reached().await.unwrap();
    drop(client);
    assert_eq!(second.reached().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    // What did happen stays known.
    first.reached().await.unwrap();

    let (reply, hold) = Reply::new().hold();
    model.push(reply);
    drop(model);
    assert_eq!(hold.reached().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
