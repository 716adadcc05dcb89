//! `cargo xtask schema update`: another runtime, and all that follows from it, in one go.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow, bail, ensure};

use super::{
    diff,
    edits::{self, Edits},
    texts,
};
use crate::{
    codegen::{Types, drift::Report, generator::Input, schema::Schema},
    pin::Pin,
    runtime::{self, published, schema},
    since,
};

pub(crate) const HELP: &str = "\
Pins another runtime and writes all that follows from it: the pin, the bundles and since.json in
schema/, the outline of the types, the version of the crate, what README.md says of it, and the
section Protocol of CHANGELOG.md. All of it is written at the end, or nothing: a run that fails or is
killed leaves the files as they were. What a person has to look at is said then.

usage: cargo xtask schema update [--version VERSION | --binary PATH]

  --version VERSION  a published version, or `latest`. npm downloads the packages of all platforms
                     (1 GB for six), whose sha512 have to be those that npm has; the runtime for this
                     machine writes the bundles. What is known of it is kept in target/schemas, so
                     that a second run needs no download
  --binary PATH      a codex that you have. The pin then names no package, and tests need CODEX_BIN.
                     npm is asked for nothing but the schema of the release before, if this one is
                     no newer than the pin

Without either the pin stays, and what follows from it is written again: after a change of the
generator, say, or when an update was killed.
";

/// How many breaking changes are listed at the end.
const SHOWN: usize = 20;

/// The outline of the types that was reviewed.
pub(super) const OUTLINE: &str = "tests/data/outline.txt";

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let wish = Wish::parse(args)?;
    let root = crate::root();
    runtime::alone_with(&root, "schema.lock", "updates the schema", |_| {
        if edits::put_back(&root)? {
            eprintln!("schema: an update was killed; the files that it had changed are put back");
        }
        update(&root, &wish)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be pinned.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Same,
    Version(String),
    Binary(PathBuf),
}

impl Wish {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut res = Self::Same;
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = |what: &str| {
                args.next().ok_or_else(|| crate::usage(format!("{arg} needs a {what}")))
            };
            let wish = match arg.as_str() {
                "--version" => Self::Version(value("version, or `latest`")?.clone()),
                "--binary" => Self::Binary(value("path of a codex")?.into()),
                _ => return Err(crate::usage(format!("unexpected argument `{arg}`"))),
            };
            if res != Self::Same {
                return Err(crate::usage("one --version or --binary is enough"));
            }
            res = wish;
        }
        Ok(res)
    }
}

fn update(root: &Path, wish: &Wish) -> anyhow::Result<()> {
    let old = Pin::read(root)?;
    let here = root.join("schema");
    let wrong = old.wrong_bundles(&here)?;
    let (pin, mut after) = match wish {
        Wish::Same => {
            if let Some(it) = wrong.first() {
                let fetch = format!("cargo xtask schema update --version {}", old.runtime);
                bail!("{it}; `{fetch}` fetches it again");
            }
            (Pin::read(root)?, Schema::read(&here)?)
        }
        Wish::Version(it) => of_version(root, it)?,
        Wish::Binary(it) => of_binary(root, it)?,
    };
    // Before anything is compared, and perhaps fetched for that.
    Types::of(&Schema { input: Input { since: None, ..after.input.clone() }, ..after.clone() })
        .with_context(|| {
            format!(
                "the generator in src/codegen does not know all of the schema of {}; teach it, and \
                 run this again",
                pin.runtime
            )
        })?;
    let before = if pin.bundles == old.bundles {
        Schema { version: old.runtime.clone(), ..after.clone() }
    } else if wrong.is_empty() {
        Schema::read(&here)?
    } else {
        // What is here cannot be compared with anything.
        Schema::read(&schema::of_version(root, &old.runtime)?)?
    };
    after.input.since = Some(since(root, &old, &pin, wish, (&before, &after))?);
    let news = News::of(&before, after)?;
    let changed = edits(root, &old, &pin, &news)?.apply(root)?;
    news.tell(&old, &pin, &changed);
    Ok(())
}

