//! Tools of the client that give nothing: the model is told, and the turn goes on.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::future::Ready;
use std::time::Duration;

use codexkit::protocol::{DynamicToolCallStatus, TurnStatus};
use codexkit::testing::Reply;
use codexkit::{
    CloseReason, Codex, ConnectionEvent, Error, Resolution, Thread, Tool, ToolCall, ToolOutput,
    TurnHandle,
};
use serde_json::{Value, json};

use crate::asking::{is_harmless, next_refusal};
use crate::held::{Held, Tray, desk, still_talks};
use crate::support::{Place, SOON, run, within};
use crate::tools::{call, heard, only_call, turn_with, weather};

/// What the model is told when there is nothing else to say.
const NO_RESULT: &str = "the tool gave no result";

/// Runs a turn in which the model calls the tool `fail`, and gives back what it heard of that.
async fn failed(place: &Place, thread: &Thread) -> String {
    let (result, heard) = turn_with(place, thread, call("fail", json!({}))).await;
    let call = only_call(&result);
    assert_eq!((&call.status, call.success), (&DynamicToolCallStatus::Failed, Some(false)));
    heard.as_str().unwrap().to_owned()
}

/// A tool that takes whatever it gets.
fn tool<F, Fut, O, E>(name: &str, function: F) -> Tool
where
    F: Fn(Value, ToolCall) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<ToolOutput>,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    Tool::with_schema(name, "A tool.", json!({"type": "object"}), function)
}

#[derive(Debug)]
struct Broken(std::io::Error);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lamp is broken")
    }
}

