//! What of a request a runtime takes: not everything is in each release, nor for every client.

use std::collections::BTreeMap;
use std::fmt;

/// What a connection offers: the release of the runtime, as far as it is known, and the
/// experimental API, if the client asked for it.
///
/// ```
/// use codexkit::protocol::{Need, Offer, Release, Request, TurnStartParams};
///
/// let params = TurnStartParams::new("thread-1", []).turn_trigger("timer");
/// let old = Offer::EVERYTHING.of_release(Release::new(0, 150, 0));
/// let unavailable = params.unavailable(&old).expect("a trigger is too new");
/// assert_eq!(unavailable.what, "turn/start.turnTrigger");
/// assert_eq!(unavailable.need, Need::Release(Release::new(0, 151, 0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    experimental: bool,
    /// The release, and whether it is still one to come; `None` is one that has everything.
    release: Option<(Release, bool)>,
}

impl Offer {
    /// A runtime that has everything, for a client that asked for the experimental API.
    pub const EVERYTHING: Offer = Offer { experimental: true, release: None };

    /// The same for a client that did not ask for the experimental API.
    #[must_use]
    pub const fn without_experimental(self) -> Self {
        Self { experimental: false, ..self }
    }

    /// The same with a runtime of this release. One older than the oldest that was compared is
    /// taken for that one.
    #[must_use]
    pub const fn of_release(self, release: Release) -> Self {
        Self { release: Some((release, false)), ..self }
    }

    /// The same with a runtime on the way to this release: it has nothing that came with it.
    #[must_use]
    pub const fn of_prerelease(self, release: Release) -> Self {
        Self { release: Some((release, true)), ..self }
    }

    fn is_before(&self, release: Release) -> bool {
        self.release.is_some_and(|(own, is_to_come)| own < release || own == release && is_to_come)
    }
}

/// A stable release of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Release {
    /// The release `major.minor.patch`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A part of a request that is not on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unavailable {
    /// The method, or the path of a property, such as `thread/start.environments`.
    pub what: String,
    /// What it takes.
    pub need: Need,
}

/// What a part of a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// The experimental API.
    ExperimentalApi,
    /// This release of the runtime, or a later one.
    Release(Release),
    /// The same, or the experimental API: it was experimental before.
    ReleaseOrExperimentalApi(Release),
}

/// A type in which something may be that is not on offer. Only those that the client sends
/// implement this.
pub(super) trait Guarded {
    /// The first part that is used and not on offer. Its path is empty for the value itself.
    fn unavailable(&self, offer: &Offer) -> Option<Unavailable>;
}

/// The search for the first part that is not on offer.
pub(super) struct Uses<'a> {
    offer: &'a Offer,
    found: Option<Unavailable>,
}

impl<'a> Uses<'a> {
    pub(super) fn of(offer: &'a Offer) -> Self {
        Self { offer, found: None }
    }

    pub(super) fn experimental(self, what: &str, is_used: bool) -> Self {
        let is_refused = is_used && !self.offer.experimental;
        self.unless(is_refused, what, Need::ExperimentalApi)
    }

    pub(super) fn since(self, what: &str, is_used: bool, release: Release) -> Self {
        let is_refused = is_used && self.offer.is_before(release);
        self.unless(is_refused, what, Need::Release(release))
    }

    pub(super) fn stable_since(self, what: &str, is_used: bool, release: Release) -> Self {
        let is_refused = is_used && !self.offer.experimental && self.offer.is_before(release);
        self.unless(is_refused, what, Need::ReleaseOrExperimentalApi(release))
    }

    /// Goes on inside of the property or value `what`.
    pub(super) fn inside(mut self, what: &str, value: &impl Guarded) -> Self {
        if self.found.is_none()
            && let Some(it) = value.unavailable(self.offer)
        {
            self.found = Some(Unavailable { what: join(what, it.what), ..it });
        }
        self
    }

    pub(super) fn found(self) -> Option<Unavailable> {
        self.found
    }

    fn unless(mut self, is_refused: bool, what: &str, need: Need) -> Self {
        if is_refused && self.found.is_none() {
            self.found = Some(Unavailable { what: what.to_owned(), need });
        }
        self
    }
}

