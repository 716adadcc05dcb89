//! What a tool gives is what the server gets, and so is why it failed.

use std::error::Error;
use std::fmt;

use codexkit::testing::FakeServer;
use codexkit::{Codex, Tool, ToolCall, ToolNamespace, ToolOutput, TurnHandle};
use serde_json::{Value, json};

use crate::support::{
    Guard, Scene, TOOL, answer, ask, params, problem, quiet, resolve_elsewhere, silence, within,
};

async fn scene(tools: impl IntoIterator<Item = Tool>) -> Scene {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let start = tools.into_iter().fold(codex.thread_start(), codexkit::ThreadStart::tool);
    let (thread, _) = tokio::join!(start.into_future(), server.accept_thread("t1"));
    Scene { codex, server, thread: thread.unwrap() }
}

fn call(tool: &str, arguments: &Value) -> Value {
    let mut params = params(TOOL, "u1");
    (params["tool"], params["arguments"]) = (json!(tool), arguments.clone());
    params
}

/// A tool that gives this.
fn gives(name: &str, output: impl Fn() -> ToolOutput + Send + Sync + 'static) -> Tool {
    Tool::with_schema(name, "d", json!({}), move |_: Value, _| {
        std::future::ready(Ok::<_, std::io::Error>(output()))
    })
}

/// The result of one call.
async fn result(tool: Tool, arguments: &Value) -> Value {
    let mut scene = scene([tool]).await;
    let mut feed = scene.codex.notifications();
    ask(&mut scene.server, 1, TOOL, &call("x", arguments)).await;
    let answer = answer(&mut scene.server).await;
    assert_eq!(answer["id"], 1);
    quiet(&mut feed, &mut scene.server).await;
    answer["result"].clone()
}

fn text(text: &str) -> Value {
    json!({"type": "inputText", "text": text})
}

fn image(url: &str) -> Value {
    json!({"type": "inputImage", "imageUrl": url})
}

