//! What somebody might print or log of what the crate gives.

use std::any::type_name;
use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt::Debug;

use codexkit::Error;

/// Texts, and of what they are.
#[derive(Default)]
pub(crate) struct Written {
    types: BTreeSet<&'static str>,
    texts: Vec<(&'static str, String)>,
}

impl Written {
    /// Prints something for developers.
    pub(crate) fn debug<T: Debug>(&mut self, it: &T) {
        let name = short_name::<T>();
        self.types.insert(name);
        self.texts.extend([(name, format!("{it:?}")), (name, format!("{it:#?}"))]);
    }

    /// Prints an error and all its sources in every way.
    pub(crate) fn error(&mut self, error: &Error) {
        self.debug(error);
        if let Error::Rpc(error) = error {
            self.debug(&**error);
            self.debug(&error.kind());
        }
        let mut error: Option<&dyn StdError> = Some(error);
        while let Some(it) = error {
            let texts = [format!("{it}"), format!("{it:?}"), format!("{it:#?}")];
            self.texts.extend(texts.map(|text| ("an error", text)));
            error = it.source();
        }
    }

    /// Prints the error of something that has to fail, and gives it.
    #[track_caller]
    pub(crate) fn failure<T: Debug>(&mut self, failed: Result<T, Error>) -> Error {
        let error = failed.unwrap_err();
        self.error(&error);
        error
    }

    /// The names of the types that were printed.
    pub(crate) fn types(&self) -> &BTreeSet<&'static str> {
        &self.types
    }

    #[track_caller]
    pub(crate) fn assert_has_no(&self, mark: &str) {
        let found: Vec<_> = self.texts.iter().filter(|(_, text)| text.contains(mark)).collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// The name of a type without its path and what it is generic over.
fn short_name<T>() -> &'static str {
    let name = type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}
