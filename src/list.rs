//! Lists that come page by page.

mod history;
mod servers;
mod threads;

use std::collections::HashSet;
use std::fmt;
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::codex::{BoxFuture, Codex};
use crate::error::{Error, Result};
use crate::protocol::PagedRequest;

/// A list of the runtime, made by [`Codex::list`] or a method with a name of its own. Awaited it
/// gives one page, as the runtime sends it; [`all`](List::all) goes through all pages.
///
/// ```no_run
/// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
/// let page = codex.thread_list().limit(20).await?;
/// println!("{} threads, and more: {}", page.data.len(), page.next_cursor.is_some());
///
/// let mut threads = codex.thread_list().archived(true).all();
/// while let Some(thread) = threads.next().await {
///     println!("{}", thread?.preview);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a list is only asked for when it is awaited, or the stream of its items is read"]
pub struct List<R> {
    codex: Codex,
    params: R,
    timeout: Option<Duration>,
    /// Why the request cannot be sent.
    problem: Option<String>,
}

impl<R: PagedRequest> List<R> {
    pub(crate) fn new(codex: &Codex, params: R) -> List<R> {
        List { codex: codex.clone(), params, timeout: None, problem: None }
    }

    /// How many items a page has at most. The runtime may give fewer, and has a limit of its own
    /// if this is not called.
    pub fn limit(self, items: u32) -> Self {
        self.params(|mut params| {
            params.set_page_limit(items);
            params
        })
    }

    /// Begins where an earlier page of the same list says that it goes on.
    pub fn cursor(self, cursor: impl Into<String>) -> Self {
        self.params(|mut params| {
            params.set_page_cursor(cursor.into());
            params
        })
    }

    /// Waits no longer than this for each page.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Changes the params of the request as they will be sent, for everything that has no method of
    /// its own here.
    pub fn params(mut self, change: impl FnOnce(R) -> R) -> Self {
        self.params = change(self.params);
        self
    }

    /// All items of this page and those after it. A page is only asked for when its first item is.
    pub fn all(self) -> Items<R> {
        let seen = self.params.page_cursor().map(str::to_owned).into_iter().collect();
        Items { page: Vec::new().into_iter(), next: Next::Ask, seen, list: self }
    }

    /// Makes every attempt to send this fail with [`Error::InvalidInput`].
    fn refuse(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    fn ask(self) -> BoxFuture<Result<R::Response>> {
        if let Some(problem) = self.problem {
            return Box::pin(async { Err(Error::InvalidInput(problem)) });
        }
        let call = self.codex.request(self.params);
        match self.timeout {
            Some(timeout) => call.timeout(timeout).into_future(),
            None => call.into_future(),
        }
    }
}

impl<R: PagedRequest> IntoFuture for List<R> {
    type Output = Result<R::Response>;
    type IntoFuture = BoxFuture<Self::Output>;

    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not UTF-8, [`Error::Rpc`] if the runtime does not
    /// accept the params, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the page; asking again gives it again.
    fn into_future(self) -> Self::IntoFuture {
        self.ask()
    }
}

impl<R: PagedRequest> fmt::Debug for List<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("method", &R::METHOD).finish_non_exhaustive()
    }
}

/// The items of all pages of a [`List`]. What is added or removed while it is read may be missed or
/// come twice, as the runtime's cursors have it.
#[must_use = "the items are only asked for when they are read"]
pub struct Items<R: PagedRequest> {
    list: List<R>,
    page: std::vec::IntoIter<R::Item>,
    next: Next<R::Response>,
    /// The cursors of the pages so far.
    seen: HashSet<String>,
}

/// Where the items come from when those of this page are used up.
enum Next<Page> {
    /// From the page at the cursor in the params.
    Ask,
    /// From the page that was asked for. The mutex is never locked: it makes the future `Sync`.
    Asked(Mutex<BoxFuture<Result<Page>>>),
    /// From nowhere: the page has the cursor of a page before.
    Repeats,
    End,
}

impl<R: PagedRequest> Items<R> {
    /// Waits for the next item. After the last one there is `None`.
    ///
    /// After an error that may pass, which is an [`Error::Timeout`] or one that
    /// [is retryable](Error::is_retryable), the page is asked for again when this is called again:
    /// no item is lost. After any other error there is `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Decode`] if a page is followed by one that was already there, which would never
    /// end; and what can happen when the [`List`] is awaited.
    ///
    /// # Cancel safety
    ///
    /// No item is lost when the future is dropped, and no page is asked for twice.
    pub async fn next(&mut self) -> Option<Result<R::Item>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<R::Item>>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match &mut self.next {
                Next::Ask => self.next = Next::Asked(Mutex::new(self.list.clone().ask())),
                Next::Asked(page) => {
                    let page = page.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let page = ready!(page.as_mut().poll(cx));
                    self.next = Next::End;
                    match page {
                        Ok(page) => self.turn_to(page),
                        Err(error) => {
                            if error.is_retryable() || matches!(error, Error::Timeout { .. }) {
                                self.next = Next::Ask;
                            }
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                Next::Repeats => {
                    self.next = Next::End;
                    return Poll::Ready(Some(Err(Error::decode(R::METHOD, RepeatedCursor))));
                }
                Next::End => return Poll::Ready(None),
            }
        }
    }

    fn turn_to(&mut self, page: R::Response) {
        let (items, cursor) = R::into_page(page);
        self.page = items.into_iter();
        let Some(cursor) = cursor else { return };
        self.list.params.set_page_cursor(cursor.clone());
        self.next = if self.seen.insert(cursor) { Next::Ask } else { Next::Repeats };
    }
}

// Nothing in it is pinned but the future, which has a box of its own.
impl<R: PagedRequest> Unpin for Items<R> {}

impl<R: PagedRequest> Stream for Items<R> {
    type Item = Result<R::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<R: PagedRequest> fmt::Debug for Items<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("method", &R::METHOD)
            .field("waiting", &self.page.len())
            .finish_non_exhaustive()
    }
}

/// The runtime leads from page to page in a circle.
#[derive(Debug)]
struct RepeatedCursor;

impl fmt::Display for RepeatedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the page goes on with a page that was already there, so the list has no end")
    }
}

impl std::error::Error for RepeatedCursor {}
