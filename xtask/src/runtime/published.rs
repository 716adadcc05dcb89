//! Runtimes that are published and not pinned.

use std::{
    fs,
    io::Seek,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

use super::{Staging, alone, binary_in, is_version, npm, unpack, version_of};
use crate::{
    digest,
    pin::{self, Pin},
};

/// The package that has all of them.
const PACKAGE: &str = "@openai/codex";

/// The executable of any published runtime, which is fetched if it is not there.
///
/// Nothing but npm says what the tarball has to be: no pin vouches for these.
pub(crate) fn of_version(root: &Path, version: &str) -> anyhow::Result<PathBuf> {
    check_word(version)?;
    let host = pin::host();
    let platform = Pin::read(root)?.platform(&host)?.clone();
    let home = root.join("target/runtimes").join(version);
    alone(root, |target| {
        if home.exists() {
            eprintln!("runtime: {version} is already there");
            return Ok(());
        }
        let package = format!("{PACKAGE}@{version}-{host}");
        let integrity = npm::view(&package, "dist.integrity")
            .with_context(|| format!("no runtime {version} can be had for {host}"))?;
        let staging = Staging::create(target.join("runtimes.partial"))?;
        let mut tarball = npm::pack(&package, &staging.0)?;
        digest::check_integrity(&mut tarball, &integrity).with_context(|| {
            format!(
                "what npm fetched as {package} is not what it says is published, and was not \
                 unpacked; run this again if the download was cut off"
            )
        })?;
        tarball.rewind()?;
        let tree = staging.0.join("tree");
        unpack::whole(tarball, &platform.triple, &tree)
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

/// The version that is installed where none is named.
pub(crate) fn latest() -> anyhow::Result<String> {
    npm::view(PACKAGE, "version").context("cannot tell which version is the latest")
}

/// Refuses what cannot be a version, before it becomes a part of a path.
pub(super) fn check_word(version: &str) -> anyhow::Result<()> {
    ensure!(
        pin::is_version(version),
        "`{version}` is no version of the runtime; `npm view {PACKAGE} versions` lists them"
    );
    Ok(())
}
