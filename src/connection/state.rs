//! What of a connection is under its lock, and what each line does to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use serde::de::IgnoredAny;
use tokio::sync::{broadcast, mpsc, watch};

use super::ask::Ask;
use super::link::Effect;
use super::outgoing::Line;
use super::pending::{Pending, Reply};
use super::questions::{Questions, Unused};
use crate::error::CloseReason;
use crate::feed::{FEED_CAPACITY, FeedItem};
use crate::protocol::envelope::{self, Message};
use crate::request::{Resolution, ServerRequest, SharedHandler};
use crate::router::{Claim, Outcome, Router, Senders, Topic};
use crate::trace;

pub(super) struct State {
    pub(super) router: Router,
    pub(super) questions: Questions,
    pub(super) pending: HashMap<i64, Pending>,
    /// Lines for the writer; `None` once the connection has ended.
    pub(super) outgoing: Option<mpsc::UnboundedSender<Line>>,
    /// Gone once the connection has ended.
    pub(super) feed: Option<broadcast::Sender<FeedItem>>,
    /// Keeps what comes before the first subscription.
    pub(super) first_feed: Option<broadcast::Receiver<FeedItem>>,
}

/// What a batch of lines leads to once the lock is released.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) replies: Vec<(Pending, Reply)>,
    pub(super) logins: Vec<(watch::Sender<Outcome>, Box<str>)>,
    pub(super) wakers: Vec<Waker>,
    /// Senders of feeds, which end when they are dropped.
    pub(super) ended: Vec<broadcast::Sender<FeedItem>>,
    /// Requests of the server, to be passed to the first who may answer them.
    pub(super) asked: Vec<ServerRequest>,
    /// Requests of the server that need no answer any more.
    pub(super) settled: Vec<Arc<Ask>>,
    /// Handles of those that somebody has by now.
    pub(super) parked: Vec<ServerRequest>,
    pub(super) unused: Unused,
    pub(super) is_early_news: bool,
    pub(super) arrivals: trace::Arrivals,
}

impl Effects {
    /// A request of the server needs no answer any more.
    pub(super) fn settle(&mut self, ask: Arc<Ask>, resolution: Resolution) {
        // One that was answered just now stays so.
        let _ = ask.set_resolution(resolution);
        self.settled.push(ask);
    }
}

/// What ends with the connection.
pub(super) struct Ended {
    senders: Senders,
    pending: HashMap<i64, Pending>,
    outgoing: Option<mpsc::UnboundedSender<Line>>,
    feed: Option<broadcast::Sender<FeedItem>>,
    asks: Vec<Arc<Ask>>,
    unused: Unused,
    wakers: Vec<Waker>,
}

impl Ended {
    /// Tells everyone who waits. It may run any code, also the user's, so that no lock may be held.
    /// Gives back what is to be dropped when everybody knows.
    #[must_use]
    pub(super) fn tell(self) -> Unused {
        let Ended { senders, pending, outgoing, feed, asks, mut unused, wakers } = self;
        for ask in asks {
            unused.extend(ask.announce());
        }
        drop((pending, outgoing, feed, senders));
        wakers.into_iter().for_each(Waker::wake);
        unused
    }
}

impl State {
    pub(super) fn new(
        outgoing: mpsc::UnboundedSender<Line>,
        handlers: Vec<SharedHandler>,
    ) -> State {
        let (feed, first_feed) = broadcast::channel(FEED_CAPACITY);
        State {
            router: Router::default(),
            questions: Questions::new(handlers),
            pending: HashMap::new(),
            outgoing: Some(outgoing),
            feed: Some(feed),
            first_feed: Some(first_feed),
        }
    }

    pub(super) fn accept(&mut self, line: &str, effects: &mut Effects) -> serde_json::Result<()> {
        match Message::parse(line)? {
            Message::Notification { method, mut scope } => {
                self.router.find_review(&method, &mut scope, line);
                effects.arrivals.notification(&method, scope.thread.as_deref(), line.len());
                effects.is_early_news |= self.router.is_starting(&scope);
                self.note(&method, &scope, line, effects);
                let claimed = match &scope.login {
                    Some(login) => match self.router.logins.complete(login, line) {
                        Claim::Of(login) => {
                            effects.logins.push((login, line.into()));
                            true
                        }
                        Claim::Kept => true,
                        Claim::Nobody => false,
                    },
                    None => self.router.route(&method, &scope, line, &mut effects.wakers),
                };
                if !claimed {
                    // Nobody else is going to find out whether the whole line is sound.
                    serde_json::from_str::<IgnoredAny>(line)?;
                    let topic = Topic::of(&method, &scope);
                    self.publish_of(topic.as_ref(), || FeedItem::notification(line));
                }
            }
            Message::Response { id, is_error } => {
                if let Some(mut pending) = self.pending.remove(&id) {
                    if let Some(effect) = pending.take_effect() {
                        if !is_error {
                            effects.is_early_news = true;
                            self.apply(&effect, line, effects);
                        }
                        // It may be the last that has a handler.
                        effects.unused.extend(effect.into_handlers());
                    }
                    let line = line.to_owned();
                    effects.replies.push((pending, if is_error { Err(line) } else { Ok(line) }));
                } else {
                    let id = envelope::response_id(line)?;
                    self.publish(|| FeedItem::unmatched(id));
                }
            }
            Message::Request { method, id, params } => {
                self.ask(&method, id, params, effects)?;
            }
        }
        Ok(())
    }

    /// Takes out all that waits for something to arrive, to be told of it without the lock.
    pub(super) fn close(&mut self, reason: &CloseReason) -> Ended {
        let mut wakers = Vec::new();
        let (asks, unused) = self.questions.close();
        Ended {
            senders: self.router.close(reason, &mut wakers),
            pending: std::mem::take(&mut self.pending),
            outgoing: self.outgoing.take(),
            feed: self.feed.take(),
            asks,
            unused,
            wakers,
        }
    }

    fn apply(&mut self, effect: &Effect, line: &str, effects: &mut Effects) {
        match effect {
            Effect::Detach(thread) => {
                self.questions.leave_thread(thread, &mut effects.unused);
                effects.ended.extend(self.router.detach(thread, &mut effects.wakers));
            }
            Effect::Open(scope) => {
                // Whoever waits for the answer finds out if it makes no sense.
                let Ok(thread) = envelope::opened_thread(line) else { return };
                self.router.reattach(&thread);
                let replaced = self.questions.set_thread(&thread, scope.clone());
                effects.unused.extend(replaced.into_handlers());
            }
        }
    }

    pub(super) fn send(&self, line: Line) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.send(line).is_ok())
    }

    /// Publishes what is about `topic`: to those who listen to that, or else to everyone.
    pub(super) fn publish_of(&mut self, topic: Option<&Topic<'_>>, item: impl Fn() -> FeedItem) {
        let is_read = topic.is_some_and(|topic| self.router.publish(topic, &item));
        if !is_read {
            self.publish(item);
        }
    }

    pub(super) fn publish(&mut self, item: impl FnOnce() -> FeedItem) {
        if let Some(feed) = &self.feed
            && feed.receiver_count() > 0
        {
            let _ = feed.send(item());
        }
    }
}
