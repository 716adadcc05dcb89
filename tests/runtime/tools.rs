//! Tools of the client that the model calls.

use std::convert::Infallible;
use std::future::ready;

use codexkit::protocol::{
    DynamicToolCallOutputContentItem, DynamicToolCallResponse, DynamicToolCallStatus,
    DynamicToolCallThreadItem, FunctionDynamicToolSpec, InputTextDynamicToolCallOutputContentItem,
    ModelListParams, ThreadItem, TurnStatus,
};
use codexkit::testing::{ModelRequest, Reply};
use codexkit::{
    Handlers, Resolution, Thread, Tool, ToolCall, ToolNamespace, ToolOutput, TurnResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::held::desk;
use crate::inputs::{PNG, PNG_URL};
use crate::support::{Place, run};

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct City {
    /// The name of a city.
    pub(crate) city: String,
}

/// A tool that always knows.
pub(crate) fn weather() -> Tool {
    Tool::new("weather", "The weather in a city.", async |it: City| {
        Ok::<_, Infallible>(format!("It rains in {}.", it.city))
    })
}

/// A call of a tool with the id `call_1`.
pub(crate) fn call(tool: &str, arguments: impl Into<Value>) -> Reply {
    Reply::new().function_call("call_1", tool, arguments)
}

/// A call of a tool in a namespace.
fn call_in(reply: Reply, call_id: &str, namespace: &str, tool: &str) -> Reply {
    reply.item(json!({
        "type": "function_call",
        "call_id": call_id,
        "namespace": namespace,
        "name": tool,
        "arguments": "{}",
    }))
}

/// Runs a turn in which the model replies like that and then says `ok`, and gives back the result
/// with what the model heard of `call_1`.
pub(crate) async fn turn_with(place: &Place, thread: &Thread, reply: Reply) -> (TurnResult, Value) {
    place.model.extend([reply, "ok".into()]);
    let result = thread.run("Do it.").await.unwrap();
    assert_eq!(result.status, TurnStatus::Completed);
    assert_eq!(result.final_response.as_deref(), Some("ok"));
    let heard = heard(&place.model.requests().pop().unwrap(), "call_1");
    (result, heard)
}

/// What the model heard of a call.
pub(crate) fn heard(request: &ModelRequest, call_id: &str) -> Value {
    let is_output = |it: &&Value| it["type"] == "function_call_output" && it["call_id"] == call_id;
    request.input().iter().find(is_output).unwrap()["output"].clone()
}

/// The calls of tools of the client in a turn, as they ended.
pub(crate) fn calls(result: &TurnResult) -> Vec<&DynamicToolCallThreadItem> {
    let calls = result.items.iter().filter_map(|item| match item {
        ThreadItem::DynamicToolCall(it) => Some(it),
        _ => None,
    });
    calls.collect()
}

/// The only one.
pub(crate) fn only_call(result: &TurnResult) -> &DynamicToolCallThreadItem {
    match calls(result)[..] {
        [call] => call,
        _ => panic!("{:?}", result.items),
    }
}

/// What the model was told of a tool, or of a namespace.
pub(crate) fn offered<'a>(request: &'a ModelRequest, name: &str) -> Option<&'a Value> {
    request.body()["tools"].as_array().unwrap().iter().find(|it| it["name"] == name)
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Search {
    /// What to look for.
    text: String,
    limit: Option<u8>,
    area: Area,
    order: Vec<Order>,
    kind: Kind,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Area {
    name: String,
    floor: i32,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    Newest,
    Oldest,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind {
    Book { pages: u32 },
    Map,
}

#[tokio::test]
async fn the_model_is_told_what_the_arguments_are_and_the_tool_gets_them() {
    run(async |place| {
        let find = Tool::new("find", "Finds things.", async |it: Search| ToolOutput::json(&it));
        let thread = place.start().await.thread_start().tool(find).await.unwrap();
        let arguments = json!({
            "text": "birds",
            "limit": 3,
            "area": {"name": "cellar", "floor": -1},
            "order": ["oldest", "newest"],
            "kind": {"type": "book", "pages": 12},
        });
        let (result, heard) = turn_with(place, &thread, call("find", arguments.clone())).await;
        let request = &place.model.requests()[0];
        let told = offered(request, "find").unwrap();
        assert_eq!(told["description"], "Finds things.");
        let schema = &told["parameters"];
        assert_eq!(schema["required"], json!(["text", "area", "order", "kind"]));
        let properties = &schema["properties"];
        assert_eq!(properties["text"]["description"], "What to look for.");
        assert_eq!(properties["limit"]["type"], json!(["integer", "null"]));
        assert_eq!(properties["area"]["required"], json!(["name", "floor"]));
        assert_eq!(properties["area"]["properties"]["floor"]["type"], "integer");
        assert_eq!(properties["order"]["items"]["enum"], json!(["newest", "oldest"]));
        assert_eq!(properties["kind"]["oneOf"][0]["properties"]["pages"]["type"], "integer");
        assert_eq!(serde_json::from_str::<Value>(heard.as_str().unwrap()).unwrap(), arguments);
        assert_eq!(only_call(&result).arguments, arguments);
    })
    .await;
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Parcel {
    label: String,
    inside: Option<Box<Parcel>>,
}

#[tokio::test]
async fn arguments_may_contain_what_they_are_themselves() {
    run(async |place| {
        let pack = Tool::new("pack", "Packs.", async |it: Parcel| ToolOutput::json(&it));
        let thread = place.start().await.thread_start().tool(pack).await.unwrap();
        let arguments = json!({"label": "large", "inside": {"label": "small", "inside": null}});
        let (_, heard) = turn_with(place, &thread, call("pack", arguments.clone())).await;
        assert_eq!(serde_json::from_str::<Value>(heard.as_str().unwrap()).unwrap(), arguments);
        let request = &place.model.requests()[0];
        let schema = &offered(request, "pack").unwrap()["parameters"];
        assert_eq!(schema["properties"]["inside"]["anyOf"][0], json!({"$ref": "#"}));
    })
    .await;
}

#[tokio::test]
async fn what_a_tool_gives_is_what_the_model_reads() {
    fn show(what: &str) -> ToolOutput {
        match what {
            "text" => "a text".into(),
            "value" => json!({"rain": true}).into(),
            "string" => json!("quoted").into(),
            "image" => ToolOutput::image("image/png", PNG),
            "nothing" => ToolOutput::default(),
            _ => {
                let image = ToolOutput::image("image/png", PNG);
                ToolOutput::text("before").and(image).and(json!([1, 2])).and("after")
            }
        }
    }
    run(async |place| {
        let tool =
            Tool::new("show", "Shows it.", async |it: City| Ok::<_, Infallible>(show(&it.city)));
        let thread = place.start().await.thread_start().tool(tool).await.unwrap();
        let seen = json!({"type": "input_image", "image_url": PNG_URL, "detail": "original"});
        let text = |text: &str| json!({"type": "input_text", "text": text});
        let names = ["text", "value", "string", "image", "nothing", "several"];
        let ids = names.map(|name| format!("call_{name}"));
        let calls = names
            .iter()
            .zip(&ids)
            .map(|(name, id)| Reply::new().function_call(id, "show", json!({"city": name})));
        place.model.extend(calls);
        place.model.push("ok");
        let result = thread.run("Show me.").await.unwrap();
        let request = place.model.requests().pop().unwrap();
        let [it, value, string, image, nothing, several] = ids.map(|id| heard(&request, &id));
        assert_eq!((it, value), (json!("a text"), json!(r#"{"rain":true}"#)));
        assert_eq!((string, nothing), (json!(r#""quoted""#), json!([])));
        assert_eq!(image, json!([seen]));
        assert_eq!(several, json!([text("before"), seen, text("[1,2]"), text("after")]));
        for it in self::calls(&result) {
            assert_eq!((&it.status, it.success), (&DynamicToolCallStatus::Completed, Some(true)));
        }
    })
    .await;
}

#[tokio::test]
async fn tools_of_one_name_in_and_out_of_a_namespace_are_told_apart() {
    fn named(name: &str, says: &'static str) -> Tool {
        let schema = json!({"type": "object"});
        Tool::with_schema(name, says, schema, move |_: Value, _| ready(Ok::<_, Infallible>(says)))
    }
    run(async |place| {
        let birds = ToolNamespace::new("birds", "All about birds.");
        let birds = birds.tool(named("look", "a bird")).tool(named("hear", "a song"));
        let start = place.start().await.thread_start().tool(named("look", "nothing special"));
        let thread = start.tool_namespace(birds).await.unwrap();
        let reply = call("look", json!({}));
        let reply = call_in(reply, "call_2", "birds", "look");
        let (result, alone) =
            turn_with(place, &thread, call_in(reply, "call_3", "birds", "hear")).await;
        let request = place.model.requests().pop().unwrap();
        let inside = ["call_2", "call_3"].map(|id| heard(&request, id));
        assert_eq!((alone, inside), (json!("nothing special"), [json!("a bird"), json!("a song")]));
        let namespaces = calls(&result).into_iter().map(|it| (&*it.id, it.namespace.as_deref()));
        let mut namespaces: Vec<_> = namespaces.collect();
        namespaces.sort_unstable();
        let birds = Some("birds");
        assert_eq!(namespaces, [("call_1", None), ("call_2", birds), ("call_3", birds)]);
        let told = offered(&request, "birds").unwrap();
        assert_eq!(
            (&told["type"], &told["description"]),
            (&json!("namespace"), &json!("All about birds."))
        );
        let names = told["tools"].as_array().unwrap().iter().map(|it| &it["name"]);
        assert!(names.eq(["hear", "look"]), "{told}");
    })
    .await;
}

#[tokio::test]
async fn a_deferred_tool_is_told_to_the_model_once_it_searches_and_can_be_called() {
    run(async |place| {
        let maps = ToolNamespace::new("maps", "All about places.");
        let maps = maps.tool(weather().defer_loading(true));
        let thread = place.start().await.thread_start().tool_namespace(maps).await.unwrap();
        let search = json!({
            "type": "tool_search_call",
            "call_id": "search_1",
            "execution": "client",
            "arguments": {"query": "weather"},
        });
        place.model.push(Reply::new().item(search));
        let call = json!({
            "type": "function_call",
            "call_id": "call_1",
            "namespace": "maps",
            "name": "weather",
            "arguments": r#"{"city": "Bergen"}"#,
        });
        let (_, heard) = turn_with(place, &thread, Reply::new().item(call)).await;
        assert_eq!(heard, "It rains in Bergen.");
        let requests = place.model.requests();
        assert_eq!(offered(&requests[0], "maps"), None);
        let found = requests[1].input().iter().find(|it| it["type"] == "tool_search_output");
        let found = &found.unwrap()["tools"][0];
        assert_eq!(
            (&found["name"], &found["tools"][0]["name"]),
            (&json!("maps"), &json!("weather"))
        );
        assert_eq!(found["tools"][0]["parameters"]["required"], json!(["city"]));
    })
    .await;
}

#[tokio::test]
async fn a_call_knows_its_turn_and_can_use_the_client() {
    run(async |place| {
        let tool = Tool::with_call("where", "Where are we?", async |_: City, call: ToolCall| {
            let codex = call.codex().ok_or("the client is gone")?;
            let models = codex.request(ModelListParams::default()).await?;
            let read = codex.thread(&call.thread_id).read().await?;
            let seen =
                json!([call.thread_id, call.turn_id, call.call_id, read.id, models.data.len()]);
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(seen)
        });
        let thread = place.start().await.thread_start().tool(tool).await.unwrap();
        let (result, heard) = turn_with(place, &thread, call("where", json!({"city": ""}))).await;
        let [of_thread, turn, call, read, models] =
            serde_json::from_str::<[Value; 5]>(heard.as_str().unwrap()).unwrap();
        assert_eq!(
            [of_thread, turn, call, read],
            [thread.id(), &*result.id, "call_1", thread.id()]
        );
        assert!(models.as_u64() > Some(0), "{models}");
    })
    .await;
}

#[tokio::test]
async fn two_calls_at_once_can_be_answered_in_reverse() {
    run(async |place| {
        let (desk, mut tray) = desk();
        let schema = json!({"type": "object"});
        let tool = Tool::with_schema("ask", "Asks.", schema, move |_: Value, call: ToolCall| {
            desk.hold(call)
        });
        let thread = place.start().await.thread_start().tool(tool).await.unwrap();
        let reply = call("ask", json!({})).function_call("call_2", "ask", json!({}));
        place.model.extend([reply, "ok".into()]);
        let turn = thread.turn("Ask twice.").await.unwrap();
        let mut held = [tray.next().await, tray.next().await];
        held.sort_by_key(|it| it.request.call_id.clone());
        for held in held.into_iter().rev() {
            let call = held.request.clone();
            assert_eq!(call.resolution(), None);
            held.release(Ok::<_, Infallible>(format!("the answer to {}", call.call_id)));
            assert_eq!(call.resolved().await, Resolution::Answered);
        }
        let result = turn.result().await.unwrap();
        let request = place.model.requests().pop().unwrap();
        let heard = ["call_1", "call_2"].map(|id| heard(&request, id));
        assert_eq!(heard, ["the answer to call_1", "the answer to call_2"]);
        assert_eq!(calls(&result).len(), 2);
    })
    .await;
}

/// What is said by hand, without a [`Tool`].
pub(crate) fn said(text: &str) -> DynamicToolCallResponse {
    let text = InputTextDynamicToolCallOutputContentItem::new(text);
    DynamicToolCallResponse::new(vec![DynamicToolCallOutputContentItem::InputText(text)], true)
}

#[tokio::test]
async fn tools_that_are_declared_by_hand_are_called_by_the_handler() {
    run(async |place| {
        let schema = json!({"type": "object", "properties": {}});
        let spec = FunctionDynamicToolSpec::new("lamp", "Switches the lamp.", schema);
        let lamp =
            Handlers::new().tool_call(async |it| it.respond(said(&format!("{} is on", it.tool))));
        let start = place.start().await.thread_start().tool(weather()).handler(lamp);
        let thread = start.params(|it| it.dynamic_tools(vec![spec.into()])).await.unwrap();
        let reply =
            call("lamp", json!({})).function_call("call_2", "weather", json!({"city": "Rome"}));
        let (_, alone) = turn_with(place, &thread, reply).await;
        let request = place.model.requests().pop().unwrap();
        assert_eq!(
            (alone, heard(&request, "call_2")),
            (json!("lamp is on"), json!("It rains in Rome."))
        );
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_nobody_declared_is_not_called_and_the_turn_goes_on() {
    run(async |place| {
        let anything =
            Handlers::new().tool_call(async |it| it.respond(said("called all the same")));
        let start = place.start().await.thread_start().tool(weather()).handler(anything);
        let thread = start.await.unwrap();
        let (result, heard) = turn_with(place, &thread, call("lamp", json!({}))).await;
        assert_eq!(heard, "unsupported call: lamp");
        assert!(calls(&result).is_empty(), "{:?}", result.items);
    })
    .await;
}
