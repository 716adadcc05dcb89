//! Several files of the tree changed as one: all of them or none, whatever happens on the way.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::digest;

/// Where the files are kept as they were until all are changed.
const FOLDER: &str = "target/schema-update";
/// Written last into that folder: from then on the tree may be half changed.
const JOURNAL: &str = "journal.json";

/// Paths from the root of the workspace, with their new content.
#[derive(Debug, Default)]
pub(super) struct Edits(BTreeMap<String, Vec<u8>>);

/// The checksums of each file before and after. There is none of a file that was not there.
type Journal = BTreeMap<String, (Option<String>, String)>;

impl Edits {
    pub(super) fn set(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.0.insert(path.to_owned(), content.into());
    }

    /// Changes the files that are different, and returns their paths.
    pub(super) fn apply(self, root: &Path) -> anyhow::Result<Vec<String>> {
        self.apply_in_steps(root, &mut |_| Ok(()))
    }

    /// The same, with a call before each step after which a file may be another one.
    fn apply_in_steps(
        mut self,
        root: &Path,
        step: &mut dyn FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<String>> {
        self.0.retain(|path, new| fs::read(root.join(path)).ok().as_ref() != Some(new));
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let failed = match self.write(root, step) {
            Ok(()) => return Ok(self.0.into_keys().collect()),
            Err(it) => it,
        };
        match put_back(root) {
            Ok(_) => Err(failed.context("nothing is changed")),
            Err(it) => Err(failed.context(format!(
                "some files are changed and cannot be put back now ({it:#}); they are in \
                 {FOLDER}/old, and the next `cargo xtask schema update` tries again"
            ))),
        }
    }

    fn write(
        &self,
        root: &Path,
        step: &mut dyn FnMut(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let folder = root.join(FOLDER);
        remove(&folder)?;
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut journal = Journal::new();
        for (path, new) in &self.0 {
            let old = match fs::read(root.join(path)) {
                Ok(it) => Some(it),
                Err(it) if it.kind() == ErrorKind::NotFound => None,
                Err(it) => return Err(it).with_context(|| format!("cannot read {path}")),
            };
            if let Some(it) = &old {
                step(path)?;
                write_whole(&folder.join("old").join(path), it)?;
            }
            let hashes =
                (old.as_deref().map(digest::sha256_of_bytes), digest::sha256_of_bytes(new));
            journal.insert(path.clone(), hashes);
        }
        let text = serde_json::to_vec_pretty(&journal)?;
        write_whole(&folder.join("unfinished.json"), &text)?;
        step(JOURNAL)?;
        fs::rename(folder.join("unfinished.json"), folder.join(JOURNAL))?;

        // All that takes space happens before the first file is another one.
        for (path, new) in &self.0 {
            step(path)?;
            write_beside(root, path, new)?;
        }
        for path in self.0.keys() {
            step(path)?;
            fs::rename(beside(root, path), real(root, path))
                .with_context(|| format!("cannot replace {path}"))?;
        }
        step(FOLDER)?;
        done(&folder)
    }
}

/// Whether an update was killed while it changed files.
pub(super) fn is_cut_off(root: &Path) -> bool {
    root.join(FOLDER).join(JOURNAL).exists()
}

/// Puts back the files that an update has changed which was killed then. Returns whether there was
/// one.
pub(super) fn put_back(root: &Path) -> anyhow::Result<bool> {
    let folder = root.join(FOLDER);
    let text = match fs::read(folder.join(JOURNAL)) {
        Ok(it) => it,
        Err(it) if it.kind() == ErrorKind::NotFound => {
            remove(&folder)?;
            return Ok(false);
        }
        Err(it) => return Err(it).with_context(|| format!("cannot read {FOLDER}/{JOURNAL}")),
    };
    let journal: Journal = serde_json::from_slice(&text)
        .with_context(|| format!("{FOLDER}/{JOURNAL} is damaged; compare {FOLDER}/old"))?;
    for (path, (old, new)) in &journal {
        let to = real(root, path);
        let now = match digest::sha256_of(&to) {
            Ok(it) => Some(it),
            Err(_) if !to.exists() => None,
            Err(it) => return Err(it),
        };
        if now == *old {
            // It was not changed yet.
        } else if now.is_some_and(|it| it != *new) {
            bail!(
                "{path} was changed by an update that was cut off, and by somebody else since; it \
                 was as in {FOLDER}/old: mend it, and delete {FOLDER}"
            );
        } else if old.is_some() {
            let content = fs::read(folder.join("old").join(path))
                .with_context(|| format!("cannot read {FOLDER}/old/{path}"))?;
            write_beside(root, path, &content)?;
            fs::rename(beside(root, path), &to)
                .with_context(|| format!("cannot replace {path}"))?;
        } else {
            fs::remove_file(&to).with_context(|| format!("cannot remove {path}"))?;
        }
        remove(&beside(root, path))?;
    }
    done(&folder)?;
    Ok(true)
}

/// The journal goes first. Without it the rest means nothing, and the next update removes that.
fn done(folder: &Path) -> anyhow::Result<()> {
    fs::remove_file(folder.join(JOURNAL))
        .with_context(|| format!("cannot remove {FOLDER}/{JOURNAL}"))?;
    let _ = remove(folder);
    Ok(())
}

/// The file itself where the path is a link to it.
fn real(root: &Path, path: &str) -> PathBuf {
    let to = root.join(path);
    fs::canonicalize(&to).unwrap_or(to)
}

/// Where a file is written before it takes its place: a rename within one folder is one step.
fn beside(root: &Path, path: &str) -> PathBuf {
    let mut res = real(root, path).into_os_string();
    res.push(".update");
    res.into()
}

/// Writes what is to take the place of a file, with the permissions of that.
fn write_beside(root: &Path, path: &str, content: &[u8]) -> anyhow::Result<()> {
    let to = beside(root, path);
    write_whole(&to, content)?;
    if let Ok(it) = fs::metadata(real(root, path)) {
        fs::set_permissions(&to, it.permissions())
            .with_context(|| format!("cannot give {} its permissions", to.display()))?;
    }
    Ok(())
}

fn write_whole(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        let mut file = File::create(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let res = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match res {
        Err(it) if it.kind() != ErrorKind::NotFound => {
            Err(it).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "edits/tests.rs"]
mod tests;
