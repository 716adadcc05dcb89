//! The time that a turn may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::protocol;

use super::control::{REFUSAL_GRACE, TurnControl};
use super::result::TurnResult;

/// How long a turn may take to end after its deadline, during which it is interrupted.
pub(super) const END_GRACE: Duration = REFUSAL_GRACE.saturating_mul(2);

/// Interrupts a turn when its time is over. Dropping it takes the deadline back.
pub(super) struct Deadline {
    after: Duration,
    passed: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Deadline {
    pub(super) fn new(after: Duration, control: &TurnControl) -> Deadline {
        let passed = Arc::new(AtomicBool::new(false));
        let task = control.spawn({
            let (control, passed) = (control.clone(), Arc::clone(&passed));
            async move {
                sleep(after).await;
                passed.store(true, Ordering::Release);
                let interrupted = async {
                    // What the turn comes to after a refusal decides.
                    let _ = control.interrupt().await;
                    control.ended().await;
                };
                if tokio::time::timeout(END_GRACE, interrupted).await.is_err() {
                    control.expire();
                }
            }
        });
        Deadline { after, passed, task }
    }

    pub(super) fn has_passed(&self) -> bool {
        self.passed.load(Ordering::Acquire)
    }

    /// What a turn has come to whose deadline has passed: it may have ended by itself just then.
    pub(super) fn judge(&self, turn: TurnResult) -> Result<TurnResult> {
        match turn.status {
            protocol::TurnStatus::Interrupted | protocol::TurnStatus::InProgress => {
                Err(Error::TurnTimeout { after: self.after, turn: Box::new(turn) })
            }
            _ => Ok(turn),
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.task.abort();
    }
}
