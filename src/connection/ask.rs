//! One request of the server, from its arrival until it needs no answer any more.

mod supervision;

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;

use tokio::sync::watch;

use super::WeakConnection;
use super::outgoing::Line;
use super::shared::Shared;
use crate::codex::Codex;
use crate::error::{Error, Result};
use crate::feed::{FeedItem, RequestFailure};
use crate::protocol::{self, envelope};
use crate::request::{Answer, RequestScope, Resolution, ServerRequest, SharedHandler};
use crate::trace;

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
    /// A responder was dropped so that somebody else is asked.
    is_passed: bool,
}

/// What is known of a request when it arrives.
pub(super) struct Arrival {
    pub(super) id: protocol::RequestId,
    pub(super) raw_id: String,
    pub(super) message: protocol::RawMessage,
    pub(super) scope: RequestScope,
}

/// Why a request was not answered by who should have.
#[derive(Clone, Default)]
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
        (custody.is_supervised, custody.is_abandoned, custody.is_passed) = (false, false, false);
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
        if let Some(failure) = &failure {
            state.publish_about(self.scope.thread.as_deref(), || self.item(failure, true));
        }
        drop(state);
        drop((forgotten, failure));
        drop(self.announce());
        self.tell(resolution, has_problem);
        if is_sent { Ok(()) } else { Err(self.home.link().closed_error()) }
    }

    /// Publishes what went wrong in the handler of a request that it had answered, or passed on.
    fn report(&self, failure: &Failure) {
        let thread = self.scope.thread.as_deref();
        self.home.shared().state().publish_about(thread, || self.item(failure, false));
        trace::event!(warn, method = self.message.method, "a handler failed after its answer");
    }

    fn item(&self, failure: &Failure, is_refused: bool) -> FeedItem {
        let Failure { problem, source } = failure.clone();
        let runtime = self.home.shared().runtime.clone();
        let request = self.message.clone();
        FeedItem::Failure(RequestFailure { request, problem, source, is_refused, runtime })
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

    /// Tells those who wait that there is a resolution, without a lock. Nobody else is asked any more:
    /// gives back who would have been.
    #[must_use]
    pub(super) fn announce(&self) -> Vec<SharedHandler> {
        self.resolution.send_modify(|_| ());
        let steps = std::mem::take(&mut self.custody().steps);
        let handlers = steps.into_iter().filter_map(|step| match step {
            Step::Handler(handler) => Some(handler),
            Step::Park => None,
        });
        handlers.collect()
    }

    fn too_late(&self, resolution: Resolution) -> Error {
        let method = self.message.method.clone();
        trace::event!(debug, method, ?resolution, "an answer came too late");
        match resolution {
            Resolution::Closed => self.home.link().closed_error(),
            _ => Error::RequestResolved { method, resolution },
        }
    }

    /// When the last responder is dropped, the next is asked who may answer.
    pub(crate) fn pass(&self) {
        self.custody().is_passed = true;
    }

    /// The last responder was dropped. True if the next is to be asked. No lock of the connection
    /// may be held.
    pub(crate) fn abandoned(&self) -> bool {
        if self.resolution().is_some() {
            return false;
        }
        let mut custody = self.custody();
        if custody.is_passed {
            return true;
        }
        custody.is_abandoned = true;
        let is_supervised = custody.is_supervised;
        drop(custody);
        if !is_supervised {
            let problem = if thread::panicking() {
                "its handler panicked"
            } else {
                "it was dropped without an answer"
            };
            self.refuse(Resolution::Refused, Failure::new(problem));
        }
        false
    }

    /// Hands the request to the next who may answer it.
    pub(crate) fn proceed(self: &Arc<Self>, request: ServerRequest) {
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
        wakers.into_iter().for_each(Waker::wake);
        Ok(())
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
