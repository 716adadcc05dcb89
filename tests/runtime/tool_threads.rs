//! The tools of threads that are opened: which there can be, and who has their functions.

use codexkit::protocol::{DynamicToolCallStatus, ThreadLoadedListParams};
use codexkit::testing::Reply;
use codexkit::{
    Codex, Error, HandlerResult, Handlers, Thread, ThreadStart, Tool, ToolCall, ToolNamespace,
};
use serde_json::{Value, json};

use crate::asking::next_refusal;
use crate::held::desk;
use crate::lifecycle::is_refused;
use crate::support::{Place, run};
use crate::tools::{call, calls, offered, only_call, said, turn_with, weather};

fn rome() -> Value {
    json!({"city": "Rome"})
}

/// Starts a thread with a tool, has the tool called once, and gives the id of the thread.
async fn started(place: &Place, codex: &Codex) -> String {
    let thread = codex.thread_start().tool(weather()).await.unwrap();
    let (_, heard) = turn_with(place, &thread, call("weather", rome())).await;
    assert_eq!(heard, "It rains in Rome.");
    thread.id().to_owned()
}

/// A call of the tool again, by an id of its own.
async fn rains_again(place: &Place, thread: &Thread) {
    let call = Reply::new().function_call("call_2", "weather", rome());
    place.model.extend([call, "ok".into()]);
    let result = thread.run("And now?").await.unwrap();
    assert_eq!(only_call(&result).status, DynamicToolCallStatus::Completed);
    let request = place.model.requests().pop().unwrap();
    assert_eq!(request.tool_output("call_2").unwrap(), "It rains in Rome.");
    assert!(offered(&request, "weather").is_some());
}

/// The same where nobody has the function.
async fn is_refused_again(place: &Place, thread: &Thread) {
    let mut feed = thread.codex().notifications();
    let call = Reply::new().function_call("call_2", "weather", rome());
    place.model.extend([call, "ok".into()]);
    let result = thread.run("And now?").await.unwrap();
    assert_eq!(result.final_response.as_deref(), Some("ok"));
    assert_eq!(only_call(&result).status, DynamicToolCallStatus::Failed);
    let request = place.model.requests().pop().unwrap();
    assert_eq!(request.tool_output("call_2").unwrap(), "the tool gave no result");
    assert!(offered(&request, "weather").is_some());
    let refusal = next_refusal(&mut feed).await;
    assert_eq!((&*refusal.request.method, refusal.problem), ("item/tool/call", None));
}

