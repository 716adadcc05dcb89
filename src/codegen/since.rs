//! Since which release of the runtime it has what a client can send: `schema/since.json`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use serde::{Deserialize, Serialize};

use super::{
    Error, Result,
    ir::{Arm, Shape, Types},
    methods::Methods,
};

#[path = "since/compare.rs"]
mod compare;

const FILE: &str = "schema/since.json";
const ANEW: &str = "`cargo xtask since --all` makes it anew";

/// What some of the compared releases lack.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    /// The releases whose schemas were compared, from the oldest on. What the oldest one has is not
    /// listed.
    pub releases: Vec<Release>,
    /// Since when each is in the experimental bundle, or in both.
    pub experimental: Facts,
    /// Since when it is in the stable bundle, if it was only in the experimental one before.
    pub stable: Facts,
}

/// What is not in the oldest release, and the first release since which it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facts {
    pub methods: BTreeMap<String, Release>,
    /// Properties and cases, as `Type.wire`, by the names of the last release.
    pub members: BTreeMap<String, Release>,
}

/// The first release that has something, as far as one that was compared lacks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FirstIn {
    /// With the experimental API.
    pub any: Option<Release>,
    /// Without it, if that came later.
    pub stable: Option<Release>,
}

impl FirstIn {
    /// Whether all releases that were compared have it.
    pub(super) fn is_old(self) -> bool {
        self == Self::default()
    }
}

impl Since {
    /// Reads the text of the file that was made for `runtime`.
    pub(super) fn parse(text: &str, runtime: &str) -> Result<Self> {
        let res: Self = serde_json::from_str(text).map_err(|it| {
            Error::new(format!("{FILE} is not what `cargo xtask since` writes: {it}"))
        })?;
        let Some(last) = res.releases.last() else {
            return Err(Error::new(format!("{FILE} names no release; {ANEW}")));
        };
        if last.to_string() != runtime {
            return Err(Error::new(format!(
                "{FILE} is about {last}, the pin is {runtime}; `cargo xtask since` brings it up to date"
            )));
        }
        if !res.releases.is_sorted_by(|a, b| a < b) {
            return Err(Error::new(format!("the releases of {FILE} are not in their order")));
        }
        let facts = [&res.experimental, &res.stable];
        let facts = facts.iter().flat_map(|it| it.methods.iter().chain(&it.members));
        for (name, since) in facts {
            if !res.releases[1..].contains(since) {
                let message =
                    format!("{FILE}: {since}, of `{name}`, is none of the later releases");
                return Err(Error::new(message));
            }
        }
        Ok(res)
    }

    /// Marks what is listed. Returns what is listed and not there, or never sent.
    pub(super) fn mark(&self, types: &mut Types, methods: &mut Methods) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        let mut set =
            |mark: Option<&mut FirstIn>, name: &str, is_stable: bool, since: Release| match mark {
                Some(it) if is_stable => it.stable = Some(since),
                Some(it) => it.any = Some(since),
                None => missing.push(name.to_owned()),
            };
        for (facts, is_stable) in [(&self.experimental, false), (&self.stable, true)] {
            for (name, since) in &facts.methods {
                let mut requests = methods.requests.iter_mut();
                let mark = requests.find(|it| it.method == *name).map(|it| &mut it.since);
                set(mark, name, is_stable, *since);
            }
            for (name, since) in &facts.members {
                set(member(types, name), name, is_stable, *since);
            }
        }
        mark_copies(types);
        mark_types(types, methods);
        missing
    }

    /// Insists that `mark` found everything.
    pub(super) fn check(missing: &[String]) -> Result<()> {
        match missing.first() {
            None => Ok(()),
            Some(it) => Err(Error::new(format!(
                "{FILE} lists `{it}`, which no client can send any more; {ANEW}"
            ))),
        }
    }
}

/// What is known of the properties of a type holds for its copies.
fn mark_copies(types: &mut Types) {
    let copies: Vec<_> = types
        .iter()
        .filter_map(|(name, it)| {
            Some((name.clone(), types.get(it.copy_of.as_ref()?)?.shape.clone()))
        })
        .collect();
    for (name, shape) in copies {
        if let Some(ty) = types.get_mut(&name) {
            ty.shape = shape;
        }
    }
}

/// Params are as old as their method, and what a case carries is as old as the case.
fn mark_types(types: &mut Types, methods: &Methods) {
    let params = methods.requests.iter().map(|it| (it.params.clone(), it.since));
    let mut marks: Vec<_> = params.collect();
    for (name, ty) in &*types {
        let union = ty.payload_of.as_ref().and_then(|it| Some((types.get(&it.0)?, &it.1)));
        let Some((union, wire)) = union else { continue };
        if let Shape::Tagged { arms, .. } | Shape::External(arms) = &union.shape {
            let arm = arms.iter().find(|it| it.wire == *wire);
            marks.extend(arm.map(|it| (name.clone(), it.since)));
        }
    }
    for (name, since) in marks {
        if let Some(ty) = types.get_mut(&name) {
            ty.since = since;
        }
    }
}

