//! `cargo xtask codegen`: what the generator makes of a schema, for people to read.

mod check;
#[cfg(test)]
mod pinned;
pub(crate) mod schema;

#[path = "../../src/codegen/drift.rs"]
pub(crate) mod drift;
#[allow(dead_code, reason = "the build script uses more of it")]
#[path = "../../src/codegen.rs"]
pub(crate) mod generator;
#[path = "../../src/codegen/outline.rs"]
mod outline;

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow, ensure};

use crate::runtime;
use generator::{Generated, Scope};
use outline::Outline;
use schema::Schema;

pub(crate) const HELP: &str = "\
Writes the protocol types as they are generated from the schema, and their outline.

usage: cargo xtask codegen [options]

The files go to target/codegen/VERSION: protocol.rs, its outline.txt and registry.rs (tables for
tests), and stable.rs, which is the module without the feature `experimental`. Their paths are the
lines on stdout; on stderr is how much there is of what, which entries of
src/codegen/tables/pinned.rs do not apply, and which properties nobody has reviewed. Without
`--schema`, `--runtime` and `--older` the schema is that of the pin.

options:
  --check            compile the types, with and without `experimental`, without the client
  --schema DIR       take the schema of this folder: stable.json and experimental.json (and pin.json
                     with the version, if it is not the folder's name), or what `codex app-server
                     generate-json-schema` wrote into it or into its folders stable and experimental
  --runtime VERSION  take the schema that this version of the runtime writes, which npm downloads
                     (150 MB; nothing but npm itself checks what it got); the schema is kept in
                     target/schemas/VERSION, the runtime is not
  --older            as --runtime 0.144.4, 0.155.1, 0.163.0 and 0.166.0: what a bump is checked with

`--schema` and `--runtime` can be repeated.
";

/// The runtimes whose schemas the generator has to cope with, besides the pinned one.
const OLDER: [&str; 4] = ["0.144.4", "0.155.1", "0.163.0", "0.166.0"];

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let root = crate::root();
    let options = Options::parse(args)?;
    let mut versions = BTreeSet::new();
    for source in &options.sources {
        let folder = source.folder(&root)?;
        let schema = Schema::read(&folder)?;
        ensure!(
            versions.insert(schema.version.clone()),
            "two schemas are called {}; rename the folder of one, or give it a pin.json",
            schema.version
        );
        let out = generate(&root, &schema)?;
        if options.check {
            check::check(&root, &schema.version, &out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    sources: Vec<Source>,
    check: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Source {
    Pin,
    Folder(PathBuf),
    Runtime(String),
}

impl Options {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut res = Self { sources: Vec::new(), check: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = |what: &str| {
                args.next().cloned().ok_or_else(|| crate::usage(format!("{arg} needs a {what}")))
            };
            match arg.as_str() {
                "--check" => res.check = true,
                "--schema" => res.sources.push(Source::Folder(value("folder")?.into())),
                "--runtime" => res.sources.push(Source::Runtime(value("version")?)),
                "--older" => {
                    res.sources.extend(OLDER.map(|it| Source::Runtime(it.to_owned())));
                }
                _ => return Err(crate::usage(format!("unexpected argument `{arg}`"))),
            }
        }
        if res.sources.is_empty() {
            res.sources.push(Source::Pin);
        }
        Ok(res)
    }
}

impl Source {
    fn folder(&self, root: &Path) -> anyhow::Result<PathBuf> {
        match self {
            Self::Pin => Ok(root.join("schema")),
            Self::Folder(it) => Ok(it.clone()),
            Self::Runtime(version) => runtime::schema::of_version(root, version),
        }
    }
}

/// What the generator makes of a schema.
pub(crate) struct Types {
    pub(crate) all: Generated,
    pub(crate) stable: Generated,
    /// That of all.
    pub(crate) outline: Outline,
}

impl Types {
    pub(crate) fn of(schema: &Schema) -> anyhow::Result<Self> {
        let version = &schema.version;
        let generate = |scope| {
            generator::generate(&schema.input, scope)
                .map_err(|it| anyhow!("cannot turn the schema of {version} into types: {it}"))
        };
        let (all, stable) = (generate(Scope::Experimental)?, generate(Scope::Stable)?);
        let outline = outline::outline(&all.protocol)
            .with_context(|| format!("cannot outline the types of {version}"))?;
        Ok(Self { all, stable, outline })
    }

    /// What somebody has to decide about, and where.
    pub(crate) fn undecided(&self) -> Vec<(&'static str, &[String])> {
        let all: [(_, &[String]); 3] = [
            ("entries of src/codegen/tables/pinned.rs that do not apply", &self.all.stale),
            ("definitions that no message reaches", &self.all.unreached),
            ("properties whose null is not in src/codegen/tables/pinned.rs", &self.all.unreviewed),
        ];
        all.into_iter().filter(|it| !it.1.is_empty()).collect()
    }
}

/// Writes what becomes of a schema, and says where and what.
fn generate(root: &Path, schema: &Schema) -> anyhow::Result<PathBuf> {
    let version = &schema.version;
    for note in &schema.notes {
        eprintln!("note: {note}");
    }
    let types = Types::of(schema)?;
    let (generated, stable, outline) = (&types.all, &types.stable, &types.outline);

    let out = root.join("target/codegen").join(version);
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    for (name, text) in [
        ("protocol.rs", &generated.protocol),
        ("registry.rs", &generated.registry),
        ("outline.txt", &outline.text),
        ("stable.rs", &stable.protocol),
    ] {
        let path = out.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(io::stdout(), "{}", path.display()).context("cannot print a path")?;
    }
    eprintln!(
        "codegen: {version}: {} types, {} fields, {} variants, {} methods, {} of all of these \
         experimental; {} lines, {} of them without experimental",
        outline.types,
        outline.fields,
        outline.variants,
        outline.methods,
        outline.experimental,
        generated.protocol.lines().count(),
        stable.protocol.lines().count()
    );
    for (what, all) in types.undecided() {
        eprintln!("note: {version}: {what}: {}", all.join(", "));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        let args: Vec<_> = args.iter().map(|it| (*it).to_owned()).collect();
        Options::parse(&args).map_err(|it| it.to_string())
    }

    #[test]
    fn without_a_source_the_pinned_schema_is_taken() {
        let sources = vec![Source::Pin];
        assert_eq!(parse(&["--check"]), Ok(Options { sources, check: true }));
    }

    #[test]
    fn sources_add_up() {
        let options =
            parse(&["--schema", "a", "--check", "--runtime", "1.2.3", "--older"]).unwrap();
        assert!(options.check);
        let named = [Source::Folder("a".into()), Source::Runtime("1.2.3".to_owned())];
        assert_eq!(options.sources[..2], named);
        assert_eq!(options.sources.len(), named.len() + OLDER.len());
    }

    #[test]
    fn help_names_the_older_runtimes() {
        for it in OLDER {
            assert!(HELP.contains(it), "{it}");
        }
    }

    #[test]
    fn a_wrong_command_line_is_refused() {
        for (args, complaint) in [
            (&["now"][..], "unexpected argument `now`"),
            (&["--schema"], "--schema needs a folder"),
            (&["--check", "--runtime"], "--runtime needs a version"),
        ] {
            assert_eq!(parse(args), Err(complaint.to_owned()));
        }
    }
}
