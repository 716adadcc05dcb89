//! Replies as a client receives them.

use codexkit::testing::{MockModel, Phase, Reply, Usage};
use serde_json::{Value, json};

use super::client::{Client, events, text};

#[tokio::test]
async fn a_reply_is_a_stream_of_server_sent_events() {
    let model = MockModel::start().await.unwrap();
    model.push("hello");
    let mut client = Client::ask(&model).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        client.events().await,
        [
            json!({ "type": "response.created", "response": { "id": "resp_1" } }),
            json!({
                "type": "response.output_item.done",
                "output_index": 0,
                "item": {
                    "type": "message",
                    "id": "msg_1_0",
                    "role": "assistant",
                    "content": [{ "type": "output_text", "text": "hello" }],
                },
            }),
            json!({
                "type": "response.completed",
                "response": { "id": "resp_1", "usage": null },
            }),
        ]
    );
}

#[tokio::test]
async fn each_request_takes_the_next_reply() {
    let model = MockModel::start().await.unwrap();
    model.push("first");
    model.extend(["second", "third"]);
    assert_eq!(model.unused(), 3);
    assert_eq!(text(&model).await, "first");
    assert_eq!(text(&model).await, "second");
    assert_eq!(model.unused(), 1);
    assert_eq!(text(&model).await, "third");
    assert_eq!(model.unused(), 0);
}

#[tokio::test]
async fn the_fallback_answers_only_when_the_queue_is_empty() {
    let model = MockModel::start().await.unwrap();
    model.always("fallback");
    model.push("queued");
    assert_eq!(text(&model).await, "queued");
    assert_eq!(text(&model).await, "fallback");
    assert_eq!(text(&model).await, "fallback");
    model.push("queued again");
    assert_eq!(text(&model).await, "queued again");
}

#[tokio::test]
async fn a_request_without_a_reply_is_told_so() {
    let model = MockModel::start().await.unwrap();
    let mut client = Client::ask(&model).await;
    let head = client.head().await;
    assert_eq!(head.status, 400);
    assert_eq!(
        client.text(&head).await,
        "mock model: no reply for request 1; push one more or set a fallback"
    );
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn deltas_are_one_streamed_message() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::new().deltas(["Hel", "lo"]).usage(Usage::new(1, 1)));
    let events = events(&model).await;
    assert_eq!(
        types(&events),
        [
            "response.created",
            "response.output_item.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(events[1]["item"]["content"][0]["text"], "");
    assert_eq!(events[2]["delta"], "Hel");
    assert_eq!(events[3]["delta"], "lo");
    assert_eq!(events[4]["item"]["content"][0]["text"], "Hello");
    for event in [&events[2]["item_id"], &events[3]["item_id"], &events[4]["item"]["id"]] {
        assert_eq!(*event, events[1]["item"]["id"]);
    }
}

#[tokio::test]
async fn a_streamed_message_ends_where_something_else_begins() {
    let model = MockModel::start().await.unwrap();
    model.push(
        Reply::new()
            .delta("one")
            .end_message()
            .delta("two")
            .event(json!({ "type": "custom" }))
            .delta("!")
            .phase(Phase::FinalAnswer)
            .delta("three")
            .text("four"),
    );
    let done: Vec<_> = items(&events(&model).await)
        .iter()
        .map(|item| (item["content"][0]["text"].clone(), item["phase"].clone()))
        .collect();
    assert_eq!(
        done,
        [
            (json!("one"), Value::Null),
            (json!("two!"), Value::Null),
            (json!("three"), json!("final_answer")),
            (json!("four"), json!("final_answer")),
        ]
    );
}

#[tokio::test]
async fn one_reply_can_hold_several_items() {
    let model = MockModel::start().await.unwrap();
    let item = json!({ "type": "web_search_call", "status": "completed" });
    model.push(
        Reply::new()
            .reasoning("summary", "thought")
            .phase(Phase::Commentary)
            .text("looking")
            .function_call("call_1", "exec_command", json!({ "cmd": "ls" }))
            .custom_tool_call("call_2", "apply_patch", "*** Begin Patch")
            .item(item.clone()),
    );
    let events = events(&model).await;
    let items = items(&events);
    assert_eq!(items[0]["summary"], json!([{ "type": "summary_text", "text": "summary" }]));
    assert_eq!(items[0]["content"], json!([{ "type": "reasoning_text", "text": "thought" }]));
    assert_eq!(items[1]["phase"], "commentary");
    assert_eq!(
        *items[2],
        json!({
            "type": "function_call",
            "call_id": "call_1",
            "name": "exec_command",
            "arguments": "{\"cmd\":\"ls\"}",
        })
    );
    assert_eq!(
        *items[3],
        json!({
            "type": "custom_tool_call",
            "call_id": "call_2",
            "name": "apply_patch",
            "input": "*** Begin Patch",
        })
    );
    assert_eq!(*items[4], item);
    let indexes: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| event["output_index"].as_u64().unwrap())
        .collect();
    assert_eq!(indexes, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn ids_differ_between_replies() {
    let model = MockModel::start().await.unwrap();
    model.always(Reply::new().delta("same"));
    let (first, second) = (events(&model).await, events(&model).await);
    assert_ne!(items(&first)[0]["id"], items(&second)[0]["id"]);
    assert_ne!(first[0]["response"]["id"], second[0]["response"]["id"]);
}

#[tokio::test]
async fn usage_and_id_are_reported_at_the_end() {
    let model = MockModel::start().await.unwrap();
    let usage = Usage::new(100, 20).cached(30).reasoning(5);
    model.extend([
        Reply::new().id("resp_x").usage(usage),
        Reply::new().usage(Usage::new(1, 1).total(9)),
    ]);
    let first = events(&model).await;
    assert_eq!(first[0]["response"]["id"], "resp_x");
    assert_eq!(
        first[1]["response"],
        json!({
            "id": "resp_x",
            "usage": {
                "input_tokens": 100,
                "input_tokens_details": { "cached_tokens": 30 },
                "output_tokens": 20,
                "output_tokens_details": { "reasoning_tokens": 5 },
                "total_tokens": 120,
            },
        })
    );
    assert_eq!(events(&model).await[1]["response"]["usage"]["total_tokens"], 9);
}

#[tokio::test]
async fn a_bare_reply_is_exactly_what_was_added() {
    let model = MockModel::start().await.unwrap();
    model.push(Reply::bare().raw("no event").event(json!({ "type": "custom", "n": 1 })));
    let mut client = Client::ask(&model).await;
    client.head().await;
    assert_eq!(client.chunk().await.unwrap().unwrap(), b"no event");
    assert_eq!(client.events().await, [json!({ "type": "custom", "n": 1 })]);
}

#[tokio::test]
async fn headers_are_added_to_the_response() {
    let model = MockModel::start().await.unwrap();
    model.extend([
        Reply::from("ok").header("OpenAI-Model", "other").header("content-type", "text/plain"),
        Reply::server_error().header("retry-after", "1"),
    ]);
    let head = Client::ask(&model).await.head().await;
    assert_eq!(head.header("openai-model"), Some("other"));
    assert_eq!(head.header("content-type"), Some("text/plain"));
    let head = Client::ask(&model).await.head().await;
    assert_eq!(head.header("retry-after"), Some("1"));
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The finished items.
fn items(events: &[Value]) -> Vec<&Value> {
    let done = events.iter().filter(|event| event["type"] == "response.output_item.done");
    done.map(|event| &event["item"]).collect()
}
