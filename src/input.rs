//! What a turn is given to work on.

mod check;
mod external;

use std::fmt;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::error::{Error, Result};
use crate::protocol;

pub use self::external::{ExternalMessage, TurnInput};

/// What the user says: text, images, audio, skills and mentions, in any mix and order.
///
/// Whatever is made of these converts into an input: a string, one item of the protocol, and lists
/// of anything that converts.
///
/// ```
/// use codexkit::Input;
///
/// let input = Input::from("What does this crate do?");
/// assert_eq!(input.items().len(), 1);
/// let input = Input::from([Input::text("What is this?"), Input::local_image("a.png")]);
/// assert_eq!(input.items().len(), 2);
/// ```
///
/// An input that says nothing, or that contradicts itself, is refused before anything is sent.
#[derive(Clone, Default, PartialEq)]
pub struct Input {
    items: Vec<protocol::UserInput>,
    /// The first item that has no form on the wire, and why.
    unsendable: Option<(usize, String)>,
}

impl Input {
    /// Text.
    pub fn text(text: impl Into<String>) -> Input {
        protocol::TextUserInput::new(text).into()
    }

    /// An image by its URL: a `data:` URL with base64. Of data that the runtime cannot decode as an
    /// image only the model is told. The pinned runtime refuses an `http` or
    /// `https` URL; fetch the image and use [`image_bytes`](Input::image_bytes).
    pub fn image(url: impl Into<String>) -> Input {
        protocol::ImageUserInput::from_url(url).into()
    }

    /// An image with its media type, such as `image/png`. It is sent as a `data:` URL. Of bytes that
    /// the runtime cannot decode as an image only the model is told.
    pub fn image_bytes(media_type: &str, bytes: impl AsRef<[u8]>) -> Input {
        Input::image(data_url(media_type, bytes.as_ref()))
    }

    /// An image that was uploaded to the provider of the model, by the id of its file.
    pub fn image_file(file_id: impl Into<String>) -> Input {
        protocol::ImageUserInput::from_file_id(file_id).into()
    }

    /// An image in a file, which the runtime reads. A relative path is one of this process. Of a
    /// file that the runtime cannot read only the model is told.
    pub fn local_image(path: impl AsRef<Path>) -> Input {
        Input::of_path(path.as_ref(), protocol::LocalImageUserInput::new)
    }

    /// Sound by its URL: a `data:` URL with base64.
    pub fn audio(url: impl Into<String>) -> Input {
        protocol::AudioUserInput::from_url(url).into()
    }

    /// Sound with its media type, such as `audio/wav`. It is sent as a `data:` URL.
    pub fn audio_bytes(media_type: &str, bytes: impl AsRef<[u8]>) -> Input {
        Input::audio(data_url(media_type, bytes.as_ref()))
    }

    /// Sound that was uploaded to the provider of the model, by the id of its file.
    pub fn audio_file(file_id: impl Into<String>) -> Input {
        protocol::AudioUserInput::from_file_id(file_id).into()
    }

    /// Sound in a file, which the runtime reads. A relative path is one of this process. Of a file
    /// that the runtime cannot read only the model is told.
    pub fn local_audio(path: impl AsRef<Path>) -> Input {
        Input::of_path(path.as_ref(), protocol::LocalAudioUserInput::new)
    }

    /// A skill to use, by its name and the path of its `SKILL.md`, as `skills/list` gives them. A
    /// relative path is one of this process.
    pub fn skill(name: impl Into<String>, path: impl AsRef<Path>) -> Input {
        Input::of_path(path.as_ref(), |path| protocol::SkillUserInput::new(name, path))
    }

    /// Something that the text mentions, such as a file or an app, by its name and its path as the
    /// runtime gives it (`app://…` for an app).
    pub fn mention(name: impl Into<String>, path: impl Into<String>) -> Input {
        protocol::MentionUserInput::new(name, path).into()
    }

