//! One request of the server, from its arrival until it needs no answer any more.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::WeakConnection;
use super::outgoing::Line;
use super::shared::Shared;
use crate::codex::Codex;
use crate::error::{Error, Result};
use crate::feed::{FeedItem, Refusal};
use crate::protocol::{self, envelope};
use crate::request::{
    Answer, HandlerResult, RequestScope, Resolution, ServerRequest, SharedHandler,
};
use crate::trace;

/// As good as no deadline: a hundred years.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A request of the server, without what it asks: how it is answered, once.
pub(crate) struct Ask {
    pub(crate) id: protocol::RequestId,
    pub(crate) message: protocol::RawMessage,
    pub(crate) scope: RequestScope,
    /// The JSON of the id, as it came.
    raw_id: String,
    refusal: Answer,
    home: WeakConnection,
    /// Set under the lock of the connection alone.
    resolution: watch::Sender<Option<Resolution>>,
    custody: Mutex<Custody>,
}

/// Who may answer a request.
#[derive(Clone)]
pub(crate) enum Step {
    Handler(SharedHandler),
    /// The handles of its turn that park what they are asked.
    Park,
}

/// Who has a request.
#[derive(Default)]
struct Custody {
    /// Who is asked next.
    steps: VecDeque<Step>,
    /// How many were asked.
    stage: usize,
    /// Somebody sees to it that a handler answers.
    is_supervised: bool,
    /// The last responder was dropped meanwhile.
    is_abandoned: bool,
}

/// What is known of a request when it arrives.
pub(super) struct Arrival {
    pub(super) id: protocol::RequestId,
    pub(super) raw_id: String,
    pub(super) message: protocol::RawMessage,
    pub(super) scope: RequestScope,
}

/// When a handler has to have answered.
#[derive(Clone, Copy)]
struct Deadline {
    after: Duration,
    at: Instant,
}

impl Deadline {
    fn new(after: Duration) -> Deadline {
        // A time that has no end is one that is never reached.
        let at = Instant::now().checked_add(after);
        Deadline { after, at: at.unwrap_or_else(|| Instant::now() + FOREVER) }
    }
}

/// Why a request was not answered by who should have.
#[derive(Default)]
struct Failure {
    problem: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Failure {
    fn new(problem: impl Into<String>) -> Failure {
        Failure { problem: Some(problem.into()), source: None }
    }
}

impl Ask {
    pub(super) fn new(arrival: Arrival, refusal: Answer, home: WeakConnection) -> Ask {
        let Arrival { id, raw_id, message, scope } = arrival;
        let (resolution, custody) = (watch::Sender::new(None), Mutex::default());
        Ask { id, message, scope, raw_id, refusal, home, resolution, custody }
    }

    /// Those who may answer, in the order in which they are asked.
    pub(super) fn set_steps(&self, steps: VecDeque<Step>) {
        self.custody().steps = steps;
    }

    /// The next who may answer, taken out.
    pub(super) fn next_step(&self) -> Option<Step> {
        let mut custody = self.custody();
        custody.stage += 1;
        custody.is_supervised = false;
        custody.steps.pop_front()
    }

    pub(crate) fn codex(&self) -> Option<Codex> {
        Codex::of(self.home.upgrade()?)
    }

    pub(crate) fn resolution(&self) -> Option<Resolution> {
        *self.resolution.borrow()
    }

    pub(crate) async fn resolved(&self) -> Resolution {
        let mut resolution = self.resolution.subscribe();
        let resolved = resolution.wait_for(Option::is_some).await;
        resolved.ok().and_then(|it| *it).unwrap_or(Resolution::Closed)
    }

    /// Sends the answer that `encode` makes for the JSON of the id.
    pub(crate) fn answer_with(&self, encode: impl FnOnce(&str) -> Result<Line>) -> Result<()> {
        // Encoded in any case, so that a secret in the answer is wiped.
        let line = encode(&self.raw_id);
        if let Some(resolution) = self.resolution() {
            return Err(self.too_late(resolution));
        }
        self.resolve(Resolution::Answered, Some(line?), None)
    }

    /// Refuses the request because somebody wants that.
    pub(crate) fn refuse_by_hand(&self) -> Result<()> {
        self.resolve(Resolution::Refused, self.refusal_line(), None)
    }

    fn refuse(&self, resolution: Resolution, failure: Failure) {
        // What is resolved already is as it should be.
        let _ = self.resolve(resolution, self.refusal_line(), Some(failure));
    }

    pub(super) fn refusal_line(&self) -> Option<Line> {
        let answer = self.refusal.as_ref().map_err(|(code, message)| (*code, message.as_str()));
        envelope::answer_line(&self.raw_id, answer).ok().map(Line::Plain)
    }

