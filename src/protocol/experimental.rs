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

#[cfg(test)]
mod tests {
    use super::*;

    /// Something with an experimental value, or an experimental property.
    struct Thing(&'static str);

    impl Experimental for Thing {
        fn experimental(&self) -> Option<String> {
            match self.0 {
                "stable" => None,
                "new" => Some(String::new()),
                name => Some(name.to_owned()),
            }
        }
    }

    #[test]
    fn what_is_inside_is_found_wherever_it_stands_and_named() {
        let thing = |it| inside("key", &Thing(it));
        assert_eq!(
            ["stable", "new", "x"].map(thing),
            [None, Some("key".to_owned()), Some("key.x".to_owned())]
        );
        assert_eq!(inside("key", &None::<Thing>), None);
        let list = vec![Thing("stable"), Thing("stable"), Thing("x"), Thing("y")];
        assert_eq!(inside("key", &Some(list)).as_deref(), Some("key.x"));
        let map = [("a", "stable"), ("b", "x"), ("c", "y")];
        let map = BTreeMap::from(map.map(|(key, it)| (key.to_owned(), Thing(it))));
        assert_eq!(inside("key", &map).as_deref(), Some("key.b.x"));
    }
}
