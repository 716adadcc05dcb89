//! Files on the machine of the runtime.

use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::Fs;
use crate::path;
use crate::protocol;

use super::Codex;

impl Codex {
    /// The files on the machine of the runtime.
    pub fn fs(&self) -> Fs {
        Fs::new(self.clone())
    }

    /// The files below `roots` whose path is like `query`, the best first (`fuzzyFileSearch`). The
    /// runtime gives 50 at most, and leaves out what git ignores.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] for a root that is not UTF-8, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer.
    pub async fn fuzzy_file_search(
        &self,
        query: impl Into<String>,
        roots: impl IntoIterator<Item: AsRef<Path>>,
    ) -> Result<Vec<protocol::FuzzyFileSearchResult>> {
        let roots: Result<Vec<_>, _> =
            roots.into_iter().map(|root| path::text(root.as_ref())).collect();
        let roots = roots.map_err(Error::InvalidInput)?;
        Ok(self.request(protocol::FuzzyFileSearchParams::new(query, roots)).await?.files)
    }
}
