//! The time that a turn may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::protocol::envelope;

use super::control::{REFUSAL_GRACE, TurnLine};

/// How long a turn may take to end after its deadline, during which it is interrupted.
pub(super) const END_GRACE: Duration = REFUSAL_GRACE.saturating_mul(2);

/// Interrupts a turn when its time is over. Dropping it takes the deadline back.
pub(super) struct Deadline {
    pub(super) after: Duration,
    passed: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Deadline {
    pub(super) fn new(after: Duration, turn: &Arc<TurnLine>) -> Deadline {
        let passed = Arc::new(AtomicBool::new(false));
        let watched = watch(after, Arc::clone(turn), Arc::clone(&passed));
        Deadline { after, passed, task: turn.spawn(watched) }
    }

    /// Whether the turn had not ended by then.
    pub(super) fn has_passed(&self) -> bool {
        self.passed.load(Ordering::Acquire)
    }
}

async fn watch(after: Duration, turn: Arc<TurnLine>, passed: Arc<AtomicBool>) {
    tokio::select! {
        biased;
        () = turn.ended() => return,
        () = sleep(after) => passed.store(true, Ordering::Release),
    }
    let interrupted = async {
        // A turn that has not even started cannot be interrupted yet.
        while turn.interrupt().await.is_err_and(|error| is_early(&error)) {}
        turn.ended().await;
    };
    tokio::select! {
        biased;
        () = turn.ended() => (),
        in_time = timeout(END_GRACE, interrupted) => {
            if in_time.is_err() {
                turn.expire();
            }
        }
    }
}

fn is_early(error: &Error) -> bool {
    error.code() == Some(envelope::INVALID_REQUEST)
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.task.abort();
    }
}
