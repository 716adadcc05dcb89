//! What cannot be understood is answered with an error that says where, and harms nothing else.

use codexkit::Codex;
use codexkit::testing::FakeServer;
use serde_json::{Value, json};

use crate::support::{
    ATTESTATION, Asked, COMMAND, ELICITATION, FILES, KINDS, LEGACY_COMMAND, LEGACY_PATCH,
    PERMISSIONS, TIME, TOKENS, TOOL, USER_INPUT, answer, ask, decision, params, refusal, request,
    scene_with, send_at_once, silence,
};

#[tokio::test(start_paused = true)]
async fn an_unknown_method_does_not_exist() {
    let asked = Asked::new();
    let builder = Codex::builder().handler(asked.handler("client"));
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    let methods = ["new/ask", "", "item/tool", "item/tool/call/", "Item/Tool/Call", "turn/start"];
    for (id, method) in methods.into_iter().enumerate() {
        ask(&mut server, id, method, &json!({"threadId": "t1", "turnId": "u1"})).await;
        let error = &answer(&mut server).await["error"];
        assert_eq!(error["code"], -32601);
        let (request, problem, source) = refusal(&mut feed).await;
        assert_eq!((&*request.method, source), (method, None));
        assert_eq!(request.params["turnId"], "u1");
        assert_eq!(error["message"], problem.unwrap());
    }
    silence(&mut server).await;
}

/// Changes what is at `pointer`, or removes it.
fn changed(mut params: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = params.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(parent), Some(value)) => drop(parent.insert(key.to_owned(), value)),
        (Value::Object(parent), None) => drop(parent.remove(key).unwrap()),
        (Value::Array(parent), Some(value)) => parent[key.parse::<usize>().unwrap()] = value,
        other => panic!("{other:?}"),
    }
    params
}

fn with_permissions() -> Value {
    let entry = |path: &str| json!({"path": {"type": "path", "path": path}, "access": "write"});
    let files = json!({
        "read": null,
        "write": ["/a", "/b"],
        "entries": [entry("/a"), entry("/b")],
    });
    let more = json!({"network": {"enabled": true}, "fileSystem": files});
    let asked = changed(params(COMMAND, "u1"), "/additionalPermissions", Some(more));
    changed(asked, "/proposedExecpolicyAmendment", Some(json!(["ls", "-l"])))
}

fn with_questions() -> Value {
    let option = |label: &str| json!({"label": label, "description": "d"});
    let question = |id: &str| {
        json!({
            "id": id, "header": "h", "question": "?",
            "options": [option("A"), option("B"), option("C")],
        })
    };
    changed(params(USER_INPUT, "u1"), "/questions", Some(json!([question("q1"), question("q2")])))
}

fn with_form() -> Value {
    let form = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    });
    changed(params(ELICITATION, "u1"), "/requestedSchema", Some(form))
}

/// The method, params that do not fit, and where.
type Misfit = (&'static str, Value, &'static str);

fn misfit(
    method: &'static str,
    params: Value,
    pointer: &str,
    value: Option<Value>,
    place: &'static str,
) -> Misfit {
    (method, changed(params, pointer, value), place)
}

fn misfits() -> Vec<Misfit> {
    [misfits_of_commands(), misfits_of_others(), misfits_of_questions()].concat()
}

fn misfits_of_commands() -> Vec<Misfit> {
    let of =
        |pointer: &str, value, place| misfit(COMMAND, with_permissions(), pointer, value, place);
    let in_files = |pointer: &str, value, place| {
        of(&format!("/additionalPermissions/fileSystem{pointer}"), value, place)
    };
    vec![
        of("/threadId", None, "`threadId`"),
        of("/turnId", Some(json!(7)), "`turnId`"),
        of("/command", Some(json!(["ls"])), "`command`"),
        of("/startedAtMs", Some(json!("1")), "`startedAtMs`"),
        of("/availableDecisions", Some(json!("accept")), "`availableDecisions`"),
        of("/proposedExecpolicyAmendment/1", Some(json!(7)), "`proposedExecpolicyAmendment[1]`"),
        of(
            "/additionalPermissions/network/enabled",
            Some(json!("y")),
            "`additionalPermissions.network.enabled`",
        ),
        in_files("/write/1", Some(json!(null)), "`additionalPermissions.fileSystem.write[1]`"),
        in_files("/write/0", Some(json!({})), "`additionalPermissions.fileSystem.write[0]`"),
        in_files("/entries/1", Some(json!("/a")), "`additionalPermissions.fileSystem.entries[1]`"),
        in_files("/entries/0/access", None, "`additionalPermissions.fileSystem.entries[0].access`"),
        (COMMAND, json!(null), "object"),
    ]
}

fn misfits_of_questions() -> Vec<Misfit> {
    let question =
        |pointer: &str, value, place| misfit(USER_INPUT, with_questions(), pointer, value, place);
    let form =
        |pointer: &str, value, place| misfit(ELICITATION, with_form(), pointer, value, place);
    let label = Some(json!(7));
    vec![
        question("/questions", None, "`questions`"),
        question("/questions/1", Some(json!("?")), "`questions[1]`"),
        question("/questions/1/id", None, "`questions[1].id`"),
        question("/questions/0/options/2/label", label, "`questions[0].options[2].label`"),
        (USER_INPUT, json!(7), "object"),
        form("/serverName", None, "`serverName`"),
        form("/requestedSchema/required/1", Some(json!(7)), "`requestedSchema.required[1]`"),
        form("/message", Some(json!([])), "`message`"),
    ]
}

