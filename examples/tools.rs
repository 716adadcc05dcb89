//! A tool of the client: a function of Rust that the model calls.
//!
//! `cargo run --features schemars,testing --example tools` runs it against an embedded model: no
//! account, no network. Once the runtime is logged in (`codex login`), `--account` behind it, after
//! `--`, asks the real model.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::testing::{MockModel, Reply, TestHome};
use codexkit::{Codex, Sandbox, Tool, ToolCall, ToolNamespace, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What the model reads as well: these lines are part of the schema.
#[derive(Deserialize, JsonSchema)]
struct Trip {
    /// The name of a city.
    from: String,
    /// The name of another one.
    to: String,
    by: Vehicle,
}

#[derive(Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "snake_case")]
enum Vehicle {
    Bicycle,
    Train,
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

#[tokio::main]
async fn main() -> Outcome {
    if std::env::args().any(|arg| arg == "--account") {
        return travel(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    let trip = |by: &str| json!({"from": "Basel", "to": "Bern", "by": by});
    // The first call does not fit, which the model is told.
    model.push(Reply::new().function_call("call_1", "travel_time", trip("spaceship")));
    model.push(Reply::new().function_call("call_2", "travel_time", trip("train")));
    model.push("It takes an hour by train.");
    travel(home.builder(&model).start().await?).await?;

    let heard = |call| model.requests().pop().and_then(|it| it.tool_output(call));
    let (first, second) =
        (heard("call_1").unwrap_or_default(), heard("call_2").unwrap_or_default());
    println!("the model heard: {first}\nand then: {second}");
    assert!(first.contains("unknown variant `spaceship`"), "{first}");
    assert_eq!(second, r#"{"minutes":60}"#);
    Ok(())
}

async fn travel(codex: Codex) -> Outcome {
    let travel_time = Tool::new("travel_time", "How long a trip takes.", async |trip: Trip| {
        println!("the agent asks for {} to {} by {:?}", trip.from, trip.to, trip.by);
        let minutes = match trip.by {
            Vehicle::Bicycle => 300,
            Vehicle::Train => 60,
        };
        ToolOutput::json(&json!({ "minutes": minutes }))
    });
    // The call says who asks, and gives the client.
    let turns = Tool::with_call(
        "turns",
        "How many turns there were.",
        async |_: Nothing, call: ToolCall| {
            let codex = call.codex().ok_or("the client is gone")?;
            let turns = codex.thread(&call.thread_id).turns().await.map_err(|it| it.to_string())?;
            Ok::<_, String>(turns.data.len().to_string())
        },
    );
    let about =
        ToolNamespace::new("about", "About this conversation.").tool(turns.defer_loading(true));
    let start = codex.thread_start().sandbox(Sandbox::ReadOnly);
    let thread = start.tool(travel_time).tool_namespace(about).await?;
    let result = thread.run("How long does it take from Basel to Bern?").await?;
    println!("agent: {}", result.final_response.unwrap_or_default());
    codex.close().await;
    Ok(())
}
