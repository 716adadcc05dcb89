//! What a tool gives to the model.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::input::data_url;
use crate::protocol::{
    DynamicToolCallOutputContentItem as Item, DynamicToolCallResponse,
    InputImageDynamicToolCallOutputContentItem, InputTextDynamicToolCallOutputContentItem,
};

/// What a tool gives to the model: texts and images, in this order. A text or a JSON value becomes
/// one by itself.
///
/// ```
/// use codexkit::ToolOutput;
///
/// # let png = [0_u8];
/// let chart = ToolOutput::text("The sales of the year:").and(ToolOutput::image("image/png", png));
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct ToolOutput(Vec<Item>);

impl ToolOutput {
    /// A text.
    pub fn text(text: impl Into<String>) -> ToolOutput {
        ToolOutput(vec![Item::InputText(InputTextDynamicToolCallOutputContentItem::new(text))])
    }

    /// A value as the text of its JSON.
    ///
    /// # Errors
    ///
    /// The value cannot be written as JSON.
    pub fn json(value: &impl Serialize) -> serde_json::Result<ToolOutput> {
        serde_json::to_string(value).map(ToolOutput::text)
    }

    /// An image with its media type, such as `image/png`. It is sent as a `data:` URL. Of bytes that
    /// the runtime cannot decode as an image only the model is told.
    pub fn image(media_type: &str, bytes: impl AsRef<[u8]>) -> ToolOutput {
        ToolOutput::image_url(data_url(media_type, bytes.as_ref()))
    }

    /// An image by its URL: a `data:` URL with base64. The pinned runtime lets a call fail that gives
    /// an `http` or `https` URL.
    pub fn image_url(url: impl Into<String>) -> ToolOutput {
        ToolOutput(vec![Item::InputImage(InputImageDynamicToolCallOutputContentItem::new(url))])
    }

    /// This, and then that.
    #[must_use]
    pub fn and(mut self, that: impl Into<ToolOutput>) -> ToolOutput {
        self.0.extend(that.into().0);
        self
    }
}

impl From<ToolOutput> for DynamicToolCallResponse {
    /// The answer of a tool that has succeeded.
    fn from(output: ToolOutput) -> DynamicToolCallResponse {
        DynamicToolCallResponse::new(output.0, true)
    }
}

/// The model is not told that a call has failed, unless the text says so.
pub(super) fn failure(error: &(dyn Error + 'static)) -> DynamicToolCallResponse {
    let mut text = format!("the tool failed: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    DynamicToolCallResponse::new(ToolOutput::text(text).0, false)
}

impl From<&str> for ToolOutput {
    fn from(text: &str) -> ToolOutput {
        ToolOutput::text(text)
    }
}

impl From<String> for ToolOutput {
    fn from(text: String) -> ToolOutput {
        ToolOutput::text(text)
    }
}

impl From<Value> for ToolOutput {
    /// The JSON of the value, also of a string.
    fn from(value: Value) -> ToolOutput {
        ToolOutput::text(value.to_string())
    }
}

impl From<Item> for ToolOutput {
    fn from(item: Item) -> ToolOutput {
        ToolOutput(vec![item])
    }
}

impl fmt::Debug for ToolOutput {
    /// Leaves out what is in it: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolOutput").field("items", &self.0.len()).finish()
    }
}
