//! The schema that a runtime writes.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Staging, alone, is_version, npm, unpack, version_of};
use crate::{digest, pin};

/// What the runtime calls the file that holds everything.
pub(crate) const BUNDLE: &str = "codex_app_server_protocol.schemas.json";

/// The bundles by our name, and what the runtime has to be told to write them.
pub(crate) const KINDS: [(&str, &[&str]); 2] =
    [("stable.json", &[]), ("experimental.json", &["--experimental"])];

/// Has a runtime write one bundle into a new folder. Returns the path of the bundle.
fn write(binary: &Path, out: &Path, args: &[&str]) -> anyhow::Result<PathBuf> {
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("cannot remove {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let output = Command::new(binary)
        .args(["app-server", "generate-json-schema", "--out"])
        .arg(out)
        .args(args)
        // The runtime writes into its home, which must not be that of the user.
        .env("CODEX_HOME", out)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    ensure!(
        output.status.success(),
        "the runtime cannot write its schema ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(out.join(BUNDLE))
}

/// Has a runtime write its bundles into a new folder, which then is as `schema/` is.
pub(super) fn write_all(binary: &Path, version: &str, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, args) in KINDS {
        let bundle = write(binary, &folder.join("written"), args)?;
        fs::rename(&bundle, folder.join(name))
            .with_context(|| format!("{} wrote no {BUNDLE}", binary.display()))?;
    }
    fs::remove_dir_all(folder.join("written"))?;
    fs::write(folder.join("pin.json"), json!({ "runtime": version }).to_string())?;
    Ok(())
}

/// The checksums of the bundles in a folder, by their names.
pub(crate) fn checksums(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let names = KINDS.iter().map(|it| it.0);
    names.map(|it| Ok((it.to_owned(), digest::sha256_of(&folder.join(it))?))).collect()
}

/// The folder with the bundles of any published runtime, which is fetched if they are not there.
pub(crate) fn of_version(root: &Path, version: &str) -> anyhow::Result<PathBuf> {
    check_version(version)?;
    let host = pin::host();
    let home = home(root, version);
    alone(root, |target| {
        if home.exists() {
            eprintln!("schema: that of {version} is already there");
            return Ok(());
        }
        let staging = Staging::create(target.join("schema.partial"))?;
        let package = format!("@openai/codex@{version}-{host}");
        let (tarball, _) = npm::verified(&package, &staging.0)?;
        let binary = staging.0.join(format!("codex{}", env::consts::EXE_SUFFIX));
        unpack::binary(tarball, &binary)
            .with_context(|| format!("{package} is not packed as the pinned runtime is"))?;
        let actual = version_of(&binary)?;
        ensure!(is_version(&actual, version), "{package} calls itself `{actual}`");

        let finished = staging.0.join("finished");
        write_all(&binary, version, &finished)?;
        keep(&finished, &home)?;
        eprintln!("schema: that of {version} is in {}", home.display());
        Ok(())
    })?;
    Ok(home)
}

/// Has `read` read the folder with the bundles of an executable, which are gone afterwards.
pub(crate) fn of_binary<T>(
    root: &Path,
    binary: &Path,
    read: impl FnOnce(&Path) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // A name without a folder would be looked for on PATH.
    let binary =
        fs::canonicalize(binary).with_context(|| format!("cannot resolve {}", binary.display()))?;
    let line = version_of(&binary)?;
    let version = line.split_whitespace().last().unwrap_or_default();
    check_version(version).with_context(|| format!("{} is no codex", binary.display()))?;
    alone(root, |target| {
        let staging = Staging::create(target.join("schema.partial"))?;
        let finished = staging.0.join("finished");
        write_all(&binary, version, &finished)?;
        read(&finished)
    })
}

/// Refuses what cannot be a version, and so no part of a path or a package's name.
pub(crate) fn check_version(version: &str) -> anyhow::Result<()> {
    ensure!(
        pin::is_version(version),
        "`{version}` is no version of the runtime; `npm view @openai/codex versions` lists them"
    );
    Ok(())
}

/// Where the bundles of a version are kept.
pub(super) fn home(root: &Path, version: &str) -> PathBuf {
    root.join("target/schemas").join(version)
}

/// Gives a finished folder its place.
pub(super) fn keep(finished: &Path, home: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(home.parent().unwrap_or(home))?;
    fs::rename(finished, home).with_context(|| format!("cannot create {}", home.display()))
}
