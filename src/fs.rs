//! Files on the machine of the runtime.

mod watch;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::codex::Codex;
use crate::error::{Error, Result};
use crate::path;
use crate::protocol::{self, Request as _};

pub use self::watch::FileWatch;

/// The files on the machine of the runtime, made by [`Codex::fs`]. All paths are absolute.
///
/// The runtime does what is asked with the rights of its process: no sandbox, no approval.
///
/// ```no_run
/// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
/// let fs = codex.fs();
/// fs.create_dir_all("/home/me/project/notes").await?;
/// fs.write("/home/me/project/notes/today.md", "- nothing yet\n").await?;
/// let bytes = fs.read("/home/me/project/notes/today.md").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Fs {
    codex: Codex,
}

impl Fs {
    pub(crate) fn new(codex: Codex) -> Fs {
        Fs { codex }
    }

    /// The content of a file (`fs/readFile`).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not absolute or not UTF-8, [`Error::Rpc`] if it
    /// cannot be read, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer.
    pub async fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let params = protocol::FsReadFileParams::new(self.text(path)?);
        let response = self.codex.request(params).await?;
        BASE64
            .decode(response.data_base64)
            .map_err(|source| Error::decode(protocol::FsReadFileParams::METHOD, source))
    }

    /// Writes a file (`fs/writeFile`), in the place of the one that is there. The directory has to
    /// be there.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not absolute or not UTF-8, [`Error::Rpc`] if it
    /// cannot be written, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<()> {
        let content = BASE64.encode(content);
        self.codex
            .request(protocol::FsWriteFileParams::new(self.text(path)?, content))
            .await
            .map(drop)
    }

    /// Makes a directory (`fs/createDirectory`), and those above it that are missing. One that is
    /// there already is left alone.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not absolute or not UTF-8, [`Error::Rpc`] if it
    /// cannot be made, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn create_dir_all(&self, path: impl AsRef<Path>) -> Result<()> {
        let params = protocol::FsCreateDirectoryParams::new(self.text(path)?);
        self.codex.request(params.recursive(true)).await.map(drop)
    }

    /// Copies a file, or a directory with all that is in it (`fs/copy`).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not absolute or not UTF-8, [`Error::Rpc`] if it
    /// cannot be copied, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        let params = protocol::FsCopyParams::new(self.text(from)?, self.text(to)?);
        self.codex.request(params.recursive(true)).await.map(drop)
    }

    /// Removes a file or an empty directory (`fs/remove`).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not absolute or not UTF-8, [`Error::Rpc`] if
    /// there is nothing or it cannot be removed, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn remove(&self, path: impl AsRef<Path>) -> Result<()> {
        self.remove_with(path, false).await
    }

    /// Removes a file, or a directory with all that is in it (`fs/remove`).
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    ///
    /// # Cancel safety
    ///
    /// As [`remove`](Self::remove).
    pub async fn remove_all(&self, path: impl AsRef<Path>) -> Result<()> {
        self.remove_with(path, true).await
    }

    /// What is there (`fs/getMetadata`).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not absolute or not UTF-8, [`Error::Rpc`] if
    /// there is nothing, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer.
    pub async fn metadata(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<protocol::FsGetMetadataResponse> {
        self.codex.request(protocol::FsGetMetadataParams::new(self.text(path)?)).await
    }

    /// What is in a directory, in no order (`fs/readDirectory`).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a path that is not absolute or not UTF-8, [`Error::Rpc`] if it
    /// is no directory, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer.
    pub async fn read_dir(
        &self,
        path: impl AsRef<Path>,
    ) -> Result<Vec<protocol::FsReadDirectoryEntry>> {
        let params = protocol::FsReadDirectoryParams::new(self.text(path)?);
        Ok(self.codex.request(params).await?.entries)
    }

    async fn remove_with(&self, path: impl AsRef<Path>, recursive: bool) -> Result<()> {
        // What the runtime does unasked is to remove everything, and not to say if there is nothing.
        let params = protocol::FsRemoveParams::new(self.text(path)?);
        self.codex.request(params.recursive(recursive).force(false)).await.map(drop)
    }

    fn text(&self, path: impl AsRef<Path>) -> Result<String> {
        let family = &self.codex.runtime().platform_family;
        path::absolute(path.as_ref(), family).map_err(Error::InvalidInput)
    }
}
