//! What the test runner prints.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

/// Characters of a failure that are shown.
const SHOWN: usize = 240;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    Ignored,
}

/// What is known from the output so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) tests: BTreeMap<String, Verdict>,
    /// Those of them that passed only when they were run again.
    pub(super) again: Vec<String>,
    /// What failed tests said first.
    causes: BTreeMap<String, String>,
    /// Passed, failed and ignored, as the closing line counts them.
    closing: Option<[usize; 3]>,
}

impl Output {
    pub(super) fn parse(text: &str) -> Output {
        // What a failed test printed may look like anything.
        let (results, details) = text.split_once("\nfailures:\n").unwrap_or((text, ""));
        let (details, _) = details.split_once("\nfailures:\n").unwrap_or((details, ""));
        Output {
            tests: results.lines().filter_map(verdict).collect(),
            again: Vec::new(),
            causes: causes(details),
            closing: text.lines().rev().find_map(closing),
        }
    }

    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.tests.values().filter(|&&it| it == verdict).count()
    }

    /// The tests that failed, and why.
    pub(super) fn failed(&self) -> impl Iterator<Item = (&str, &str)> {
        let failed = self.tests.iter().filter(|it| *it.1 == Verdict::Failed);
        failed.map(|(test, _)| {
            (test.as_str(), self.causes.get(test).map_or("it says nothing", String::as_str))
        })
    }

    /// Adds what became of the tests that failed when they were run once more.
    pub(super) fn add_second(&mut self, second: &Output) {
        for (test, verdict) in &second.tests {
            if *verdict == Verdict::Passed && self.tests.get(test) == Some(&Verdict::Failed) {
                self.tests.insert(test.clone(), Verdict::Passed);
                self.again.push(test.clone());
            }
        }
    }

    /// Refuses the output of a run that did not come to its end, or that was not understood.
    pub(super) fn check_whole(&self) -> anyhow::Result<()> {
        let closing = self.closing.context("its last line is missing")?;
        let found = [Verdict::Passed, Verdict::Failed, Verdict::Ignored].map(|it| self.count(it));
        ensure!(
            closing == found,
            "its last line counts {closing:?} tests that passed, failed and were ignored, and \
             {found:?} were found"
        );
        Ok(())
    }
}

/// Reads `test module::name ... ok`, also behind what something else has begun to write.
fn verdict(line: &str) -> Option<(String, Verdict)> {
    let (head, word) = line.rsplit_once(" ... ")?;
    let verdict = match word.trim_end() {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        it if it.starts_with("ignored") => Verdict::Ignored,
        _ => return None,
    };
    let (_, name) = head.rsplit_once("test ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| (name.to_owned(), verdict))
}

fn closing(line: &str) -> Option<[usize; 3]> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ");
    let mut next = |what| counts.next()?.strip_suffix(what)?.parse().ok();
    Some([next(" passed")?, next(" failed")?, next(" ignored")?])
}

fn causes(details: &str) -> BTreeMap<String, String> {
    let mut causes = BTreeMap::new();
    let mut test: Option<(&str, Vec<&str>)> = None;
    for line in details.lines().chain(["---- the end stdout ----"]) {
        let header = line.strip_prefix("---- ").and_then(|it| it.strip_suffix(" stdout ----"));
        match (header, &mut test) {
            (Some(name), _) => {
                if let Some((name, lines)) = test.replace((name, Vec::new())) {
                    causes.insert(name.to_owned(), cause(&lines));
                }
            }
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    causes
}

/// The message of the first panic in one line, or else the first line.
fn cause(lines: &[&str]) -> String {
    let panicked = lines.iter().position(|it| it.contains("panicked at ") && it.ends_with(':'));
    let message = &lines[panicked.map_or(0, |it| it + 1)..];
    let mut message = message.iter().map(|it| it.trim()).skip_while(|it| it.is_empty());
    let mut cause = message.next().unwrap_or("it says nothing").to_owned();
    // These say nothing without what was compared.
    if cause.starts_with("assertion `") {
        for side in message.take_while(|it| it.starts_with("left: ") || it.starts_with("right: ")) {
            cause = format!("{cause}, {side}");
        }
    }
    match cause.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &cause[..end]),
        None => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a runner printed, with what a child of a test wrote in between.
    const CAPTURED: &str = "
running 6 tests
test turns::a_turn_ends ... ok
noise of a child test logins::a_login_ends ... FAILED
test turns::a_turn_that_panics - should panic ... ok
test goals::a_goal_is_kept has been running for over 60 seconds
test goals::a_goal_is_kept ... FAILED
test lists::nobody_wants_this ... ignored, for a reason
test lists::a_list_ends ... FAILED

failures:

---- logins::a_login_ends stdout ----
test printed::by_a_test ... ok

thread 'logins::a_login_ends' (4711) panicked at tests/runtime/logins.rs:10:5:
assertion `left == right` failed: of the login
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace

---- goals::a_goal_is_kept stdout ----

thread 'goals::a_goal_is_kept' (4712) panicked at tests/runtime/goals.rs:20:9:
not done within 60s: tests/runtime/support.rs:57:9

thread 'tokio-rt' (4713) panicked at src/other.rs:1:1:
later

---- lists::a_list_ends stdout ----
Error: \"no list\"

failures:
    goals::a_goal_is_kept
    lists::a_list_ends
    logins::a_login_ends

test result: FAILED. 2 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 1.02s

";

    #[test]
    fn every_test_has_its_verdict_and_every_failure_its_cause() {
        let output = Output::parse(CAPTURED);
        let tests: Vec<_> = output.tests.iter().map(|(name, it)| (name.as_str(), *it)).collect();
        let expected = [
            ("goals::a_goal_is_kept", Verdict::Failed),
            ("lists::a_list_ends", Verdict::Failed),
            ("lists::nobody_wants_this", Verdict::Ignored),
            ("logins::a_login_ends", Verdict::Failed),
            ("turns::a_turn_ends", Verdict::Passed),
            ("turns::a_turn_that_panics", Verdict::Passed),
        ];
        assert_eq!(tests, expected);
        let causes: Vec<_> = output.causes.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let login = "assertion `left == right` failed: of the login, left: 1, right: 2";
        let expected = [
            ("goals::a_goal_is_kept", "not done within 60s: tests/runtime/support.rs:57:9"),
            ("lists::a_list_ends", "Error: \"no list\""),
            ("logins::a_login_ends", login),
        ];
        assert_eq!(causes, expected);
        output.check_whole().unwrap();
    }

    #[test]
    fn output_that_is_cut_off_anywhere_is_not_whole() {
        let end = CAPTURED.find("; 0 measured").unwrap();
        for length in 0..end {
            Output::parse(&CAPTURED[..length]).check_whole().unwrap_err();
        }
        Output::parse(&CAPTURED[..end]).check_whole().unwrap();
    }

    #[test]
    fn a_result_that_was_not_understood_is_noticed() {
        let text = CAPTURED.replace("test turns::a_turn_ends ... ok", "test turns::a_tu ... o");
        let err = Output::parse(&text).check_whole().unwrap_err().to_string();
        assert!(
            err.contains("counts [2, 3, 1] tests") && err.contains("[1, 3, 1] were found"),
            "{err}"
        );
    }

    #[test]
    fn a_cause_is_one_line_of_limited_length() {
        let long = "é".repeat(SHOWN + 1);
        assert_eq!(cause(&["", &long]), format!("{}…", "é".repeat(SHOWN)));
        assert_eq!(cause(&["", ""]), "it says nothing");
    }
}
