//! The requests of the server: which of them wait, and who is asked.

mod seen;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::WeakConnection;
use super::ask::{Arrival, Ask, Step};
use super::outgoing::Line;
use super::state::{Effects, State};
use crate::feed::FeedItem;
use crate::protocol::envelope::{self, Scope};
use crate::protocol::{
    self, Notification, ServerRequestError, ServerRequestResolvedNotification,
    TurnCompletedNotification,
};
use crate::request::{RequestScope, Resolution, ServerRequest, SharedHandler};
use crate::router::{Topic, is_end_of_thread};

use self::seen::Seen;

/// What is known of requests of the server, under the lock of the connection.
pub(super) struct Questions {
    /// Gone once the connection has ended.
    home: Option<WeakConnection>,
    seen: Seen,
    /// Those that wait for their answer.
    open: HashMap<protocol::RequestId, Arc<Ask>>,
    /// Those of turns that are being started, whose handlers are not known yet.
    held: Vec<ServerRequest>,
    scopes: Scopes,
}

/// Who answers, by what is asked about. Handlers are the user's: none is dropped under the lock.
#[derive(Default)]
pub(super) struct Scopes {
    pub(super) client: Vec<SharedHandler>,
    threads: HashMap<String, ThreadScope>,
    turns: HashMap<String, TurnScope>,
}

/// Who answers what is asked about a thread.
#[derive(Clone, Default)]
pub(crate) struct ThreadScope {
    /// The tools of the thread.
    pub(crate) tools: Option<SharedHandler>,
    pub(crate) handler: Option<SharedHandler>,
}

impl ThreadScope {
    pub(super) fn into_handlers(self) -> impl Iterator<Item = SharedHandler> {
        self.tools.into_iter().chain(self.handler)
    }
}

struct TurnScope {
    thread: String,
    handler: SharedHandler,
}

/// Handlers that nobody is going to ask any more. They are the user's: dropping one may run anything,
/// so that it is done where no lock is held and nobody waits.
pub(super) type Unused = Vec<SharedHandler>;

impl Questions {
    pub(super) fn new(client: Vec<SharedHandler>) -> Questions {
        Questions {
            home: None,
            seen: Seen::default(),
            open: HashMap::new(),
            held: Vec::new(),
            scopes: Scopes { client, ..Scopes::default() },
        }
    }

    /// Before anything arrives.
    pub(super) fn open(&mut self, home: WeakConnection) {
        self.home = Some(home);
    }

    pub(super) fn forget(&mut self, id: &protocol::RequestId) -> Option<Arc<Ask>> {
        self.open.remove(id)
    }

    /// Sets who answers for a thread, as far as something is set. Gives back what was there.
    #[must_use]
    pub(super) fn set_thread(&mut self, thread: &str, scope: ThreadScope) -> ThreadScope {
        let is_empty = scope.tools.is_none() && scope.handler.is_none();
        // What is set after the end would stay for ever.
        if is_empty || self.home.is_none() {
            return scope;
        }
        let it = self.scopes.threads.entry(thread.to_owned()).or_default();
        ThreadScope {
            tools: scope.tools.and_then(|tools| it.tools.replace(tools)),
            handler: scope.handler.and_then(|handler| it.handler.replace(handler)),
        }
    }

    /// Leaves a thread its tools alone. Gives back what was there.
    #[must_use]
    pub(super) fn remove_handler(&mut self, thread: &str) -> Option<SharedHandler> {
        self.scopes.threads.get_mut(thread)?.handler.take()
    }

    /// Sets who answers for a turn. Gives back what was there.
    #[must_use]
    pub(super) fn set_turn(
        &mut self,
        thread: &str,
        turn: &str,
        handler: SharedHandler,
    ) -> Option<SharedHandler> {
        if self.home.is_none() {
            return Some(handler);
        }
        let scope = TurnScope { thread: thread.to_owned(), handler };
        self.scopes.turns.insert(turn.to_owned(), scope).map(|it| it.handler)
    }

