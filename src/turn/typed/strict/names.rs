//! Names for the definitions of a schema.

use std::collections::HashMap;

use serde_json::{Value, json};

/// The names under which what is referred to is defined. The names of types may be any text, which
/// is escaped in references in more than one way; these are letters, digits and underscores.
#[derive(Default)]
pub(super) struct Names {
    by_reference: HashMap<String, String>,
}

impl Names {
    pub(super) fn has(&self, reference: &str) -> bool {
        self.by_reference.contains_key(reference)
    }

    /// The name that was given before.
    pub(super) fn of(&self, reference: &str) -> &str {
        self.by_reference.get(reference).map_or("", String::as_str)
    }

    /// The name for what this refers to; a new one is as much like `wish` as it can be.
    pub(super) fn name(&mut self, reference: &str, wish: &str) -> &str {
        if !self.has(reference) {
            let name = self.free(&plain(wish));
            self.by_reference.insert(reference.to_owned(), name);
        }
        self.of(reference)
    }

    fn free(&self, wish: &str) -> String {
        let is_taken = |name: &str| self.by_reference.values().any(|it| it == name);
        let mut name = wish.to_owned();
        let mut number = 2;
        while is_taken(&name) {
            name = format!("{wish}_{number}");
            number += 1;
        }
        name
    }
}

/// The reference to the definition of this name.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// The text with an underscore for whatever is neither a letter nor a digit of ASCII, nor is left
/// of one that was escaped.
fn plain(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bare = pieces.next().unwrap_or_default().to_owned();
    for escaped in pieces {
        bare.push('_');
        bare.push_str(escaped.get(2..).unwrap_or_default());
    }
    let mut plain = String::new();
    for letter in bare.chars() {
        let letter = if letter.is_ascii_alphanumeric() { letter } else { '_' };
        if letter != '_' || !plain.ends_with('_') {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_stays_what_it_was() {
        let mut names = Names::default();
        assert!(!names.has("a"));
        assert_eq!(names.name("a", "Gr%C3%B6%C3%9Fe"), "Gr_e");
        assert_eq!(names.name("b", "Gr\u{f6}\u{df}e"), "Gr_e_2");
        assert_eq!(names.name("c", "Gr e"), "Gr_e_3");
        assert_eq!(names.name("d", "a~1b__c-d.e"), "a_1b_c_d_e");
        assert_eq!(names.name("a", "another"), "Gr_e");
        assert_eq!(names.of("b"), "Gr_e_2");
        assert!(names.has("b"));
    }

    #[test]
    fn a_name_that_is_escaped_badly_is_a_name_still() {
        let mut names = Names::default();
        assert_eq!(names.name("a", "50%"), "50_");
        assert_eq!(names.name("b", "%4"), "_");
        assert_eq!(names.name("c", ""), "");
        assert_eq!(names.name("d", ""), "_2");
    }
}
