//! npm, which has every published runtime.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::Seek,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::{digest, runtime::download};

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Has npm fetch a package into `work`, and compares it with the hash that npm has of what is
/// published, which is returned, too. No pin vouches for either.
pub(super) fn verified(package: &str, work: &Path) -> anyhow::Result<(File, String)> {
    let integrity =
        view(package, "dist.integrity").with_context(|| format!("{package} is not to be had"))?;
    let mut tarball = pack(package, work)?;
    digest::check_integrity(&mut tarball, &integrity).with_context(|| {
        format!(
            "what npm fetched as {package} is not what it says is published, and was not unpacked; \
             run this again if the download was cut off"
        )
    })?;
    tarball.rewind()?;
    Ok((tarball, integrity))
}

/// Has npm fetch a package into `work`.
pub(super) fn pack(package: &str, work: &Path) -> anyhow::Result<File> {
    needed_for(package)?;
    let (packed, cache) = (work.join("packed"), work.join("npm-cache"));
    fs::create_dir(&packed)?;
    let mut npm = Command::new(NPM);
    npm.args(["pack", package, "--ignore-scripts"])
        .args([OsStr::new("--pack-destination"), packed.as_os_str()])
        // A private cache grows as the download does, and does not stay.
        .args([OsStr::new("--cache"), cache.as_os_str()]);
    let label = format!("runtime: fetching {package} with npm");
    download::run(npm, label, &cache, &work.join("npm.log"))?;
    let tarball = only_file_in(&packed)?;
    File::open(&tarball).with_context(|| format!("cannot open {}", tarball.display()))
}

/// What npm knows of a published package, such as its `version` or its `dist.integrity`.
pub(crate) fn view(package: &str, field: &str) -> anyhow::Result<String> {
    match json(package, field)? {
        Value::String(it) => Ok(it),
        other => bail!("npm says that the {field} of {package} is {other}"),
    }
}

/// The same for what is no text, such as its `versions`.
pub(super) fn json(package: &str, field: &str) -> anyhow::Result<Value> {
    needed_for(package)?;
    let output = Command::new(NPM)
        .args(["view", package, field, "--json"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {NPM}"))?;
    ensure!(
        output.status.success(),
        "npm does not know the {field} of {package} ({}), and said:\n  {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim().replace('\n', "\n  ")
    );
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(!text.trim().is_empty(), "npm knows {package}, but no {field} of it");
    serde_json::from_str(&text)
        .with_context(|| format!("what npm says of the {field} of {package} is no JSON"))
}

/// Whether npm is on the `PATH`.
pub(super) fn is_there() -> bool {
    env::var_os("PATH").is_some_and(|it| env::split_paths(&it).any(|it| it.join(NPM).is_file()))
}

fn needed_for(package: &str) -> anyhow::Result<()> {
    ensure!(
        is_there(),
        "npm is missing, and nothing else has {package}; install npm (it comes with Node.js) and \
         run this again"
    );
    Ok(())
}

fn only_file_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    ensure!(files.len() == 1, "npm pack left {} files instead of one tarball", files.len());
    Ok(files[0].path())
}
