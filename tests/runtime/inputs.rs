//! What the user gives reaches the model as what it is.

use std::fs;

use codexkit::protocol::{
    ImageDetail, InputTextFunctionCallOutputContentItem, ServerNotification, SkillsListParams,
    TextUserInput, ThreadItem, ThreadItemsListParams, ThreadResumeParams, TurnStartParams,
    TurnToolOutput,
};
use codexkit::testing::{ModelRequest, Reply};
use codexkit::{Codex, Error, ExternalMessage, Input};
use serde_json::{Value, json};

use crate::support::{Place, next_delta, next_where, run};

/// One red pixel.
pub(crate) const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\
    \0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";

pub(crate) const PNG_URL: &str = "data:image/png;base64,\
    iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// The content of the newest message of the user.
fn heard(request: &ModelRequest) -> Vec<Value> {
    let message = request.input().iter().rev().find(|it| it["role"] == "user").unwrap();
    message["content"].as_array().unwrap().clone()
}

/// What a thread says to the model when it is given `input`.
async fn told(place: &Place, input: impl Into<Input>) -> Vec<Value> {
    place.model.push("ok");
    place.thread().await.run(input.into()).await.unwrap();
    heard(&place.model.requests().pop().unwrap())
}

/// What programs said to the model so far, without the ids.
fn outputs(request: &ModelRequest) -> Vec<Value> {
    let outputs = request.input().iter().filter(|it| it["type"] == "function_call_output");
    let mut outputs: Vec<_> = outputs.cloned().collect();
    for output in &mut outputs {
        output.as_object_mut().unwrap().remove("id");
    }
    outputs
}

#[tokio::test]
async fn an_image_in_memory_reaches_the_model() {
    run(async |place| {
        let input = Input::image_bytes("image/png", PNG);
        assert_eq!(told(place, input).await[0]["image_url"], PNG_URL);
        let input = Input::image(PNG_URL).detail(ImageDetail::Original);
        let content = told(place, input).await;
        assert_eq!(content[0]["image_url"], PNG_URL);
        assert_eq!(content[0]["detail"], "original");
        // The type is not what counts.
        let data = PNG_URL.split_once(',').unwrap().1;
        for head in ["data:;base64", "data:application/octet-stream;base64"] {
            let content = told(place, Input::image(format!("{head},{data}"))).await;
            assert_eq!(content[0]["image_url"], PNG_URL, "{head}");
        }
        let content = told(place, Input::image_bytes("image/png", "no image")).await;
        assert_eq!(content[0]["type"], "input_text", "{content:?}");
    })
    .await;
}

#[tokio::test]
async fn an_image_in_a_file_reaches_the_model_in_its_place() {
    run(async |place| {
        let path = place.home.workspace().join("a.png");
        fs::write(&path, PNG).unwrap();
        let input = [Input::text("Before."), Input::local_image(&path), Input::text("After.")];
        let content = told(place, input).await;
        let texts = [content.first().unwrap(), content.last().unwrap()].map(|it| &it["text"]);
        assert_eq!(texts, ["Before.", "After."]);
        let images: Vec<_> = content
            .iter()
            .filter(|it| it["type"] == "input_image")
            .map(|it| &it["image_url"])
            .collect();
        assert_eq!(images, [PNG_URL]);
    })
    .await;
}

#[tokio::test]
async fn a_relative_path_is_one_of_this_process() {
    run(async |place| {
        // The runtime runs in another directory, and the file is missing in both.
        let content = told(place, Input::local_image("no-such.png")).await;
        let path = std::env::current_dir().unwrap().join("no-such.png");
        let text = content[0]["text"].as_str().unwrap();
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    })
    .await;
}

#[tokio::test]
async fn an_uploaded_image_is_named_to_the_model() {
    run(async |place| {
        let content = told(place, Input::image_file("file_123")).await;
        assert_eq!(content[0]["file_id"], "file_123");
    })
    .await;
}