fn misfits_of_others() -> Vec<Misfit> {
    let of = |method, pointer: &str, value, place| {
        misfit(method, params(method, "u1"), pointer, value, place)
    };
    let read = Some(json!({"read": ["/a", 7]}));
    vec![
        of(FILES, "/grantRoot", Some(json!(true)), "`grantRoot`"),
        of(PERMISSIONS, "/permissions", None, "`permissions`"),
        of(PERMISSIONS, "/permissions/fileSystem", read, "`permissions.fileSystem.read[1]`"),
        of(TOOL, "/arguments", None, "`arguments`"),
        of(TOOL, "/tool", Some(json!(null)), "`tool`"),
        (TOOL, json!("text"), "object"),
        of(TOKENS, "/reason", Some(json!(7)), "`reason`"),
        of(TIME, "/threadId", None, "`threadId`"),
        (ATTESTATION, json!([]), "object"),
        of(LEGACY_COMMAND, "/command/0", Some(json!(7)), "`command[0]`"),
        of(LEGACY_PATCH, "/fileChanges", Some(json!([7])), "`fileChanges`"),
    ]
}

#[tokio::test(start_paused = true)]
async fn params_that_do_not_fit_are_refused_with_the_place() {
    let asked = Asked::new();
    let builder = Codex::builder().handler(asked.handler("client"));
    let (codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let mut feed = codex.notifications();
    for (id, (method, params, place)) in misfits().into_iter().enumerate() {
        ask(&mut server, id, method, &params).await;
        let answer = answer(&mut server).await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32602)));
        let (request, problem, source) = refusal(&mut feed).await;
        assert_eq!((&*request.method, &request.params), (method, &params));
        assert!(source.is_none());
        let problem = problem.unwrap();
        assert!(problem.contains(place), "{place}: {problem}");
        assert_eq!(answer["error"]["message"], problem);
    }
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn params_that_are_missing_are_refused() {
    let (_codex, mut server) = FakeServer::start().await.unwrap();
    for (id, method) in KINDS.into_iter().enumerate() {
        server.send(json!({"id": id, "method": method})).await;
        assert_eq!(answer(&mut server).await["error"]["code"], -32602, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_new_inside_of_params_is_no_misfit() {
    let mut asked = Asked::new();
    let builder = Codex::builder().handler(asked.handler("client"));
    let (_codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    let new = json!({"new": [1, {"x": null}]});
    let elicitation = changed(with_form(), "/mode", Some(json!("new")));
    // Also what is not of the shape that its tag says.
    let entry = json!({"path": {"type": "path", "path": 7}, "access": "new"});
    let entries = changed(
        with_permissions(),
        "/additionalPermissions/fileSystem/entries",
        Some(json!([entry])),
    );
    for (id, (method, params)) in [
        (COMMAND, changed(with_permissions(), "/new", Some(new.clone()))),
        (COMMAND, changed(with_permissions(), "/kind", Some(json!("new")))),
        (COMMAND, changed(with_permissions(), "/availableDecisions", Some(json!(["new", new])))),
        (COMMAND, entries),
        (USER_INPUT, changed(with_questions(), "/questions/0/new", Some(new.clone()))),
        (ELICITATION, elicitation),
        (TOKENS, changed(params(TOKENS, ""), "/reason", Some(json!("new")))),
    ]
    .into_iter()
    .enumerate()
    {
        ask(&mut server, id, method, &params).await;
        let (_, request) = asked.next().await;
        assert_eq!(request.method(), method);
        request.refuse().unwrap();
        assert_eq!(answer(&mut server).await["id"], id);
    }
    silence(&mut server).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_understood_between_others_harms_none_of_them() {
    let mut asked = Asked::new();
    let mut scene = scene_with(Codex::builder().handler(asked.handler("client"))).await;
    let good = |id: u64| request(id, COMMAND, &params(COMMAND, "u1"));
    let mut messages = Vec::new();
    for (n, (method, params, _)) in misfits().into_iter().enumerate() {
        let n = u64::try_from(n).unwrap() * 10;
        messages.push(good(n));
        messages.push(request(n + 1, method, &params));
        messages.push(request(n + 2, "new/ask", &params));
        messages.push(request(json!([n]), COMMAND, &params));
    }
    let count = messages.len() / 4;
    messages.push(good(9999));
    send_at_once(&mut scene.server, &messages).await;
    for _ in 0..count {
        for code in [-32602, -32601, -32600] {
            assert_eq!(answer(&mut scene.server).await["error"]["code"], code);
        }
    }
    for n in 0..=count {
        let request = asked.command().await;
        request.accept().unwrap();
        let id = if n == count { 9999 } else { n * 10 };
        assert_eq!(answer(&mut scene.server).await, decision(id, "accept"));
    }
    silence(&mut scene.server).await;
}
