//! The generated protocol, without a server.

mod examples;
mod methods;
mod open;
mod params;
mod recorded;
mod registry;
mod streaming;
