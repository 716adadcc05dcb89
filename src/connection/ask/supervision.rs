//! Sees to it that a handler answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Ask, Failure};
use crate::request::{HandlerResult, Resolution, ServerRequest, SharedHandler};

impl Ask {
    /// Has the request answered by a handler, in the background.
    pub(super) fn supervise(self: &Arc<Self>, handler: SharedHandler, request: ServerRequest) {
        let mut custody = self.custody();
        custody.is_supervised = true;
        let stage = custody.stage;
        drop(custody);
        let supervision = Supervision(Arc::clone(self), stage);
        self.home.shared().runtime.spawn(async move {
            let Supervision(ask, stage) = &supervision;
            let deadline = handler.deadline(&request).and_then(Deadline::new);
            // In a task of its own a panic harms nothing else. Dropping the set ends the task.
            let mut task = JoinSet::new();
            task.spawn(async move { handler.handle(request).await });
            ask.watch(*stage, task, deadline).await;
        });
    }

    /// Sees to it that a handler answers, in its time, as long as an answer is of use.
    async fn watch(
        &self,
        stage: usize,
        mut task: JoinSet<HandlerResult>,
        deadline: Option<Deadline>,
    ) {
        let ended = tokio::select! {
            biased;
            ended = task.join_next() => ended,
            () = self.taken_away() => return,
            () = self.expired(stage, deadline) => return,
        };
        let failure = match ended {
            Some(Ok(Ok(()))) => None,
            Some(Ok(Err(source))) => {
                let problem = Some("its handler failed".to_owned());
                Some(Failure { problem, source: Some(Arc::from(source)) })
            }
            Some(Err(_)) | None => Some(Failure::new("its handler panicked")),
        };
        let is_abandoned = self.unsupervise(stage);
        match failure {
            Some(failure) if is_abandoned.is_none() || self.resolution().is_some() => {
                self.report(&failure);
            }
            Some(failure) => self.refuse(Resolution::Refused, failure),
            None if is_abandoned.is_none() => (),
            None if is_abandoned == Some(true) => {
                self.refuse(Resolution::Refused, Failure::new("its handler gave no answer"));
            }
            // The handler has given it to somebody else, whose time is the same.
            None => tokio::select! {
                _ = self.resolved() => (),
                () = self.expired(stage, deadline) => (),
            },
        }
    }

    /// The handler has ended: gives back whether it has dropped the request; `None` if it has passed
    /// it on.
    fn unsupervise(&self, stage: usize) -> Option<bool> {
        let mut custody = self.custody();
        if custody.stage != stage {
            return None;
        }
        custody.is_supervised = false;
        Some(custody.is_abandoned)
    }

    /// Waits until it is of no use to work on an answer any more.
    async fn taken_away(&self) {
        let mut resolution = self.resolution.subscribe();
        let taken = resolution.wait_for(|it| it.is_some_and(Resolution::is_taken_away));
        tokio::select! {
            _ = taken => (),
            // Also if it was answered, and the handler goes on.
            _ = self.home.link().closed() => (),
        }
    }

    /// Waits for the deadline, and refuses the request if it still waits then. Without that there is
    /// no end.
    async fn expired(&self, stage: usize, deadline: Option<Deadline>) {
        if let Some(deadline) = deadline {
            sleep_until(deadline.at).await;
            if self.custody().stage == stage && self.resolution().is_none() {
                let problem = format!("its handler gave no answer within {:?}", deadline.after);
                self.refuse(Resolution::TimedOut, Failure::new(problem));
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Keeps a request from being left alone when whoever sees to its handler goes away, as in a panic.
struct Supervision(Arc<Ask>, usize);

impl Drop for Supervision {
    fn drop(&mut self) {
        let Supervision(ask, stage) = self;
        if ask.unsupervise(*stage) == Some(true) {
            ask.refuse(Resolution::Refused, Failure::new("its handler panicked"));
        }
    }
}

/// When a handler has to have answered.
#[derive(Clone, Copy)]
struct Deadline {
    after: Duration,
    at: Instant,
}

impl Deadline {
    /// Nothing, if that is never.
    fn new(after: Duration) -> Option<Deadline> {
        let at = Instant::now().checked_add(after)?;
        Some(Deadline { after, at })
    }
}
