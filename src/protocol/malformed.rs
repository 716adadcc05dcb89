//! The elements of lists and maps that do not fit.

#[cfg(feature = "client")]
use std::cell::Cell;
use std::{fmt, mem};

use serde_json::{Map, Value};

use super::error::DecodeError;

/// An element that a list or map left out because it does not have the shape of the others.
///
/// Found by [`ExtraFields::malformed_elements`](super::ExtraFields::malformed_elements).
#[derive(Clone, PartialEq)]
pub struct MalformedElement {
    property: &'static str,
    place: ElementPlace,
    value: Value,
    reason: DecodeError,
}

/// Where an element stands in its list or map.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElementPlace {
    /// The index in the list as it was received, counted from zero.
    Index(usize),
    /// The key in the map.
    Key(String),
}

impl MalformedElement {
    pub(super) fn new(
        property: &'static str,
        place: ElementPlace,
        value: &Value,
        reason: DecodeError,
    ) -> Self {
        let reason = match &place {
            ElementPlace::Index(it) => reason.at_index(*it),
            ElementPlace::Key(it) => reason.at_key(it),
        };
        Self { property, place, value: value.clone(), reason: reason.at_key(property) }
    }

    /// The name on the wire of the property that is the list or map.
    pub fn property(&self) -> &str {
        self.property
    }

    /// Where it stood in the list or map.
    pub fn place(&self) -> &ElementPlace {
        &self.place
    }

    /// The element as it was received.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Why it does not fit; the path starts at the struct that has the list or map.
    pub fn reason(&self) -> &DecodeError {
        &self.reason
    }
}

impl fmt::Debug for MalformedElement {
    /// Leaves out the value: nobody knows whether it holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MalformedElement")
            .field("property", &self.property)
            .field("place", &self.place)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "client")]
