//! What the server asks is answered once, by whom it concerns, whatever happens meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "asking/approvals.rs"]
mod approvals;
#[path = "asking/capabilities.rs"]
mod capabilities;
#[path = "asking/crowds.rs"]
mod crowds;
#[path = "asking/deadlines.rs"]
mod deadlines;
#[path = "asking/drops.rs"]
mod drops;
#[path = "asking/early.rs"]
mod early;
#[path = "asking/elicitations.rs"]
mod elicitations;
#[path = "asking/endings.rs"]
mod endings;
#[path = "asking/failures.rs"]
mod failures;
#[path = "asking/forms.rs"]
mod forms;
#[path = "asking/forwarded.rs"]
mod forwarded;
#[path = "asking/ids.rs"]
mod ids;
#[path = "shared/kinds.rs"]
mod kinds;
#[path = "asking/letting_go.rs"]
mod letting_go;
#[path = "asking/parked.rs"]
mod parked;
#[path = "asking/permissions.rs"]
mod permissions;
#[path = "asking/policies.rs"]
mod policies;
#[path = "asking/random.rs"]
mod random;
#[path = "asking/runtimes.rs"]
mod runtimes;
#[path = "asking/scopes.rs"]
mod scopes;
#[path = "asking/simple_answers.rs"]
mod simple_answers;
#[path = "asking/support.rs"]
mod support;
#[path = "shared/threads.rs"]
mod threads;
#[path = "asking/tools.rs"]
mod tools;
#[path = "asking/unclear.rs"]
mod unclear;
#[path = "asking/unruly.rs"]
mod unruly;
#[path = "asking/user_input.rs"]
mod user_input;
#[path = "asking/waiting.rs"]
mod waiting;