fn join(start: &str, rest: String) -> String {
    match (start, rest.as_str()) {
        ("", _) => rest,
        (start, "") => start.to_owned(),
        (start, rest) => format!("{start}.{rest}"),
    }
}

impl<T: Guarded> Guarded for Option<T> {
    fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
        self.as_ref()?.unavailable(offer)
    }
}

impl<T: Guarded> Guarded for Vec<T> {
    fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
        self.iter().find_map(|it| it.unavailable(offer))
    }
}

impl<T: Guarded> Guarded for BTreeMap<String, T> {
    fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
        self.iter().find_map(|(key, it)| Uses::of(offer).inside(key, it).found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: Release = Release::new(0, 151, 0);

    /// Something with an experimental value, or an experimental property.
    struct Thing(&'static str);

    impl Guarded for Thing {
        fn unavailable(&self, offer: &Offer) -> Option<Unavailable> {
            let is_new = self.0 == "new";
            let uses = Uses::of(offer).experimental("", is_new);
            uses.experimental(self.0, !is_new && self.0 != "stable").found()
        }
    }

    #[test]
    fn what_is_inside_is_found_wherever_it_stands_and_named() {
        fn inside(value: &impl Guarded) -> Option<String> {
            let offer = Offer::EVERYTHING.without_experimental();
            Uses::of(&offer).inside("key", value).found().map(|it| it.what)
        }
        assert_eq!(
            ["stable", "new", "x"].map(|it| inside(&Thing(it))),
            [None, Some("key".to_owned()), Some("key.x".to_owned())]
        );
        assert_eq!(inside(&None::<Thing>), None);
        let list = vec![Thing("stable"), Thing("stable"), Thing("x"), Thing("y")];
        assert_eq!(inside(&Some(list)).as_deref(), Some("key.x"));
        let map = [("a", "stable"), ("b", "x"), ("c", "y")];
        let map = BTreeMap::from(map.map(|(key, it)| (key.to_owned(), Thing(it))));
        assert_eq!(inside(&map).as_deref(), Some("key.b.x"));
    }

    #[test]
    fn a_release_has_what_came_with_it_and_those_before_it_have_not() {
        let refused = |offer: Offer| Uses::of(&offer).since("x", true, RELEASE).found().is_some();
        let of_release = |major, minor, patch| {
            refused(Offer::EVERYTHING.of_release(Release::new(major, minor, patch)))
        };
        assert!(of_release(0, 150, 9) && of_release(0, 9, 0) && of_release(0, 0, 152));
        assert!(!of_release(0, 151, 0) && !of_release(0, 151, 1) && !of_release(1, 0, 0));
        assert!(refused(Offer::EVERYTHING.of_prerelease(RELEASE)));
        assert!(!refused(Offer::EVERYTHING.of_prerelease(Release::new(0, 152, 0))));
        assert!(!refused(Offer::EVERYTHING));
    }

    #[test]
    fn what_is_not_used_needs_nothing() {
        let offer = Offer::EVERYTHING.of_release(Release::new(0, 0, 1)).without_experimental();
        let uses = Uses::of(&offer).experimental("x", false).since("x", false, RELEASE);
        assert_eq!(uses.stable_since("x", false, RELEASE).found(), None);
    }

    #[test]
    fn what_was_experimental_needs_a_later_release_or_the_experimental_api() {
        let refused = |offer: Offer| Uses::of(&offer).stable_since("x", true, RELEASE).found();
        let old = Offer::EVERYTHING.of_release(Release::new(0, 150, 0));
        assert_eq!(refused(old), None);
        let need = Need::ReleaseOrExperimentalApi(RELEASE);
        let expected = Unavailable { what: "x".to_owned(), need };
        assert_eq!(refused(old.without_experimental()), Some(expected));
        assert_eq!(refused(old.of_release(RELEASE).without_experimental()), None);
        assert_eq!(refused(Offer::EVERYTHING.without_experimental()), None);
    }

    #[test]
    fn the_first_part_is_named() {
        let offer = Offer::EVERYTHING.of_release(Release::new(0, 1, 0)).without_experimental();
        let uses = Uses::of(&offer).since("a", true, RELEASE).experimental("b", true);
        let found = uses.inside("c", &Thing("x")).found().unwrap();
        assert_eq!((&*found.what, found.need), ("a", Need::Release(RELEASE)));
    }
}
