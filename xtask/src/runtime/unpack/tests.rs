//! What is unpacked of tarballs of every kind, and what is refused.

use std::{io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

use super::*;

const HASH_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A pin that wants `bin/codex` to hold `abc`.
fn platform() -> Platform {
    Platform {
        package: "codex".to_owned(),
        integrity: String::new(),
        triple: "host".to_owned(),
        files: [("bin/codex".to_owned(), HASH_OF_ABC.to_owned())].into(),
    }
}

fn entry(path: &str, kind: EntryType, link: &str, content: &str) -> (Header, String) {
    let mut header = Header::new_gnu();
    // `set_path` refuses the very names that are tested here.
    let Some(gnu) = header.as_gnu_mut() else { unreachable!() };
    gnu.name[..path.len()].copy_from_slice(path.as_bytes());
    gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_size(content.len() as u64);
    header.set_cksum();
    (header, content.to_owned())
}

fn file(path: &str, content: &str) -> (Header, String) {
    entry(path, EntryType::Regular, "", content)
}

fn tarball(entries: Vec<(Header, String)>) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (header, content) in entries {
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

struct Unpacked {
    dir: tempfile::TempDir,
    res: Result<(), String>,
}

impl Unpacked {
    fn new(tarball: &[u8]) -> Unpacked {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("work/tree");
        fs::create_dir_all(&tree).unwrap();
        let res = from_tarball(tarball, &platform(), &tree).map_err(|it| format!("{it:#}"));
        Unpacked { dir, res }
    }

    /// Everything that is not a folder, relative to two folders above the tree.
    fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.dir.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let kind = entry.file_type().unwrap();
                let to = if kind.is_dir() { &mut folders } else { &mut files };
                to.push(entry.path());
            }
        }
        let root = self.dir.path();
        files.iter().map(|it| it.strip_prefix(root).unwrap().to_owned()).collect()
    }
}

#[test]
fn files_of_the_pin_are_unpacked_and_can_be_run() {
    let it = Unpacked::new(&tarball(vec![
        file("package/package.json", "{}"),
        file("package/vendor/host/codex-resources/voice/lib.so", "large"),
        file("package/vendor/host/bin/codex", "abc"),
    ]));
    assert_eq!(it.res, Ok(()));
    assert_eq!(it.files(), [Path::new("work/tree/bin/codex")]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(it.dir.path().join("work/tree/bin/codex")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o755);
    }
}

#[test]
fn no_path_leads_out_of_the_tree() {
    for (path, complaint) in [
        ("../evil", "it does not hold `bin/codex`"),
        ("/etc/evil", "it does not hold `bin/codex`"),
        ("package/../../evil", "it does not hold `bin/codex`"),
        ("package/vendor/host/../../../../evil", "is not a plain relative path"),
        ("package/vendor/host/bin/../../../evil", "is not a plain relative path"),
        ("package/vendor/host//etc/evil", "is not a plain relative path"),
        ("package/vendor/host/codex-resources/voice/../../../evil", "does not hold"),
    ] {
        let it = Unpacked::new(&tarball(vec![file(path, "evil")]));
        assert!(it.res.as_ref().is_err_and(|it| it.contains(complaint)), "{path}: {:?}", it.res);
        assert_eq!(it.files(), Vec::<PathBuf>::new(), "{path}");
    }
}

#[test]
fn a_link_in_place_of_a_file_is_refused() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Directory] {
        let path = "package/vendor/host/bin/codex";
        let it = Unpacked::new(&tarball(vec![entry(path, kind, "/bin/sh", "")]));
        assert_eq!(it.res, Err("`bin/codex` is not a regular file".to_owned()), "{kind:?}");
        assert_eq!(it.files(), Vec::<PathBuf>::new());
    }
}

#[test]
fn content_that_is_not_pinned_is_refused() {
    let binary = || file("package/vendor/host/bin/codex", "abc");
    for (entries, complaint) in [
        (vec![], "it does not hold `bin/codex`"),
        (vec![binary(), binary()], "it holds `bin/codex` twice"),
        (vec![binary(), file("package/vendor/host/bin/new", "")], "it holds `bin/new`, which"),
        (vec![file("package/vendor/host/bin/codex", "abd")], "`bin/codex` has the sha256 a52d"),
        (vec![file("package/vendor/other/bin/codex", "abc")], "it does not hold `bin/codex`"),
    ] {
        let err = Unpacked::new(&tarball(entries)).res.unwrap_err();
        assert!(err.starts_with(complaint), "{err}");
    }
}

#[test]
fn a_tarball_that_is_cut_off_never_gives_half_a_file() {
    let whole = tarball(vec![file("package/vendor/host/bin/codex", "abc")]);
    let mut refused = 0;
    for length in 0..whole.len() {
        let it = Unpacked::new(&whole[..length]);
        if it.res.is_ok() {
            let binary = it.dir.path().join("work/tree/bin/codex");
            assert_eq!(fs::read(binary).unwrap(), b"abc");
        } else {
            refused += 1;
        }
    }
    // What is left is the padding behind the content.
    assert!(refused > whole.len() / 2, "{refused} of {}", whole.len());
}

