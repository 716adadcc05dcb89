//! Licences of everything that the workspace depends on.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail};
use spdx::{Expression, ParseMode};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use crate::cargo::{self, Package};

pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(root.join("deny.toml")).context("cannot read deny.toml")?;
    let rule = Rule::parse(&text).context("cannot read deny.toml")?;
    let metadata = cargo::metadata(root)?;
    let refused: Vec<_> = metadata.packages.iter().filter_map(|it| rule.refusal(it)).collect();
    if !refused.is_empty() {
        bail!(
            "these dependencies are not allowed:\n  {}\nuse another crate, or add the licence or \
             an exception with its reason to deny.toml",
            refused.join("\n  ")
        );
    }
    eprintln!("licences: those of {} crates are allowed", metadata.packages.len());
    Ok(())
}

/// The part of `deny.toml` that is read here; cargo-deny reads all of it.
struct Rule {
    allow: Vec<String>,
    /// Crate to licences.
    exceptions: BTreeMap<String, Vec<String>>,
}

impl Rule {
    fn parse(deny: &str) -> anyhow::Result<Rule> {
        let deny = DeTable::parse(deny)?;
        let licences = deny.get_ref().get("licenses").context("there is no [licenses]")?.get_ref();
        let mut exceptions = BTreeMap::new();
        for it in array(licences, "exceptions")? {
            let name = it.get_ref().get("crate").and_then(|it| it.get_ref().as_str());
            let name = name.context("an exception names no crate")?;
            exceptions.insert(name.to_owned(), strings(it.get_ref(), "allow")?);
        }
        Ok(Rule { allow: strings(licences, "allow")?, exceptions })
    }

    /// Why a crate is not allowed.
    fn refusal(&self, package: &Package) -> Option<String> {
        let name = format!("{} {}", package.name, package.version);
        let Some(licence) = &package.license else {
            return Some(format!("{name} states no licence"));
        };
        // Old crates write `MIT/Apache-2.0`.
        let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
            Ok(it) => it,
            Err(err) => return Some(format!("{name} has the licence `{licence}`: {}", err.reason)),
        };
        let more = self.exceptions.get(&package.name).map_or(&[][..], Vec::as_slice);
        let allowed = expression.evaluate(|it| {
            let it = it.to_string();
            self.allow.contains(&it) || more.contains(&it)
        });
        (!allowed).then(|| format!("{name} has the licence `{licence}`"))
    }
}

fn strings(table: &DeValue<'_>, key: &str) -> anyhow::Result<Vec<String>> {
    let string = |it: &Spanned<DeValue<'_>>| {
        it.get_ref()
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("`{key}` holds no strings"))
    };
    array(table, key)?.iter().map(string).collect()
}

fn array<'a, 'i>(table: &'a DeValue<'i>, key: &str) -> anyhow::Result<&'a DeArray<'i>> {
    let value = table.get(key).and_then(|it| it.get_ref().as_array());
    value.with_context(|| format!("there is no list `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Unicode-3.0"]
        exceptions = [{ crate = "special", allow = ["MPL-2.0"] }]
        [bans]
        wildcards = "deny"
    "#;

    fn refusal(name: &str, licence: Option<&str>) -> Option<String> {
        let package = serde_json::json!({
            "name": name, "version": "1.0.0", "license": licence, "targets": [],
        });
        Rule::parse(DENY).unwrap().refusal(&serde_json::from_value(package).unwrap())
    }

    #[test]
    fn a_crate_passes_when_one_choice_is_allowed() {
        for licence in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0",
        ] {
            assert_eq!(refusal("plain", Some(licence)), None);
        }
    }

    #[test]
    fn a_crate_without_an_allowed_choice_is_named_with_its_licence() {
        for licence in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception"] {
            let expected = format!("plain 1.0.0 has the licence `{licence}`");
            assert_eq!(refusal("plain", Some(licence)), Some(expected));
        }
        assert!(
            refusal("plain", Some("ask me")).unwrap().starts_with("plain 1.0.0 has the licence")
        );
        assert_eq!(refusal("plain", None).unwrap(), "plain 1.0.0 states no licence");
    }

    #[test]
    fn an_exception_holds_for_its_crate_alone() {
        assert_eq!(refusal("special", Some("MPL-2.0 AND MIT")), None);
        assert!(refusal("plain", Some("MPL-2.0")).is_some());
    }

    #[test]
    fn the_checked_in_rule_can_be_read_and_a_damaged_one_cannot() {
        assert!(!Rule::parse(include_str!("../../../deny.toml")).unwrap().allow.is_empty());
        for (from, to, complaint) in [
            ("[licenses]", "[licences]", "there is no [licenses]"),
            ("allow = [\"MIT\"", "permit = [\"MIT\"", "there is no list `allow`"),
            ("\"MIT\"", "1", "`allow` holds no strings"),
            ("exceptions", "exception", "there is no list `exceptions`"),
            ("crate =", "name =", "an exception names no crate"),
        ] {
            let err = Rule::parse(&DENY.replacen(from, to, 1)).err().unwrap().to_string();
            assert_eq!(err, complaint);
        }
    }
}
