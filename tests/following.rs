//! Whoever follows a turn, a goal, a command or a file gets what it does up to its end, on runtimes
//! that do not do what they promise, too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "following/attaching.rs"]
mod attaching;
#[path = "following/background.rs"]
mod background;
#[path = "following/commands.rs"]
mod commands;
#[path = "following/compaction.rs"]
mod compaction;
#[path = "following/deadlines.rs"]
mod deadlines;
#[path = "following/feeds.rs"]
mod feeds;
#[path = "following/goal_control.rs"]
mod goal_control;
#[path = "following/goals.rs"]
mod goals;
#[path = "following/interrupting.rs"]
mod interrupting;
#[path = "shared/polls.rs"]
mod polls;
#[path = "following/reviews.rs"]
mod reviews;
#[path = "following/starts.rs"]
mod starts;
#[path = "following/support.rs"]
mod support;
#[path = "shared/threads.rs"]
mod threads;
#[path = "following/views.rs"]
mod views;
#[path = "following/watches.rs"]
mod watches;
