//! Whether the runtime on disk is the pinned one.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::pin::Platform;

const MARKER: &str = "fetched.json";

/// Written last into a finished tree: what it was checked against, and how large its files are.
#[derive(Deserialize, Serialize)]
struct Marker {
    pinned: Platform,
    bytes: BTreeMap<String, u64>,
}

/// Marks a verified tree as complete.
pub(super) fn mark(tree: &Path, platform: &Platform) -> anyhow::Result<()> {
    let bytes = platform
        .files
        .keys()
        .map(|it| Ok((it.clone(), fs::metadata(tree.join(it))?.len())))
        .collect::<anyhow::Result<_>>()?;
    let marker = Marker { pinned: platform.clone(), bytes };
    fs::write(tree.join(MARKER), serde_json::to_vec_pretty(&marker)?)
        .with_context(|| format!("cannot write {MARKER}"))
}

/// Whether a tree was checked against exactly this pin and still has all of its files.
///
/// Hashing them again would take seconds on each run, so their sizes have to do.
pub(super) fn fits(home: &Path, platform: &Platform) -> bool {
    let Ok(text) = fs::read(home.join(MARKER)) else { return false };
    let Ok(marker) = serde_json::from_slice::<Marker>(&text) else { return false };
    marker.pinned == *platform
        && platform.files.keys().all(|it| {
            let on_disk = fs::symlink_metadata(home.join(it));
            on_disk.is_ok_and(|on_disk| {
                on_disk.is_file() && marker.bytes.get(it) == Some(&on_disk.len())
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform() -> Platform {
        Platform {
            package: "@openai/codex@1.0.0-linux-x64".to_owned(),
            integrity: "sha512-".to_owned(),
            triple: "host".to_owned(),
            files: ["bin/codex", "codex-path/rg"].map(|it| (it.to_owned(), it.to_owned())).into(),
        }
    }

    fn marked() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for path in platform().files.keys() {
            let path = home.path().join(path);
            fs::create_dir(path.parent().unwrap()).unwrap();
            fs::write(path, "content").unwrap();
        }
        mark(home.path(), &platform()).unwrap();
        home
    }

    #[test]
    fn a_marked_tree_fits_its_pin() {
        assert!(fits(marked().path(), &platform()));
    }

    #[test]
    fn every_change_of_the_pin_needs_another_tree() {
        let home = marked();
        let changes: [fn(&mut Platform); 4] = [
            |it| it.package = "@openai/codex@1.0.1-linux-x64".to_owned(),
            |it| it.integrity = "sha512-other".to_owned(),
            |it| drop(it.files.insert("bin/codex".to_owned(), "other".to_owned())),
            |it| drop(it.files.insert("bin/more".to_owned(), "more".to_owned())),
        ];
        for change in changes {
            let mut other = platform();
            change(&mut other);
            assert!(!fits(home.path(), &other));
        }
    }

    #[test]
    fn a_tree_that_is_not_whole_does_not_fit() {
        let damages: [fn(&Path) -> std::io::Result<()>; 6] = [
            |home| fs::remove_dir_all(home),
            |home| fs::remove_file(home.join(MARKER)),
            |home| fs::write(home.join(MARKER), "{"),
            |home| fs::remove_file(home.join("codex-path/rg")),
            |home| fs::write(home.join("bin/codex"), "conten"),
            |home| {
                fs::remove_file(home.join("bin/codex"))?;
                fs::create_dir(home.join("bin/codex"))
            },
        ];
        for damage in damages {
            let parent = tempfile::tempdir().unwrap();
            let home = parent.path().join("home");
            fs::rename(marked().keep(), &home).unwrap();
            assert!(fits(&home, &platform()));
            damage(&home).unwrap();
            assert!(!fits(&home, &platform()));
        }
    }

    #[test]
    fn a_tree_without_all_of_its_files_cannot_be_marked() {
        let home = marked();
        fs::remove_file(home.path().join("bin/codex")).unwrap();
        mark(home.path(), &platform()).unwrap_err();
    }
}
