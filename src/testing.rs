//! Tools for tests: a scripted model for the real runtime.
//!
//! A test that runs the real `codex app-server` usually needs an account, a network and a model
//! that says the same thing twice. [`MockModel`] replaces all three: it is a Responses API server
//! on the loopback interface, and what it says, and when, is written in the test.

mod model;

pub use model::{Hold, MockModel, ModelRequest, Phase, Reply, Usage};
