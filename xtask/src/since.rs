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
    let known = read(&root)?;
    let pinned = Schema::read(&root.join("schema"))?;
    let pin: Release = pinned.version.parse().map_err(|it| anyhow!("the pin: {it}"))?;

    let (since, todo) = plan(&known, pin, all, more)?;
    let since = extend(&root, since, &todo, &[&pinned])?;
    fs::write(root.join(FILE), text(&since)?).with_context(|| format!("cannot write {FILE}"))?;
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

/// What the file says.
pub(crate) fn read(root: &Path) -> anyhow::Result<Since> {
    let text =
        fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    serde_json::from_str(&text).with_context(|| format!("{FILE} is not what this command writes"))
}

/// What the file has to say once `new` is pinned instead of `old`. Of the versions that are published
/// in between the first one of each minor version is compared.
pub(crate) fn updated(
    root: &Path,
    known: Since,
    (old, new): (&Schema, &Schema),
    published: &[String],
) -> anyhow::Result<String> {
    let version = release(&new.version)?;
    if let Some(oldest) = known.releases.first() {
        ensure!(version >= *oldest, "{version} is older than {oldest}, the oldest one in {FILE}");
    }
    let known = before(known, version);
    let Some(last) = known.releases.last().copied() else { return text(&Since::oldest(version)) };
    let mut todo = BTreeSet::from([version]);
    let mut minor = minor_of(last);
    let published: BTreeSet<Release> = published.iter().filter_map(|it| it.parse().ok()).collect();
    for it in published.into_iter().filter(|it| last < *it && *it < version) {
        if minor_of(it) != minor && minor_of(it) != minor_of(version) {
            minor = minor_of(it);
            todo.insert(it);
        }
    }
    text(&extend(root, known, &todo, &[new, old])?)
}

/// Insists that this can be pinned.
pub(crate) fn release(version: &str) -> anyhow::Result<Release> {
    version.parse().map_err(|it| anyhow!("{it}: nothing else than a stable release can be pinned"))
}

/// What was known before a release was compared.
fn before(mut since: Since, release: Release) -> Since {
    since.releases.retain(|it| *it < release);
    for facts in [&mut since.experimental, &mut since.stable] {
        for all in [&mut facts.methods, &mut facts.members] {
            all.retain(|_, it| *it < release);
        }
    }
    since
}

/// `0.169` of `0.169.2`.
fn minor_of(release: Release) -> String {
    let text = release.to_string();
    text.rsplit_once('.').map_or(text.clone(), |it| it.0.to_owned())
}

/// The content of the file.
pub(crate) fn text(since: &Since) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(since)? + "\n")
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

/// Compares each release with the one before it. The schemas that are not `here` are fetched.
fn extend(
    root: &Path,
    mut since: Since,
    releases: &BTreeSet<Release>,
    here: &[&Schema],
) -> anyhow::Result<Since> {
    let schema = |release: Release| -> anyhow::Result<Input> {
        let version = release.to_string();
        if let Some(it) = here.iter().find(|it| it.version == version) {
            return Ok(it.input.clone());
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
