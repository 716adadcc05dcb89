//! `cargo xtask compat`: which runtimes the crate works with.

mod areas;
mod libtest;
mod readme;
mod report;
mod suite;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, ensure};

use crate::{
    compat::{
        readme::Readme,
        suite::{Run, Suite},
    },
    pin::{self, Pin},
    runtime::{self, published},
};

pub(crate) const HELP: &str = "\
Runs the tests of the real runtime with other runtimes than the pinned one, and prints a table of
what works.

usage: cargo xtask compat [--versions VERSION,VERSION,...] [options] [-- arguments]

Rows are areas of what a user relies on, columns are runtimes: `yes` where every test passes, else
how many do. Below are the tests that fail, by name and cause. The pinned runtime always is a
column, as a control: where it fails, too, nothing can be told about the others. A test that fails
is run once more, and counts as it ends then. It may say no more than that an old runtime lacks
something: none is left out for that.

npm downloads the runtimes that are not in target/runtimes yet (150 to 170 MB each). Their sha512 is
compared with the one that `npm view` prints: npm alone vouches for them, no pin does. CODEX_BIN is
not used. What the tests print is kept in target/compat.

options:
  --versions V,...    these, in any order; `latest` is the newest that is published. Without it:
                      those that the table in README.md has, and `latest`
  --deadline SECONDS  how long the tests of one runtime may take (1800)
  --json              print everything as JSON
  --update            write the table into README.md
  -- ARGUMENTS        for the test runner, such as `--test-threads 4`

exit code: 0 if everything works with every runtime, 1 if something does not, 2 if that could not be
told or the command line is wrong; then README.md stays as it is.
";

/// No run has come near this.
const DEADLINE: Duration = Duration::from_secs(1800);

const LATEST: &str = "latest";

#[derive(Debug, PartialEq, Eq)]
struct Options {
    versions: Option<Vec<String>>,
    deadline: Duration,
    json: bool,
    update: bool,
    /// For the test runner.
    args: Vec<String>,
}

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let options = Options::parse(args)?;
    measure(&options).or_else(|err| {
        eprintln!("error: {err:#}");
        Ok(ExitCode::from(2))
    })
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Options> {
        let mut it = Options {
            versions: None,
            deadline: DEADLINE,
            json: false,
            update: false,
            args: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--versions" => {
                    let versions = args.next().filter(|it| !it.starts_with('-'));
                    let versions =
                        versions.ok_or_else(|| crate::usage("--versions needs versions"))?;
                    it.versions =
                        Some(versions.split(',').map(|it| it.trim().to_owned()).collect());
                }
                "--deadline" => {
                    let seconds = args.next().and_then(|it| it.parse().ok());
                    let seconds =
                        seconds.ok_or_else(|| crate::usage("--deadline needs seconds"))?;
                    it.deadline = Duration::from_secs(seconds);
                }
                "--json" => it.json = true,
                "--update" => it.update = true,
                "--" => it.args.extend(args.by_ref().cloned()),
                _ => return Err(crate::usage(format!("unexpected argument `{arg}`"))),
            }
        }
        if it.update && !it.args.is_empty() {
            return Err(crate::usage("--update is for all of the tests, without arguments"));
        }
        if let Some(word) = it.versions.iter().flatten().find(|it| !pin::is_version(it)) {
            return Err(crate::usage(format!("`{word}` is no version of the runtime")));
        }
        Ok(it)
    }
}

fn measure(options: &Options) -> anyhow::Result<ExitCode> {
    let root = crate::root();
    let pin = Pin::read(&root)?;
    let versions = versions(options, &Readme::read(&root)?, &pin.runtime)?;
    // What is not to be had is known before anything takes long.
    let runtimes =
        versions.iter().map(|it| fetch(&root, &pin, it)).collect::<Result<Vec<_>, _>>()?;
    let suite = Suite::build(&root, options.deadline, options.args.clone())?;
    let runs = versions.iter().zip(&runtimes).map(|(version, binary)| suite.run(version, binary));
    let runs = runs.collect::<Result<Vec<_>, _>>()?;

    if options.json {
        let json = report::json(&runs, &pin.runtime, &pin::host());
        println!("{}", serde_json::to_string_pretty(&json)?);
    } else {
        print!("{}{}", report::table(&runs), report::details(&runs));
    }
    let code = judge(&runs, &pin.runtime)?;
    if options.update {
        // It may have been edited since.
        Readme::read(&root)?.write(&root, &section(&runs, &pin.runtime))?;
        eprintln!("compat: the table is in README.md");
    }
    Ok(code)
}

