//! `cargo xtask runtime`: the pinned codex binary below `target/`.

mod download;
mod fetch;
mod installed;
pub(crate) mod npm;
pub(crate) mod progress;
pub(crate) mod published;
pub(crate) mod schema;
mod unpack;

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, bail, ensure};
use fd_lock::RwLock;

use crate::pin::{self, Pin, Platform};

pub(crate) const HELP: &str = "\
Fetches the codex binary that schema/pin.json names into target/runtime.

usage: cargo xtask runtime

npm downloads the package (167 MB on Linux x86-64); its sha512 is compared with the pin before
anything is unpacked, and the sha256 of each file before anything is run. Where npm is missing,
pip downloads the wheel openai-codex-cli-bin of the same version, if PyPI has it; its files must
have the same checksums. A run that is killed leaves no half runtime behind. When the runtime is
already there, nothing is fetched. The only line on stdout is the path of the binary.

environment:
  CODEX_BIN   use this executable instead of the pinned one; an absolute path
";

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    if let Some(arg) = args.first() {
        return Err(crate::usage(format!("unexpected argument `{arg}`")));
    }
    let runtime = ensure(&crate::root())?;
    println!("{}", runtime.binary.display());
    Ok(ExitCode::SUCCESS)
}

/// A codex binary that is there and says its version.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) binary: PathBuf,
    /// The folder in which nothing else than the runtime lives; none if the user chose the binary.
    pub(crate) home: Option<PathBuf>,
}

/// Returns the runtime of the user's choice or the pinned one, which is fetched if needed.
pub(crate) fn ensure(root: &Path) -> anyhow::Result<Runtime> {
    let pin = Pin::read(root)?;
    let home = root.join("target/runtime");
    // The value that `.cargo/config.toml` sets for whatever cargo runs.
    let default = home.join("bin/codex");
    if let Some(binary) = override_of(env::var_os("CODEX_BIN"), &default)? {
        check_override(&binary, &pin)?;
        return Ok(Runtime { binary, home: None });
    }
    let binary = pinned(root, &pin)?;
    Ok(Runtime { binary, home: Some(home) })
}

/// Returns the pinned runtime, whatever the user chose. It is fetched if needed.
pub(crate) fn pinned(root: &Path, pin: &Pin) -> anyhow::Result<PathBuf> {
    let home = root.join("target/runtime");
    install(root, pin, &home)?;
    Ok(binary_in(&home))
}

fn override_of(value: Option<OsString>, default: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Some(value) = value else { return Ok(None) };
    let path = PathBuf::from(value);
    if path == default {
        return Ok(None);
    }
    ensure!(
        path.is_absolute(),
        "CODEX_BIN is `{}`, which is not an absolute path, and tests run in several folders; set \
         the full path of a codex binary, or unset it to use the pinned one",
        path.display()
    );
    Ok(Some(path))
}

fn check_override(binary: &Path, pin: &Pin) -> anyhow::Result<()> {
    let version = version_of(binary).context(
        "CODEX_BIN is set, but not to a codex that works; correct it, or unset it to use the \
         pinned one",
    )?;
    eprintln!("runtime: CODEX_BIN is {}: {version}", binary.display());
    if !is_version(&version, &pin.runtime) {
        eprintln!(
            "warning: the pin is {}; unset CODEX_BIN to use exactly that runtime",
            pin.runtime
        );
    }
    Ok(())
}

fn install(root: &Path, pin: &Pin, home: &Path) -> anyhow::Result<()> {
    let platform = pin.platform(&pin::host())?;
    if installed::fits(home, platform) {
        eprintln!("runtime: {} is already there", pin.runtime);
        return Ok(());
    }

    alone(root, |target| {
        if installed::fits(home, platform) {
            eprintln!("runtime: {} is there now", pin.runtime);
            return Ok(());
        }
        replace(pin, platform, home, target)
    })
}

/// Runs what fetches while nothing else does in this workspace. It gets the folder `target`.
fn alone<T>(root: &Path, work: impl FnOnce(&Path) -> anyhow::Result<T>) -> anyhow::Result<T> {
    alone_with(root, "runtime.lock", "fetches it", work)
}

/// Runs `work` while no other process has the file `lock` in the folder `target`, which it gets.
pub(crate) fn alone_with<T>(
    root: &Path,
    lock: &str,
    what_others_do: &str,
    work: impl FnOnce(&Path) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let target = root.join("target");
    fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    let path = target.join(lock);
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut file = RwLock::new(file);
    if file.try_write().is_err_and(|it| it.kind() == ErrorKind::WouldBlock) {
        eprintln!("runtime: waiting for another run that {what_others_do}");
    }
    let _guard = file.write().with_context(|| format!("cannot lock {}", path.display()))?;
    work(&target)
}

/// Fetches the pinned runtime, and puts it into the place of what is there.
fn replace(pin: &Pin, platform: &Platform, home: &Path, target: &Path) -> anyhow::Result<()> {
    let staging = Staging::create(target.join("runtime.partial"))?;
    let tree = staging.0.join("tree");
    fetch::fetch(&pin.runtime, platform, &staging.0, &tree)?;
    let version = version_of(&binary_in(&tree))?;
    ensure!(
        is_version(&version, &pin.runtime),
        "the fetched binary calls itself `{version}`, the pin says {}",
        pin.runtime
    );
    installed::mark(&tree, platform)?;
    if home.exists() {
        fs::rename(home, staging.0.join("old"))
            .with_context(|| format!("cannot replace {}; is it running?", home.display()))?;
    }
    fs::rename(&tree, home).with_context(|| format!("cannot create {}", home.display()))?;
    eprintln!("runtime: {} is ready", pin.runtime);
    Ok(())
}

/// A folder for unfinished work: emptied at the start, gone at the end, and never taken for a
/// finished runtime in between.
struct Staging(PathBuf);

impl Staging {
    fn create(path: PathBuf) -> anyhow::Result<Staging> {
        if path.exists() {
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Staging(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(err) = fs::remove_dir_all(&self.0) {
            eprintln!("warning: cannot remove {}: {err}", self.0.display());
        }
    }
}

fn binary_in(home: &Path) -> PathBuf {
    home.join("bin").join(format!("codex{}", env::consts::EXE_SUFFIX))
}

/// The first line that `--version` prints.
pub(crate) fn version_of(binary: &Path) -> anyhow::Result<String> {
    let output = Command::new(binary)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    match stdout.lines().next() {
        Some(line) if output.status.success() => Ok(line.trim().to_owned()),
        _ => bail!(
            "`{} --version` says no version ({}): {}",
            binary.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

fn is_version(line: &str, version: &str) -> bool {
    line.split_whitespace().last() == Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_that_cargo_sets_is_no_override() {
        let default = Path::new("/checkout/target/runtime/bin/codex");
        assert_eq!(override_of(None, default).unwrap(), None);
        assert_eq!(override_of(Some(default.into()), default).unwrap(), None);
        let other = env::current_dir().unwrap().join("codex");
        assert_eq!(override_of(Some(other.clone().into()), default).unwrap(), Some(other));
    }

    #[test]
    fn an_override_that_depends_on_the_folder_is_refused() {
        for value in ["", "codex", "bin/codex", "./codex"] {
            override_of(Some(value.into()), Path::new("/default")).unwrap_err();
        }
    }

    #[test]
    fn a_version_is_the_last_word() {
        assert!(is_version("codex-cli 0.169.0", "0.169.0"));
        assert!(!is_version("codex-cli 0.169.0-alpha.1", "0.169.0"));
        assert!(!is_version("", "0.169.0"));
    }
}
