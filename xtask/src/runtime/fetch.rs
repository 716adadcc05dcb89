//! The download: npm, or pip where npm is missing.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::Seek,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, anyhow, bail, ensure};

use crate::{
    digest,
    pin::Platform,
    runtime::{progress::Progress, unpack},
};

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// How often the size of a download is looked at.
const TICK: Duration = Duration::from_millis(250);

/// Lines of a failed command that are shown.
const LOG_LINES: usize = 20;

/// Puts the verified files of the pin into `tree`; everything else stays in `work`.
pub(super) fn fetch(
    version: &str,
    platform: &Platform,
    work: &Path,
    tree: &Path,
) -> anyhow::Result<()> {
    if is_on_path(NPM) {
        from_npm(platform, work, tree)
    } else {
        from_pip(version, platform, work, tree)
    }
}

/// Has npm fetch any package into `work`. Nothing but npm checks what it got.
pub(super) fn pack(package: &str, work: &Path) -> anyhow::Result<File> {
    ensure!(
        is_on_path(NPM),
        "npm is missing, and nothing else has {package}; install npm (it comes with Node.js) and \
         run this again"
    );
    let tarball = npm_pack(package, work)?;
    File::open(&tarball).with_context(|| format!("cannot open {}", tarball.display()))
}

fn npm_pack(package: &str, work: &Path) -> anyhow::Result<PathBuf> {
    let (packed, cache) = (work.join("packed"), work.join("npm-cache"));
    fs::create_dir(&packed)?;
    let mut npm = Command::new(NPM);
    npm.args(["pack", package, "--ignore-scripts"])
        .args([OsStr::new("--pack-destination"), packed.as_os_str()])
        // A private cache grows as the download does, and does not stay.
        .args([OsStr::new("--cache"), cache.as_os_str()]);
    let label = format!("runtime: fetching {package} with npm");
    run_shown(npm, label, &cache, &work.join("npm.log"))?;
    only_file_in(&packed)
}

fn from_npm(platform: &Platform, work: &Path, tree: &Path) -> anyhow::Result<()> {
    let tarball = npm_pack(&platform.package, work)?;
    let mut file = File::open(&tarball)?;
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
    run_shown(pip, label, &temp, &work.join("pip.log"))
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

/// Runs a download with its progress on stderr; its own output is shown only when it fails.
fn run_shown(mut command: Command, label: String, grows: &Path, log: &Path) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = File::create(log)?;
    let child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    let status = wait_shown(child, label, grows)?;
    if status.success() {
        return Ok(());
    }
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.trim_end().lines().collect();
    let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n  ");
    Err(anyhow!("{name} failed ({status}) and said:\n  {tail}"))
}

fn wait_shown(mut child: Child, label: String, grows: &Path) -> anyhow::Result<ExitStatus> {
    let mut progress = Progress::on_stderr(label);
    let (done, status) = mpsc::channel();
    let waiter = thread::spawn(move || done.send(child.wait()));
    let mut largest = 0;
    let status = loop {
        let status = status.recv_timeout(TICK);
        largest = largest.max(size_of(grows));
        match status {
            Err(RecvTimeoutError::Timeout) => progress.update(largest),
            Err(RecvTimeoutError::Disconnected) => bail!("the thread that waits has died"),
            Ok(status) => break status,
        }
    };
    progress.finish(largest);
    let _ = waiter.join();
    Ok(status?)
}

/// Bytes of all files below a folder that others are writing to.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|it| match it.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&it.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn only_file_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    ensure!(files.len() == 1, "npm pack left {} files instead of one tarball", files.len());
    Ok(files[0].path())
}

fn is_on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|it| env::split_paths(&it).any(|it| it.join(program).is_file()))
}
