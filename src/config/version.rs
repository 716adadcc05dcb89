//! Which runtimes will do.

use std::cmp::Ordering;

use crate::codex::RuntimeInfo;
use crate::error::{Error, Result};

/// What to do about a runtime that is not the pinned one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionPolicy {
    /// Go on, and say so once ([`ConnectionEvent::RuntimeVersion`](crate::ConnectionEvent)).
    #[default]
    Any,
    /// Fail with [`Error::VersionMismatch`] if it is older. A runtime of which that is not known,
    /// such as one that was built from a checkout, will do.
    NotOlder,
    /// Fail with [`Error::VersionMismatch`], also if its version is not known.
    Exact,
}

impl VersionPolicy {
    pub(super) fn check(self, runtime: &RuntimeInfo) -> Result<()> {
        let is_welcome = match self {
            VersionPolicy::Any => true,
            VersionPolicy::NotOlder => runtime.compare_to_pin().is_none_or(Ordering::is_ge),
            VersionPolicy::Exact => runtime.matches_pin(),
        };
        let found = &runtime.version;
        if is_welcome { Ok(()) } else { Err(Error::VersionMismatch { found: found.clone() }) }
    }
}
