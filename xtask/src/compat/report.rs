//! What works with which runtime, for people and for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::compat::{
    areas::{AREAS, Area},
    libtest::{Output, Verdict},
    suite::Run,
};

/// The table: a row for each area, a column for each runtime.
pub(super) fn table(runs: &[Run]) -> String {
    let mut text = "| what works".to_owned();
    for run in runs {
        let _ = write!(text, " | {}", run.version);
    }
    text += " |\n|---";
    text += &"|---".repeat(runs.len());
    text += "|\n";
    for area in AREAS {
        let _ = write!(text, "| {}", area.name);
        for run in runs {
            let cell = run.output.as_ref().map_or_else(|_| "?".to_owned(), |it| cell(area, it));
            let _ = write!(text, " | {cell}");
        }
        text += " |\n";
    }
    text
}

/// What does not work, and what cannot be told, by runtime.
pub(super) fn details(runs: &[Run]) -> String {
    let mut text = String::new();
    for run in runs {
        let version = &run.version;
        match &run.output {
            Err(reason) => _ = writeln!(text, "\n{version} could not be told: {reason}"),
            Ok(output) if output.failed().next().is_none() && output.again.is_empty() => {}
            Ok(output) => {
                let _ = writeln!(text, "\n{version}:\n");
                for (test, cause) in output.failed() {
                    let _ = writeln!(text, "- `{test}`: {cause}");
                }
                for test in &output.again {
                    let _ = writeln!(text, "- `{test}` passed when it was run again");
                }
            }
        }
    }
    text
}

pub(super) fn json(runs: &[Run], pin: &str, platform: &str) -> Value {
    let runs: Vec<_> = runs.iter().map(of_run).collect();
    json!({ "codexkit": pin, "platform": platform, "runtimes": runs })
}

fn of_run(run: &Run) -> Value {
    let seconds = run.took.as_secs();
    let output = match &run.output {
        Err(reason) => {
            return json!({ "version": run.version, "seconds": seconds, "unknown": reason });
        }
        Ok(output) => output,
    };
    let areas = AREAS.iter().map(|area| {
        let (passed, tests) = count(area, output);
        json!({ "name": area.name, "passed": passed, "tests": tests })
    });
    let failed = output.failed().map(|(test, cause)| json!({ "test": test, "cause": cause }));
    json!({
        "version": run.version,
        "seconds": seconds,
        "areas": areas.collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
        "passed_again": output.again,
    })
}

fn cell(area: &Area, output: &Output) -> String {
    match count(area, output) {
        (passed, tests) if passed == tests => "yes".to_owned(),
        (passed, tests) => format!("{passed} of {tests}"),
    }
}

/// How many tests of an area passed, and how many there are.
fn count(area: &Area, output: &Output) -> (usize, usize) {
    let tests: Vec<_> = output.tests.iter().filter(|it| area.has(it.0)).collect();
    (tests.iter().filter(|it| *it.1 == Verdict::Passed).count(), tests.len())
}
