//! `cargo xtask since`: which releases of the runtime lack what the pinned one takes.

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

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

usage: cargo xtask since [--all]

The pinned schema is compared with that of the last release which the file names, and what is new
gets the version of the pin. npm downloads that release (150 MB) unless target/schemas has its
schema. Nothing is downloaded if the file is about the pin already.

options:
  --all  make the file anew from all the releases that it names, the oldest one first; to compare
         with another release, too, enter it there before
";

const FILE: &str = "schema/since.json";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let all = match args {
        [] => false,
        [it] if it == "--all" => true,
        [it, ..] => return Err(crate::usage(format!("unexpected argument `{it}`"))),
    };
    let root = crate::root();
    let path = root.join(FILE);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let known: Since = serde_json::from_str(&text)
        .with_context(|| format!("{FILE} is not what this command writes"))?;
    let pinned = Schema::read(&root.join("schema"))?;
    let pin: Release = pinned.version.parse().map_err(|it| anyhow!("the pin: {it}"))?;

    let (since, todo) = plan(&known, pin, all)?;
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
fn plan(known: &Since, pin: Release, all: bool) -> anyhow::Result<(Since, Vec<Release>)> {
    ensure!(known.releases.is_sorted(), "the releases of {FILE} are not in their order");
    let Some((first, rest)) = known.releases.split_first() else {
        bail!("{FILE} names no release; enter the oldest one that is to be compared");
    };
    let last = rest.last().unwrap_or(first);
    ensure!(*last <= pin, "{FILE} is about {last}, which is newer than the pin {pin}");
    let mut todo = if all { rest.to_vec() } else { Vec::new() };
    if *last != pin {
        todo.push(pin);
    }
    Ok((if all { Since::oldest(*first) } else { known.clone() }, todo))
}

/// Compares each release with the one before it.
fn extend(
    root: &Path,
    mut since: Since,
    releases: &[Release],
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