/// What `since.json` has to say.
fn since(
    root: &Path,
    old: &Pin,
    new: &Pin,
    wish: &Wish,
    (before, after): (&Schema, &Schema),
) -> anyhow::Result<String> {
    let known = since::read(root)?;
    let last = known.releases.last().map(ToString::to_string);
    if new.bundles == old.bundles && last.as_ref() == Some(&new.runtime) {
        return since::text(&known);
    }
    let published = match wish {
        Wish::Version(_) => published::versions()?,
        Wish::Same | Wish::Binary(_) => Vec::new(),
    };
    since::updated(root, known, (before, after), &published)
}

fn of_version(root: &Path, version: &str) -> anyhow::Result<(Pin, Schema)> {
    let version = if version == "latest" {
        let latest = published::latest()?;
        eprintln!("schema: the newest version is {latest}");
        latest
    } else {
        version.to_owned()
    };
    // Before a gigabyte is fetched.
    since::release(&version)?;
    let (pin, folder) = published::pin(root, &version)?;
    Ok((pin, Schema::read(&folder)?))
}

fn of_binary(root: &Path, binary: &Path) -> anyhow::Result<(Pin, Schema)> {
    schema::of_binary(root, binary, |folder| {
        let schema = Schema::read(folder)?;
        let bundles = schema::checksums(folder)?;
        let platforms = BTreeMap::new();
        Ok((Pin { runtime: schema.version.clone(), bundles, platforms }, schema))
    })
}

/// What a new pin leads to.
struct News {
    /// The schema, with what follows from it for `since.json`.
    schema: Schema,
    types: Types,
    report: Report,
    /// New properties that may be secret.
    suspects: Vec<String>,
}

impl News {
    fn of(before: &Schema, after: Schema) -> anyhow::Result<Self> {
        let types = Types::of(&after)?;
        let report = diff::compare(before, &after)?;
        let suspects = suspects(&Types::of(before)?.outline.text, &types.outline.text);
        Ok(Self { schema: after, types, report, suspects })
    }

    /// Says what has changed, and what is left to do.
    fn tell(&self, old: &Pin, new: &Pin, changed: &[String]) {
        if changed.is_empty() {
            println!("schema: {}: everything was as it has to be", new.runtime);
            return;
        }
        println!("schema: {} -> {}: wrote {}", old.runtime, new.runtime, changed.join(", "));
        println!("schema: {}", self.report.verdict());
        let breaking: Vec<_> = self.report.breaking().collect();
        let mut todo: Vec<String> =
            breaking.iter().take(SHOWN).map(|it| format!("breaks: {it}")).collect();
        if breaking.len() > SHOWN {
            let (more, all) = (breaking.len() - SHOWN, format!("diff {} pin", old.runtime));
            todo.push(format!("{more} more that break something: `cargo xtask schema {all}`"));
        }
        for (what, all) in self.types.undecided() {
            todo.push(format!("{what}: {}", all.join(", ")));
        }
        if !self.suspects.is_empty() {
            let suspects = self.suspects.join(", ");
            let what = "new properties that sound as if they held a secret, which SECRETS of";
            todo.push(format!("{what} src/codegen/tables/pinned.rs may have to name: {suspects}"));
        }
        todo.push(format!("the diff of {OUTLINE}: it is what changes for users"));
        if new.platforms.is_empty() {
            todo.push("set CODEX_BIN for the tests: the pin names no published runtime".to_owned());
        }
        todo.push("then run `cargo xtask ci`".to_owned());
        println!("\nLook at:");
        for it in todo {
            println!("- {it}");
        }
    }
}

