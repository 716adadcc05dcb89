//! What a struct keeps beyond its own fields.

use std::fmt;

use serde_json::{Map, Value};

use super::malformed::MalformedElement;

/// What an object carries beyond what its type knows: it is kept and written back.
///
/// That is the properties that are no fields, and the elements that do not fit the lists and maps
/// among the fields ([`malformed_elements`](Self::malformed_elements)).
///
/// Takes the space of a pointer, and nothing on the heap, while there is nothing.
#[derive(Clone, Default, PartialEq)]
pub struct ExtraFields(Option<Box<Repr>>);

#[derive(Clone, Default, PartialEq)]
struct Repr {
    properties: Map<String, Value>,
    malformed: Vec<MalformedElement>,
}

impl ExtraFields {
    /// The value of the unknown property `name`, if it is there.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.properties.get(name)
    }

    /// Adds or replaces a property. A field of the struct wins over a property of its name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.get_or_insert_default().properties.insert(name.into(), value.into());
    }

    /// Whether there is nothing: no unknown property and no malformed element.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|it| it.properties.is_empty() && it.malformed.is_empty())
    }

    /// All unknown properties by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let properties = self.0.iter().flat_map(|it| it.properties.iter());
        properties.map(|(name, value)| (name.as_str(), value))
    }

    /// The elements that the lists and maps of the struct left out because they do not fit.
    ///
    /// Those of one list stand in the order in which they were received. When the struct is
    /// encoded, each goes back to its index (to the end of a list that has become shorter) or to
    /// its key (unless the map has it by now); those of a field that has become `None` are left
    /// out. To send none of them, replace `unrecognized` with its default.
    ///
    /// ```
    /// use codexkit::protocol::{ElementPlace, TurnPlanUpdatedNotification};
    /// use serde_json::json;
    ///
    /// let received = json!({
    ///     "threadId": "t",
    ///     "turnId": "u",
    ///     "plan": [{ "step": "look" }, { "step": "leap", "status": "pending" }],
    /// });
    /// let update: TurnPlanUpdatedNotification = serde_json::from_value(received.clone())?;
    /// assert_eq!(update.plan.len(), 1);
    /// for it in update.unrecognized.malformed_elements() {
    ///     assert_eq!((it.property(), it.place()), ("plan", &ElementPlace::Index(0)));
    ///     assert_eq!(it.value(), &json!({ "step": "look" }));
    ///     assert_eq!(it.reason().to_string(), "`plan[0].status`: missing");
    /// }
    /// assert_eq!(serde_json::to_value(&update)?, received);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn malformed_elements(&self) -> &[MalformedElement] {
        self.0.as_ref().map_or(&[], |it| &it.malformed)
    }

    pub(super) fn holding(malformed: Vec<MalformedElement>) -> Self {
        if malformed.is_empty() {
            return Self::default();
        }
        Self(Some(Box::new(Repr { properties: Map::new(), malformed })))
    }

    pub(super) fn to_map(&self) -> Map<String, Value> {
        self.0.as_ref().map(|it| it.properties.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for ExtraFields {
    /// Names properties, and says of malformed elements where they are and why. Prints no values:
    /// nobody knows whether they hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = f.debug_set();
        set.entries(self.iter().map(|it| it.0));
        for it in self.malformed_elements() {
            set.entry(&format_args!("malformed {}", it.reason()));
        }
        set.finish()
    }
}

/// Stands in for a secret in `Debug`.
pub(super) struct Redacted;

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{error::DecodeError, malformed::ElementPlace},
        *,
    };

    fn malformed(value: &Value) -> ExtraFields {
        let reason = DecodeError::expected("a string", value);
        ExtraFields::holding(vec![MalformedElement::new(
            "list",
            ElementPlace::Index(2),
            value,
            reason,
        )])
    }

    #[test]
    fn nothing_takes_the_space_of_a_pointer() {
        assert_eq!(size_of::<ExtraFields>(), size_of::<usize>());
        assert_eq!(ExtraFields::holding(Vec::new()), ExtraFields::default());
        assert!(ExtraFields::default().is_empty());
        assert_eq!(ExtraFields::default().malformed_elements(), []);
        assert_eq!(format!("{:?}", ExtraFields::default()), "{}");
    }

    #[test]
    fn a_malformed_element_counts_and_is_no_property() {
        let extra = malformed(&json!(7));
        assert!(!extra.is_empty());
        assert_eq!(extra.iter().count(), 0);
        assert_eq!(extra.get("list"), None);
        assert_eq!(extra.clone(), extra);
        assert_ne!(extra, malformed(&json!(8)));
        assert_ne!(extra, ExtraFields::default());
    }

    #[test]
    fn debug_shows_place_and_reason_of_an_element_but_not_its_value() {
        let mut extra = malformed(&json!({ "token": "not-for-print" }));
        extra.insert("mood", 1);
        assert_eq!(
            format!("{extra:?}"),
            r#"{"mood", malformed `list[2]`: expected a string, found an object}"#
        );
        assert_eq!(
            format!("{:?}", extra.malformed_elements()[0]),
            "MalformedElement { property: \"list\", place: Index(2), reason: DecodeError(Repr \
             { path: \"list[2]\", message: \"expected a string, found an object\" }), .. }"
        );
    }
}
