//! Turns for the one port that every runtime needs for a browser login.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
};

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

/// Whoever listens here has the callback port. It lies between the two ports that the runtime uses.
const LOCK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1456);

/// The right to use port 1455, to which the browser comes back in a ChatGPT login.
///
/// The port is fixed in the runtime, and a runtime that finds it taken by another one cancels that
/// one's login. So of all the tests on a machine that start a browser login only one may run at a
/// time, and it holds this until its runtime has ended. It says nothing to programs that do not
/// ask for it: a login that somebody really makes on this machine meanwhile is disturbed.
///
/// The right is given back when this is dropped or its process ends. What keeps it is a listener on
/// port 1456, so that it reaches as far as the port itself does: over processes, users and
/// containers that share a network.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use codexkit::testing::{CallbackPort, MockIssuer, MockModel, TestHome};
///
/// let _port = CallbackPort::lock().await?;
/// let (home, model) = (TestHome::new()?, MockModel::start().await?);
/// let issuer = MockIssuer::start().await?;
/// let codex = issuer.configure(home.builder(&model)).start().await?;
/// // Sign in here.
/// codex.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the port is free again as soon as this is dropped"]
pub struct CallbackPort {
    _listener: TcpListener,
}

impl CallbackPort {
    /// Waits until nobody else has the port, however long that takes. Those that wait get it in no
    /// certain order.
    ///
    /// # Errors
    ///
    /// The operating system does not let this process listen on or connect to `127.0.0.1`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped it no longer waits.
    pub async fn lock() -> io::Result<CallbackPort> {
        loop {
            match TcpListener::bind(LOCK).await {
                Ok(listener) => return Ok(CallbackPort { _listener: listener }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => released().await?,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Waits for the end of the listener. It accepts nobody, so a connection to it ends with it.
async fn released() -> io::Result<()> {
    match TcpStream::connect(LOCK).await {
        Ok(mut stream) => {
            // Both the end and an error mean that the listener is gone.
            let _ = stream.read_u8().await;
        }
        // It ended just now, or it is bound and about to listen.
        Err(error) if gone(&error) => tokio::task::yield_now().await,
        Err(error) => return Err(error),
    }
    Ok(())
}

fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::task::{JoinSet, yield_now};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn only_one_has_the_port_at_a_time_and_everyone_gets_it() {
        let holders = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let holders = holders.clone();
            tasks.spawn(async move {
                let port = CallbackPort::lock().await.unwrap();
                let before = holders.fetch_add(1, Ordering::Relaxed);
                // Whoever could get it too would do so here.
                for _ in 0..64 {
                    yield_now().await;
                }
                holders.fetch_sub(1, Ordering::Relaxed);
                drop(port);
                before
            });
        }
        // Other programs may hold it as well.
        let all = timeout(Duration::from_secs(600), tasks.join_all()).await.unwrap();
        assert_eq!(all, [0; 16]);
    }
}
