//! The table in the README.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

const FILE: &str = "README.md";
const BEGIN: &str = "<!-- compat: begin -->\n";
const END: &str = "<!-- compat: end -->\n";

/// A README with a place for the table.
pub(super) struct Readme {
    before: String,
    section: String,
    after: String,
}

impl Readme {
    pub(super) fn read(root: &Path) -> anyhow::Result<Readme> {
        let text =
            fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
        Readme::parse(&text).with_context(|| {
            format!("{FILE} has no place for the table: {} and then {}", BEGIN.trim(), END.trim())
        })
    }

    fn parse(text: &str) -> Option<Readme> {
        let (before, rest) = text.split_once(BEGIN)?;
        let (section, after) = rest.split_once(END)?;
        let [before, section, after] = [before, section, after].map(str::to_owned);
        Some(Readme { before, section, after })
    }

    /// The versions that the table is about.
    pub(super) fn versions(&self) -> Vec<String> {
        let header = self.section.lines().find(|it| it.starts_with('|'));
        let cells = header.into_iter().flat_map(|it| it.trim_matches('|').split('|').skip(1));
        cells.map(|it| it.trim().to_owned()).collect()
    }

    pub(super) fn write(&self, root: &Path, section: &str) -> anyhow::Result<()> {
        ensure!(!section.contains(END), "the table would end itself");
        let Readme { before, after, .. } = self;
        let text = format!("{before}{BEGIN}{section}{END}{after}");
        fs::write(root.join(FILE), text).with_context(|| format!("cannot write {FILE}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_those_of_the_columns() {
        let of =
            |table: &str| Readme::parse(&format!("a\n{BEGIN}{table}{END}b\n")).unwrap().versions();
        let table =
            "Words.\n\n| what works | 1.2.3 | 1.2.4-alpha.1 |\n|---|---|---|\n| a | yes | no |\n";
        assert_eq!(of(table), ["1.2.3", "1.2.4-alpha.1"]);
        assert_eq!(of(""), Vec::<String>::new());
    }

    #[test]
    fn a_readme_without_a_place_is_refused() {
        for text in ["", BEGIN, END, "<!-- compat: end -->\n<!-- compat: begin -->\n"] {
            assert!(Readme::parse(text).is_none(), "{text}");
        }
        assert!(Readme::read(&crate::root()).is_ok());
    }
}