thread_local! {
    /// Whether what is being decoded on this thread may leave nothing out.
    static WHOLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode`, in which an element that does not fit makes the whole fail.
#[cfg(feature = "client")]
pub(super) fn whole<T>(decode: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            WHOLE.set(self.0);
        }
    }
    let _restore = Restore(WHOLE.replace(true));
    decode()
}

/// Keeps an element that does not fit, unless nothing may be left out.
#[cfg_attr(
    not(feature = "client"),
    expect(clippy::unnecessary_wraps, reason = "only the client wants all of it")
)]
pub(super) fn keep(
    malformed: &mut Vec<MalformedElement>,
    element: MalformedElement,
) -> Result<(), DecodeError> {
    #[cfg(feature = "client")]
    if WHOLE.get() {
        return Err(element.reason);
    }
    malformed.push(element);
    Ok(())
}

/// Puts the elements of each property back among the encoded ones.
///
/// A property that is gone, or null by now, stays so.
pub(super) fn put_back(malformed: &[MalformedElement], map: &mut Map<String, Value>) {
    for elements in malformed.chunk_by(|a, b| a.property == b.property) {
        match map.get_mut(elements[0].property) {
            Some(Value::Array(list)) => merge(list, elements),
            Some(Value::Object(map)) => add(map, elements),
            _ => (),
        }
    }
}

/// One pass over both: inserting one by one would move the rest of the list each time.
fn merge(list: &mut Vec<Value>, elements: &[MalformedElement]) {
    let mut res = Vec::with_capacity(list.len() + elements.len());
    let mut fitting = mem::take(list).into_iter();
    for it in elements {
        if let ElementPlace::Index(index) = it.place {
            let missing = index.saturating_sub(res.len());
            res.extend(fitting.by_ref().take(missing));
            res.push(it.value.clone());
        }
    }
    res.extend(fitting);
    *list = res;
}

fn add(map: &mut Map<String, Value>, elements: &[MalformedElement]) {
    for it in elements {
        if let ElementPlace::Key(key) = &it.place
            && !map.contains_key(key)
        {
            map.insert(key.clone(), it.value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{
        super::{
            extra::ExtraFields,
            json::{Fields, Json, Object},
        },
        *,
    };

    type Map = BTreeMap<String, u32>;

    /// A list and a map of a struct, and what is beside them.
    fn decode(value: &Value) -> (Vec<u32>, Map, ExtraFields) {
        let mut object = Object::of(value).unwrap();
        let list = object.or_default("list").unwrap();
        let map = object.or_default("map").unwrap();
        (list, map, object.rest())
    }

    fn encode((list, map, extra): &(Vec<u32>, Map, ExtraFields)) -> Value {
        let fields = Fields::new(extra).required("list", list.to_json());
        fields.required("map", map.to_json()).finish()
    }

    #[test]
    fn elements_go_back_to_where_they_were() {
        for list in [
            json!([]),
            json!(["a"]),
            json!(["a", 1, 2]),
            json!([1, "a", 2]),
            json!([1, 2, "a"]),
            json!(["a", "b", 1, null, 2, [3], {}]),
            json!(["a", 1, "b", "c"]),
        ] {
            let map = json!({ "a": 1, "b": -1, "c": {}, "d": 2 });
            let value = json!({ "list": list, "map": map, "other": "x" });
            let decoded = decode(&value);
            let fitting = list.as_array().unwrap().iter().filter(|it| it.is_u64()).count();
            assert_eq!(decoded.0.len(), fitting);
            assert_eq!(decoded.1, Map::from([("a".to_owned(), 1), ("d".to_owned(), 2)]));
            assert_eq!(
                decoded.2.malformed_elements().len(),
                list.as_array().unwrap().len() - fitting + 2
            );
            assert_eq!(encode(&decoded), value);
            assert_eq!(decode(&encode(&decoded)), decoded);
        }
    }

    #[test]
    fn a_changed_list_takes_its_elements_back() {
        let mut decoded = decode(&json!({ "list": [1, "a", 2, "b", 3, "c"], "map": { "k": "x" } }));
        decoded.0 = vec![7];
        decoded.1.insert("k".to_owned(), 8);
        let expected = json!({ "list": [7, "a", "b", "c"], "map": { "k": 8 } });
        assert_eq!(encode(&decoded), expected);
        decoded.0 = vec![1, 2, 3, 4, 5, 6];
        let expected = json!({ "list": [1, "a", 2, "b", 3, "c", 4, 5, 6], "map": { "k": 8 } });
        assert_eq!(encode(&decoded), expected);
        decoded.2 = ExtraFields::default();
        assert_eq!(encode(&decoded), json!({ "list": [1, 2, 3, 4, 5, 6], "map": { "k": 8 } }));
    }

    #[test]
    fn a_list_that_is_gone_stays_so() {
        let value = json!({ "list": [1, "a"] });
        let mut object = Object::of(&value).unwrap();
        assert_eq!(object.optional::<Vec<u32>>("list").unwrap(), Some(vec![1]));
        let extra = object.rest();
        let with = |list: Option<Vec<u32>>| Fields::new(&extra).optional("list", list.to_json());
        assert_eq!(with(None).finish(), json!({}));
        assert_eq!(with(Some(Vec::new())).finish(), json!({ "list": ["a"] }));
        let null = Fields::new(&extra).three_state::<Vec<u32>>("list", Some(&None)).finish();
        assert_eq!(null, json!({ "list": null }));
    }

    #[test]
    fn absent_null_and_a_list_stay_three_things() {
        for (value, expected) in [
            (json!({}), None),
            (json!({ "list": null }), Some(None)),
            (json!({ "list": ["a", 1] }), Some(Some(vec![1]))),
        ] {
            let mut object = Object::of(&value).unwrap();
            let list = object.three_state::<Vec<u32>>("list").unwrap();
            assert_eq!(list, expected);
            let extra = object.rest();
            assert_eq!(Fields::new(&extra).three_state("list", list.as_ref()).finish(), value);
        }
    }

    #[test]
    fn a_list_that_only_looks_like_its_default_is_written() {
        for (value, encoded) in [
            (json!({ "list": ["a"] }), json!({ "list": ["a"] })),
            (json!({ "list": [] }), json!({})),
        ] {
            let (list, _, extra) = decode(&value);
            assert!(list.is_empty());
            assert_eq!(
                Fields::new(&extra).unless("list", &list, &Vec::<u32>::new()).finish(),
                encoded
            );
        }
    }

    #[test]
    fn what_is_no_list_or_absent_is_an_error_of_the_property() {
        let value = json!({ "list": "abc", "map": [], "lists": [[1], ["a"]] });
        let mut object = Object::of(&value).unwrap();
        let error = object.required::<Vec<u32>>("list").unwrap_err();
        assert_eq!(error.to_string(), "`list`: expected an array, found a string");
        let error = object.optional::<Map>("map").unwrap_err();
        assert_eq!(error.to_string(), "`map`: expected an object, found an array");
        let error = object.required::<Vec<u32>>("absent").unwrap_err();
        assert_eq!(error.to_string(), "`absent`: missing");
        // An inner list fits or not as a whole.
        assert_eq!(object.required::<Vec<Vec<u32>>>("lists").unwrap(), [[1]]);
        let extra = object.rest();
        assert_eq!(extra.malformed_elements()[0].value(), &json!(["a"]));
        assert_eq!(extra.malformed_elements()[0].reason().path(), "lists[1][0]");
    }

    #[test]
    fn a_hundred_thousand_of_each_survive() {
        let list: Vec<Value> =
            (0..100_000).map(|it| if it % 3 == 0 { json!(it) } else { json!("a") }).collect();
        let map: serde_json::Map<_, _> =
            (0..100_000).map(|it| (it.to_string(), json!("a"))).collect();
        let mut value = json!({ "list": list, "map": map });
        for it in 0..100_000 {
            value[format!("unknown {it}")] = json!(it);
        }
        let decoded = decode(&value);
        assert_eq!((decoded.0.len(), decoded.1.len()), (33_334, 0));
        assert_eq!(decoded.2.iter().count(), 100_000);
        assert_eq!(encode(&decoded), value);
    }
}
