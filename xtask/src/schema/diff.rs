//! `cargo xtask schema diff`: whether bindings made for one runtime fit another one.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};

use crate::{
    codegen::{
        drift::{Report, Severity, Side},
        schema::Schema,
    },
    pin, runtime,
};

pub(crate) const HELP: &str = "\
Compares the schemas of two runtimes, and says of each change whom it breaks: the wire (a program
with the old bindings fails or loses something against the new runtime), the source (a program has
to be changed before it compiles with the new bindings), both, or nobody (additive).

usage: cargo xtask schema diff OLD NEW [options]

OLD is the runtime that the bindings are made for, NEW the one that they are to fit. Each is
  pin         the schema in this repository
  VERSION     a version of the runtime; its schema is kept in target/schemas/VERSION, and npm
              downloads the runtime (150 MB) if it is not there
  DIR         a folder with a schema, in the forms that `cargo xtask codegen --schema` takes; one
              whose name is a version needs a slash (./0.169.0)
  EXECUTABLE  a codex binary, which is asked for its version and its schema; one that is on PATH
              needs its path

options:
  --format text|markdown|json  how to report it (text)
  --output FILE                write the report to this file, and nothing to stdout

What the bindings do not model is no change: descriptions, bounds of numbers and lengths of texts.

The report groups the changes by who sends what is changed. Every line ends with the ids of the
rules that say whom it breaks. In JSON, whose keys stay while more may come:
  old, new, severity (same|additive|source|wire), verdict
  counts   how many changes there are of each class: both, wire, source, additive
  changes  direction (client|server|both), method (the first by which it is reached, or null),
           subject, kind, action (added|removed|changed|became-experimental|became-stable),
           old, new, experimental, class (both|wire|source|additive), rules, types (those that came
           or went with it)
  rules    by id: breaks (wire|source|nothing) and why

exit code: 0 the same, 3 additive, 4 breaks the source, 5 breaks the wire; 1 failed, 2 wrong usage
";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let root = crate::root();
    let options = Options::parse(args)?;
    let old = read(&root, &options.old)?;
    let new = read(&root, &options.new)?;
    for note in old.notes.iter().chain(&new.notes) {
        eprintln!("note: {note}");
    }
    let report = compare(&old, &new)?;
    let text = match options.format {
        Format::Text => report.text(),
        Format::Markdown => report.markdown(),
        Format::Json => serde_json::to_string_pretty(&report.json())? + "\n",
    };
    match &options.output {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => io::stdout().write_all(text.as_bytes()).context("cannot print the report")?,
    }
    Ok(ExitCode::from(match report.severity() {
        Severity::Same => 0,
        Severity::Additive => 3,
        Severity::Source => 4,
        Severity::Wire => 5,
    }))
}

/// What differs between the schema of the bindings in use, and that of the runtime they are to fit.
pub(crate) fn compare(old: &Schema, new: &Schema) -> anyhow::Result<Report> {
    fn side(it: &Schema) -> Side<'_> {
        Side { version: &it.version, input: &it.input }
    }
    Ok(Report::of(side(old), side(new))?)
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    old: String,
    new: String,
    format: Format,
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Markdown,
    Json,
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let (mut sides, mut format, mut output) = (Vec::new(), Format::Text, None);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--format" => {
                    format = match args.next().map(String::as_str) {
                        Some("text") => Format::Text,
                        Some("markdown") => Format::Markdown,
                        Some("json") => Format::Json,
                        _ => return Err(crate::usage("--format needs text, markdown or json")),
                    };
                }
                "--output" => {
                    let path = args.next().ok_or_else(|| crate::usage("--output needs a file"))?;
                    output = Some(path.into());
                }
                it if it.starts_with('-') => {
                    return Err(crate::usage(format!("unexpected argument `{it}`")));
                }
                it => sides.push(it.to_owned()),
            }
        }
        match <[String; 2]>::try_from(sides) {
            Ok([old, new]) => Ok(Self { old, new, format, output }),
            Err(sides) => Err(crate::usage(format!(
                "`schema diff` takes two schemas, OLD and NEW, and got {}",
                sides.len()
            ))),
        }
    }
}

/// The schema that an argument names.
fn read(root: &Path, name: &str) -> anyhow::Result<Schema> {
    let path = Path::new(name);
    if name == "pin" {
        Schema::read(&root.join("schema"))
    } else if is_version(name) {
        Schema::read(&runtime::schema::of_version(root, name)?)
    } else if path.is_dir() {
        Schema::read(path)
    } else if path.is_file() {
        runtime::schema::of_binary(root, path, Schema::read)
    } else {
        bail!(
            "there is no `{name}`; give a version such as 0.169.0, a folder with a schema, the \
             path of a codex binary, or `pin`"
        );
    }
}

/// Names without a slash that begin with a digit are never taken for paths.
fn is_version(name: &str) -> bool {
    pin::is_version(name) && name.starts_with(|it: char| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        let args: Vec<_> = args.iter().map(|it| (*it).to_owned()).collect();
        Options::parse(&args).map_err(|it| it.to_string())
    }

    #[test]
    fn options_may_stand_anywhere() {
        let options = parse(&["pin", "--format", "json", "1.2.3", "--output", "a"]).unwrap();
        let (old, new) = ("pin".to_owned(), "1.2.3".to_owned());
        let output = Some("a".into());
        assert_eq!(options, Options { old, new, format: Format::Json, output });
    }

    #[test]
    fn a_wrong_command_line_is_refused() {
        for (args, complaint) in [
            (&["pin"][..], "`schema diff` takes two schemas, OLD and NEW, and got 1"),
            (&["a", "b", "c"], "`schema diff` takes two schemas, OLD and NEW, and got 3"),
            (&["a", "b", "--format", "yaml"], "--format needs text, markdown or json"),
            (&["a", "b", "--output"], "--output needs a file"),
            (&["a", "b", "--now"], "unexpected argument `--now`"),
        ] {
            assert_eq!(parse(args), Err(complaint.to_owned()));
        }
    }
}
