//! What a list of threads can be told.

use std::path::Path;

use super::List;
use crate::path;
use crate::protocol::{
    SortDirection, ThreadListCwdFilter, ThreadListParams, ThreadSortKey, ThreadSourceKind,
};

impl List<ThreadListParams> {
    /// Lists the archived threads, or (`false`, as if this is not called) the others.
    pub fn archived(self, archived: bool) -> Self {
        self.params(|params| params.archived(archived))
    }

    /// Lists only the threads of this working directory; called again, of any of those directories.
    /// The path has to be the one that the thread has, to the letter.
    pub fn cwd(mut self, path: impl AsRef<Path>) -> Self {
        let path = match path::text(path.as_ref()) {
            Ok(path) => path,
            Err(problem) => {
                self.refuse(problem);
                return self;
            }
        };
        self.params(|mut params| {
            params.cwd = Some(match params.cwd.take() {
                None => ThreadListCwdFilter::String(path),
                Some(ThreadListCwdFilter::String(other)) => {
                    ThreadListCwdFilter::List(vec![other, path])
                }
                Some(ThreadListCwdFilter::List(mut paths)) => {
                    paths.push(path);
                    ThreadListCwdFilter::List(paths)
                }
                Some(unknown) => unknown,
            });
            params
        })
    }

    /// Lists only the threads of these providers; of every provider if there is none among them.
    /// The runtime decides if this is not called.
    pub fn model_providers(self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.params(|params| params.model_providers(names))
    }

    /// Lists only the threads with this text, to the letter, in their name or their first message.
    pub fn search_term(self, text: impl Into<String>) -> Self {
        self.params(|params| params.search_term(text))
    }

    /// Lists only the threads in the section of this id. Without this and
    /// [`unsectioned`](Self::unsectioned) those of every section and of none are listed.
    pub fn section(self, id: impl Into<String>) -> Self {
        self.params(|params| params.section_id(Some(id.into())))
    }

    /// Lists only the threads that are in no section.
    pub fn unsectioned(self) -> Self {
        self.params(|params| params.section_id(None))
    }

    /// Sorts by this, not by the time at which the thread was created. By its place in the section
    /// needs a [`section`](Self::section).
    pub fn sort_key(self, key: impl Into<ThreadSortKey>) -> Self {
        self.params(|params| params.sort_key(key))
    }

    /// Sorts in this direction. The newest thread comes first if this is not called.
    pub fn sort_direction(self, direction: impl Into<SortDirection>) -> Self {
        self.params(|params| params.sort_direction(direction))
    }

    /// Lists only the threads that were started in one of these ways. Without this, or if there is
    /// none among them, the interactive ones are listed. Those of this crate are interactive, and
    /// of the kind `vscode`.
    pub fn source_kinds(self, kinds: impl IntoIterator<Item: Into<ThreadSourceKind>>) -> Self {
        let kinds: Vec<_> = kinds.into_iter().map(Into::into).collect();
        self.params(|params| params.source_kinds(kinds))
    }

    /// Asks the database of the runtime alone, without a look at the files of the threads: faster,
    /// but what the database does not know is missing.
    pub fn use_state_db_only(self, yes: bool) -> Self {
        self.params(|params| params.use_state_db_only(yes))
    }
}