    /// Ends the wait for an answer, unless it has ended.
    fn resolve(
        &self,
        resolution: Resolution,
        line: Option<Line>,
        failure: Option<Failure>,
    ) -> Result<()> {
        let shared = self.home.shared();
        let mut state = shared.state();
        if let Err(earlier) = self.set_resolution(resolution) {
            drop(state);
            return Err(self.too_late(earlier));
        }
        let is_sent = line.is_some_and(|line| state.send(line));
        let forgotten = state.questions.forget(&self.id);
        let has_problem = failure.as_ref().is_some_and(|it| it.problem.is_some());
        if let Some(Failure { problem, source }) = &failure {
            let thread = self.scope.thread.as_deref();
            state.publish_refusal(thread, || {
                let (problem, source) = (problem.clone(), source.clone());
                let refusal = Refusal::new(self.message.clone(), problem, source, &shared.runtime);
                FeedItem::Refusal(refusal)
            });
        }
        drop(state);
        drop((forgotten, failure));
        self.announce();
        self.tell(resolution, has_problem);
        if is_sent { Ok(()) } else { Err(self.home.link().closed_error()) }
    }

    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nobody is told"))]
    fn tell(&self, resolution: Resolution, has_problem: bool) {
        let method = &self.message.method;
        if resolution == Resolution::Answered {
            trace::event!(debug, method, "answered a request of the server");
        } else if has_problem {
            trace::event!(warn, method, "a request of the server was not answered");
        } else {
            trace::event!(debug, method, "refused a request of the server");
        }
    }

    /// Under the lock of the connection. Nobody is told yet.
    pub(super) fn set_resolution(&self, resolution: Resolution) -> Result<(), Resolution> {
        let mut earlier = None;
        self.resolution.send_if_modified(|it| {
            earlier = *it;
            it.get_or_insert(resolution);
            false
        });
        earlier.map_or(Ok(()), Err)
    }

    /// Tells those who wait that there is a resolution, without a lock. Nobody else is asked any more.
    pub(super) fn announce(&self) {
        self.resolution.send_modify(|_| ());
        let steps = std::mem::take(&mut self.custody().steps);
        drop(steps);
    }

    fn too_late(&self, resolution: Resolution) -> Error {
        let method = self.message.method.clone();
        trace::event!(debug, method, ?resolution, "an answer came too late");
        match resolution {
            Resolution::Closed => self.home.link().closed_error(),
            _ => Error::RequestResolved { method, resolution },
        }
    }

    /// The last responder was dropped. No lock of the connection may be held.
    pub(crate) fn abandoned(&self) {
        if self.resolution().is_some() {
            return;
        }
        let mut custody = self.custody();
        custody.is_abandoned = true;
        let is_supervised = custody.is_supervised;
        drop(custody);
        if !is_supervised {
            self.refuse(Resolution::Refused, Failure::new("it was dropped without an answer"));
        }
    }

    /// Hands the request to the next who may answer it.
    pub(crate) fn pass(self: &Arc<Self>, request: ServerRequest) {
        let mut request = request;
        while self.resolution().is_none() {
            match self.next_step() {
                None => return self.refuse(Resolution::Refused, Failure::default()),
                Some(Step::Handler(handler)) => return self.supervise(handler, request),
                Some(Step::Park) => match self.park(request) {
                    Ok(()) => return,
                    Err(back) => request = back,
                },
            }
        }
    }

    /// Gives the request to the handles of its turn that want it.
    fn park(&self, request: ServerRequest) -> Result<(), ServerRequest> {
        let shared = self.home.shared();
        let mut wakers = Vec::new();
        let is_parked = shared.state().router.park(&request, &mut wakers);
        if !is_parked {
            return Err(request);
        }
        wakers.into_iter().for_each(std::task::Waker::wake);
        Ok(())
    }

    /// Has the request answered by a handler, in the background.
    fn supervise(self: &Arc<Self>, handler: SharedHandler, request: ServerRequest) {
        let mut custody = self.custody();
        custody.is_supervised = true;
        let stage = custody.stage;
        drop(custody);
        let ask = Arc::clone(self);
        self.home.shared().runtime.spawn(async move {
            // Without this the request would wait for ever.
            let deadline = catch_unwind(AssertUnwindSafe(|| handler.deadline(&request)));
            let Ok(deadline) = deadline else {
                return ask.refuse(Resolution::Refused, Failure::new("its handler panicked"));
            };
            let deadline = deadline.map(Deadline::new);
            // In a task of its own a panic harms nothing else. Dropping the set ends the task.
            let mut task = JoinSet::new();
            task.spawn(async move { handler.handle(request).await });
            ask.watch(stage, task, deadline).await;
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
        let Some(is_abandoned) = self.unsupervise(stage) else { return };
        match failure {
            Some(failure) => self.refuse(Resolution::Refused, failure),
            None if is_abandoned => {
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
        std::future::pending().await
    }

    /// Nothing that runs under this lock can leave the data half changed.
    fn custody(&self) -> MutexGuard<'_, Custody> {
        self.custody.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WeakConnection {
    fn shared(&self) -> &Arc<Shared> {
        self.link.shared()
    }
}
