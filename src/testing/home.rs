//! A place of its own for a runtime under test.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::MockModel;
use crate::{Codex, CodexBuilder};

/// What a runtime under test inherits from the environment: what programs need to run at all.
const INHERITED: [&str; 4] = ["LANG", "PATH", "PATHEXT", "SYSTEMROOT"];

/// The variables that name the directory for temporary files, on one system or another.
const TEMPORARY: [&str; 3] = ["TEMP", "TMP", "TMPDIR"];

/// A temporary `CODEX_HOME`, a temporary working directory and a directory for temporary files of
/// the runtime, removed when this is dropped. With it the real runtime neither sees nor touches
/// anything of the user.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use codexkit::testing::{MockModel, Reply, TestHome};
///
/// let home = TestHome::new()?;
/// let model = MockModel::start().await?;
/// model.push(Reply::new().text("hello"));
/// let codex = home.builder(&model).start().await?;
/// let result = codex.thread_start().await?.run("hi").await?;
/// assert_eq!(result.final_response.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestHome {
    dir: TempDir,
}

impl TestHome {
    /// Makes the directories.
    ///
    /// # Errors
    ///
    /// The operating system cannot make them.
    pub fn new() -> io::Result<TestHome> {
        let home = TestHome { dir: tempfile::Builder::new().prefix("codexkit-").tempdir()? };
        for directory in [home.codex_home(), home.workspace(), home.temporary()] {
            std::fs::create_dir(directory)?;
        }
        Ok(home)
    }

    /// The directory of the configuration and the history of the runtime.
    pub fn codex_home(&self) -> PathBuf {
        self.dir.path().join("codex-home")
    }

    /// The directory that the agent works in.
    pub fn workspace(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }

    /// How to start the runtime here, so that it talks to `model` and to nothing else. The agent
    /// may do everything, unless the thread says otherwise.
    pub fn builder(&self, model: &MockModel) -> CodexBuilder {
        let mut builder = Codex::builder()
            .cwd(self.workspace())
            .env_clear()
            .env("HOME", self.codex_home())
            .env("RUST_LOG", "off")
            .codex_home(self.codex_home());
        for key in TEMPORARY {
            builder = builder.env(key, self.temporary());
        }
        for key in INHERITED {
            if let Some(value) = std::env::var_os(key) {
                builder = builder.env(key, value);
            }
        }
        model.config().into_iter().fold(builder, |it, (key, value)| it.config(key, value))
    }

    /// The directory that holds all of it.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Not above `codex_home`, where the runtime would refuse to set up its helper programs.
    fn temporary(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }
}