/// The versions to try, the oldest first, each once.
fn versions(options: &Options, readme: &Readme, pin: &str) -> anyhow::Result<Vec<String>> {
    let mut versions = options.versions.clone().unwrap_or_else(|| {
        let mut it = readme.versions();
        it.push(LATEST.to_owned());
        it
    });
    for version in &mut versions {
        if version == LATEST {
            *version = published::latest()?;
        }
    }
    versions.push(pin.to_owned());
    versions.sort_by_cached_key(|it| order(it));
    versions.dedup();
    Ok(versions)
}

/// Numbers count as such, and what comes before a release is before it.
fn order(version: &str) -> (Vec<u64>, bool, Vec<(u64, String)>) {
    let (release, before) = version.split_once('-').unwrap_or((version, ""));
    let number = |it: &str| it.parse().unwrap_or(u64::MAX);
    let words = before.split(['.', '-']).map(|it| (number(it), it.to_owned()));
    (release.split('.').map(number).collect(), before.is_empty(), words.collect())
}

fn fetch(root: &Path, pin: &Pin, version: &str) -> anyhow::Result<PathBuf> {
    if version == pin.runtime {
        return runtime::pinned(root, pin);
    }
    published::of_version(root, version)
}

/// Whether everything works. Fails if that cannot be told.
fn judge(runs: &[Run], pin: &str) -> anyhow::Result<ExitCode> {
    let mut works = true;
    for run in runs {
        let version = &run.version;
        let output = run.output.as_ref();
        let output = output.ok().with_context(|| format!("nothing can be told about {version}"))?;
        if output.failed().next().is_some() {
            ensure!(
                version != pin,
                "tests fail with the pinned runtime, so the others may not be to blame for theirs"
            );
            works = false;
        }
    }
    Ok(if works { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn section(runs: &[Run], pin: &str) -> String {
    let versions: Vec<_> = runs.iter().map(|it| it.version.as_str()).collect();
    format!(
        "Measured with codexkit {pin} on {} by\n`cargo xtask compat --versions {} --update`:\n\
         `yes` where every test of the real runtime passes, in the second try at the latest, else how\n\
         many do.\n\n{}",
        pin::host(),
        versions.join(","),
        report::table(runs)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> anyhow::Result<Options> {
        Options::parse(&args.iter().map(|&it| it.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_behind_the_dashes_are_for_the_test_runner() {
        let options =
            parse(&["--versions", "1.2.3,latest", "--deadline", "7", "--", "--update"]).unwrap();
        let expected = Options {
            versions: Some(vec!["1.2.3".to_owned(), "latest".to_owned()]),
            deadline: Duration::from_secs(7),
            json: false,
            update: false,
            args: vec!["--update".to_owned()],
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn a_wrong_command_line_is_one_of_the_usage() {
        for args in [
            &["--versions"][..],
            &["--versions", "--json"],
            &["--versions", ""],
            &["--versions", "1.2.3,,1.2.4"],
            &["--versions", "../evil"],
            &["--deadline", "soon"],
            &["--update", "--", "--skip", "goals"],
            &["1.2.3"],
        ] {
            assert!(parse(args).unwrap_err().is::<crate::Usage>(), "{args:?}");
        }
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let mut versions = ["0.10.0", "0.9.0", "0.10.0-alpha.10", "0.10.0-alpha.9", "0.10.0-rc.1"];
        versions.sort_by_cached_key(|it| order(it));
        let expected = ["0.9.0", "0.10.0-alpha.9", "0.10.0-alpha.10", "0.10.0-rc.1", "0.10.0"];
        assert_eq!(versions, expected);
    }
}
