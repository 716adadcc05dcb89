//! A published version of the runtime: what there is of it for each platform, and the schema that
//! it writes.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Seek,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Staging, alone, binary_in, is_version, npm, schema, unpack, version_of};
use crate::pin::{self, Pin, Platform};

/// What npm has the runtime as.
const PACKAGE: &str = "@openai/codex";

/// The newest version that npm has.
pub(crate) fn latest() -> anyhow::Result<String> {
    let version = npm::view(PACKAGE, "version")?;
    ensure!(pin::is_version(&version), "npm says that the newest {PACKAGE} is `{version}`");
    Ok(version)
}

/// All versions that npm has.
pub(crate) fn versions() -> anyhow::Result<Vec<String>> {
    serde_json::from_value(npm::json(PACKAGE, "versions")?)
        .with_context(|| format!("what npm says of the versions of {PACKAGE} is no list"))
}

/// The executable of any published runtime, which is fetched if it is not there.
pub(crate) fn of_version(root: &Path, version: &str) -> anyhow::Result<PathBuf> {
    schema::check_version(version)?;
    let home = root.join("target/runtimes").join(version);
    alone(root, |target| {
        if home.exists() {
            eprintln!("runtime: {version} is already there");
            return Ok(());
        }
        let package = format!("{PACKAGE}@{version}-{}", pin::host());
        let staging = Staging::create(target.join("runtimes.partial"))?;
        let (tarball, _) = npm::verified(&package, &staging.0)?;
        let tree = staging.0.join("tree");
        unpack::whole(tarball, &tree)
            .with_context(|| format!("{package} is not packed as the pinned runtime is"))?;
        let actual = version_of(&binary_in(&tree))?;
        ensure!(is_version(&actual, version), "{package} calls itself `{actual}`");
        fs::create_dir_all(target.join("runtimes"))?;
        fs::rename(&tree, &home).with_context(|| format!("cannot create {}", home.display()))?;
        eprintln!("runtime: {version} is in {}", home.display());
        Ok(())
    })?;
    Ok(binary_in(&home))
}

/// The pin for a version, and the folder with the bundles that it writes. Everything is fetched
/// that is published of it, and compared with the checksums that npm has.
pub(crate) fn pin(root: &Path, version: &str) -> anyhow::Result<(Pin, PathBuf)> {
    schema::check_version(version)?;
    let home = schema::home(root, version);
    alone(root, |target| {
        if let Some(pin) = known(&home, version) {
            eprintln!("schema: all of {version} is known already");
            return Ok(pin);
        }
        let staging = Staging::create(target.join("schema.partial"))?;
        let (platforms, binary) = platforms(version, &staging.0)?;
        let finished = staging.0.join("finished");
        schema::write_all(&binary, version, &finished)?;
        let bundles = schema::checksums(&finished)?;
        let pin = Pin { runtime: version.to_owned(), bundles, platforms };
        // Nothing is pinned that could not be read again.
        let pin = Pin::parse(&pin.text()?).context("what npm has cannot be pinned")?;
        fs::write(finished.join("pin.json"), pin.text()?)?;
        if home.exists() {
            fs::remove_dir_all(&home)
                .with_context(|| format!("cannot remove {}", home.display()))?;
        }
        schema::keep(&finished, &home)?;
        Ok(pin)
    })
    .map(|pin| (pin, home))
}

/// The pin of an earlier run, if it is whole and its bundles are still what they were.
fn known(home: &Path, version: &str) -> Option<Pin> {
    let pin = Pin::parse(&fs::read_to_string(home.join("pin.json")).ok()?).ok()?;
    let is_whole = pin.runtime == version
        && !pin.platforms.is_empty()
        && pin.wrong_bundles(home).ok()?.is_empty();
    is_whole.then_some(pin)
}

/// What is published for each platform, and the binary for this one.
fn platforms(version: &str, work: &Path) -> anyhow::Result<(BTreeMap<String, Platform>, PathBuf)> {
    let keys = keys(version)?;
    let host = pin::host();
    ensure!(
        keys.contains(&host),
        "{PACKAGE} {version} is not published for {host}, only for {}; on one of these its schema \
         can be written",
        keys.join(", ")
    );
    let binary = work.join(format!("codex{}", env::consts::EXE_SUFFIX));
    let mut res = BTreeMap::new();
    for (n, key) in keys.iter().enumerate() {
        eprintln!("schema: {} of {} packages: {key}", n + 1, keys.len());
        let binary = (*key == host).then_some(&*binary);
        let platform = platform(version, key, &work.join(key), binary)?;
        res.insert(key.clone(), platform);
    }
    Ok((res, binary))
}

/// What the platforms of a version are called.
fn keys(version: &str) -> anyhow::Result<Vec<String>> {
    let packages = npm::json(&format!("{PACKAGE}@{version}"), "optionalDependencies")?;
    let packages: BTreeMap<String, Value> =
        serde_json::from_value(packages).with_context(|| {
            format!("npm does not say which platforms {PACKAGE} {version} is published for")
        })?;
    let key = |name: &String| name.strip_prefix(PACKAGE)?.strip_prefix('-').map(str::to_owned);
    Ok(packages.keys().filter_map(key).collect())
}

fn platform(
    version: &str,
    key: &str,
    work: &Path,
    binary: Option<&Path>,
) -> anyhow::Result<Platform> {
    let package = format!("{PACKAGE}@{version}-{key}");
    fs::create_dir(work).with_context(|| format!("cannot create {}", work.display()))?;
    let (mut tarball, integrity) = npm::verified(&package, work)?;
    let (triple, files) =
        unpack::list(&tarball).with_context(|| format!("{package} cannot be pinned"))?;
    if let Some(binary) = binary {
        tarball.rewind()?;
        unpack::binary(&tarball, binary).with_context(|| format!("{package} cannot be pinned"))?;
        let actual = version_of(binary)?;
        ensure!(is_version(&actual, version), "{package} calls itself `{actual}`");
    }
    // Six of them would take more than a gigabyte.
    fs::remove_dir_all(work).with_context(|| format!("cannot remove {}", work.display()))?;
    Ok(Platform { package, integrity, triple, files })
}
