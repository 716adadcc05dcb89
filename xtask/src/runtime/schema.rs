//! The schema that a runtime writes.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde_json::json;

use super::{Staging, alone, is_version, npm, published, unpack, version_of};
use crate::pin::{self, Pin};

/// What the runtime calls the file that holds everything.
pub(crate) const BUNDLE: &str = "codex_app_server_protocol.schemas.json";

/// The bundles by our name, and what the runtime has to be told to write them.
pub(crate) const KINDS: [(&str, &[&str]); 2] =
    [("stable.json", &[]), ("experimental.json", &["--experimental"])];

/// Has a runtime write one bundle into a new folder. Returns the path of the bundle.
pub(crate) fn write(binary: &Path, out: &Path, args: &[&str]) -> anyhow::Result<PathBuf> {
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

/// The folder with the bundles of any published runtime, which is fetched if they are not there.
pub(crate) fn of_version(root: &Path, version: &str) -> anyhow::Result<PathBuf> {
    published::check_word(version)?;
    let host = pin::host();
    let platform = Pin::read(root)?.platform(&host)?.clone();
    let home = root.join("target/schemas").join(version);
    alone(root, |target| {
        if home.exists() {
            eprintln!("schema: that of {version} is already there");
            return Ok(());
        }
        let staging = Staging::create(target.join("schema.partial"))?;
        let package = format!("@openai/codex@{version}-{host}");
        let tarball = npm::pack(&package, &staging.0)?;
        let binary = staging.0.join(format!("codex{}", env::consts::EXE_SUFFIX));
        unpack::binary(tarball, &platform.triple, &binary)
            .with_context(|| format!("{package} is not packed as the pinned runtime is"))?;
        let actual = version_of(&binary)?;
        ensure!(is_version(&actual, version), "{package} calls itself `{actual}`");

        let finished = write_all(&binary, version, &staging)?;
        fs::create_dir_all(target.join("schemas"))?;
        fs::rename(&finished, &home)
            .with_context(|| format!("cannot create {}", home.display()))?;
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
    alone(root, |target| {
        let staging = Staging::create(target.join("schema.partial"))?;
        read(&write_all(&binary, version, &staging)?)
    })
}

/// Has a runtime write both bundles. Returns the folder with these and the version.
fn write_all(binary: &Path, version: &str, staging: &Staging) -> anyhow::Result<PathBuf> {
    let finished = staging.0.join("finished");
    fs::create_dir(&finished)?;
    for (name, args) in KINDS {
        let bundle = write(binary, &staging.0.join("written"), args)?;
        fs::rename(&bundle, finished.join(name))
            .with_context(|| format!("{version} wrote no {BUNDLE}"))?;
    }
    fs::write(finished.join("pin.json"), json!({ "runtime": version }).to_string())?;
    Ok(finished)
}
