use serde_json::{Value, json};

use super::*;
use crate::protocol::UserInput;

fn wire(input: impl Into<Input>) -> Value {
    serde_json::to_value(input.into().into_items().unwrap()).unwrap()
}

fn refusal(input: impl Into<Input>) -> String {
    match input.into().into_items().unwrap_err() {
        Error::InvalidInput(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_has_the_form_of_the_protocol() {
    let here = std::env::current_dir().unwrap().join("a.png");
    let there = std::path::absolute("/x/a.wav").unwrap();
    let skill = std::path::absolute("/s/SKILL.md").unwrap();
    let cases = [
        (Input::text("hi"), json!({"type": "text", "text": "hi", "text_elements": []})),
        (
            Input::image("data:image/png;base64,AAAA"),
            json!({"type": "image", "url": "data:image/png;base64,AAAA"}),
        ),
        (
            Input::image_bytes("image/png", [0, 1, 255, 4]),
            json!({"type": "image", "url": "data:image/png;base64,AAH/BA=="}),
        ),
        (Input::image_file("file_1"), json!({"type": "image", "fileId": "file_1"})),
        (Input::local_image("a.png"), json!({"type": "localImage", "path": here})),
        (
            Input::audio_bytes("audio/wav", b"RIFF"),
            json!({"type": "audio", "url": "data:audio/wav;base64,UklGRg=="}),
        ),
        (Input::audio_file("file_2"), json!({"type": "audio", "fileId": "file_2"})),
        (Input::local_audio(&there), json!({"type": "localAudio", "path": there})),
        (Input::skill("s", &skill), json!({"type": "skill", "name": "s", "path": skill})),
        (
            Input::mention("Docs", "app://docs"),
            json!({"type": "mention", "name": "Docs", "path": "app://docs"}),
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(wire(input), json!([expected]));
    }
}

#[test]
fn the_detail_is_that_of_every_image_and_of_nothing_else() {
    let input = Input::from([
        Input::text("Compare."),
        Input::image_file("f"),
        Input::local_image("/a.png"),
        Input::audio_file("g"),
    ]);
    let wire = wire(input.detail(protocol::ImageDetail::High));
    let details: Vec<_> = wire.as_array().unwrap().iter().map(|it| it["detail"].clone()).collect();
    assert_eq!(details, [Value::Null, json!("high"), json!("high"), Value::Null]);
}

#[test]
fn lists_of_anything_read_as_one_input() {
    let text = |text: &str| Input::text(text);
    let expected = Input::from(vec![text("a"), text("b")]);
    assert_eq!(expected.items().len(), 2);
    assert_eq!(Input::from(["a", "b"]), expected);
    assert_eq!(Input::from(["a".to_owned(), "b".to_owned()]), expected);
    assert_eq!(["a", "b"].into_iter().collect::<Input>(), expected);
    assert_eq!(Input::from([vec!["a"], vec!["b"]]), expected);
    let items = ["a", "b"].map(protocol::TextUserInput::new);
    assert_eq!(Input::from(items.clone()), expected);
    assert_eq!(Input::from(items.map(UserInput::from)), expected);
    let mut input = text("a");
    input.extend(["b"]);
    assert_eq!(input, expected);
}

#[test]
fn blank_input_is_refused() {
    let empty = || Vec::<Input>::new();
    let blanks = [Input::from(""), Input::from(" \n\t"), Input::from(empty()), ["", " "].into()];
    for blank in blanks {
        assert!(refusal(blank).contains("is empty"));
    }
    assert_eq!(wire(["", "go"]).as_array().unwrap().len(), 2);
}

#[test]
fn an_item_that_cannot_be_meant_is_named_by_its_position() {
    let both = protocol::ImageUserInput::from_url("https://e/x.png").file_id("f");
    let mut neither = protocol::AudioUserInput::from_url("x");
    neither.url = None;
    let cases: [(Input, &str); 12] = [
        (both.into(), "has both a URL and a file id"),
        (neither.into(), "has neither a URL nor a file id"),
        (Input::image_file(" "), "has a blank file id"),
        (Input::skill(" ", "/s"), "has a blank name"),
        (protocol::SkillUserInput::new("s", "").into(), "has a blank path"),
        (Input::mention("", "app://x"), "has a blank name"),
        (Input::mention("x", ""), "has a blank path"),
        (Input::local_image(""), "has a blank path"),
        (Input::local_audio(""), "has a blank path"),
        (
            Input::image("a.png"),
            "has no URL that a model can read: for a file use `Input::local_image`",
        ),
        (Input::image(r"C:\a.png"), "for a file use `Input::local_image`"),
        (Input::audio("file:///a.wav"), "for a file use `Input::local_audio`"),
    ];
    for (input, expected) in cases {
        let text = refusal([Input::text("Look:"), input]);
        assert!(text.starts_with("item 2 of the input has "), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_data_url_that_the_runtime_would_leave_out_is_refused() {
    let image = |rest: &str| refusal(Input::image(format!("data:{rest}")));
    assert!(image("image/png;base64").contains("without a comma"));
    assert!(image("image/png,AAAA").contains("does not say `;base64`"));
    assert!(image("image/svg+xml;utf8,<svg/>").contains("does not say `;base64`"));
    let of_type = "has a data URL of type";
    assert!(
        image("audio/wav;base64,AAAA")
            .contains(&format!("{of_type} `audio/wav`, which is audio and no image"))
    );
    assert!(
        image("TEXT/plain;a=b;base64,AAAA")
            .contains(&format!("{of_type} `TEXT/plain;a=b`, which is text and no image"))
    );
    assert!(image("image/png;base64,").contains("without data"));
    assert!(image("image/png;base64,AA*A").contains("no base64"));
    // Without padding, with too much of it, and with bits to spare.
    for data in ["A", "AA", "AA=", "AAA", "AAAA=", "AA==AA==", "AB==", "AAB="] {
        assert!(image(&format!("image/png;base64,{data}")).contains("no base64"), "{data}");
    }
    assert!(refusal(Input::audio_bytes("image/png", "x")).contains("is image and no audio"));
    for good in [
        "image/png;base64,AAAA",
        "IMAGE/PNG;name=a.png;BASE64,AA==",
        ";base64,AAAA",
        "application/octet-stream;base64,AAA=",
        "images/png;base64,AAAA",
    ] {
        assert_eq!(wire(Input::image(format!("data:{good}")))[0]["url"], format!("data:{good}"));
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_is_refused_and_not_changed() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let path = OsStr::from_bytes(b"/x/\xff.png");
    for input in [Input::local_image(path), Input::local_audio(path), Input::skill("s", path)] {
        let text = refusal(vec![Input::text("a"), Input::from(["b", "c"]), input.clone()]);
        assert!(text.starts_with("item 4 of the input cannot be sent: the path `/x/"), "{text}");
        assert!(text.contains("is not valid UTF-8"), "{text}");
        // The first problem is the one that is told.
        let text = refusal([Input::image(""), input.clone()]);
        assert!(text.starts_with("item 1 of the input has no URL"), "{text}");
        let text = refusal([input, Input::image("")]);
        assert!(text.starts_with("item 1 of the input cannot be sent"), "{text}");
    }
}

fn params() -> protocol::TurnStartParams {
    protocol::TurnStartParams::new("t", Vec::new())
}

#[test]
fn an_external_message_is_the_whole_input() {
    let message = ExternalMessage::new("monitor", "full").namespace("ops").retain(true);
    let mut params = params();
    params.input = Input::from("left over").into_items().unwrap();
    TurnInput::from(message).write_to(&mut params).unwrap();
    let output = json!({"name": "monitor", "namespace": "ops", "output": "full", "retain": true});
    let expected = json!({"threadId": "t", "input": [], "toolOutput": output});
    assert_eq!(serde_json::to_value(&params).unwrap(), expected);
    let text = protocol::InputTextFunctionCallOutputContentItem::new("full");
    let message = ExternalMessage::new("monitor", vec![text.into()]);
    TurnInput::from(message).write_to(&mut params).unwrap();
    let output = json!({"name": "monitor", "output": [{"type": "input_text", "text": "full"}]});
    assert_eq!(serde_json::to_value(&params).unwrap()["toolOutput"], output);
}

#[test]
fn an_external_message_that_cannot_be_meant_is_refused() {
    let image = |url: &str| protocol::InputImageFunctionCallOutputContentItem::from_image_url(url);
    let both = image("https://e/x.png").file_id("f");
    let audio = |url: &str| protocol::InputAudioFunctionCallOutputContentItem::from_audio_url(url);
    let cases = [
        (
            ExternalMessage::new(
                "m",
                vec![audio("data:audio/wav;base64,AAAA").into(), audio("x").into()],
            ),
            "item 2 of the external message has no URL",
        ),
        (ExternalMessage::new(" ", "x"), "a blank tool name"),
        (ExternalMessage::new("m", Vec::new()), "an empty list"),
        (ExternalMessage::new("m", vec![both.into()]), "item 1 of the external message has both"),
        (
            ExternalMessage::new("m", vec![image("x").into()]),
            "item 1 of the external message has no",
        ),
    ];
    for (message, expected) in cases {
        let error = TurnInput::from(message).write_to(&mut params()).unwrap_err();
        assert!(matches!(&error, Error::InvalidInput(_)));
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn an_input_and_a_tool_output_contradict_each_other() {
    let mut params = params().tool_output(protocol::TurnToolOutput::new("m", "x"));
    let error = TurnInput::from("hi").write_to(&mut params).unwrap_err();
    assert!(error.to_string().contains("both an input of the user and a tool output"), "{error}");
}

#[test]
fn what_is_shown_for_debugging_tells_nothing_of_the_content() {
    let input = Input::from([
        Input::text("secret"),
        Input::image_bytes("image/png", "secret"),
        Input::local_image("/secret"),
        Input::audio_file("secret"),
        Input::local_audio("/secret"),
        Input::skill("secret", "/secret"),
        Input::mention("secret", "secret"),
    ]);
    let kinds = r#"["text", "image", "local image", "audio", "local audio", "skill", "mention"]"#;
    assert_eq!(format!("{input:?}"), kinds);
    assert_eq!(format!("{:?}", TurnInput::from(input)), format!("User({kinds})"));
    let message = ExternalMessage::new("secret", "secret").namespace("secret");
    assert_eq!(format!("{message:?}"), "ExternalMessage { items: 1, .. }");
    let text = || protocol::InputTextFunctionCallOutputContentItem::new("secret").into();
    let message = TurnInput::from(ExternalMessage::new("secret", vec![text(), text()]));
    assert_eq!(format!("{message:?}"), "External(ExternalMessage { items: 2, .. })");
}
