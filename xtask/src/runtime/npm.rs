//! npm, which has every published runtime.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::runtime::download;

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Has npm fetch a package into `work`. Nothing but npm checks what it got.
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
    needed_for(package)?;
    let output = Command::new(NPM)
        .args(["view", package, field])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {NPM}"))?;
    ensure!(
        output.status.success(),
        "npm does not know the {field} of {package} ({}), and said:\n  {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim().replace('\n', "\n  ")
    );
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(!text.is_empty(), "npm knows {package}, but no {field} of it");
    Ok(text)
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
