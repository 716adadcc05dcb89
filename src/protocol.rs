//! The protocol of `codex app-server`, generated from the schema of the pinned runtime.
//!
//! Everything a message can carry is here under the schema's own name; everything else in this
//! crate speaks these types.
//!
//! - **Methods** are tied to their params: [`Request`] for what the client calls,
//!   [`ServerCall`] for what the server calls, [`Notification`] for what the server tells.
//! - **Lists that come in pages** are tied to their items, too: [`PagedRequest`].
//! - **Enums and unions that the runtime sends are open.** A value, variant or property that this
//!   version does not know is kept as it came (`Unrecognized`, [`ExtraFields`]) and written back
//!   unchanged. Closed are [`RequestId`], and the enums over methods but [`ServerNotification`]:
//!   [`ServerRequest`], [`ClientRequest`] and [`ClientNotification`].
//! - **Lists and maps keep what fits.** An element of another shape is left out of the field and
//!   found, with the reason, among the [`malformed_elements`](ExtraFields::malformed_elements) of
//!   the struct; it is written back to its place. Whoever decides something by a whole list, such
//!   as the words of a command, looks there first. In a list of unions that element is
//!   `Unrecognized` in the list itself.
//! - **Params** are made with `new`, which takes what is required (or with `from_…`, where one of
//!   several properties has to be there), and one setter per optional property. Types are
//!   `#[non_exhaustive]`, so a new property breaks nothing.
//! - **What is experimental** says so. It is what the stable bundle of the schema lacks, or the
//!   runtime refuses like that. It is here with the feature `experimental` only, and
//!   [`Request::experimental`] finds it in params.
//! - **What older runtimes lack** says since when it is there, and [`Request::unavailable`] finds it
//!   in params. Nothing is said of what the oldest runtime has that was looked at, 0.144.4.
//! - **Null** is left out where it means what absence means. Where it does not, a field is an
//!   `Option` of an `Option`.
//! - **Names on the wire** are those of the schema; the docs name them where the schema says no more.
//!
//! ```
//! use codexkit::protocol::{Request, TextUserInput, TurnStartParams};
//!
//! let params = TurnStartParams::new("thread-1", vec![TextUserInput::new("hello").into()])
//!     .model("gpt-5.5");
//! assert_eq!(TurnStartParams::METHOD, "turn/start");
//! assert_eq!(serde_json::to_value(&params)?["threadId"], "thread-1");
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "client")]
pub(crate) mod approval;
#[cfg(all(test, feature = "client", feature = "experimental"))]
mod arbitrary;
#[cfg(feature = "client")]
pub(crate) mod envelope;
mod error;
mod extra;
#[cfg(all(test, feature = "client", feature = "experimental"))]
mod hostile;
mod json;
#[cfg(all(test, feature = "client", feature = "experimental"))]
mod limits;
mod malformed;
mod offer;
#[macro_use]
mod macros;
pub(crate) mod message;
mod paged;
#[cfg(feature = "client")]
mod secret;
#[macro_use]
mod stream;

#[cfg(feature = "client")]
pub(crate) use self::secret::SecretValue;
pub use self::{
    error::{DecodeError, ServerRequestError},
    extra::ExtraFields,
    generated::*,
    malformed::{ElementPlace, MalformedElement},
    message::RawMessage,
    offer::{Need, Offer, Release, Unavailable},
    paged::PagedRequest,
};

/// The params of a method that the client calls.
pub trait Request: Serialize + Send + Sync {
    /// The method on the wire.
    const METHOD: &'static str;
    /// The server refuses the method unless the client asked for the experimental API.
    const EXPERIMENTAL: bool;
    /// What the server answers.
    type Response: DeserializeOwned + Send + 'static;

    /// What of this request the server takes only from a client that asked for the experimental
    /// API: the method, or the first property that is used, such as `thread/start.environments`.
    fn experimental(&self) -> Option<String> {
        self.unavailable(&Offer::EVERYTHING.without_experimental()).map(|it| it.what)
    }

    /// What of this request is not on offer: the method, or the first property that is used and
    /// that the runtime is too old for, or that it takes only with the experimental API. Nothing is
    /// known of what is among the unrecognized properties.
    fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
        offer::Uses::of(offer).experimental(Self::METHOD, Self::EXPERIMENTAL).found()
    }
}

/// The params of exactly one notification of the server.
pub trait Notification {
    /// The method on the wire.
    const METHOD: &'static str;
}

/// The params of a method that the server calls.
pub trait ServerCall {
    /// The method on the wire.
    const METHOD: &'static str;
    /// What the client answers.
    type Response: Serialize;
}

#[allow(
    deprecated,
    clippy::doc_markdown,
    clippy::large_enum_variant,
    clippy::match_same_arms,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    reason = "generated: names, sizes and texts are the schema's"
)]
mod generated {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer};
    use serde_json::{Map, Value};

    use super::{
        Notification, PagedRequest, Request, ServerCall,
        error::DecodeError,
        extra::{ExtraFields, Redacted},
        json::{
            Alternative, Fields, Fit, Json, Object,
            Test::{Fits, IsArray, IsInteger, IsString},
            at_key, external, keyed, tagged, through_json,
        },
        message::RawMessage,
        offer::{Guarded, Offer, Release, Unavailable, Uses},
        paged::sealed::Paged,
        stream::{from_str, next_value},
    };

    include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
}
