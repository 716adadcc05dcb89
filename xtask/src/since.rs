//! `cargo xtask since`: which releases of the runtime lack what the pinned one takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, anyhow, bail, ensure};

use crate::{
    codegen::{
        generator::{
            Input,
            since::{Release, Since},
        },
        schema::Schema,
    },
    runtime,
};

pub(crate) const HELP: &str = "\
Brings schema/since.json up to date with the pinned schema: since which release of the runtime it
takes each method, property and case that a client can send.

usage: cargo xtask since [--all] [RELEASE...]

The pinned schema is compared with that of the last release which the file names, and what is new
gets the version of the pin. Name the releases in between, so that each gets what came with it. npm
downloads those whose schema is not in target/schemas (150 MB each). Nothing is downloaded if the
file is about the pin already.

options:
  --all  make the file anew from the releases that it names, and from these
";

const FILE: &str = "schema/since.json";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (mut all, mut more) = (false, BTreeSet::new());
    for arg in args {
        match arg.as_str() {
            "--all" => all = true,
            it if it.starts_with('-') => {
                return Err(crate::usage(format!("unexpected argument `{it}`")));
            }
            it => _ = more.insert(it.parse().map_err(crate::usage)?),
        }
    }
    let root = crate::root();
    let path = root.join(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let known: Since = serde_json::from_str(&text)
        .with_context(|| format!("{FILE} is not what this command writes"))?;
    let pinned = Schema::read(&root.join("schema"))?;
    let pin: Release = pinned.version.parse().map_err(|it| anyhow!("the pin: {it}"))?;

    let (since, todo) = plan(&known, pin, all, more)?;
    let since = extend(&root, since, &todo, &pinned)?;
    let text = serde_json::to_string_pretty(&since)? + "\n";
    fs::write(&path, text).with_context(|| format!("cannot write {FILE}"))?;
    let Since { releases, experimental, stable } = &since;
    let facts = [experimental, stable].into_iter().flat_map(|it| [&it.methods, &it.members]);
    let counts: Vec<_> = facts.map(BTreeMap::len).collect();
    let [methods, members, stable_methods, stable_members] = counts[..] else { unreachable!() };
    eprintln!(
        "since: {FILE}: {methods} methods and {members} members are not in {}, {stable_methods} \
         and {stable_members} became stable later",
        releases[0]
    );
    Ok(ExitCode::SUCCESS)
}

/// What stays of the known, and the releases that have to be added to it, in their order.
fn plan(
    known: &Since,
    pin: Release,
    all: bool,
    more: BTreeSet<Release>,
) -> anyhow::Result<(Since, BTreeSet<Release>)> {
    ensure!(known.releases.is_sorted(), "the releases of {FILE} are not in their order");
    let Some(last) = known.releases.last() else {
        bail!("{FILE} names no release; enter the oldest one that is to be compared");
    };
    let mut todo = more;
    todo.insert(pin);
    let mut start = known.clone();
    if all {
        todo.extend(&known.releases);
        let first = todo.pop_first().unwrap_or(*last);
        start = Since::oldest(first);
    } else {
        todo.remove(last);
        if let Some(it) = todo.iter().find(|it| *it < last) {
            ensure!(*it != pin, "{FILE} is about {last}, which is newer than the pin {pin}");
            bail!("{it} comes before {last}, which {FILE} is about; only `--all` can add it");
        }
    }
    let newest = todo.last().unwrap_or(last);
    ensure!(*newest <= pin, "{newest} is newer than the pin {pin}, and cannot be in {FILE}");
    Ok((start, todo))
}

/// Compares each release with the one before it.
fn extend(
    root: &Path,
    mut since: Since,
    releases: &BTreeSet<Release>,
    pinned: &Schema,
) -> anyhow::Result<Since> {
    let schema = |release: Release| -> anyhow::Result<Input> {
        let version = release.to_string();
        if version == pinned.version {
            return Ok(pinned.input.clone());
        }
        let folder = runtime::schema::of_version(root, &version)?;
        Ok(Schema::read(&folder)?.input)
    };
    let mut old = match (releases.first(), since.releases.last()) {
        (Some(_), Some(last)) => schema(*last)?,
        _ => return Ok(since),
    };
    for release in releases {
        let new = schema(*release)?;
        since = since
            .next(*release, &old, &new)
            .map_err(|it| anyhow!("cannot compare {release} with the release before it: {it}"))?;
        old = new;
    }
    Ok(since)
}
