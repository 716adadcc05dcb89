//! A workspace that pins a runtime which is a small script.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use sha2::{Digest, Sha256, Sha512};

pub(crate) const VERSION: &str = "9.9.9";

/// Stands for codex: knows its version and nothing else.
const CODEX: &str = "#!/bin/sh\n[ \"$1\" = --version ] && echo codex-cli 9.9.9\n";

/// Stands for npm: knows the hash of the tarball, and copies it to where it is told.
pub(crate) const NPM: &str = r#"
[ "$1" = view ] && exec cat "$ROOT/integrity"
while [ $# -gt 0 ]; do
    [ "$1" = --pack-destination ] && destination=$2
    shift
done
echo npm noise >&2
echo call >> "$ROOT/calls"
cp "$ROOT/package.tgz" "$destination/codex-9.9.9.tgz"
"#;

/// Stands for npm in the midst of a download: says so, and goes on when it is told to.
pub(crate) const SLOW_NPM: &str = r#"
echo > "$ROOT/started"
read line < "$ROOT/release"
"#;

/// Stands for Python: copies the wheel's content to where pip is told.
pub(crate) const PYTHON: &str = r#"
[ "$3" = --version ] && exit 0
while [ $# -gt 0 ]; do
    [ "$1" = --target ] && target=$2
    shift
done
mkdir "$target"
cp -R "$ROOT/wheel" "$target/codex_cli_bin"
"#;

pub(crate) struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    /// A workspace whose pin fits the tarball and the wheel beside it; no program is on its PATH.
    pub(crate) fn new() -> Fixture {
        Fixture::with_codex(CODEX)
    }

    pub(crate) fn with_codex(codex: &str) -> Fixture {
        let it = Fixture { dir: tempfile::tempdir().unwrap() };
        for folder in ["xtask", "schema", "bin", "wheel/bin"] {
            fs::create_dir_all(it.path(folder)).unwrap();
        }
        let tarball = tarball(codex);
        fs::write(it.path("package.tgz"), &tarball).unwrap();
        fs::write(it.path("integrity"), json!(integrity(&tarball)).to_string()).unwrap();
        fs::write(it.path("wheel/bin/codex"), codex).unwrap();
        fs::write(it.path("schema/pin.json"), pin(codex, &tarball).to_string()).unwrap();
        it
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path("target/runtime")
    }

    /// Puts a shell script onto the PATH of the workspace.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.path("bin").join(name);
        let root = self.dir.path().display();
        let text = format!("#!/bin/sh\nPATH=/bin:/usr/bin\nROOT='{root}'\n{script}");
        write_executable(&path, &text);
        path
    }

    /// Makes a pipe with a name.
    pub(crate) fn pipe(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut it = Command::new(env!("CARGO_BIN_EXE_xtask"));
        it.args(args)
            .env("CARGO_MANIFEST_DIR", self.path("xtask"))
            .env("PATH", self.path("bin"))
            .env_remove("CODEX_BIN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        it
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::of(&self.command(args).output().unwrap())
    }
}

pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Ended {
        let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        Ended {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn assert_success(&self) {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
    }

    /// Asserts that it failed with a message that holds all of these.
    #[track_caller]
    pub(crate) fn assert_failure(&self, complaints: &[&str]) {
        assert_eq!(self.code, Some(1), "{}", self.stderr);
        for complaint in complaints {
            assert!(self.stderr.contains(complaint), "no `{complaint}` in:\n{}", self.stderr);
        }
    }
}

/// Writes through a shell: a file that this process has open for writing may be inherited by the
/// child of another test, and then cannot be run.
pub(crate) fn write_executable(path: &Path, text: &str) {
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

/// Runs what waits for another process, and fails instead of waiting forever.
pub(crate) fn in_time<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(wait()));
    result.recv_timeout(Duration::from_secs(60)).expect("the other process comes so far")
}

/// What npm would pack: a package with this codex and nothing else.
pub(crate) fn tarball(codex: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(codex.len() as u64);
    builder.append_data(&mut header, "package/vendor/host/bin/codex", codex.as_bytes()).unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

pub(crate) fn integrity(tarball: &[u8]) -> String {
    format!("sha512-{}", STANDARD.encode(Sha512::digest(tarball)))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut acc, it| {
        write!(acc, "{it:02x}").unwrap();
        acc
    })
}

fn pin(codex: &str, tarball: &[u8]) -> serde_json::Value {
    let integrity = integrity(tarball);
    let hash = sha256(codex.as_bytes());
    let platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"].map(|key| {
        let platform = json!({
            "package": format!("@openai/codex@{VERSION}-{key}"),
            "integrity": integrity,
            "triple": "host",
            "files": { "bin/codex": hash },
        });
        (key.to_owned(), platform)
    });
    let platforms: serde_json::Map<_, _> = platforms.into_iter().collect();
    json!({
        "runtime": VERSION,
        "bundles": { "stable.json": hash, "experimental.json": hash },
        "platforms": platforms,
    })
}
