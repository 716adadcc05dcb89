//! Points at which a reply waits for the test.

use std::{io, sync::Arc};

use tokio::sync::watch;

/// The test's end of a point where a [`Reply`](super::Reply) waits.
///
/// Made by [`Reply::hold`](super::Reply::hold). Dropping it releases the reply, so a test that
/// fails half-way never leaves the runtime waiting.
#[derive(Debug)]
#[must_use = "dropping a hold releases the reply at once"]
pub struct Hold {
    progress: watch::Receiver<Progress>,
    /// Dropping it releases too.
    release: watch::Sender<bool>,
}

impl Hold {
    pub(super) fn new() -> (Self, HoldPoint) {
        let (report, progress) = watch::channel(Progress::default());
        let (release, released) = watch::channel(false);
        let point = HoldPoint { progress: Arc::new(report), released };
        (Self { progress, release }, point)
    }

    /// Waits until the server got here and everything before this point is written to the socket.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] if no copy of the reply can get here any more: the connection
    /// or the model is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the arrival is remembered.
    pub async fn reached(&self) -> io::Result<()> {
        self.reached_by(1).await
    }

    /// Waits until `count` requests wait here, for a reply that several requests get.
    ///
    /// # Errors
    ///
    /// As [`reached`](Self::reached).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: arrivals are remembered.
    pub async fn reached_by(&self, count: usize) -> io::Result<()> {
        self.wait_for(|progress| progress.arrived >= count).await
    }

    /// Waits until the client closed the connection of a reply that waits here.
    ///
    /// The runtime does so when the turn is interrupted or steered, and when it ends.
    ///
    /// # Errors
    ///
    /// As [`reached`](Self::reached).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it is remembered.
    pub async fn abandoned(&self) -> io::Result<()> {
        self.wait_for(|progress| progress.abandoned > 0).await
    }

    /// Lets the reply go on.
    pub fn release(self) {
        self.release.send_replace(true);
    }

    async fn wait_for(&self, condition: impl Fn(&Progress) -> bool) -> io::Result<()> {
        match self.progress.clone().wait_for(condition).await {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the reply ended before it got to this hold; check that its request was made",
            )),
        }
    }
}

/// The server's end, one in each copy of the reply.
#[derive(Debug, Clone)]
pub(super) struct HoldPoint {
    progress: Arc<watch::Sender<Progress>>,
    released: watch::Receiver<bool>,
}

#[derive(Debug, Default)]
struct Progress {
    arrived: usize,
    abandoned: usize,
}

impl HoldPoint {
    /// Reports the arrival and waits for the release.
    pub(super) async fn pass(mut self) {
        self.progress.send_modify(|it| it.arrived += 1);
        let _abandoned = AbandonedOnDrop(&self.progress);
        // An error is a dropped `Hold`.
        let _ = self.released.wait_for(|released| *released).await;
    }
}

/// Reports a client that goes away, which drops the future of [`HoldPoint::pass`]. A release ends
/// that future too, but then there is no [`Hold`] left to tell.
struct AbandonedOnDrop<'a>(&'a watch::Sender<Progress>);

impl Drop for AbandonedOnDrop<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|it| it.abandoned += 1);
    }
}