#[test]
fn of_a_runtime_that_is_not_pinned_only_the_executable_is_unpacked() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("codex");
    let unpack = |entries| binary(&*tarball(entries), &to).map_err(|it| it.to_string());
    let path = &format!("package/vendor/host/bin/codex{}", env::consts::EXE_SUFFIX);
    let link = entry(path, EntryType::Symlink, "/bin/sh", "");
    let binary_path = binary_path();
    assert_eq!(unpack(vec![link]), Err(format!("`{binary_path}` is not a regular file")));
    let other = file("package/vendor/host/bin/other", "abc");
    assert_eq!(unpack(vec![other]), Err(format!("it does not hold `{binary_path}`")));
    assert!(!to.exists());

    unpack(vec![file("package/vendor/host/bin/rg", "no"), file(path, "abc")]).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"abc");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn of_a_runtime_that_is_not_pinned_nothing_but_the_voice_is_left_out() {
    let binary = format!("package/vendor/host/bin/codex{}", env::consts::EXE_SUFFIX);
    let unpack = |entries| {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        let res = whole(&*tarball(entries), &tree).map_err(|it| it.to_string());
        // Nothing may be beside the tree either.
        let unpacked = Unpacked { dir, res };
        (unpacked.res.clone(), unpacked.files())
    };
    let (res, mut files) = unpack(vec![
        file("package/package.json", "{}"),
        file("package/vendor/host/codex-resources/voice/lib.so", "large"),
        file("package/vendor/host/codex-path/rg", "rg"),
        file(&binary, "abc"),
    ]);
    assert_eq!(res, Ok(()));
    files.sort();
    let codex = format!("tree/bin/codex{}", env::consts::EXE_SUFFIX);
    assert_eq!(files, [Path::new(&codex), Path::new("tree/codex-path/rg")]);

    for (evil, complaint) in [
        (file("package/vendor/host/../../evil", "evil"), "is not a plain relative path"),
        (file("package/vendor/host//etc/evil", "evil"), "is not a plain relative path"),
        (file("package/vendor/host/a\\..\\evil", "evil"), "is not a plain relative path"),
        (entry("package/vendor/host/rg", EntryType::Symlink, "/bin/sh", ""), "regular file"),
        (entry("package/vendor/host/rg", EntryType::Link, "bin/codex", ""), "regular file"),
        (file("package/other/bin/codex", "abc"), "it does not hold `bin/codex"),
    ] {
        let (res, files) = unpack(vec![evil]);
        assert!(res.as_ref().is_err_and(|it| it.contains(complaint)), "{res:?}");
        assert_eq!(files, Vec::<PathBuf>::new());
    }
    let (res, _) = unpack(vec![file(&binary, "abc"), file("package/vendor/other/rg", "rg")]);
    assert_eq!(res, Err("it holds files for both host and other".to_owned()));
    let (res, _) = unpack(vec![file(&binary, "abc"), file(&binary, "abd")]);
    assert!(res.is_err_and(|it| it.starts_with("cannot create `bin/codex")));
}

#[test]
fn what_a_tarball_is_pinned_as_is_what_is_unpacked_from_it() {
    let listed = |entries| list(&*tarball(entries)).map_err(|it| it.to_string());
    let voice = || file("package/vendor/host/codex-resources/voice/lib.so", "large");
    let binary = || file("package/vendor/host/bin/codex", "abc");
    let (triple, files) =
        listed(vec![file("package/package.json", "{}"), voice(), binary()]).unwrap();
    assert_eq!(triple, "host");
    assert_eq!(files, platform().files);

    let link = entry("package/vendor/host/bin/codex", EntryType::Symlink, "/bin/sh", "");
    for (entries, complaint) in [
        (vec![voice()], "it holds nothing below package/vendor"),
        (vec![link], "`bin/codex` is not a regular file"),
        (vec![binary(), binary()], "it holds `bin/codex` twice"),
        (vec![binary(), file("package/vendor/other/rg", "")], "it holds files for both host"),
    ] {
        let err = listed(entries).unwrap_err();
        assert!(err.starts_with(complaint), "{err}");
    }
}

#[test]
fn a_folder_is_held_to_the_same_checksums() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = || from_folder(from.path(), &platform(), to.path()).map_err(|it| it.to_string());
    assert_eq!(copy(), Err("it does not hold `bin/codex`".to_owned()));

    fs::create_dir(from.path().join("bin")).unwrap();
    File::create(from.path().join("bin/codex")).unwrap().write_all(b"abc").unwrap();
    copy().unwrap();
    assert_eq!(fs::read(to.path().join("bin/codex")).unwrap(), b"abc");

    fs::remove_file(to.path().join("bin/codex")).unwrap();
    fs::write(from.path().join("bin/codex"), "abd").unwrap();
    assert!(copy().unwrap_err().starts_with("`bin/codex` has the sha256"));
}
