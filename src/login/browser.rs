//! Opens the browser for a login.

use std::io;

use crate::error::{Error, Result};

use super::{ChatgptLoginHandle, DeviceCodeLoginHandle};

impl ChatgptLoginHandle {
    /// Opens [`auth_url`](Self::auth_url) in the default browser of this machine, and does not wait
    /// for it to be closed. Needs the feature `browser`, and a tokio runtime around it.
    ///
    /// # Errors
    ///
    /// [`Error::Browser`] if none can be started, or the address is none of the web. Show it then. A
    /// browser that fails later is not noticed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not close the browser.
    pub async fn open_browser(&self) -> Result<()> {
        open(self.auth_url()).await
    }
}

impl DeviceCodeLoginHandle {
    /// Opens [`verification_url`](Self::verification_url) in the default browser of this machine,
    /// and does not wait for it to be closed. Needs the feature `browser`, and a tokio runtime around
    /// it.
    ///
    /// # Errors
    ///
    /// [`Error::Browser`] if none can be started, or the address is none of the web. Show it then. A
    /// browser that fails later is not noticed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not close the browser.
    pub async fn open_browser(&self) -> Result<()> {
        open(self.verification_url()).await
    }
}

/// Opens an address of the web and nothing else: any other may start any program.
async fn open(address: &str) -> Result<()> {
    let is_web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    let is_plain = address.chars().all(|it| it.is_ascii_graphic() && it != '"');
    if !is_web || !is_plain {
        let problem = "the runtime gave an address that is none of the web";
        return Err(Error::Browser(io::Error::other(problem)));
    }
    let address = address.to_owned();
    let opened = tokio::task::spawn_blocking(move || open::that_detached(address)).await;
    opened.unwrap_or_else(|panic| Err(panic.into())).map_err(|error| {
        // Its text may repeat the address, and whoever opens that logs in.
        let problem = match error.kind() {
            io::ErrorKind::NotFound => "there is no program that opens addresses",
            _ => "the program that opens addresses failed",
        };
        Error::Browser(io::Error::new(error.kind(), problem))
    })
}