/// Where the mark of `name`, a property or case, belongs.
fn member<'a>(types: &'a mut Types, name: &str) -> Option<&'a mut FirstIn> {
    let (ty, wire) = name.split_once('.')?;
    let ty = types.get_mut(ty).filter(|it| it.input)?;
    match &mut ty.shape {
        Shape::Struct(body) => {
            body.fields.iter_mut().find(|it| it.wire == wire).map(|it| &mut it.since)
        }
        Shape::Strings(arms)
        | Shape::External(arms)
        | Shape::Untagged(arms)
        | Shape::Tagged { arms, .. } => {
            arms.iter_mut().find(|it| label(it) == wire).map(|it| &mut it.since)
        }
        Shape::Unit | Shape::OpenString | Shape::Alias(_) => None,
    }
}

/// What a case is called in the file: untagged alternatives have no name on the wire.
fn label(arm: &Arm) -> &str {
    if arm.wire.is_empty() { &arm.name } else { &arm.wire }
}

/// A stable release of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Release([u32; 3]);

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Option<Vec<u32>> = text.split('.').map(|it| it.parse().ok()).collect();
        match parts.and_then(|it| it.try_into().ok()).map(Self) {
            Some(it) if it.to_string() == text => Ok(it),
            _ => Err(format!("`{text}` is no stable release, such as 1.2.3")),
        }
    }
}

impl TryFrom<String> for Release {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Release> for String {
    fn from(it: Release) -> Self {
        it.to_string()
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl Release {
    /// The constant for it.
    pub(super) fn constant(self) -> TokenStream {
        let parts = self.0.map(Literal::u32_unsuffixed);
        quote!(const #self: Release = Release::new(#(#parts),*);)
    }
}

/// The name of its constant.
impl ToTokens for Release {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let [major, minor, patch] = self.0;
        format_ident!("V{major}_{minor}_{patch}").to_tokens(tokens);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn file(members: &Value) -> Value {
        json!({
            "releases": ["0.1.0", "0.2.0", "0.10.1"],
            "experimental": { "methods": { "ask": "0.2.0" }, "members": members },
            "stable": { "methods": {}, "members": {} },
        })
    }

    fn complaint(file: &Value) -> String {
        Since::parse(&file.to_string(), "0.10.1").unwrap_err().to_string()
    }

    #[test]
    fn a_file_that_is_not_of_this_form_is_refused() {
        let good = file(&json!({ "A.x": "0.10.1" }));
        let parsed = Since::parse(&good.to_string(), "0.10.1").unwrap();
        assert_eq!(serde_json::to_value(parsed).unwrap(), good);

        let with = |key: &str, value: Value| {
            let mut res = good.clone();
            res[key] = value;
            complaint(&res)
        };
        for (message, part) in [
            (complaint(&json!({})), "is not what `cargo xtask since` writes: missing field"),
            (with("more", json!(1)), "unknown field `more`"),
            (with("releases", json!([])), "names no release; `cargo xtask since --all` makes it"),
            (with("releases", json!(["0.1.0"])), "is about 0.1.0, the pin is 0.10.1; `cargo xtask"),
            (with("releases", json!(["0.2.0", "0.1.0", "0.10.1"])), "are not in their order"),
            (with("releases", json!(["0.1.0", "0.10.1", "0.10.1"])), "are not in their order"),
            (complaint(&file(&json!({ "A.x": "0.3.0" }))), "0.3.0, of `A.x`, is none of the later"),
            (complaint(&file(&json!({ "A.x": "0.1.0" }))), "0.1.0, of `A.x`, is none of the later"),
            (complaint(&file(&json!({ "A.x": 3 }))), "invalid type"),
        ] {
            assert!(message.starts_with("schema/since.json") || message.contains("of schema/"));
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn only_three_numbers_are_a_release() {
        for text in ["1.2.3", "0.169.0"] {
            assert_eq!(text.parse::<Release>().unwrap().to_string(), text);
        }
        for text in ["", "1.2", "1.2.3.4", "1.2.3-alpha.1", "01.2.3", "+1.2.3", "1.2.x"] {
            let complaint = format!("`{text}` is no stable release, such as 1.2.3");
            assert_eq!(text.parse::<Release>(), Err(complaint));
        }
        assert!("0.9.0".parse::<Release>().unwrap() < "0.10.0".parse().unwrap());
    }
}
