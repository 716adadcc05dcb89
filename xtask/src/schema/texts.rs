//! The files that name the version of the runtime, with another one.

use anyhow::{Context, bail, ensure};
use toml::de::DeTable;

/// What stands for the day on which a version is released.
const UNRELEASED: &str = "Unreleased";

/// The version that `Cargo.toml` of the workspace gives the crate.
pub(super) fn version(manifest: &str) -> anyhow::Result<String> {
    let table = DeTable::parse(manifest).context("Cargo.toml is not valid TOML")?;
    let mut value = table.get_ref().get("workspace");
    for key in ["package", "version"] {
        value = value.and_then(|it| it.get_ref().get(key));
    }
    let version = value.and_then(|it| it.get_ref().as_str());
    Ok(version.context("Cargo.toml has no workspace.package.version")?.to_owned())
}

/// `Cargo.toml` of the workspace.
pub(super) fn manifest(text: &str, old: &str, new: &str) -> anyhow::Result<String> {
    only(text, &format!("\nversion = \"{old}\"\n"), &format!("\nversion = \"{new}\"\n"))
        .context("Cargo.toml")
}

/// `Cargo.lock`.
pub(super) fn lock(text: &str, old: &str, new: &str) -> anyhow::Result<String> {
    let entry =
        |version: &str| format!("\n[[package]]\nname = \"codexkit\"\nversion = \"{version}\"\n");
    only(text, &entry(old), &entry(new)).context("Cargo.lock")
}

/// `README.md`: what to write into a manifest, what to install, and what the types are made from.
/// What it says of other runtimes is left alone.
pub(super) fn readme(text: &str, old: &str, new: &str) -> anyhow::Result<String> {
    let mut res = text.to_owned();
    for (before, after) in
        [("codexkit = \"", "\""), ("@openai/codex@", "`"), ("of runtime ", " is")]
    {
        let place = |version: &str| format!("{before}{version}{after}");
        ensure!(res.contains(&place(old)), "README.md has no `{}`", place(old));
        res = res.replace(&place(old), &place(new));
    }
    Ok(res)
}

/// `CHANGELOG.md` with this as what the version `new` has under Protocol.
pub(super) fn changelog(text: &str, new: &str, protocol: &str) -> anyhow::Result<String> {
    let section = format!("### Protocol\n\n{}\n", protocol.trim_end());
    let head = format!("\n## {new} - ");
    let Some(start) = text.find(&head) else {
        let at =
            text.find("\n## ").context("CHANGELOG.md has no section that begins with `## `")?;
        let (before, after) = text.split_at(at);
        return Ok(format!("{before}{head}{UNRELEASED}\n\n{section}{after}"));
    };
    // The version has a section already: an update was repeated. What is released stays.
    let body = start + head.len();
    if !text[body..].starts_with(UNRELEASED) {
        return Ok(text.to_owned());
    }
    let end = text[body..].find("\n## ").map_or(text.len(), |it| body + it);
    let of = &text[body..end];
    let Some(old) = of.find("### Protocol\n") else {
        bail!("CHANGELOG.md has a section {new}, but no `### Protocol` in it: add one");
    };
    let rest = of[old + 1..].find("\n### ").map_or("", |it| &of[old + 1 + it..]);
    Ok(format!("{}{}{section}{rest}{}", &text[..body], &of[..old], &text[end..]))
}

/// Whether the changelog has a section for a version.
pub(super) fn has_section(changelog: &str, version: &str) -> bool {
    changelog.lines().any(|it| it.starts_with(&format!("## {version} - ")))
}

/// Replaces what occurs once.
fn only(text: &str, from: &str, to: &str) -> anyhow::Result<String> {
    match text.matches(from).count() {
        1 => Ok(text.replace(from, to)),
        n => bail!("it has {n} times what should be there once: {}", from.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(res: anyhow::Result<String>) -> String {
        format!("{:#}", res.unwrap_err())
    }

    #[test]
    fn the_version_of_the_crate_is_replaced_and_no_other_one() {
        let text =
            "[workspace.package]\nversion = \"0.1.0\"\n[workspace.dependencies]\na = \"0.1.0\"\n";
        assert_eq!(version(text).unwrap(), "0.1.0");
        let changed = manifest(text, "0.1.0", "0.2.0").unwrap();
        assert_eq!(version(&changed).unwrap(), "0.2.0");
        assert!(changed.ends_with("a = \"0.1.0\"\n"), "{changed}");
        let twice = format!("{text}version = \"0.1.0\"\n");
        let expected = "Cargo.toml: it has 2 times what should be there once: version = \"0.1.0\"";
        assert_eq!(complaint(manifest(&twice, "0.1.0", "0.2.0")), expected);
        assert!(complaint(version("[package]\nversion = \"1.0.0\"")).contains("workspace.package"));

        let package =
            |name: &str| format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
        let text = package("codexkit") + &package("codexkit-not");
        let changed = lock(&text, "0.1.0", "0.2.0").unwrap();
        assert_eq!(
            changed,
            package("codexkit").replace("0.1.0", "0.2.0") + &package("codexkit-not")
        );
        assert!(complaint(lock("", "0.1.0", "0.2.0")).starts_with("Cargo.lock: it has 0 times"));
    }

    #[test]
    fn the_readme_is_changed_where_it_is_about_the_pin() {
        let text =
            "of runtime 0.1.0 is\ncodexkit = \"0.1.0\"\n`@openai/codex@0.1.0`\n| 0.1.0 | yes |\n";
        let changed = readme(text, "0.1.0", "0.2.0").unwrap();
        assert_eq!(changed.matches("0.2.0").count(), 3);
        assert!(changed.ends_with("| 0.1.0 | yes |\n"));
        for place in text.lines().take(3) {
            let err = complaint(readme(&text.replace(place, ""), "0.1.0", "0.2.0"));
            assert!(err.starts_with("README.md has no `"), "{err}");
        }
    }

    #[test]
    fn a_version_gets_one_section_which_is_rewritten() {
        let text = "# Changelog\n\nWords.\n\n## 0.1.0 - 2026-01-01\n\n### Protocol\n\n- One.\n";
        let once = changelog(text, "0.2.0", "- Two.\n").unwrap();
        let expected =
            text.replace("\n## 0.1", "\n## 0.2.0 - Unreleased\n\n### Protocol\n\n- Two.\n\n## 0.1");
        assert_eq!(once, expected);
        assert!(has_section(&once, "0.2.0") && !has_section(&once, "0.2"));
        // What somebody has added stays.
        let edited = once.replace("- Two.\n", "- Two.\n\n### Added\n\n- More.\n");
        let again = changelog(&edited, "0.2.0", "- Deux.").unwrap();
        assert_eq!(again, edited.replace("Two", "Deux"));
        // Also in the last section, but not in one that is released.
        let last = text.replace("2026-01-01", "Unreleased");
        assert_eq!(changelog(&last, "0.1.0", "- Uno.").unwrap(), last.replace("One", "Uno"));
        assert_eq!(changelog(text, "0.1.0", "- Uno.").unwrap(), text);

        let err = complaint(changelog("# Changelog\n", "0.2.0", "- Two."));
        assert!(err.starts_with("CHANGELOG.md has no section that begins"), "{err}");
        let err = complaint(changelog(&last.replace("### Proto", "### Other"), "0.1.0", "- Two."));
        assert!(
            err.starts_with("CHANGELOG.md has a section 0.1.0, but no `### Protocol`"),
            "{err}"
        );
    }
}