#[tokio::test]
async fn a_thread_that_another_process_resumes_has_its_tools_if_the_function_is_given_again() {
    run(async |place| {
        let codex = place.start().await;
        let id = started(place, &codex).await;
        codex.close().await;
        let codex = place.start().await;
        let thread = codex.thread_resume(id).tool(weather()).await.unwrap();
        rains_again(place, &thread).await;
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_is_resumed_without_the_function_has_its_calls_refused_and_goes_on() {
    run(async |place| {
        let codex = place.start().await;
        let id = started(place, &codex).await;
        codex.close().await;
        let thread = place.start().await.thread_resume(id).await.unwrap();
        is_refused_again(place, &thread).await;
    })
    .await;
}

#[tokio::test]
async fn a_handler_of_the_client_gets_the_calls_of_tools_whose_function_is_not_given_again() {
    run(async |place| {
        let codex = place.start().await;
        let id = started(place, &codex).await;
        codex.close().await;
        let (desk, mut tray) = desk::<ToolCall, HandlerResult>();
        let handlers = Handlers::new().tool_call(move |it| desk.hold(it));
        let codex = place.start_with(place.builder().handler(handlers)).await;
        let thread = codex.thread_resume(id).await.unwrap();
        let call = Reply::new().function_call("call_2", "weather", rome());
        place.model.extend([call, "ok".into()]);
        let turn = thread.turn("And now?").await.unwrap();
        let held = tray.next().await;
        assert_eq!((&*held.request.tool, &held.request.arguments), ("weather", &rome()));
        held.request.respond(said("It snows.")).unwrap();
        held.release(Ok(()));
        turn.result().await.unwrap();
        let request = place.model.requests().pop().unwrap();
        assert_eq!(request.tool_output("call_2").unwrap(), "It snows.");
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_is_resumed_while_it_is_loaded_keeps_the_function() {
    run(async |place| {
        let codex = place.start().await;
        let id = started(place, &codex).await;
        let thread = codex.thread_resume(id).await.unwrap();
        rains_again(place, &thread).await;
    })
    .await;
}

#[tokio::test]
async fn a_fork_has_the_tools_if_the_function_is_given_again() {
    run(async |place| {
        let codex = place.start().await;
        let id = started(place, &codex).await;
        let fork = codex.thread_fork(id).tool(weather()).await.unwrap();
        rains_again(place, &fork).await;
    })
    .await;
}

#[tokio::test]
async fn a_fork_without_the_function_has_its_calls_refused_and_goes_on() {
    run(async |place| {
        let codex = place.start().await;
        let id = started(place, &codex).await;
        let fork = codex.thread_fork(id).await.unwrap();
        is_refused_again(place, &fork).await;
    })
    .await;
}

/// A tool of this name that nobody calls.
fn named(name: &str) -> Tool {
    let schema = json!({"type": "object"});
    Tool::with_schema(name, "A tool.", schema, async |_: Value, _| Err::<Value, _>("called"))
}

fn group(name: &str) -> ToolNamespace {
    ToolNamespace::new(name, "A group.").tool(named("a"))
}

#[tokio::test]
async fn two_tools_of_one_name_are_refused_before_anything_is_sent() {
    run(async |place| {
        let codex = place.start().await;
        let start = || codex.thread_start().tool(named("a"));
        let twice = start().tool(named("a")).await;
        let inside = start().tool_namespace(group("b").tool(named("a"))).await;
        let again = start().tool_namespace(group("b")).tool_namespace(group("b")).await;
        for result in [twice, inside, again] {
            match result {
                Err(Error::InvalidInput(problem)) => {
                    assert_eq!(problem, "the thread has two tools of the name `a`");
                }
                other => panic!("{other:?}"),
            }
        }
        let loaded = codex.request(ThreadLoadedListParams::default()).await.unwrap();
        assert_eq!(loaded.data, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn names_that_the_runtime_does_not_take_are_its_errors() {
    run(async |place| {
        let codex = place.start().await;
        let refuses = async |change: &dyn Fn(ThreadStart) -> ThreadStart, text: &str| {
            is_refused(change(codex.thread_start()).await, -32600, text);
        };
        for (name, text) in [
            ("", "dynamic tool name must not be empty"),
            (" a", "dynamic tool name has leading/trailing whitespace:  a"),
            ("a b", "dynamic tool name must match ^[a-zA-Z0-9_-]+$ to match Responses API: a b"),
            (&"x".repeat(129), "dynamic tool name must be at most 128 characters"),
            ("mcp__x", "dynamic tool name is reserved: mcp__x"),
        ] {
            refuses(&|start| start.tool(named(name)), text).await;
        }
        for (name, text) in [
            ("", "dynamic tool namespace must not be empty"),
            ("a b", "dynamic tool namespace must match ^[a-zA-Z0-9_-]+$"),
            (&"x".repeat(65), "dynamic tool namespace must be at most 64 characters"),
            ("mcp", "dynamic tool namespace is reserved: mcp"),
            ("web", "dynamic tool namespace collides with a reserved Responses API namespace: web"),
        ] {
            refuses(&|start| start.tool_namespace(group(name)), text).await;
        }
        let empty = "dynamic tool namespace must contain at least one tool: b";
        refuses(&|start| start.tool_namespace(ToolNamespace::new("b", "")), empty).await;
        let alone = "deferred dynamic tool must include a namespace: a";
        refuses(&|start| start.tool(named("a").defer_loading(true)), alone).await;
        let number = |start: ThreadStart| {
            let tool = async |_: Value, _| Err::<Value, _>("called");
            start.tool(Tool::with_schema("a", "A tool.", 1, tool))
        };
        refuses(&number, "dynamic tool input schema is not supported for a").await;
        // As long as they may be.
        let longest = codex.thread_start().tool(named(&"x".repeat(128)));
        longest.tool_namespace(group(&"x".repeat(64))).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_tool_with_the_name_of_one_that_the_runtime_has_is_never_called() {
    run(async |place| {
        let start = place.start().await.thread_start().tool(named("exec_command"));
        let thread = start.await.unwrap();
        let command = call("exec_command", json!({"cmd": "echo of the runtime"}));
        let (result, heard) = turn_with(place, &thread, command).await;
        assert!(heard.as_str().unwrap().contains("of the runtime"), "{heard}");
        assert!(calls(&result).is_empty(), "{:?}", result.items);
    })
    .await;
}