    /// How closely the model looks at each image in this input.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<protocol::ImageDetail>) -> Input {
        let detail = detail.into();
        for item in &mut self.items {
            match item {
                protocol::UserInput::Image(image) => image.detail = Some(detail.clone()),
                protocol::UserInput::LocalImage(image) => image.detail = Some(detail.clone()),
                _ => (),
            }
        }
        self
    }

    /// What the input consists of.
    pub fn items(&self) -> &[protocol::UserInput] {
        &self.items
    }

    /// The items, unless there is nothing in them or one of them cannot be meant.
    pub(crate) fn into_items(self) -> Result<Vec<protocol::UserInput>> {
        let problems = self.items.iter().map(check::problem);
        let unsendable = self.unsendable.as_ref().map(|(at, why)| (*at, why.as_str().into()));
        let first = problems.enumerate().find_map(|(at, why)| Some((at, why?)));
        if let Some((at, why)) = unsendable.into_iter().chain(first).min_by_key(|(at, _)| *at) {
            let item = at + 1;
            return Err(Error::InvalidInput(format!("item {item} of the input {why}")));
        }
        let is_blank = |item: &protocol::UserInput| matches!(item, protocol::UserInput::Text(it) if it.text.trim().is_empty());
        if self.items.iter().all(is_blank) {
            let problem = "the input of the turn is empty: give it text that is not blank, an \
                           image or another kind of input";
            return Err(Error::InvalidInput(problem.into()));
        }
        Ok(self.items)
    }

    fn of_path<T: Into<protocol::UserInput>>(path: &Path, item: impl FnOnce(String) -> T) -> Input {
        // The runtime may run in another directory, and would not say that there is no such file.
        let absolute = std::path::absolute(path);
        let path = absolute.as_deref().unwrap_or(path);
        match path.to_str() {
            Some(path) => Input::from(item(path.to_owned()).into()),
            None => Input {
                items: vec![item(path.to_string_lossy().into_owned()).into()],
                unsendable: Some((0, check::not_utf8(path))),
            },
        }
    }
}

impl fmt::Debug for Input {
    /// Says of what kinds the items are, and leaves out what is in them: that is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.items.iter().map(check::kind)).finish()
    }
}

pub(crate) fn data_url(media_type: &str, bytes: &[u8]) -> String {
    let mut url = format!("data:{media_type};base64,");
    BASE64_STANDARD.encode_string(bytes, &mut url);
    url
}

impl<T: Into<Input>> Extend<T> for Input {
    fn extend<I: IntoIterator<Item = T>>(&mut self, inputs: I) {
        for input in inputs {
            let input: Input = input.into();
            let before = self.items.len();
            let unsendable = input.unsendable.map(|(at, why)| (before + at, why));
            self.unsendable = self.unsendable.take().or(unsendable);
            self.items.extend(input.items);
        }
    }
}

impl<T: Into<Input>> FromIterator<T> for Input {
    fn from_iter<I: IntoIterator<Item = T>>(inputs: I) -> Input {
        let mut input = Input::default();
        input.extend(inputs);
        input
    }
}

impl<T: Into<Input>> From<Vec<T>> for Input {
    fn from(inputs: Vec<T>) -> Input {
        inputs.into_iter().collect()
    }
}

impl<T: Into<Input>, const N: usize> From<[T; N]> for Input {
    fn from(inputs: [T; N]) -> Input {
        inputs.into_iter().collect()
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Input {
        Input::text(text)
    }
}

impl From<&String> for Input {
    fn from(text: &String) -> Input {
        Input::text(text)
    }
}

impl From<String> for Input {
    fn from(text: String) -> Input {
        Input::text(text)
    }
}

impl From<protocol::UserInput> for Input {
    fn from(item: protocol::UserInput) -> Input {
        Input { items: vec![item], unsendable: None }
    }
}

macro_rules! from_items {
    ($($item:ident),*) => {$(
        impl From<protocol::$item> for Input {
            fn from(item: protocol::$item) -> Input {
                Input::from(protocol::UserInput::from(item))
            }
        }
    )*};
}

from_items!(
    AudioUserInput,
    ImageUserInput,
    LocalAudioUserInput,
    LocalImageUserInput,
    MentionUserInput,
    SkillUserInput,
    TextUserInput
);

#[cfg(test)]
mod tests;
