//! Files on the machine of the runtime, through the runtime.

use codexkit::Error;

use crate::lifecycle::is_refused;
use crate::support::{SOON, run, within};

#[tokio::test]
async fn what_is_written_is_read_whatever_the_bytes_are() {
    run(async |place| {
        let codex = place.start().await;
        let (fs, file) = (codex.fs(), place.home.path().join("bytes"));
        let every_byte: Vec<u8> = (0..=255).collect();
        for content in [&b""[..], b"text\n", &every_byte, &vec![7; 3_000_000]] {
            fs.write(&file, content).await.unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), content);
            assert_eq!(fs.read(&file).await.unwrap(), content);
        }
        let metadata = fs.metadata(&file).await.unwrap();
        assert!(metadata.is_file && !metadata.is_directory && !metadata.is_symlink);
        assert!(metadata.modified_at_ms > 1_700_000_000_000);
    })
    .await;
}

#[tokio::test]
async fn directories_are_made_listed_copied_and_removed() {
    run(async |place| {
        let codex = place.start().await;
        let (fs, root) = (codex.fs(), place.home.path().join("files"));
        for _ in 0..2 {
            fs.create_dir_all(root.join("a/b")).await.unwrap();
        }
        fs.write(root.join("a/one"), "1").await.unwrap();
        fs.copy(root.join("a"), root.join("copy")).await.unwrap();
        fs.copy(root.join("a/one"), root.join("two")).await.unwrap();
        assert_eq!(fs.read(root.join("copy/one")).await.unwrap(), b"1");
        assert!(fs.metadata(root.join("copy/b")).await.unwrap().is_directory);
        let mut entries = fs.read_dir(&root).await.unwrap();
        entries.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        let entries: Vec<_> =
            entries.iter().map(|it| (&*it.file_name, it.is_directory, it.is_file)).collect();
        let expected = [("a", true, false), ("copy", true, false), ("two", false, true)];
        assert_eq!(entries, expected);

        is_refused(fs.remove(root.join("a")).await, -32603, "not empty");
        fs.remove(root.join("a/b")).await.unwrap();
        fs.remove(root.join("two")).await.unwrap();
        fs.remove_all(root.join("a")).await.unwrap();
        assert!(!root.join("a").exists() && !root.join("two").exists());
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_an_error() {
    run(async |place| {
        let codex = place.start().await;
        let (fs, missing) = (codex.fs(), place.home.path().join("missing"));
        is_refused(fs.read(&missing).await, -32603, "os error");
        is_refused(fs.write(missing.join("x"), "").await, -32603, "os error");
        is_refused(fs.copy(&missing, place.home.path().join("x")).await, -32603, "os error");
        is_refused(fs.metadata(&missing).await, -32603, "os error");
        is_refused(fs.read_dir(&missing).await, -32603, "os error");
        is_refused(fs.remove(&missing).await, -32603, "os error");
        is_refused(fs.remove_all(&missing).await, -32603, "os error");
    })
    .await;
}

#[tokio::test]
async fn a_watch_says_what_changes_until_it_is_dropped() {
    run(async |place| {
        let codex = place.start().await;
        let workspace = place.home.workspace();
        let mut watch = codex.fs().watch(&workspace).await.unwrap();
        assert_eq!(watch.path(), workspace);
        let file = workspace.join("new.txt");
        codex.fs().write(&file, "new").await.unwrap();
        let changed = within(SOON, watch.next()).await.unwrap().unwrap();
        assert!(changed.contains(&file), "{changed:?}");
        let error = codex.fs().watch("relative").await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        codex.close().await;
        while let Some(Ok(_)) = watch.next().await {}
        assert!(watch.next().await.is_none());
    })
    .await;
}
