//! A request of the server that waits for its answer.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::codex::Codex;
use crate::connection::Ask;
use crate::error::{Error, Result};
use crate::protocol;

use super::{Kind, ServerRequest};

/// A request of the server that waits for its answer. It derefs to its params, and each kind has
/// methods for the usual answers; [`respond`](Self::respond) sends any.
///
/// It can be kept and answered later, from any task. It is answered once, however many clones of it
/// there are: dropping the last one without an answer refuses the request, in the way that its
/// method provides for, or [passes](Self::pass) it on. What needs no answer any more says so
/// ([`resolution`](Self::resolution)), and answering it all the same sends nothing and is an error.
///
/// It does not keep the connection open.
pub struct PendingRequest<C>(Arc<Inner<C>>);

struct Inner<C> {
    params: Arc<C>,
    ask: Arc<Ask>,
    /// Makes a handle for the next who may answer.
    remake: fn(Arc<C>, Arc<Ask>) -> ServerRequest,
}

/// Why a request of the server needs no answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// It was answered.
    Answered,
    /// It was refused: somebody said so, nobody was there to answer, or whoever had it has dropped
    /// it, failed or panicked.
    Refused,
    /// It was refused because its handler took longer than it has.
    TimedOut,
    /// The runtime has dealt with it without this client: another client has answered it, or it has
    /// become irrelevant (`serverRequest/resolved`).
    Elsewhere,
    /// Its turn, or its thread, has ended.
    TurnEnded,
    /// The connection has ended.
    Closed,
}

impl Resolution {
    /// Whether it is of no use to work on an answer any more.
    pub(crate) fn is_taken_away(self) -> bool {
        !matches!(self, Resolution::Answered | Resolution::Refused)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resolution::Answered => "it was answered",
            Resolution::Refused => "it was refused",
            Resolution::TimedOut => "the time for its answer has passed",
            Resolution::Elsewhere => "the runtime has resolved it",
            Resolution::TurnEnded => "its turn has ended",
            Resolution::Closed => "the connection has ended",
        })
    }
}

#[allow(private_bounds, reason = "the params of all that the server asks")]
impl<C: Kind> PendingRequest<C> {
    pub(super) fn new(params: Arc<C>, ask: Arc<Ask>) -> PendingRequest<C> {
        let remake = |params, ask| C::any(PendingRequest::new(params, ask));
        PendingRequest(Arc::new(Inner { params, ask, remake }))
    }

    pub(super) fn ask(&self) -> &Arc<Ask> {
        &self.0.ask
    }

    /// What the server asks.
    pub fn params(&self) -> &C {
        &self.0.params
    }

    /// The id of the request, which [`protocol::ServerRequestResolvedNotification`] names.
    pub fn id(&self) -> &protocol::RequestId {
        &self.0.ask.id
    }

    /// The client that was asked; `None` once its last handle is gone. A handler that keeps a
    /// [`Codex`] of its own would keep the connection open for ever.
    pub fn codex(&self) -> Option<Codex> {
        self.0.ask.codex()
    }

    /// Answers the request. What may be a secret in the answer is wiped, also if it cannot be sent:
    /// tokens, and what a user says.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) if the answer does not fit what was asked:
    /// nothing was sent, and the request still waits.
    /// [`Error::RequestResolved`](crate::Error::RequestResolved) if it needs no answer any more, and
    /// [`Error::Closed`](crate::Error::Closed) if the connection has ended: nothing was sent.
    pub fn respond(&self, response: impl Into<C::Response>) -> Result<()> {
        let mut response = response.into();
        self.0.ask.answer_with(|id| {
            let checked = self.0.params.check(&response).map_err(Error::InvalidInput);
            let line = checked.and_then(|()| {
                C::encode(id, &response)
                    .map_err(|source| Error::Encode { method: C::METHOD, source })
            });
            C::wipe(&mut response);
            line
        })
    }

    /// Says no, in the way that the method provides for: approvals are declined, no permission is
    /// granted, questions get no answer, a tool has failed, and anything else is answered with an
    /// error. The turn goes on, where it can.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn refuse(&self) -> Result<()> {
        self.0.ask.refuse_by_hand()
    }

    /// Leaves the answer to the next who may give one, as soon as there is no other handle of the
    /// request: behind the tools of a thread, the handler of the turn, then the handles of the turn
    /// that park its requests, then the handler of the thread, and then that of the client. Behind the
    /// last one there is nobody, and the request is refused.
    pub fn pass(self) {
        self.0.ask.pass();
    }

    /// Waits until the request needs no answer any more, and says why.
    ///
    /// # Cancel safety
    ///
    /// Can be dropped and called again.
    pub async fn resolved(&self) -> Resolution {
        self.0.ask.resolved().await
    }

    /// Why the request needs no answer any more; `None` as long as it does.
    pub fn resolution(&self) -> Option<Resolution> {
        self.0.ask.resolution()
    }
}

impl<C> Deref for PendingRequest<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0.params
    }
}

impl<C> Clone for PendingRequest<C> {
    /// Another handle of the same request.
    fn clone(&self) -> Self {
        PendingRequest(Arc::clone(&self.0))
    }
}

impl<C> PartialEq for PendingRequest<C> {
    /// Whether both are handles of the same request.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.ask, &other.0.ask)
    }
}

impl<C> fmt::Debug for PendingRequest<C> {
    /// Leaves out the params: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRequest")
            .field("method", &self.0.ask.message.method)
            .field("id", &self.0.ask.id)
            .field("resolution", &self.0.ask.resolution())
            .finish_non_exhaustive()
    }
}

impl<C> Drop for Inner<C> {
    fn drop(&mut self) {
        if self.ask.abandoned() {
            let ask = Arc::clone(&self.ask);
            self.ask.proceed((self.remake)(Arc::clone(&self.params), ask));
        }
    }
}
