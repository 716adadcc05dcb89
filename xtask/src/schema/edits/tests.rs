//! What a failure or a kill at any step leaves behind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::ensure;

use super::*;

const OLD: [(&str, &str); 3] = [("a.txt", "a"), ("folder/b.txt", "b"), ("same.txt", "same")];

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap());
        for (path, content) in OLD {
            write_whole(&it.root().join(path), content.as_bytes()).unwrap();
        }
        it
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    /// Every file with its content, the folder of the edits included.
    fn files(&self) -> BTreeMap<String, String> {
        let (mut res, mut todo) = (BTreeMap::new(), vec![self.root().to_owned()]);
        while let Some(folder) = todo.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    todo.push(entry.path());
                    continue;
                }
                let path = entry.path().strip_prefix(self.root()).unwrap().to_owned();
                let content = fs::read_to_string(entry.path()).unwrap();
                res.insert(path.to_str().unwrap().to_owned(), content);
            }
        }
        res
    }
}

fn edits() -> Edits {
    let mut res = Edits::default();
    for (path, content) in [("a.txt", "A"), ("folder/b.txt", "B"), ("new.txt", "N"), OLD[2]] {
        res.set(path, content);
    }
    res
}

fn files(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect()
}

fn new() -> BTreeMap<String, String> {
    files(&[("a.txt", "A"), ("folder/b.txt", "B"), ("new.txt", "N"), OLD[2]])
}

/// How many steps there are.
fn steps() -> usize {
    let mut res = 0;
    let tree = Tree::new();
    let changed = edits().apply_in_steps(tree.root(), &mut |_| {
        res += 1;
        Ok(())
    });
    assert_eq!(changed.unwrap(), ["a.txt", "folder/b.txt", "new.txt"]);
    assert_eq!(tree.files(), new());
    res
}

#[test]
fn all_files_are_changed_and_nothing_else_is_left() {
    // Two copies, the journal, three new files, three renames, the end.
    assert_eq!(steps(), 10);
    let tree = Tree::new();
    edits().apply(tree.root()).unwrap();
    assert_eq!(edits().apply(tree.root()).unwrap(), [""; 0]);
    assert_eq!(tree.files(), new());
    assert!(!put_back(tree.root()).unwrap());
}

#[test]
fn a_failure_at_any_step_changes_nothing() {
    for last in 0..steps() {
        let (tree, mut step) = (Tree::new(), 0);
        let err = edits().apply_in_steps(tree.root(), &mut |_| {
            step += 1;
            ensure!(step <= last, "no space");
            Ok(())
        });
        assert_eq!(format!("{:#}", err.unwrap_err()), "nothing is changed: no space");
        assert_eq!(tree.files(), files(&OLD), "after {last} steps");
    }
}

#[test]
fn after_a_kill_at_any_step_everything_is_put_back() {
    for last in 0..steps() {
        let (tree, mut step) = (Tree::new(), 0);
        let apply = || {
            edits().apply_in_steps(tree.root(), &mut |_| {
                step += 1;
                assert!(step <= last, "killed");
                Ok(())
            })
        };
        catch_unwind(AssertUnwindSafe(apply)).unwrap_err();
        let was_armed = is_cut_off(tree.root());
        assert_eq!(put_back(tree.root()).unwrap(), was_armed);
        assert_eq!(tree.files(), files(&OLD), "after {last} steps");
        assert!(!is_cut_off(tree.root()));
        // The next one goes through.
        edits().apply(tree.root()).unwrap();
        assert_eq!(tree.files(), new());
    }
}

#[test]
fn what_somebody_else_has_changed_since_a_kill_is_not_overwritten() {
    let (tree, mut step) = (Tree::new(), 0);
    let killed = || {
        edits().apply_in_steps(tree.root(), &mut |_| {
            step += 1;
            assert!(step < 9, "killed");
            Ok(())
        })
    };
    catch_unwind(AssertUnwindSafe(killed)).unwrap_err();
    fs::write(tree.root().join("folder/b.txt"), "mine").unwrap();
    let err = put_back(tree.root()).unwrap_err().to_string();
    assert!(err.starts_with("folder/b.txt was changed by an update that was cut off"), "{err}");
    assert_eq!(fs::read_to_string(tree.root().join("folder/b.txt")).unwrap(), "mine");
    assert!(is_cut_off(tree.root()));
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay_what_they_are() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let tree = Tree::new();
    let [link, file] = ["a.txt", "folder/real.txt"].map(|it| tree.root().join(it));
    fs::rename(&link, &file).unwrap();
    symlink("folder/real.txt", &link).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    edits().apply(tree.root()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "A");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
}
