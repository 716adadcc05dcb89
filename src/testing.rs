//! Tools for tests: a scripted model for the real runtime, and a scripted runtime.
//!
//! A test that runs the real `codex app-server` usually needs an account, a network and a model
//! that says the same thing twice. [`MockModel`] replaces all three: it is a Responses API server
//! on the loopback interface, and what it says, and when, is written in the test. [`TestHome`] keeps
//! the runtime away from everything of the user. [`FakeServer`] takes the place of the runtime
//! itself, for what the real one cannot be made to do. [`MockIssuer`] is the other side of every
//! login: the issuer, a browser and the ChatGPT backend; [`CallbackPort`] keeps the tests apart that
//! need the one port to which a browser comes back.

mod callback_port;
mod home;
mod http;
mod issuer;
mod model;
mod server;

pub use self::{
    callback_port::CallbackPort,
    home::TestHome,
    issuer::{IssuerRequest, MockIssuer},
    model::{Hold, MockModel, ModelRequest, Phase, Reply, Usage},
    server::{FakeServer, Received},
};