    /// Forgets who answers for a thread.
    pub(super) fn leave_thread(&mut self, thread: &str, unused: &mut Unused) {
        if let Some(scope) = self.scopes.threads.remove(thread) {
            unused.extend(scope.into_handlers());
        }
        let turns = self.scopes.turns.extract_if(|_, it| it.thread == thread);
        for (_, TurnScope { handler, .. }) in turns {
            unused.push(handler);
        }
    }

    /// Those who may answer a request, the narrowest first.
    fn steps(&self, request: &ServerRequest) -> VecDeque<Step> {
        let mut steps = VecDeque::new();
        let thread = request.thread_id().and_then(|thread| self.scopes.threads.get(thread));
        let mut add = |handler: Option<&SharedHandler>| {
            steps.extend(handler.cloned().map(Step::Handler));
        };
        if let ServerRequest::ToolCall(_) = request {
            add(thread.and_then(|it| it.tools.as_ref()));
        }
        if request.turn_id().is_some() {
            let turns = request.scope().turns().filter_map(|turn| self.scopes.turns.get(turn));
            let mut turns = turns.filter(|it| Some(&*it.thread) == request.thread_id());
            add(turns.next().map(|it| &it.handler));
            steps.push_back(Step::Park);
        }
        steps.extend(thread.and_then(|it| it.handler.clone()).map(Step::Handler));
        steps.extend(self.scopes.client.iter().cloned().map(Step::Handler));
        steps
    }

    /// Takes out all that has to be told of the end of the connection.
    pub(super) fn close(&mut self) -> (Vec<Arc<Ask>>, Unused) {
        let asks: Vec<_> = self.open.drain().map(|(_, ask)| ask).collect();
        for ask in &asks {
            // One that was answered just now is not among them.
            let _ = ask.set_resolution(Resolution::Closed);
        }
        self.home = None;
        // They are among those that were told, so that dropping them does nothing.
        self.held.clear();
        let Scopes { client, threads, turns } = std::mem::take(&mut self.scopes);
        let threads = threads.into_values().flat_map(ThreadScope::into_handlers);
        let turns = turns.into_values().map(|it| it.handler);
        (asks, client.into_iter().chain(threads).chain(turns).collect())
    }
}

impl State {
    /// Takes in a request of the server.
    pub(super) fn ask(
        &mut self,
        method: &str,
        raw_id: &str,
        params: &str,
        effects: &mut Effects,
    ) -> serde_json::Result<()> {
        let params = serde_json::from_str(params).unwrap_or_default();
        let message = protocol::RawMessage { method: method.to_owned(), params };
        let Ok(id) = serde_json::from_str::<protocol::RequestId>(raw_id) else {
            let problem = "the id of a request is a string or an integer".to_owned();
            return self.reject(raw_id, message, envelope::INVALID_REQUEST, problem, effects);
        };
        if !self.questions.seen.insert(&id) {
            // It was, or will be, answered once. The runtime repeats what waits when a thread is
            // resumed.
            if !self.questions.open.contains_key(&id) {
                self.publish(|| FeedItem::repeated(message));
            }
            return Ok(());
        }
        let request = match protocol::ServerRequest::decode_whole(method, &message.params) {
            Ok(request) => request,
            Err(error) => {
                let code = match &error {
                    ServerRequestError::UnknownMethod { .. } => envelope::METHOD_NOT_FOUND,
                    ServerRequestError::InvalidParams { .. } => envelope::INVALID_PARAMS,
                };
                return self.reject(raw_id, message, code, with_source(&error), effects);
            }
        };
        // After the end nobody reads answers any more.
        let Some(home) = self.questions.home.clone() else { return Ok(()) };
        let mut scope = RequestScope::of(&request);
        if let Some((thread, turn)) = scope.thread.as_deref().zip(scope.turn.as_deref()) {
            scope.root = self.router.root_of(thread, turn).map(Into::into);
        }
        let arrival = Arrival { id: id.clone(), raw_id: raw_id.to_owned(), message, scope };
        let request =
            ServerRequest::new(request, |refusal| Arc::new(Ask::new(arrival, refusal, home)));
        effects.arrivals.asked(method, raw_id);
        self.questions.open.insert(id, Arc::clone(request.ask()));
        let thread = request.thread_id();
        let is_starting = thread.is_some_and(|thread| self.router.is_starting_on(thread));
        let is_claimed = request.scope().turns().any(|turn| self.router.has_handle(turn));
        if is_starting && request.turn_id().is_some() && !is_claimed {
            self.questions.held.push(request);
        } else {
            self.dispatch(request, effects);
        }
        Ok(())
    }

