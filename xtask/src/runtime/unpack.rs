//! Files of the runtime from a tarball or a folder: those of the pin, exactly as the pin has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;
use tar::Archive;

use crate::{
    digest,
    pin::{self, Platform},
};

/// The audio host of realtime sessions and its libraries, 55 MB: nothing here speaks.
const SKIPPED: &str = "codex-resources/voice/";

/// Unpacks the files of the pin from an npm tarball.
///
/// Only paths that the pin spells out are written, so no name in the tarball can lead out of the
/// tree.
pub(super) fn from_tarball(
    tarball: impl Read,
    platform: &Platform,
    tree: &Path,
) -> anyhow::Result<()> {
    let mut placed = BTreeSet::new();
    walk(tarball, |triple, path, content| {
        if triple != platform.triple {
            return Ok(());
        }
        let Some((path, hash)) = platform.files.get_key_value(path) else {
            bail!("it holds `{path}`, which the pin does not list");
        };
        ensure!(placed.insert(path), "it holds `{path}` twice");
        place(content, path, hash, tree)
    })?;
    if let Some(missing) = platform.files.keys().find(|it| !placed.contains(it)) {
        bail!("it does not hold `{missing}`");
    }
    Ok(())
}

/// Copies the files of the pin from a folder.
pub(super) fn from_folder(folder: &Path, platform: &Platform, tree: &Path) -> anyhow::Result<()> {
    for (path, hash) in &platform.files {
        let mut file =
            File::open(folder.join(path)).with_context(|| format!("it does not hold `{path}`"))?;
        place(&mut file, path, hash, tree)?;
    }
    Ok(())
}

/// Unpacks the npm tarball of a runtime that is not pinned, but for what is skipped of any.
pub(super) fn whole(tarball: impl Read, tree: &Path) -> anyhow::Result<()> {
    let mut triple = None;
    walk(tarball, |folder, path, content| {
        same(&mut triple, folder)?;
        write(content, path, tree).map(drop)
    })?;
    ensure!(tree.join(binary_path()).is_file(), "it does not hold `{}`", binary_path());
    Ok(())
}

/// What the npm tarball of a runtime holds: the folder of its files, and their sha256 by their paths
/// there.
pub(super) fn list(tarball: impl Read) -> anyhow::Result<(String, BTreeMap<String, String>)> {
    let (mut triple, mut files) = (None, BTreeMap::new());
    walk(tarball, |folder, path, mut content| {
        same(&mut triple, folder)?;
        let hash = digest::copy_sha256(&mut content, &mut io::sink())
            .with_context(|| format!("cannot read `{path}`"))?;
        ensure!(files.insert(path.to_owned(), hash).is_none(), "it holds `{path}` twice");
        Ok(())
    })?;
    let triple = triple.context("it holds nothing below package/vendor")?;
    Ok((triple, files))
}

/// Insists that a tarball is for one platform.
fn same(triple: &mut Option<String>, folder: &str) -> anyhow::Result<()> {
    let known = triple.get_or_insert_with(|| folder.to_owned());
    ensure!(known == folder, "it holds files for both {known} and {folder}");
    Ok(())
}

fn binary_path() -> String {
    format!("bin/codex{}", env::consts::EXE_SUFFIX)
}

/// Goes through the files of an npm tarball: the folder of the platform, the path below it, and the
/// content. No path leads out of the folder.
fn walk(
    tarball: impl Read,
    mut each: impl FnMut(&str, &str, &mut dyn Read) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut archive = Archive::new(GzDecoder::new(BufReader::new(tarball)));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let below = path.strip_prefix("package/vendor/").and_then(|it| it.split_once('/'));
        let Some((triple, path)) = below.filter(|it| !it.1.starts_with(SKIPPED)) else { continue };
        ensure!(pin::is_plain(path), "`{path}` is not a plain relative path");
        ensure!(entry.header().entry_type().is_file(), "`{path}` is not a regular file");
        each(triple, path, &mut entry)?;
    }
    Ok(())
}

/// Unpacks nothing but the executable from the npm tarball of a runtime that is not pinned.
pub(super) fn binary(tarball: impl Read, to: &Path) -> anyhow::Result<()> {
    let binary = binary_path();
    walk(tarball, |_, path, content| {
        if path != binary {
            return Ok(());
        }
        let mut file = File::create_new(to)?;
        io::copy(content, &mut file).with_context(|| format!("cannot unpack `{path}`"))?;
        make_executable(&file)
    })?;
    ensure!(to.is_file(), "it does not hold `{binary}`");
    Ok(())
}

fn place(content: &mut dyn Read, path: &str, hash: &str, tree: &Path) -> anyhow::Result<()> {
    let actual = write(content, path, tree)?;
    ensure!(actual == hash, "`{path}` has the sha256 {actual}, the pin says {hash}");
    Ok(())
}

/// Writes a new file of the tree, and returns its sha256.
fn write(mut content: &mut dyn Read, path: &str, tree: &Path) -> anyhow::Result<String> {
    let to = tree.join(path);
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(&to).with_context(|| format!("cannot create `{path}`"))?;
    let hash = digest::copy_sha256(&mut content, &mut file)
        .with_context(|| format!("cannot unpack `{path}`"))?;
    if path != "codex-package.json" {
        make_executable(&file)?;
    }
    Ok(hash)
}

#[cfg(unix)]
fn make_executable(file: &File) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.set_permissions(fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn make_executable(_: &File) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
