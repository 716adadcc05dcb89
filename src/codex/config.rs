//! The configuration of the runtime.

use serde_json::Value;

use crate::protocol::{self, ConfigEdit, MergeStrategy};

use super::{Call, Codex};

impl Codex {
    /// The configuration in effect, and where each value comes from (`config/read`).
    ///
    /// ```no_run
    /// # async fn example(codex: codexkit::Codex) -> codexkit::Result<()> {
    /// let read = codex.config_read().params(|it| it.cwd("/home/me/project")).await?;
    /// println!("{:?}", read.config.model);
    /// # Ok(())
    /// # }
    /// ```
    pub fn config_read(&self) -> Call<protocol::ConfigReadParams> {
        self.request(protocol::ConfigReadParams::default())
    }

    /// Writes one value to the user's `config.toml` (`config/value/write`), in the place of the one
    /// that is there. Null removes it. Threads that are loaded keep the value that they have.
    pub fn config_write(
        &self,
        key_path: impl Into<String>,
        value: impl Into<Value>,
    ) -> Call<protocol::ConfigValueWriteParams> {
        let replace = MergeStrategy::Replace;
        self.request(protocol::ConfigValueWriteParams::new(key_path, replace, value))
    }

    /// Writes several values to the user's `config.toml`, all or none (`config/batchWrite`).
    pub fn config_batch_write(
        &self,
        edits: impl IntoIterator<Item = ConfigEdit>,
    ) -> Call<protocol::ConfigBatchWriteParams> {
        let edits: Vec<_> = edits.into_iter().collect();
        self.request(protocol::ConfigBatchWriteParams::new(edits))
    }
}
