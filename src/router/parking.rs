//! Requests of the server that go to handles of turns.

use std::task::Waker;

use super::Router;
use crate::request::ServerRequest;

impl Router {
    /// Gives a request of the server to everyone who listens to its turn and wants it, in its place
    /// among the events. False if there is nobody. The caller keeps a handle of it, so that none is
    /// the last one here.
    pub(crate) fn park(&self, request: &ServerRequest, wakers: &mut Vec<Waker>) -> bool {
        let Some(thread) = request.thread_id() else { return false };
        let turns = request.scope().turns().filter_map(|it| self.turns.get(it));
        let queues = turns.filter(|it| it.thread == thread).flat_map(|it| &it.queues);
        let mut is_parked = false;
        for queue in queues.chain(self.followed.get(thread).into_iter().flatten()) {
            is_parked |= queue.park(request, wakers);
        }
        is_parked
    }

    /// The turn for which this one does the work.
    pub(crate) fn root_of(&self, thread: &str, turn: &str) -> Option<&str> {
        self.running.get(thread).filter(|it| it.turn == turn)?.root.as_deref()
    }
}
