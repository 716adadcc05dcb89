//! What in params only the experimental API takes.

use std::collections::BTreeMap;

/// A type with something experimental in it. Only those that the client sends implement this.
pub(super) trait Experimental {
    /// The path of the first experimental property or value that is used; empty for the value
    /// itself.
    fn experimental(&self) -> Option<String>;
}

/// The path of what is experimental in the property `key`.
pub(super) fn inside(key: &str, value: &impl Experimental) -> Option<String> {
    let path = value.experimental()?;
    Some(if path.is_empty() { key.to_owned() } else { format!("{key}.{path}") })
}

impl<T: Experimental> Experimental for Option<T> {
    fn experimental(&self) -> Option<String> {
        self.as_ref()?.experimental()
    }
}

impl<T: Experimental> Experimental for Vec<T> {
    fn experimental(&self) -> Option<String> {
        self.iter().find_map(T::experimental)
    }
}

impl<T: Experimental> Experimental for BTreeMap<String, T> {
    fn experimental(&self) -> Option<String> {
        self.iter().find_map(|(key, it)| inside(key, it))
    }
}
