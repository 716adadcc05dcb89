//! `cargo xtask schema check`: whether everything fits the pin, and a runtime fits what is pinned.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{diff, edits, texts, update::OUTLINE};
use crate::{
    codegen::{Types, drift::Severity, generator::Input, schema::Schema},
    pin::Pin,
    runtime::{self, schema},
    since,
};

pub(crate) const HELP: &str = "\
Says whether what is generated and written down fits the pinned schema. Without an option this needs
nothing but the files of the repository.

usage: cargo xtask schema check [--runtime | --binary PATH] [--json]

It looks whether
  bundles     the bundles have the checksums of the pin
  versions    the crate, README.md, CHANGELOG.md and since.json are about the pinned runtime
  generator   every method and every shape of the schema is known to the generator
  subset      what is stable is the same among what is experimental
  outline     tests/data/outline.txt is that of the types
  tables      every entry of src/codegen/tables/pinned.rs still applies, and none is missing
  runtime     the bundles are what a runtime writes: the pinned one, or that of --binary

options:
  --runtime      ask the pinned runtime, which is fetched if needed, or the one that CODEX_BIN names
  --binary PATH  ask this codex; the line about it says whether it still fits, and what breaks
  --json         one JSON object on stdout instead of lines

Each line that is no success ends with the command that mends it or, where somebody has to edit what
the line names, with the one that tells whether that was enough. The exit code is 0 when everything
fits, 1 when something does not, and 2 when that could not be told.
";

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let options = Options::parse(args)?;
    let res = findings(&crate::root(), &options);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&as_json(&res))?);
    } else {
        match &res {
            Ok(res) => res.print(),
            Err(it) => eprintln!("error: it cannot be told whether everything fits: {it:#}"),
        }
    }
    Ok(match res {
        Ok(it) if it.all.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(2),
    })
}

/// For `cargo xtask ci`: everything that needs no runtime.
pub(crate) fn pinned(root: &Path) -> anyhow::Result<()> {
    ensure_none(&findings(root, &Options { asked: None, json: false })?)
}

/// For `cargo xtask ci`: the bundles are what the pinned runtime writes.
pub(crate) fn runtime(root: &Path) -> anyhow::Result<()> {
    let pinned = Pin::read(root)?.runtime;
    let mut res = Findings { pinned, asked: None, all: Vec::new() };
    ask(root, &Asked::Pinned, &Schema::read(&root.join("schema"))?, &mut res)?;
    ensure_none(&res)
}

fn ensure_none(res: &Findings) -> anyhow::Result<()> {
    res.print();
    ensure!(res.all.is_empty(), "not everything fits the pinned schema");
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    asked: Option<Asked>,
    json: bool,
}

/// The runtime that is asked.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Pinned,
    Binary(PathBuf),
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut res = Self { asked: None, json: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let asked = match arg.as_str() {
                "--json" => {
                    res.json = true;
                    continue;
                }
                "--runtime" => Asked::Pinned,
                "--binary" => {
                    let path = args.next();
                    Asked::Binary(
                        path.ok_or_else(|| crate::usage("--binary needs a path of a codex"))?
                            .into(),
                    )
                }
                _ => return Err(crate::usage(format!("unexpected argument `{arg}`"))),
            };
            if res.asked.replace(asked).is_some() {
                return Err(crate::usage("one --runtime or --binary is enough"));
            }
        }
        Ok(res)
    }
}

/// Everything that does not fit.
struct Findings {
    /// The pinned version.
    pinned: String,
    /// How the runtime that was asked calls itself.
    asked: Option<String>,
    all: Vec<Finding>,
}

struct Finding {
    check: &'static str,
    message: String,
    /// What mends it.
    command: String,
}

impl Findings {
    fn add(&mut self, check: &'static str, message: impl Into<String>, command: impl Into<String>) {
        self.all.push(Finding { check, message: message.into(), command: command.into() });
    }

    fn print(&self) {
        for it in &self.all {
            println!("drift: {}: {}: {}", it.check, it.message, it.command);
        }
        if self.all.is_empty() {
            let asked = self.asked.as_ref();
            let asked = asked.map(|it| format!(", and {it} writes it")).unwrap_or_default();
            println!("schema: everything fits the schema of {}{asked}", self.pinned);
        }
    }
}

fn as_json(res: &anyhow::Result<Findings>) -> serde_json::Value {
    match res {
        Err(it) => json!({ "verdict": "unknown", "error": format!("{it:#}") }),
        Ok(it) => json!({
            "verdict": if it.all.is_empty() { "fits" } else { "drift" },
            "pinned": it.pinned,
            "asked": it.asked,
            "findings": it.all.iter().map(|it| json!({
                "check": it.check, "message": it.message, "command": it.command,
            })).collect::<Vec<_>>(),
        }),
    }
}

const UPDATE: &str = "cargo xtask schema update";
const CHECK: &str = "cargo xtask schema check";

