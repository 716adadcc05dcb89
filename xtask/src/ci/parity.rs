//! `PARITY.md` has every row, and the tests that it names are there.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, bail};

/// The rows of the features and of the weaknesses: each from 1 to its last one.
const ROWS: [(char, u32); 2] = [('F', 78), ('W', 41)];

/// How what is said of a row may begin.
const STATUSES: [&str; 5] = ["matched", "exceeded", REFUSED, "open: login", "open: approvals"];

/// The reason follows.
const REFUSED: &str = "refused:";

pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(root.join("PARITY.md")).context("cannot read PARITY.md")?;
    let problems = problems(&text, |file| fs::read_to_string(root.join(file)).ok());
    if !problems.is_empty() {
        bail!("PARITY.md is not right:\n  {}", problems.join("\n  "));
    }
    let count = named_tests(&text).collect::<BTreeSet<_>>().len();
    eprintln!("parity: every row is there, and so are the {count} tests that are named");
    Ok(())
}

/// What is wrong with the text; `read` gives that of another file.
fn problems(text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let rows: Vec<_> = rows(text).collect();
    let mut problems: Vec<_> = rows.iter().filter_map(|row| problem(row)).collect();
    let ids: Vec<_> = ROWS
        .iter()
        .flat_map(|&(kind, last)| (1..=last).map(move |n| format!("{kind}{n}")))
        .collect();
    for id in &ids {
        match rows.iter().filter(|row| row[0] == id).count() {
            0 => problems.push(format!("{id} is missing")),
            1 => (),
            count => problems.push(format!("{id} is there {count} times")),
        }
    }
    let strangers = rows.iter().filter(|row| row.len() == 4 && !ids.iter().any(|id| row[0] == id));
    problems.extend(strangers.map(|row| format!("{} is none of the rows", row[0])));
    for (file, name) in named_tests(text).collect::<BTreeSet<_>>() {
        match read(file) {
            Some(source) if has_test(&source, name) => (),
            Some(_) => problems.push(format!("{file} has no test `{name}`")),
            None => problems.push(format!("{file} cannot be read")),
        }
    }
    problems
}

/// The cells of each row of each table but the heads.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let next = text.lines().skip(1).chain([""]);
    let is_rule = |line: &str| line.starts_with("|---");
    let lines = text.lines().zip(next).filter(move |(line, next)| !is_rule(line) && !is_rule(next));
    let cells = lines.filter_map(|(line, _)| line.strip_prefix('|')?.strip_suffix('|'));
    cells.map(|cells| cells.split('|').map(str::trim).collect())
}

/// What is wrong with a row: an id, a feature, what becomes of it and tests, or a claim and tests.
fn problem(row: &[&str]) -> Option<String> {
    let (first, tests_of) = (row[0], row[row.len() - 1]);
    let names_none = named_tests(tests_of).next().is_none();
    match *row {
        [_, _] if names_none => Some(format!("no test shows that {first}")),
        [_, _] => None,
        [_, feature, here, _] => {
            let status = STATUSES.iter().find(|it| here.starts_with(**it));
            let is_done = status.is_some_and(|it| ["matched", "exceeded"].contains(it));
            if feature.is_empty() || status.is_none() || here == REFUSED {
                return Some(format!("{first} does not say what it is and what becomes of it"));
            }
            (is_done && names_none).then(|| format!("no test shows {first}"))
        }
        _ => Some(format!("{first} has {} cells", row.len())),
    }
}

/// The tests that a text names: a file and a function each.
fn named_tests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let names = text.split('`').skip(1).step_by(2).filter_map(|it| it.split_once("::"));
    names.filter(|(file, _)| Path::new(file).extension().is_some_and(|it| it == "rs"))
}

/// Whether a source has a function of this name, and an attribute makes it a test.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim_start).collect();
    let opening = format!("fn {name}(");
    let is_it = |line: &&str| line.trim_start_matches("async ").starts_with(&opening);
    let Some(at) = lines.iter().position(is_it) else { return false };
    let attributes = lines[..at].iter().rev().take_while(|it| it.starts_with("#["));
    attributes.into_iter().any(|it| *it == "#[test]" || it.starts_with("#[tokio::test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
#[test]
fn it_flies() {}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn it_sings() {}

fn it_flies_far() {}
";

    /// A whole table in which the row of `id` is another one.
    fn table(id: &str, row: &str) -> String {
        let ids =
            ROWS.iter().flat_map(|&(kind, last)| (1..=last).map(move |n| format!("{kind}{n}")));
        let rows = ids.map(|it| if it == id { row.to_owned() } else { good(&it) });
        let rows: Vec<_> = rows.collect();
        format!(
            "# Title\n\n| | there | here | shown by |\n|---|---|---|---|\n{}\n",
            rows.join("\n")
        )
    }

    fn good(id: &str) -> String {
        format!("| {id} | birds fly | exceeded: they sing | `a.rs::it_flies`, `a.rs::it_sings` |")
    }

    fn found(text: &str) -> Vec<String> {
        problems(text, |file| (file == "a.rs").then(|| SOURCE.to_owned()))
    }

    #[test]
    fn a_row_has_a_test_or_a_reason_to_have_none() {
        for row in [
            "| F3 | a | matched | `a.rs::it_sings` |",
            "| F3 | a | refused: no need | |",
            "| F3 | a | open: login | |",
            "| F3 | a | open: approvals. Refused until then | `a.rs::it_sings` |",
        ] {
            assert_eq!(found(&table("F3", row)), [""; 0], "{row}");
        }
        for (row, problem) in [
            ("| F3 | a | matched | |", "no test shows F3"),
            ("| F3 | a | exceeded: by far | it flies |", "no test shows F3"),
            ("| F3 | a | refused: | |", "F3 does not say what it is and what becomes of it"),
            ("| F3 | a | later | |", "F3 does not say what it is and what becomes of it"),
            (
                "| F3 | | matched | `a.rs::it_flies` |",
                "F3 does not say what it is and what becomes of it",
            ),
            ("| F3 | a | matched |", "F3 has 3 cells"),
        ] {
            assert_eq!(found(&table("F3", row)), [problem], "{row}");
        }
    }

    #[test]
    fn each_row_is_there_once() {
        let twice = format!("{}\n{}", good("W41"), good("W41"));
        assert_eq!(found(&table("W41", &twice)), ["W41 is there 2 times"]);
        assert_eq!(found(&table("F78", "")), ["F78 is missing"]);
        let more = format!("{}\n{}", good("F1"), good("F79"));
        assert_eq!(found(&table("F1", &more)), ["F79 is none of the rows"]);
        assert_eq!(found("").len(), 78 + 41);
    }

    #[test]
    fn a_test_that_is_named_is_one() {
        for (name, problem) in [
            ("a.rs::it_swims", "a.rs has no test `it_swims`"),
            ("a.rs::it_flies_far", "a.rs has no test `it_flies_far`"),
            ("a.rs::it_fl", "a.rs has no test `it_fl`"),
            ("b.rs::it_flies", "b.rs cannot be read"),
        ] {
            let row = format!("| F3 | a | matched | `a.rs::it_flies`, `{name}` |");
            assert_eq!(found(&table("F3", &row)), [problem], "{name}");
        }
    }

    #[test]
    fn a_claim_has_a_test() {
        let claims = "\n| claim | shown by |\n|---|---|\n| birds fly | `a.rs::it_flies` |\n";
        let text = table("", "") + claims;
        assert_eq!(found(&text), [""; 0]);
        assert_eq!(found(&(text + "| birds swim | |\n")), ["no test shows that birds swim"]);
    }
}
