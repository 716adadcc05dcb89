//! The pinned runtime: from npm, or from pip where npm is missing.

use std::{
    fs,
    io::Seek,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use crate::{
    digest,
    pin::Platform,
    runtime::{download, npm, unpack},
};

/// Puts the verified files of the pin into `tree`; everything else stays in `work`.
pub(super) fn fetch(
    version: &str,
    platform: &Platform,
    work: &Path,
    tree: &Path,
) -> anyhow::Result<()> {
    if npm::is_there() {
        from_npm(platform, work, tree)
    } else {
        from_pip(version, platform, work, tree)
    }
}

fn from_npm(platform: &Platform, work: &Path, tree: &Path) -> anyhow::Result<()> {
    let mut file = npm::pack(&platform.package, work)?;
    digest::check_integrity(&mut file, &platform.integrity).with_context(|| {
        format!(
            "what npm fetched as {} is not the pinned tarball and was not unpacked; run this \
             again if the download was cut off, else do not trust the registry that npm uses",
            platform.package
        )
    })?;
    eprintln!("runtime: the tarball has the pinned sha512, unpacking");
    file.rewind()?;
    unpack::from_tarball(file, platform, tree)
        .with_context(|| format!("{} does not fit the pin", platform.package))
}

fn from_pip(version: &str, platform: &Platform, work: &Path, tree: &Path) -> anyhow::Result<()> {
    let install_npm = format!(
        "install npm (it comes with Node.js) and run this again, or set CODEX_BIN to a codex \
         {version} that you have"
    );
    let Some(mut pip) = pip() else {
        bail!("cannot fetch the runtime: neither npm nor pip is there; {install_npm}");
    };
    let (unpacked, temp) = (work.join("unpacked"), work.join("pip-temp"));
    fs::create_dir(&temp)?;
    let wheel = format!("openai-codex-cli-bin=={version}");
    // Installing a wheel into a folder only unpacks it.
    pip.args(["install", "--no-deps", "--no-compile", "--no-cache-dir", "--no-input"])
        .args(["--only-binary", ":all:", "--disable-pip-version-check", "--target"])
        .arg(&unpacked)
        .arg(&wheel)
        .envs(["TMPDIR", "TEMP", "TMP"].map(|it| (it, &temp)));
    let label = format!("runtime: npm is missing, fetching {wheel} with pip");
    download::run(pip, label, &temp, &work.join("pip.log"))
        .with_context(|| format!("npm is missing and pip cannot get {wheel}; {install_npm}"))?;
    unpack::from_folder(&unpacked.join("codex_cli_bin"), platform, tree).with_context(|| {
        format!("the wheel {wheel} does not fit the pin and is not used; {install_npm}")
    })?;
    eprintln!("runtime: the files of the wheel have the pinned sha256");
    Ok(())
}

fn pip() -> Option<Command> {
    ["python3", "python", "py"].into_iter().find_map(|python| {
        let pip = || {
            let mut it = Command::new(python);
            it.args(["-m", "pip"]);
            it
        };
        let silent = pip().arg("--version").stdin(Stdio::null()).output();
        silent.is_ok_and(|it| it.status.success()).then(pip)
    })
}
