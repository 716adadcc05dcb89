//! The package that `cargo publish` would upload.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;
use tar::Archive;

use crate::cargo;

/// What crates.io takes at most.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// Without these the crate does not build, or its users miss something.
const REQUIRED: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "NOTICE",
    "PARITY.md",
    "README.md",
    "build.rs",
    "schema/README.md",
    "schema/experimental.json",
    "schema/pin.json",
    "schema/since.json",
    "schema/stable.json",
    "src/lib.rs",
];

/// Written by cargo itself.
const BY_CARGO: &[&str] = &[".cargo_vcs_info.json", "Cargo.toml.orig"];

pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let package = pack(root)?;
    let stray = stray(&package.files, tracked(root)?.as_ref());
    ensure!(stray.is_empty(), "the package holds files that do not belong there: {stray:?}");
    let missing: Vec<_> = REQUIRED.iter().filter(|&&it| !package.files.contains(it)).collect();
    ensure!(missing.is_empty(), "the package lacks {missing:?}");
    ensure!(package.bytes <= MAX_BYTES, "{} bytes are too large for crates.io", package.bytes);
    eprintln!("package: {} files, {} kB packed", package.files.len(), package.bytes / 1000);
    Ok(())
}

pub(super) struct Packed {
    /// The unpacked package.
    pub(super) folder: PathBuf,
    /// Paths relative to the folder.
    files: BTreeSet<String>,
    /// Size of the archive.
    bytes: u64,
}

/// Packs the crate and unpacks the result below `target/ci`.
///
/// Cargo's own check would build the package among what the workspace has built, and leave cargo
/// in the belief that the build script there comes from the package. The next step builds it.
pub(super) fn pack(root: &Path) -> anyhow::Result<Packed> {
    let metadata = cargo::metadata(root)?;
    let package = metadata.codexkit()?;
    let mut command = cargo::cargo(root, ["package", "--locked", "--package", "codexkit"]);
    // Changes that are not committed yet can be checked, too.
    cargo::run(command.args(["--allow-dirty", "--no-verify", "--quiet"]))?;

    let name = format!("{}-{}", package.name, package.version);
    let archive = metadata.target_directory.join("package").join(format!("{name}.crate"));
    let into = root.join("target/ci/package");
    if into.exists() {
        fs::remove_dir_all(&into)?;
    }
    fs::create_dir_all(&into)?;
    let file =
        File::open(&archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let bytes = file.metadata()?.len();
    Archive::new(GzDecoder::new(file)).unpack(&into)?;
    let folder = into.join(name);
    let mut files = BTreeSet::new();
    list(&folder, "", &mut files)?;
    Ok(Packed { folder, files, bytes })
}

fn list(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// Files that the rule does not know, or that git does not.
fn stray<'a>(files: &'a BTreeSet<String>, tracked: Option<&BTreeSet<String>>) -> Vec<&'a str> {
    let generated = |it: &str| BY_CARGO.contains(&it);
    let is_rust = |it: &str| Path::new(it).extension().is_some_and(|it| it == "rs");
    let in_folder = |it: &str, folder: &str| Path::new(it).parent() == Some(Path::new(folder));
    let wanted = |it: &str| {
        REQUIRED.contains(&it)
            || generated(it)
            || is_rust(it) && (it.starts_with("src/") || in_folder(it, "examples"))
    };
    let known = |it: &str| generated(it) || tracked.is_none_or(|tracked| tracked.contains(it));
    files.iter().map(String::as_str).filter(|it| !wanted(it) || !known(it)).collect()
}

/// Files that git knows; none outside of a repository.
fn tracked(root: &Path) -> anyhow::Result<Option<BTreeSet<String>>> {
    if !root.join(".git").exists() {
        eprintln!("package: no git repository, so files that were not added cannot be told apart");
        return Ok(None);
    }
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        bail!("`git ls-files` failed ({})", output.status);
    }
    let text = String::from_utf8(output.stdout).context("git printed a path that is not UTF-8")?;
    Ok(Some(text.split_terminator('\0').map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(files: &[&str]) -> BTreeSet<String> {
        files.iter().map(|&it| it.to_owned()).collect()
    }

    #[test]
    fn sources_examples_and_what_is_required_belong_into_the_package() {
        let mut files = set(REQUIRED);
        files.extend(set(&["src/a.rs", "src/a/b.rs", "examples/quickstart.rs"]));
        let tracked = files.clone();
        files.extend(set(BY_CARGO));
        assert_eq!(stray(&files, Some(&tracked)), Vec::<&str>::new());
        assert_eq!(stray(&files, None), Vec::<&str>::new());
    }

    #[test]
    fn what_the_readme_links_to_is_in_the_package() {
        let readme = include_str!("../../../README.md");
        let targets = readme.split("](").skip(1).filter_map(|it| it.split(')').next());
        let files: Vec<_> = targets.filter(|it| !it.contains("://")).collect();
        assert!(!files.is_empty());
        for file in files {
            assert!(REQUIRED.contains(&file), "{file}");
        }
    }

    #[test]
    fn everything_else_is_stray() {
        for file in [
            ".ci/run",
            ".cargo/config.toml",
            "deny.toml",
            "examples/data/a.rs",
            "examples/notes.md",
            "schema/extra.json",
            "src/notes.md",
            "target/debug/a",
            "tests/wire.rs",
            "xtask/src/main.rs",
        ] {
            let files = set(&[file]);
            assert_eq!(stray(&files, Some(&files)), [file]);
        }
    }

    #[test]
    fn a_source_that_git_does_not_know_is_stray() {
        let files = set(&["src/lib.rs", "src/scratch.rs"]);
        assert_eq!(stray(&files, Some(&set(&["src/lib.rs"]))), ["src/scratch.rs"]);
    }
}
