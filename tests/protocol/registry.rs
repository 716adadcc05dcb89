//! Every type and method of the protocol as a table, from the generator.

use std::any::type_name;

use codexkit::protocol::{self, Notification, Offer, Request, ServerCall, Unavailable};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Decodes a value and encodes the result.
pub(crate) type RoundTrip = fn(Value) -> Result<Encoded, String>;

/// What became of a value.
pub(crate) struct Encoded {
    pub(crate) value: Value,
    pub(crate) debug: String,
}

pub(crate) struct Type {
    pub(crate) round_trip: RoundTrip,
}

pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) experimental: bool,
    pub(crate) params: &'static str,
    pub(crate) response: &'static str,
    /// What is experimental in such params.
    pub(crate) experimental_part: fn(Value) -> Option<String>,
    /// What of such params each of these does not offer.
    pub(crate) unavailable: fn(Value, &[Offer]) -> Vec<Option<Unavailable>>,
    pub(crate) response_round_trip: RoundTrip,
}

fn round_trip<T: DeserializeOwned + Serialize + std::fmt::Debug>(
    value: Value,
) -> Result<Encoded, String> {
    let decoded: T = serde_json::from_value(value).map_err(|it| it.to_string())?;
    let value = serde_json::to_value(&decoded).map_err(|it| it.to_string())?;
    Ok(Encoded { value, debug: format!("{decoded:?}") })
}

fn ty<T: DeserializeOwned + Serialize + std::fmt::Debug>() -> Type {
    Type { round_trip: round_trip::<T> }
}

fn request<R>() -> Method
where
    R: Request + DeserializeOwned,
    R::Response: Serialize + std::fmt::Debug,
{
    Method {
        name: R::METHOD,
        experimental: R::EXPERIMENTAL,
        params: short_name::<R>(),
        response: short_name::<R::Response>(),
        experimental_part: |params| serde_json::from_value::<R>(params).unwrap().experimental(),
        unavailable: |params, offers| {
            let params: R = serde_json::from_value(params).unwrap();
            offers.iter().map(|it| params.unavailable(it)).collect()
        },
        response_round_trip: round_trip::<R::Response>,
    }
}

fn call<C>() -> Method
where
    C: ServerCall,
    C::Response: DeserializeOwned + std::fmt::Debug,
{
    Method {
        name: C::METHOD,
        experimental: false,
        params: short_name::<C>(),
        response: short_name::<C::Response>(),
        experimental_part: |_| None,
        unavailable: |_, _| Vec::new(),
        response_round_trip: round_trip::<C::Response>,
    }
}

/// The method and its params.
fn notification<N: Notification>() -> (&'static str, &'static str) {
    (N::METHOD, short_name::<N>())
}

fn short_name<T>() -> &'static str {
    type_name::<T>().rsplit("::").next().unwrap()
}

#[allow(deprecated, clippy::too_many_lines, reason = "generated, one line per type")]
mod table {
    use super::protocol::*;
    use super::{Method, Type, call, notification, request, ty};

    include!(concat!(env!("OUT_DIR"), "/registry.rs"));
}

pub(crate) use table::{calls, notifications, requests, types};

/// A bundle of the pinned schema, read as JSON and not through the generator.
pub(crate) fn bundle(name: &str) -> Value {
    let path = format!("{}/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