impl StdError for Broken {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn the_model_reads_why_a_tool_failed_and_the_turn_goes_on() {
    run(async |place| {
        let fail =
            tool("fail", async |_, _| Err::<Value, _>(Broken(std::io::Error::other("no power"))));
        let thread = place.start().await.thread_start().tool(fail).await.unwrap();
        let heard = failed(place, &thread).await;
        assert_eq!(heard, "the tool failed: the lamp is broken: no power");
    })
    .await;
}

#[tokio::test]
async fn the_model_reads_what_is_wrong_with_arguments_that_do_not_fit() {
    run(async |place| {
        let thread = place.start().await.thread_start().tool(weather()).await.unwrap();
        let calls = [json!({}), json!({"city": 1}), json!("Rome")];
        let problems =
            ["missing field `city`", "invalid type: integer `1`", "invalid type: string"];
        for (n, (arguments, problem)) in calls.into_iter().zip(problems).enumerate() {
            let id = format!("call_{n}");
            let call = Reply::new().function_call(&id, "weather", arguments);
            place.model.extend([call, "ok".into()]);
            let result = thread.run("Do it.").await.unwrap();
            assert_eq!(result.final_response.as_deref(), Some("ok"));
            assert_eq!(only_call(&result).status, DynamicToolCallStatus::Failed);
            let heard = place.model.requests().pop().unwrap().tool_output(&id).unwrap();
            let expected = format!("the tool failed: the arguments do not fit: {problem}");
            assert!(heard.starts_with(&expected), "{heard}");
        }
    })
    .await;
}

#[tokio::test]
async fn arguments_that_are_no_json_do_not_come_to_the_tool() {
    run(async |place| {
        let (desk, tray) = desk::<_, Result<Value, Infallible>>();
        let ask = tool("ask", move |_, call| desk.hold(call));
        let thread = place.start().await.thread_start().tool(ask).await.unwrap();
        let call = json!({
            "type": "function_call",
            "call_id": "call_1",
            "name": "ask",
            "arguments": "yes, please",
        });
        let (_, heard) = turn_with(place, &thread, Reply::new().item(call)).await;
        assert!(
            heard.as_str().unwrap().starts_with("failed to parse function arguments"),
            "{heard}"
        );
        assert!(tray.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_panics_gives_no_result_and_harms_nothing_else() {
    run(async |place| {
        let fail =
            tool("fail", async |_, _| -> Result<Value, Infallible> { panic!("in the tool") });
        let codex = place.start().await;
        let thread = codex.thread_start().tool(fail).tool(weather()).await.unwrap();
        let mut feed = codex.notifications();
        assert_eq!(failed(place, &thread).await, NO_RESULT);
        let refusal = next_refusal(&mut feed).await;
        assert_eq!(refusal.request.method, "item/tool/call");
        assert_eq!(refusal.problem.as_deref(), Some("its handler panicked"));
        let call = Reply::new().function_call("call_2", "weather", json!({"city": "Rome"}));
        place.model.extend([call, "ok".into()]);
        let result = thread.run("And now?").await.unwrap();
        assert_eq!(only_call(&result).status, DynamicToolCallStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_panics_before_there_is_a_future_gives_no_result() {
    run(async |place| {
        let fail = tool("fail", |_, _| -> Ready<Result<Value, Infallible>> { panic!("before") });
        let codex = place.start().await;
        let thread = codex.thread_start().tool(fail).await.unwrap();
        let mut feed = codex.notifications();
        assert_eq!(failed(place, &thread).await, NO_RESULT);
        let refusal = next_refusal(&mut feed).await;
        assert_eq!(refusal.problem.as_deref(), Some("its handler panicked"));
        place.model.push("ok");
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_function_gives_that_has_answered_by_itself_is_reported_and_not_sent() {
    run(async |place| {
        let fail = tool("fail", async |_, call: ToolCall| {
            call.refuse()?;
            Ok::<_, Error>("too late")
        });
        let codex = place.start().await;
        let mut feed = codex.notifications();
        let thread = codex.thread_start().tool(fail).await.unwrap();
        assert_eq!(failed(place, &thread).await, NO_RESULT);
        codex.close().await;
        let mut problems = Vec::new();
        while let Some(Ok(event)) = feed.next().await {
            match event {
                ConnectionEvent::HandlerFailed { problem, source, .. } => {
                    problems.push(format!("{problem}: {}", source.unwrap()));
                }
                event if is_harmless(&event) => (),
                other => panic!("{other:?}"),
            }
        }
        let too_late =
            "`item/tool/call` needs no answer any more: it was refused; nothing was sent";
        assert_eq!(problems, [format!("its handler failed: {too_late}")]);
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_takes_longer_than_it_has_gives_no_result_and_an_answer_is_too_late() {
    run(async |place| {
        let (desk, mut tray) = desk::<_, Result<Value, Infallible>>();
        let fail = tool("fail", move |_, call: ToolCall| desk.hold(call));
        let fail = fail.deadline(Duration::from_millis(50));
        let codex = place.start().await;
        let thread = codex.thread_start().tool(fail).await.unwrap();
        let mut feed = codex.notifications();
        assert_eq!(failed(place, &thread).await, NO_RESULT);
        let refusal = next_refusal(&mut feed).await;
        assert_eq!(refusal.problem.as_deref(), Some("its handler gave no answer within 50ms"));
        let mut held = tray.next().await;
        held.dropped().await;
        is_too_late(&held.request, Resolution::TimedOut);
        place.model.push("ok");
        still_talks(&thread).await;
    })
    .await;
}

/// Answers a call that needs no answer any more.
#[track_caller]
fn is_too_late(call: &ToolCall, became: Resolution) {
    assert_eq!(call.resolution(), Some(became));
    match call.refuse() {
        Err(Error::RequestResolved { method, resolution, .. }) => {
            assert_eq!((&*method, resolution), ("item/tool/call", became));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tool_that_gives_an_image_from_the_web_has_failed() {
    run(async |place| {
        let fail = tool("fail", async |_, _| {
            Ok::<_, Infallible>(ToolOutput::image_url("https://images.invalid/1.png"))
        });
        let thread = place.start().await.thread_start().tool(fail).await.unwrap();
        let heard = failed(place, &thread).await;
        assert_eq!(heard, "remote image URLs are not supported; use an inline data URL instead");
    })
    .await;
}

type Calls = Tray<ToolCall, Result<Value, Infallible>>;

/// A turn whose two calls of a tool wait for their answers.
async fn pending(
    place: &Place,
    codex: &Codex,
) -> (TurnHandle, [Held<ToolCall, Result<Value, Infallible>>; 2]) {
    let (desk, mut tray): (_, Calls) = desk();
    let ask = tool("ask", move |_, call| desk.hold(call));
    let thread = codex.thread_start().tool(ask).await.unwrap();
    let calls = call("ask", json!({})).function_call("call_2", "ask", json!({}));
    place.model.extend([calls, "ok".into()]);
    let turn = thread.turn("Ask twice.").await.unwrap();
    (turn, [tray.next().await, tray.next().await])
}

#[tokio::test]
async fn calls_of_a_turn_that_is_interrupted_are_dropped_and_answers_are_too_late() {
    run(async |place| {
        let codex = place.start().await;
        let (turn, held) = pending(place, &codex).await;
        let thread = codex.thread(turn.thread_id());
        turn.interrupt().await.unwrap();
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
        for mut held in held {
            held.dropped().await;
            is_too_late(&held.request, Resolution::TurnEnded);
        }
        still_talks(&thread).await;
        let request = place.model.requests().pop().unwrap();
        for id in ["call_1", "call_2"] {
            let text = "dynamic tool call was cancelled before receiving a response";
            assert_eq!(heard(&request, id), text);
        }
    })
    .await;
}

#[tokio::test]
async fn calls_of_a_client_that_is_closed_are_dropped_and_cannot_be_answered() {
    run(async |place| {
        let codex = place.start().await;
        let (_turn, held) = pending(place, &codex).await;
        codex.close().await;
        for mut held in held {
            held.dropped().await;
            assert_eq!(held.request.resolved().await, Resolution::Closed);
            let error = held.request.refuse().unwrap_err();
            assert!(matches!(error, Error::Closed(CloseReason::Local)), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn calls_do_not_keep_a_client_that_nobody_holds() {
    run(async |place| {
        let codex = place.start().await;
        let (turn, held) = pending(place, &codex).await;
        assert!(held[0].request.codex().is_some());
        drop((turn, codex));
        for mut held in held {
            held.dropped().await;
            assert_eq!(within(SOON, held.request.resolved()).await, Resolution::Closed);
            assert!(held.request.codex().is_none());
        }
    })
    .await;
}
