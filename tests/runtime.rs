//! The real runtime of the pinned version, with a scripted model behind it.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

#[path = "runtime/accounts.rs"]
mod accounts;
#[path = "runtime/answering.rs"]
mod answering;
#[path = "runtime/asking.rs"]
mod asking;
#[path = "runtime/attaching.rs"]
mod attaching;
#[path = "runtime/bad_input.rs"]
mod bad_input;
#[path = "runtime/bedrock.rs"]
mod bedrock;
#[path = "runtime/beginnings.rs"]
mod beginnings;
#[path = "runtime/command_approvals.rs"]
mod command_approvals;
#[cfg(unix)]
#[path = "runtime/commands.rs"]
mod commands;
#[path = "runtime/concurrency.rs"]
mod concurrency;
#[path = "runtime/configuration.rs"]
mod configuration;
#[path = "runtime/current_time.rs"]
mod current_time;
#[path = "runtime/deadlines.rs"]
mod deadlines;
#[path = "runtime/device_codes.rs"]
mod device_codes;
#[cfg(unix)]
#[path = "runtime/elicitations.rs"]
mod elicitations;
#[path = "runtime/endings.rs"]
mod endings;
#[path = "runtime/errors.rs"]
mod errors;
#[cfg(unix)]
#[path = "runtime/execs.rs"]
mod execs;
#[path = "runtime/failures.rs"]
mod failures;
#[path = "runtime/file_approvals.rs"]
mod file_approvals;
#[path = "runtime/files.rs"]
mod files;
#[path = "runtime/filesystem.rs"]
mod filesystem;
#[path = "runtime/forking.rs"]
mod forking;
#[path = "runtime/goal_control.rs"]
mod goal_control;
#[path = "runtime/goals.rs"]
mod goals;
#[path = "runtime/handler_calls.rs"]
mod handler_calls;
#[path = "runtime/held.rs"]
mod held;
#[path = "runtime/inputs.rs"]
mod inputs;
#[path = "runtime/interrupting.rs"]
mod interrupting;
#[path = "runtime/joining.rs"]
mod joining;
#[cfg(target_os = "linux")]
#[path = "runtime/leftovers.rs"]
mod leftovers;
#[path = "runtime/lifecycle.rs"]
mod lifecycle;
#[path = "runtime/lists.rs"]
mod lists;
#[path = "runtime/logins.rs"]
mod logins;
#[cfg(unix)]
#[path = "runtime/mcp.rs"]
mod mcp;
#[cfg(unix)]
#[path = "runtime/mcp_approvals.rs"]
mod mcp_approvals;
#[cfg(unix)]
#[path = "runtime/mcp_server.rs"]
mod mcp_server;
#[path = "runtime/notices.rs"]
mod notices;
#[path = "runtime/options.rs"]
mod options;
#[path = "runtime/overload.rs"]
mod overload;
#[path = "runtime/pending.rs"]
mod pending;
#[cfg(unix)]
#[path = "runtime/permission_requests.rs"]
mod permission_requests;
#[cfg(target_os = "linux")]
#[path = "runtime/processes.rs"]
mod processes;
#[path = "runtime/refusals.rs"]
mod refusals;
#[path = "runtime/request_policies.rs"]
mod request_policies;
#[path = "runtime/resuming.rs"]
mod resuming;
#[path = "runtime/rival_logins.rs"]
mod rival_logins;
#[path = "runtime/settings.rs"]
mod settings;
#[path = "runtime/sizes.rs"]
mod sizes;
#[path = "runtime/steering.rs"]
mod steering;
#[path = "runtime/strangers.rs"]
mod strangers;
#[path = "runtime/support.rs"]
mod support;
#[path = "runtime/token_handlers.rs"]
mod token_handlers;
#[path = "runtime/tokens.rs"]
mod tokens;
#[cfg(feature = "schemars")]
#[path = "runtime/tool_failures.rs"]
mod tool_failures;
#[cfg(feature = "schemars")]
#[path = "runtime/tool_threads.rs"]
mod tool_threads;
#[cfg(feature = "schemars")]
#[path = "runtime/tools.rs"]
mod tools;
#[path = "runtime/turn_options.rs"]
mod turn_options;
#[path = "runtime/turns.rs"]
mod turns;
#[cfg(feature = "schemars")]
#[path = "runtime/typed.rs"]
mod typed;
#[path = "runtime/user_files.rs"]
mod user_files;
#[path = "runtime/user_questions.rs"]
mod user_questions;
#[path = "runtime/views.rs"]
mod views;
