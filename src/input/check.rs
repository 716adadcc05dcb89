//! What in an input cannot be meant.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use base64::prelude::BASE64_STANDARD;
use base64::read::DecoderReader;

use crate::{path, protocol};

/// The end of a sentence that begins with the place of the item.
type Problem = Cow<'static, str>;

/// What is wrong with one item of the user.
pub(super) fn problem(item: &protocol::UserInput) -> Option<Problem> {
    match item {
        protocol::UserInput::Image(_) => reference("image", item.url(), item.file_id()),
        protocol::UserInput::Audio(_) => reference("audio", item.url(), item.file_id()),
        protocol::UserInput::LocalImage(it) => blank("path", &it.path),
        protocol::UserInput::LocalAudio(it) => blank("path", &it.path),
        protocol::UserInput::Skill(it) => {
            blank("name", &it.name).or_else(|| blank("path", &it.path))
        }
        protocol::UserInput::Mention(it) => {
            blank("name", &it.name).or_else(|| blank("path", &it.path))
        }
        _ => None,
    }
}

/// What kind of item this is.
pub(super) fn kind(item: &protocol::UserInput) -> &'static str {
    match item {
        protocol::UserInput::Text(_) => "text",
        protocol::UserInput::Image(_) => "image",
        protocol::UserInput::LocalImage(_) => "local image",
        protocol::UserInput::Audio(_) => "audio",
        protocol::UserInput::LocalAudio(_) => "local audio",
        protocol::UserInput::Skill(_) => "skill",
        protocol::UserInput::Mention(_) => "mention",
        _ => "unknown",
    }
}

/// What is wrong with one item of the output of a tool.
pub(super) fn output_problem(item: &protocol::FunctionCallOutputContentItem) -> Option<Problem> {
    match item {
        protocol::FunctionCallOutputContentItem::InputImage(_) => {
            reference("image", item.image_url(), item.file_id())
        }
        protocol::FunctionCallOutputContentItem::InputAudio(_) => {
            reference("audio", item.audio_url(), item.file_id())
        }
        _ => None,
    }
}

pub(super) fn not_utf8(path: &Path) -> String {
    format!("cannot be sent: {}", path::not_utf8(path))
}

fn blank(what: &str, value: &str) -> Option<Problem> {
    value.trim().is_empty().then(|| format!("has a blank {what}").into())
}

/// What is wrong with an image or with audio, which is either somewhere or a file of the provider.
fn reference(kind: &str, url: Option<&str>, file_id: Option<&str>) -> Option<Problem> {
    match (url, file_id) {
        (Some(url), None) => url_problem(kind, url),
        (None, Some(id)) => blank("file id", id),
        (Some(_), Some(_)) => Some("has both a URL and a file id: leave one of them out".into()),
        (None, None) => Some("has neither a URL nor a file id".into()),
    }
}

fn url_problem(kind: &str, url: &str) -> Option<Problem> {
    match url.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest)) {
        Some((scheme, rest)) if scheme == "data" => data_problem(kind, rest),
        // A single letter is a drive.
        Some((scheme, _)) if scheme.len() > 1 && scheme != "file" => None,
        _ => Some(
            format!("has no URL that a model can read: for a file use `Input::local_{kind}`")
                .into(),
        ),
    }
}

/// What is wrong with what follows `data:`. The runtime would leave such an item out, and tell only
/// the model.
fn data_problem(kind: &str, rest: &str) -> Option<Problem> {
    let Some((head, payload)) = rest.split_once(',') else {
        return Some("has a data URL without a comma before its data".into());
    };
    let Some((media, base64)) = head.rsplit_once(';') else {
        return Some("has a data URL that does not say `;base64`".into());
    };
    if !base64.eq_ignore_ascii_case("base64") {
        return Some("has a data URL that does not say `;base64`".into());
    }
    if let Some(other) = other_kind(kind, media) {
        let problem = format!("has a data URL of type `{media}`, which is {other} and no {kind}");
        return Some(problem.into());
    }
    match decoded_len(payload) {
        Ok(0) => Some("has a data URL without data".into()),
        Ok(_) => None,
        Err(error) => Some(format!("has a data URL whose data is no base64: {error}").into()),
    }
}

/// What else than this kind the media type says that it is. One that says nothing, or nothing that
/// rules the kind out, is taken as it is meant.
fn other_kind(kind: &str, media: &str) -> Option<&'static str> {
    let (media, _) = media.split_once('/')?;
    let kinds = ["audio", "font", "image", "text", "video"];
    let found = kinds.into_iter().find(|it| it.eq_ignore_ascii_case(media.trim()))?;
    (found != kind).then_some(found)
}

/// The runtime takes base64 with its padding and without bits to spare alone.
fn decoded_len(payload: &str) -> io::Result<u64> {
    io::copy(&mut DecoderReader::new(payload.as_bytes(), &BASE64_STANDARD), &mut io::sink())
}
