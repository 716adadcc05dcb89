//! Watching a file or a directory.

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::codex::Codex;
use crate::connection::Listening;
use crate::error::Result;
use crate::protocol::{self, ServerNotification, envelope};
use crate::turn::EventReader;

use super::Fs;

impl Fs {
    /// Watches a file or a directory (`fs/watch`), from when this returns until the watch is
    /// dropped.
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// let mut watch = codex.fs().watch("/home/me/project").await?;
    /// while let Some(paths) = watch.next().await {
    ///     println!("changed: {:?}", paths?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) for a path that is not absolute or not
    /// UTF-8, [`Error::Rpc`](crate::Error::Rpc) if it cannot be watched, and what can happen to any
    /// request.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, what was begun is ended in the background.
    pub async fn watch(&self, path: impl AsRef<Path>) -> Result<FileWatch> {
        let path = self.text(path)?;
        let connection = &self.codex.connection;
        let id = format!("codexkit-{}", connection.next_id());
        // Before the request is sent, so that no change is missed.
        let listening = connection.listen(envelope::Stream::Watch(id.clone().into()));
        let events = EventReader::new(connection.link().clone(), Arc::clone(&listening.queue));
        let codex = self.codex.clone();
        let mut watch =
            FileWatch { codex, id, path: PathBuf::new(), events, listening: Some(listening) };
        let params = protocol::FsWatchParams::new(watch.id.clone(), path);
        watch.path = self.codex.request(params).await?.path.into();
        Ok(watch)
    }
}

/// Says what changes in a file or a directory: [`Fs::watch`].
///
/// Changes are kept until they are read. Dropping it ends the watch in the background.
#[must_use = "dropping the watch ends it"]
pub struct FileWatch {
    codex: Codex,
    id: String,
    path: PathBuf,
    events: EventReader,
    /// Until the watch is dropped.
    listening: Option<Listening>,
}

impl FileWatch {
    /// What is watched, as the runtime calls it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for changes: the paths of what has changed since the last time (`fs/changed`). There
    /// is `None` only after the connection has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`](crate::Error::Closed) once, when the connection has ended,
    /// [`Error::Decode`](crate::Error::Decode) for a message that is broken; the next one is not
    /// affected.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Vec<PathBuf>>> {
        std::future::poll_fn(|cx| self.poll_changes(cx)).await
    }

    fn poll_changes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<PathBuf>>>> {
        loop {
            let event = match ready!(self.events.poll_next(cx)) {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            if let Some(ServerNotification::FsChanged(it)) = event.into_notification() {
                let paths = it.changed_paths.into_iter().map(Into::into).collect();
                return Poll::Ready(Some(Ok(paths)));
            }
        }
    }
}

impl Stream for FileWatch {
    type Item = Result<Vec<PathBuf>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_changes(cx)
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        let params = protocol::FsUnwatchParams::new(self.id.clone());
        let link = self.codex.connection.link().clone();
        // Whoever dropped the watch does not wait for the answer; after the end of the connection
        // there is none.
        let listening = self.listening.take();
        self.codex.connection.spawn(async move {
            drop(link.control(&params).await);
            // What still comes until then is nobody's.
            drop(listening);
        });
    }
}

impl fmt::Debug for FileWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWatch").field("path", &self.path).finish_non_exhaustive()
    }
}
