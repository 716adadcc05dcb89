//! The real runtime of the pinned version, with a scripted model behind it.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

#[path = "runtime/bad_input.rs"]
mod bad_input;
#[cfg(unix)]
#[path = "runtime/commands.rs"]
mod commands;
#[path = "runtime/concurrency.rs"]
mod concurrency;
#[path = "runtime/endings.rs"]
mod endings;
#[path = "runtime/errors.rs"]
mod errors;
#[path = "runtime/failures.rs"]
mod failures;
#[path = "runtime/files.rs"]
mod files;
#[path = "runtime/inputs.rs"]
mod inputs;
#[path = "runtime/interrupting.rs"]
mod interrupting;
#[cfg(target_os = "linux")]
#[path = "runtime/leftovers.rs"]
mod leftovers;
#[path = "runtime/overload.rs"]
mod overload;
#[cfg(target_os = "linux")]
#[path = "runtime/processes.rs"]
mod processes;
#[path = "runtime/refusals.rs"]
mod refusals;
#[path = "runtime/settings.rs"]
mod settings;
#[path = "runtime/sizes.rs"]
mod sizes;
#[path = "runtime/steering.rs"]
mod steering;
#[path = "runtime/support.rs"]
mod support;
#[path = "runtime/turn_options.rs"]
mod turn_options;
#[path = "runtime/turns.rs"]
mod turns;
#[cfg(feature = "schemars")]
#[path = "runtime/typed.rs"]
mod typed;