    /// Answers what cannot be understood.
    fn reject(
        &mut self,
        raw_id: &str,
        message: protocol::RawMessage,
        code: i64,
        problem: String,
        effects: &mut Effects,
    ) -> serde_json::Result<()> {
        effects.arrivals.rejected(&message.method, raw_id);
        let line = envelope::answer_line(raw_id, Err((code, &problem)))?;
        // After the end nobody reads answers any more.
        let _: bool = self.send(Line::Plain(line));
        self.publish(|| FeedItem::refused(message, problem));
        Ok(())
    }

    /// Finds out who may answer a request. What goes to the handles of a turn goes there now, in
    /// its place among the events.
    fn dispatch(&mut self, request: ServerRequest, effects: &mut Effects) {
        if request.resolution().is_some() {
            // It was held back until it was of no use any more.
            effects.parked.push(request);
            return;
        }
        let mut steps = self.questions.steps(&request);
        let parks_first = matches!(steps.front(), Some(Step::Park));
        if parks_first {
            steps.pop_front();
        }
        request.ask().set_steps(steps);
        let is_parked = parks_first && self.router.park(&request, &mut effects.wakers);
        if is_parked {
            effects.parked.push(request);
        } else {
            effects.asked.push(request);
        }
    }

    /// Finds out who may answer what was held back while turns of `thread` were being started.
    pub(super) fn release(&mut self, thread: &str, effects: &mut Effects) {
        let is_starting = self.router.is_starting_on(thread);
        let router = &self.router;
        let held = self.questions.held.extract_if(.., |request| {
            let is_claimed = || request.scope().turns().any(|turn| router.has_handle(turn));
            request.thread_id() == Some(thread) && (!is_starting || is_claimed())
        });
        for request in held.collect::<Vec<_>>() {
            self.dispatch(request, effects);
        }
    }

    /// Takes note of what makes answers needless.
    pub(super) fn note(
        &mut self,
        method: &str,
        scope: &Scope<'_>,
        line: &str,
        effects: &mut Effects,
    ) {
        let questions = &mut self.questions;
        match method {
            ServerRequestResolvedNotification::METHOD if !questions.open.is_empty() => {
                let resolved =
                    envelope::decode_params::<ServerRequestResolvedNotification>(line).ok();
                if let Some(ask) = resolved.and_then(|it| questions.open.remove(&it.request_id)) {
                    effects.settle(ask, Resolution::Elsewhere);
                }
            }
            TurnCompletedNotification::METHOD => {
                let Some(turn) = scope.turn.as_deref() else { return };
                if let Some(scope) = questions.scopes.turns.remove(turn) {
                    effects.unused.push(scope.handler);
                }
                self.end_questions(effects, |it| it.turns().any(|it| it == turn));
            }
            method if is_end_of_thread(method) => {
                let Some(thread) = scope.thread.as_deref() else { return };
                questions.leave_thread(thread, &mut effects.unused);
                self.end_questions(effects, |it| it.thread.as_deref() == Some(thread));
            }
            _ => (),
        }
    }

    /// The runtime may still wait for these answers: a tool that was interrupted is not reported as
    /// resolved.
    fn end_questions(&mut self, effects: &mut Effects, has_ended: impl Fn(&RequestScope) -> bool) {
        let ended: Vec<_> =
            self.questions.open.extract_if(|_, ask| has_ended(&ask.scope)).collect();
        for (_, ask) in ended {
            if let Some(line) = ask.refusal_line() {
                self.send(line);
            }
            effects.settle(ask, Resolution::TurnEnded);
        }
    }

    /// Publishes what became of a request, to those who listen to its thread, or else to everyone.
    pub(super) fn publish_about(&mut self, thread: Option<&str>, item: impl Fn() -> FeedItem) {
        let topic = thread.map(|thread| Topic::Thread(thread.into()));
        self.publish_of(topic.as_ref(), item);
    }
}

/// What is wrong, and where.
fn with_source(error: &ServerRequestError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
