//! Which ids of requests have been there.

use std::collections::{BTreeMap, HashSet};

use crate::protocol::RequestId;

/// The ids of all requests so far. Integers that follow each other, as those of the runtime do, take
/// no space.
#[derive(Default)]
pub(super) struct Seen {
    /// The first of each run of integers, and its last.
    runs: BTreeMap<i64, i64>,
    strings: HashSet<String>,
}

impl Seen {
    /// False if this id has been there.
    pub(super) fn insert(&mut self, id: &RequestId) -> bool {
        match id {
            RequestId::Integer(id) => self.insert_integer(*id),
            RequestId::String(id) => self.strings.insert(id.clone()),
        }
    }

    fn insert_integer(&mut self, id: i64) -> bool {
        let before = self.runs.range(..=id).next_back().map(|(first, last)| (*first, *last));
        if before.is_some_and(|(_, last)| last >= id) {
            return false;
        }
        let after = id.checked_add(1).and_then(|next| self.runs.remove(&next));
        let first = match before {
            Some((first, last)) if last.checked_add(1) == Some(id) => first,
            _ => id,
        };
        self.runs.insert(first, after.unwrap_or(id));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_new_once_and_runs_of_integers_become_one() {
        let mut seen = Seen::default();
        for id in [3, 1, 2, 0, -1, 5, i64::MAX, i64::MIN, i64::MAX - 1, 4] {
            assert!(seen.insert(&RequestId::Integer(id)), "{id}");
            assert!(!seen.insert(&RequestId::Integer(id)), "{id}");
        }
        for id in [-1, 0, 1, 2, 3, 4, 5] {
            assert!(!seen.insert(&RequestId::Integer(id)), "{id}");
        }
        let runs = [(i64::MIN, i64::MIN), (-1, 5), (i64::MAX - 1, i64::MAX)];
        assert_eq!(seen.runs, BTreeMap::from(runs));
    }

    #[test]
    fn a_string_is_no_integer() {
        let mut seen = Seen::default();
        assert!(seen.insert(&RequestId::Integer(1)));
        assert!(seen.insert(&RequestId::String("1".into())));
        assert!(!seen.insert(&RequestId::String("1".into())));
    }
}