#[tokio::test(start_paused = true)]
async fn every_form_of_output_is_sent() {
    use codexkit::protocol::InputTextDynamicToolCallOutputContentItem as Text;

    let png = "data:image/png;base64,AQID";
    let outputs: Vec<(ToolOutput, Value)> = vec![
        (ToolOutput::text("a"), json!([text("a")])),
        (ToolOutput::text(""), json!([text("")])),
        ("a\n\"b\"".into(), json!([text("a\n\"b\"")])),
        (String::from("b").into(), json!([text("b")])),
        (ToolOutput::default(), json!([])),
        (json!({"a": [1, null]}).into(), json!([text(r#"{"a":[1,null]}"#)])),
        (json!("a").into(), json!([text("\"a\"")])),
        (ToolOutput::json(&[1, 2]).unwrap(), json!([text("[1,2]")])),
        (ToolOutput::image("image/png", [1, 2, 3]), json!([image(png)])),
        (ToolOutput::image_url("https://a.example/x"), json!([image("https://a.example/x")])),
        (
            ToolOutput::text("one").and(ToolOutput::image("image/png", [1, 2, 3])).and("two"),
            json!([text("one"), image(png), text("two")]),
        ),
        (
            codexkit::protocol::DynamicToolCallOutputContentItem::InputText(Text::new("i")).into(),
            json!([text("i")]),
        ),
    ];
    for (output, expected) in outputs {
        let given = output.clone();
        let mut result = result(gives("x", move || given.clone()), &json!({})).await;
        assert_eq!(result["success"], true);
        crate::support::without_nulls(&mut result);
        assert_eq!(result["contentItems"], expected);
    }
}

/// An error with what caused it.
#[derive(Debug)]
struct Because(&'static str, Option<Box<Because>>);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|it| it as _)
    }
}

#[tokio::test(start_paused = true)]
async fn why_it_failed_is_told_with_all_causes() {
    let fails = Tool::with_schema("x", "d", json!({}), async |_: Value, _| {
        let cause = Because("no map", Some(Box::new(Because("it rained", None))));
        Err::<String, _>(Because("no such city", Some(Box::new(cause))))
    });
    let expected = json!({
        "contentItems": [text("the tool failed: no such city: no map: it rained")],
        "success": false,
    });
    assert_eq!(result(fails, &json!({})).await, expected);
    let fails = Tool::with_schema("x", "d", json!({}), async |_: Value, _| Err::<String, _>("no"));
    let expected = json!({"contentItems": [text("the tool failed: no")], "success": false});
    assert_eq!(result(fails, &json!({})).await, expected);
}

#[derive(serde::Deserialize)]
struct Place {
    city: String,
    #[serde(default)]
    days: u8,
}

fn weather() -> Tool {
    Tool::with_schema("x", "d", json!({"type": "object"}), async |place: Place, call: ToolCall| {
        assert_eq!((&*call.tool, &*call.turn_id), ("x", "u1"));
        Ok::<_, std::io::Error>(format!("{} in {}", place.days, place.city))
    })
}

#[tokio::test(start_paused = true)]
async fn arguments_become_what_the_function_takes() {
    let arguments = json!({"city": "Ulm", "days": 3, "new": [1]});
    assert_eq!(result(weather(), &arguments).await["contentItems"], json!([text("3 in Ulm")]));
}

#[tokio::test(start_paused = true)]
async fn arguments_that_do_not_fit_are_a_failure_that_says_why() {
    for (arguments, why) in [
        (json!({}), "missing field `city`"),
        (json!({"city": 7}), "invalid type: integer `7`, expected a string"),
        (json!({"city": "Ulm", "days": 256}), "expected u8"),
        (json!(null), "invalid type: null"),
        (json!([1]), "expected"),
        (json!("Ulm"), "expected struct Place"),
    ] {
        let result = result(weather(), &arguments).await;
        assert_eq!(result["success"], false);
        let told = result["contentItems"][0]["text"].as_str().unwrap();
        let beginning = "the tool failed: the arguments do not fit: ";
        assert!(told.starts_with(beginning) && told.contains(why), "{why}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_no_result_and_the_user_is_told() {
    let at_once = Tool::with_schema("x", "d", json!({}), |arguments: Value, _| {
        assert!(arguments.is_null(), "on purpose");
        std::future::ready(Ok::<_, std::io::Error>("a"))
    });
    let later = Tool::with_schema("x", "d", json!({}), async |arguments: Value, _| {
        tokio::task::yield_now().await;
        assert!(arguments.is_null(), "on purpose");
        Ok::<_, std::io::Error>("a")
    });
    for tool in [at_once, later] {
        let mut scene = scene([tool]).await;
        let mut feed = scene.codex.notifications();
        ask(&mut scene.server, 1, TOOL, &call("x", &json!({}))).await;
        let result = answer(&mut scene.server).await["result"].clone();
        let expected = json!({"contentItems": [text("the tool gave no result")], "success": false});
        assert_eq!(result, expected);
        assert_eq!(problem(&mut feed).await.as_deref(), Some("its handler panicked"));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_run_at_the_same_time_and_end_when_they_end() {
    let (go, gone) = tokio::sync::watch::channel(0);
    let slow = Tool::with_schema("x", "d", json!({}), move |arguments: Value, _| {
        let mut gone = gone.clone();
        async move {
            let n = arguments["n"].as_u64().ok_or("it has no number")?;
            gone.wait_for(|it| *it == n).await.map_err(|_| "nobody is there")?;
            Ok::<_, &str>(n.to_string())
        }
    });
    let mut scene = scene([slow]).await;
    for id in 1..=20_u64 {
        ask(&mut scene.server, id, TOOL, &call("x", &json!({"n": id}))).await;
    }
    scene.sync().await;
    for id in (1..=20_u64).rev() {
        go.send_replace(id);
        let answer = answer(&mut scene.server).await;
        assert_eq!(answer["id"], id);
        assert_eq!(answer["result"]["contentItems"], json!([text(&id.to_string())]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_with_its_turn_and_a_late_result_is_not_sent() {
    for elsewhere in [true, false] {
        let (guard, dropped) = Guard::new();
        let guard = std::sync::Mutex::new(Some(guard));
        let hangs = Tool::with_schema("x", "d", json!({}), move |_: Value, _| {
            let guard = guard.lock().unwrap().take();
            async move {
                std::future::pending::<()>().await;
                drop(guard);
                Ok::<_, std::io::Error>("a")
            }
        });
        let mut scene = scene([hangs]).await;
        let mut feed = scene.codex.notifications();
        ask(&mut scene.server, 1, TOOL, &call("x", &json!({}))).await;
        scene.sync().await;
        if elsewhere {
            resolve_elsewhere(&mut scene.server, 1).await;
            crate::support::nothing_but(&mut feed, "serverRequest/resolved").await;
        } else {
            scene.server.complete_turn("t1", "u1", "interrupted").await;
            crate::support::nothing_but(&mut feed, "turn/completed").await;
            assert_eq!(answer(&mut scene.server).await["result"]["success"], false);
        }
        within(dropped).await.unwrap();
        quiet(&mut feed, &mut scene.server).await;
        silence(&mut scene.server).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_may_use_its_client_and_ends_with_it() {
    let tool = Tool::with_schema("x", "d", json!({}), async |_: Value, call: ToolCall| {
        let codex: Codex = call.codex().ok_or("it is gone")?;
        let list = codexkit::protocol::ThreadLoadedListParams::default();
        let list = codex.request(list).await.map_err(|_| "no list")?;
        Ok::<_, &str>(list.data.join(" "))
    });
    let mut scene = scene([tool]).await;
    ask(&mut scene.server, 1, TOOL, &call("x", &json!({}))).await;
    let id = within(scene.server.expect("thread/loaded/list")).await.id;
    scene.server.reply(&id, json!({"data": ["t1", "t2"]})).await;
    let answer = answer(&mut scene.server).await;
    assert_eq!(answer["result"]["contentItems"], json!([text("t1 t2")]));
}

#[tokio::test(start_paused = true)]
async fn the_server_is_told_of_the_tools() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let tool = |name: &str| {
        let schema = schema.clone();
        Tool::with_schema(name, format!("d {name}"), schema, async |_: Value, _| {
            Ok::<_, std::io::Error>("a")
        })
    };
    let start = codex.thread_start().tool(tool("plain")).tool_namespace(
        ToolNamespace::new("ns1", "a namespace")
            .tool(tool("inner"))
            .tool(tool("hidden").defer_loading(true)),
    );
    let (thread, request) = tokio::join!(start.into_future(), server.accept_thread("t1"));
    thread.unwrap();
    let mut told = request.params["dynamicTools"].clone();
    crate::support::without_nulls(&mut told);
    let function = |name: &str| {
        json!({
            "type": "function", "name": name, "description": format!("d {name}"),
            "inputSchema": schema,
        })
    };
    let mut hidden = function("hidden");
    hidden["deferLoading"] = json!(true);
    let namespace = json!({
        "type": "namespace", "name": "ns1", "description": "a namespace",
        "tools": [function("inner"), hidden],
    });
    assert_eq!(told, json!([function("plain"), namespace]));
}

#[tokio::test(start_paused = true)]
async fn two_tools_of_one_name_are_refused_before_anything_is_sent() {
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let tool = |name: &str| gives(name, ToolOutput::default);
    let namespace = |name: &str| ToolNamespace::new(name, "d").tool(tool("x"));
    for start in [
        codex.thread_start().tool(tool("x")).tool(tool("x")),
        codex.thread_start().tool_namespace(namespace("n").tool(tool("x"))),
        codex.thread_start().tool_namespace(namespace("n")).tool_namespace(namespace("n")),
    ] {
        match within(start.into_future()).await {
            Err(codexkit::Error::InvalidInput(problem)) => {
                assert!(problem.contains("two tools of the name `x`"), "{problem}");
            }
            other => panic!("{other:?}"),
        }
    }
    let fine = codex.thread_start().tool(tool("x")).tool_namespace(namespace("n"));
    let (thread, _) =
        tokio::join!(fine.tool_namespace(namespace("x")).into_future(), server.accept_thread("t1"));
    thread.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_tools_of_a_turn_that_parks_are_not_parked() {
    let mut scene = scene([gives("x", || "a".into())]).await;
    let mut turn: TurnHandle = scene.parking_turn("u1").await;
    ask(&mut scene.server, 1, TOOL, &call("x", &json!({}))).await;
    assert_eq!(answer(&mut scene.server).await["result"]["success"], true);
    ask(&mut scene.server, 2, TOOL, &call("y", &json!({}))).await;
    match crate::support::parked(&mut turn).await {
        codexkit::ServerRequest::ToolCall(call) => {
            assert_eq!(call.tool, "y");
            let output = codexkit::protocol::DynamicToolCallResponse::new(vec![], true);
            call.respond(output).unwrap();
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        answer(&mut scene.server).await["result"],
        json!({"contentItems": [], "success": true})
    );
}