#[tokio::test]
async fn what_the_model_cannot_hear_is_said_to_it() {
    run(async |place| {
        let content = told(place, Input::audio_bytes("audio/wav", b"RIFF")).await;
        let text = content[0]["text"].as_str().unwrap();
        assert!(text.contains("you do not support audio input"), "{text}");
        let missing = place.home.path().join("no-such.wav");
        let content = told(place, Input::local_audio(&missing)).await;
        let text = content[0]["text"].as_str().unwrap();
        assert!(text.contains("could not read the local audio"), "{text}");
        assert!(text.contains(missing.to_str().unwrap()), "{text}");
    })
    .await;
}

#[tokio::test]
async fn an_image_on_the_network_is_refused_with_advice() {
    run(async |place| {
        let thread = place.thread().await;
        let error = thread.run(Input::image("https://example.com/a.png")).await.unwrap_err();
        let expected = "remote image URLs are not supported; use an inline data URL instead";
        assert!(error.to_string().contains(expected), "{error}");
        assert!(place.model.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_body_of_a_skill_reaches_the_model() {
    run(async |place| {
        let dir = place.home.codex_home().join("skills").join("rhyme");
        fs::create_dir_all(&dir).unwrap();
        let text = "---\nname: rhyme\ndescription: Speaks in rhymes.\n---\n\nAlways rhyme.\n";
        fs::write(dir.join("SKILL.md"), text).unwrap();
        let codex = place.start().await;
        let skills = codex.request(SkillsListParams::default()).await.unwrap();
        let mut skills = skills.data.iter().flat_map(|it| &it.skills);
        let skill = skills.find(|it| it.name == "rhyme").unwrap();
        place.model.push("ok");
        let input = [Input::text("Speak."), Input::skill(&skill.name, &skill.path)];
        codex.thread_start().await.unwrap().run(input).await.unwrap();
        let request = place.model.requests().pop().unwrap();
        let texts = request.input_texts("user");
        assert!(texts.contains(&"Speak."), "{texts:?}");
        let body = texts.iter().find(|it| it.contains("<name>rhyme</name>")).unwrap();
        assert!(body.contains("Always rhyme."), "{body}");
    })
    .await;
}

#[tokio::test]
async fn a_mention_is_kept_in_the_message_of_the_user() {
    run(async |place| {
        place.model.push("ok");
        let input = [Input::text("Ask $calendar."), Input::mention("calendar", "app://calendar")];
        let result = place.thread().await.run(input).await.unwrap();
        let ThreadItem::UserMessage(message) = &result.items[0] else { panic!("{result:?}") };
        let mention = serde_json::to_value(&message.content[1]).unwrap();
        let expected = json!({"type": "mention", "name": "calendar", "path": "app://calendar"});
        assert_eq!(mention, expected);
    })
    .await;
}

#[tokio::test]
async fn an_input_that_cannot_be_meant_is_refused_before_it_is_sent() {
    run(async |place| {
        place.model.push("ok");
        let thread = place.thread().await;
        let contradiction =
            thread.run("hi").params(|it| it.tool_output(TurnToolOutput::new("m", "x")));
        let refused = [
            thread.run([Input::text("hi"), Input::image("")]).await,
            thread.run(Vec::<Input>::new()).await,
            thread.run(ExternalMessage::new("", "x")).await,
            contradiction.await,
        ];
        for result in refused {
            assert!(matches!(result, Err(Error::InvalidInput(_))), "{result:?}");
        }
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.push(reply);
        thread.run("hi").await.unwrap();
        let turn = thread.turn("again").await.unwrap();
        let steered = turn.steer([Input::mention("", "app://x")]).await;
        assert!(matches!(steered, Err(Error::InvalidInput(_))), "{steered:?}");
        hold.release();
        turn.result().await.unwrap();
        assert_eq!(place.model.requests().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_external_message_is_no_word_of_the_user() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        let alert = ExternalMessage::new("monitor", "The disk is full.").namespace("ops");
        let result = thread.run(alert).await.unwrap();
        let item = match &result.items[0] {
            ThreadItem::FunctionCallOutput(item) => item,
            other => panic!("{other:?}"),
        };
        assert_eq!((&*item.name, item.namespace.as_deref()), ("monitor", Some("ops")));
        let expected = json!({
            "type": "function_call_output", "name": "monitor", "namespace": "ops",
            "output": "The disk is full.",
        });
        let request = place.model.requests().pop().unwrap();
        assert_eq!(outputs(&request), [expected]);
        for role in ["user", "developer"] {
            let texts = request.input_texts(role);
            assert!(!texts.iter().any(|it| it.contains("The disk is full.")), "{texts:?}");
        }
        let text = InputTextFunctionCallOutputContentItem::new("It is worse now.");
        thread.run(ExternalMessage::new("monitor", vec![text.into()])).await.unwrap();
        let request = place.model.requests().pop().unwrap();
        let expected = json!([{"type": "input_text", "text": "It is worse now."}]);
        assert_eq!(outputs(&request)[1]["output"], expected);
    })
    .await;
}

#[tokio::test]
async fn an_external_message_joins_the_running_turn() {
    run(async |place| {
        let (reply, hold) = Reply::new().delta("Once").hold();
        place.model.extend([reply, "I see.".into()]);
        let thread = place.thread().await;
        let mut first = thread.turn("Tell me a story.").await.unwrap();
        assert_eq!(next_delta(&mut first).await, "Once");
        let second = thread.turn(ExternalMessage::new("monitor", "Fire!")).await.unwrap();
        assert_eq!(second.id(), first.id());
        hold.release();
        let (first, second) = (first.result().await.unwrap(), second.result().await.unwrap());
        assert_eq!(first.final_response.as_deref(), Some("I see."));
        assert_eq!(second.final_response, first.final_response);
        let requests = place.model.requests();
        assert_eq!(outputs(&requests[1])[0]["output"], "Fire!");
    })
    .await;
}

/// Resumes a thread and says something there.
async fn resumed(codex: &Codex, thread: &str) {
    codex.request(ThreadResumeParams::new(thread).exclude_turns(true)).await.unwrap();
    let mut feed = codex.notifications();
    let params = TurnStartParams::new(thread, vec![TextUserInput::new("And?").into()]);
    codex.request(params).await.unwrap();
    loop {
        if let codexkit::ConnectionEvent::Notification { notification, .. } =
            feed.next().await.unwrap().unwrap()
            && matches!(*notification, ServerNotification::TurnCompleted(_))
        {
            return;
        }
    }
}

#[tokio::test]
async fn an_external_message_is_still_one_when_the_thread_is_resumed() {
    run(async |place| {
        place.model.always("ok");
        let thread = place.thread().await;
        thread.run(ExternalMessage::new("monitor", "Fire!")).await.unwrap();
        thread.codex().close().await;
        let codex = place.start().await;
        resumed(&codex, thread.id()).await;
        let request = place.model.requests().pop().unwrap();
        assert_eq!(outputs(&request)[0]["name"], "monitor");
        assert_eq!(request.input_texts("user").last(), Some(&"And?"));
        let items = codex.request(ThreadItemsListParams::new(thread.id())).await.unwrap();
        let kept = items.data.iter().any(|it| matches!(it.item, ThreadItem::FunctionCallOutput(_)));
        assert!(kept, "{items:?}");
    })
    .await;
}

#[tokio::test]
async fn a_long_external_message_is_cut_like_the_output_of_a_tool() {
    run(async |place| {
        place.model.always("ok");
        let builder = place.builder().config("tool_output_token_limit", 100);
        let thread = place.start_with(builder).await.thread_start().await.unwrap();
        let text = "word ".repeat(2000);
        let mut turn = thread.turn(ExternalMessage::new("log", &*text)).await.unwrap();
        next_where(&mut turn, |it| {
            matches!(it, ServerNotification::TurnCompleted(_)).then_some(())
        })
        .await;
        let request = place.model.requests().pop().unwrap();
        let output = outputs(&request)[0]["output"].as_str().unwrap().to_owned();
        assert!(output.contains("truncated") && output.len() < 2000, "{output}");
    })
    .await;
}