/// The files as they have to be.
fn edits(root: &Path, old: &Pin, new: &Pin, news: &News) -> anyhow::Result<Edits> {
    let mut res = Edits::default();
    let input = &news.schema.input;
    let since = input.since.as_ref().ok_or_else(|| anyhow!("schema/since.json is missing"))?;
    res.set("schema/pin.json", new.text()?);
    res.set("schema/stable.json", &*input.stable);
    res.set("schema/experimental.json", &*input.experimental);
    res.set("schema/since.json", &**since);
    res.set(OUTLINE, &*news.types.outline.text);
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
    };
    let crate_version = texts::version(&read("Cargo.toml")?)?;
    let (from, to) = (crate_version.as_str(), new.runtime.as_str());
    ensure!(
        from == old.runtime || from == to,
        "Cargo.toml has version {from}, and schema/pin.json {}: set the one to the other first",
        old.runtime
    );
    res.set("Cargo.toml", texts::manifest(&read("Cargo.toml")?, from, to)?);
    res.set("Cargo.lock", texts::lock(&read("Cargo.lock")?, from, to)?);
    res.set("README.md", texts::readme(&read("README.md")?, from, to)?);
    let text = read("CHANGELOG.md")?;
    if old.runtime != new.runtime || !texts::has_section(&text, to) {
        let protocol = protocol(old, new, news);
        res.set("CHANGELOG.md", texts::changelog(&text, to, &protocol)?);
    }
    Ok(res)
}

/// What the changelog says of the schema.
fn protocol(old: &Pin, new: &Pin, news: &News) -> String {
    let lines = || news.types.outline.text.lines();
    let [requests, notifications, asked] = ["request ", "notification ", "server request "]
        .map(|kind| lines().filter(|it| it.starts_with(kind)).partition::<Vec<_>, _>(is_stable))
        .map(|(stable, others)| (stable.len() + others.len(), stable.len()));
    format!(
        "- The schema of runtime {}: {} requests, {} notifications and {} requests of the server, of\n  \
         which {}, {} and {} are stable. Since {}:\n\n{}",
        new.runtime,
        requests.0,
        notifications.0,
        asked.0,
        requests.1,
        notifications.1,
        asked.1,
        old.runtime,
        news.report.markdown()
    )
}

/// The fields that are not in the old outline, and whose names are those of secrets.
fn suspects(old: &str, new: &str) -> Vec<String> {
    const WORDS: [&str; 6] = ["auth", "credential", "key", "password", "secret", "token"];
    let (old, new) = (fields(old), fields(new));
    let mut res: Vec<_> = new.difference(&old).cloned().collect();
    res.retain(|it| it.split(['.', '_']).any(|it| WORDS.contains(&it)));
    res
}

/// `Type.field` for each field of an outline.
fn fields(outline: &str) -> BTreeSet<String> {
    let (mut ty, mut res) = ("", BTreeSet::new());
    for line in outline.lines() {
        let words = line.trim_start().split([' ', ':']).collect::<Vec<_>>();
        match (line.starts_with("  "), words.as_slice()) {
            (false, [_, name, ..]) => ty = name,
            (true, [field, ..]) if *field != "fn" => _ = res.insert(format!("{ty}.{field}")),
            _ => (),
        }
    }
    res
}

/// Whether a line of the outline does not say that it is about something experimental.
fn is_stable(line: &&str) -> bool {
    let notes = line.rsplit_once(" (").map_or("", |it| it.1.trim_end_matches(')'));
    notes.split(", ").all(|it| it != "experimental")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_properties_with_the_names_of_secrets_are_found() {
        let old = "struct A\n  api_key: String\n  fn new()\nenum B\n  Token\n";
        let new = "struct A\n  api_key: String\n  keyboard: u8\n  refresh_token: String\n  fn key()\n\
                   struct C (null)\n  auth: String (wire \"Auth\")\n";
        assert_eq!(suspects(old, new), ["A.refresh_token", "C.auth"]);
        assert_eq!(suspects(new, new), [""; 0]);
    }

    #[test]
    fn what_is_experimental_is_told_by_the_notes() {
        for (line, stable) in [
            ("request a/b: AParams -> AResponse", true),
            ("request experimental/list: A -> B (pages of C)", true),
            ("request a/b: A -> B (pages of C, experimental, since 0.1.0)", false),
            ("notification a: ANotification (experimental)", false),
        ] {
            assert_eq!(is_stable(&line), stable, "{line}");
        }
    }
}