fn findings(root: &Path, options: &Options) -> anyhow::Result<Findings> {
    let pin = Pin::read(root)?;
    let mut res = Findings { pinned: pin.runtime.clone(), asked: None, all: Vec::new() };
    if edits::is_cut_off(root) {
        res.add("bundles", "an update is running, or was killed while it changed files", UPDATE);
        return Ok(res);
    }
    let again = if pin.platforms.is_empty() {
        format!("{UPDATE} --binary PATH")
    } else {
        format!("{UPDATE} --version {}", pin.runtime)
    };
    for it in pin.wrong_bundles(&root.join("schema"))? {
        res.add("bundles", it, &again);
    }
    if !res.all.is_empty() {
        // The rest would be about another schema.
        return Ok(res);
    }
    let schema = Schema::read(&root.join("schema"))?;
    versions(root, &pin, &mut res)?;
    match Types::of(&schema) {
        Ok(types) => {
            of_types(root, &types, &mut res)?;
            subset(&schema, &mut res)?;
        }
        Err(it) => res.add("generator", format!("{it:#}; teach src/codegen"), CHECK),
    }
    if let Some(asked) = &options.asked {
        ask(root, asked, &schema, &mut res)?;
    }
    Ok(res)
}

fn versions(root: &Path, pin: &Pin, res: &mut Findings) -> anyhow::Result<()> {
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
    };
    let version = &pin.runtime;
    let of_crate = texts::version(&read("Cargo.toml")?)?;
    if of_crate != *version {
        let message = format!("Cargo.toml has {of_crate}, the pin is {version}");
        res.add("versions", message, UPDATE);
        return Ok(());
    }
    let is_same = |text: anyhow::Result<String>, old: &str| text.is_ok_and(|it| it == old);
    let lock = read("Cargo.lock")?;
    if !is_same(texts::lock(&lock, version, version), &lock) {
        res.add(
            "versions",
            "Cargo.lock has another version of codexkit",
            "cargo check --workspace",
        );
    }
    let readme = read("README.md")?;
    if let Err(it) = texts::readme(&readme, version, version) {
        res.add("versions", format!("{it:#}; name the pinned version there"), CHECK);
    }
    if !texts::has_section(&read("CHANGELOG.md")?, version) {
        res.add("versions", format!("CHANGELOG.md has no section {version}"), UPDATE);
    }
    let since = since::read(root)?.releases.last().map(ToString::to_string).unwrap_or_default();
    if since != *version {
        let message = format!("schema/since.json is about {since}, the pin is {version}");
        res.add("versions", message, "cargo xtask since");
    }
    Ok(())
}

fn of_types(root: &Path, types: &Types, res: &mut Findings) -> anyhow::Result<()> {
    let reviewed =
        fs::read_to_string(root.join(OUTLINE)).with_context(|| format!("cannot read {OUTLINE}"))?;
    if reviewed != types.outline.text {
        res.add("outline", format!("{OUTLINE} is not that of the types"), UPDATE);
    }
    for (what, all) in types.undecided() {
        res.add("tables", format!("{what}: {}", all.join(", ")), CHECK);
    }
    Ok(())
}

/// What is stable has to be there and the same for a client that asks for what is experimental.
fn subset(schema: &Schema, res: &mut Findings) -> anyhow::Result<()> {
    let alone = |bundle: &String| {
        let input =
            Input { stable: bundle.clone(), experimental: bundle.clone(), ..schema.input.clone() };
        Schema { input: Input { since: None, ..input }, ..schema.clone() }
    };
    let report = diff::compare(&alone(&schema.input.stable), &alone(&schema.input.experimental))?;
    for it in report.breaking() {
        let message = format!("what is stable is not the same in experimental.json: {it}");
        res.add("subset", message, CHECK);
    }
    Ok(())
}

fn ask(root: &Path, asked: &Asked, pinned: &Schema, res: &mut Findings) -> anyhow::Result<()> {
    let binary = match asked {
        Asked::Pinned => runtime::ensure(root)?.binary,
        Asked::Binary(it) => it.clone(),
    };
    let theirs = schema::of_binary(root, &binary, Schema::read)?;
    let version = &theirs.version;
    res.asked = Some(version.clone());
    let [ours, written] = [&pinned.input, &theirs.input].map(|it| (&it.stable, &it.experimental));
    if ours == written {
        return Ok(());
    }
    let message = match diff::compare(pinned, &theirs) {
        Ok(report) if report.severity() == Severity::Same => {
            format!("the bundles of {version} are others, though the types are the same")
        }
        Ok(report) => report.verdict(),
        Err(it) => format!("the schema of {version} is not the pinned one, and unknown: {it:#}"),
    };
    let is_pinned = *version == pinned.version && matches!(asked, Asked::Pinned);
    let command = if is_pinned {
        format!("{UPDATE} --version {version}")
    } else {
        format!("{UPDATE} --binary {}", binary.display())
    };
    res.add("runtime", message, command);
    Ok(())
}
