//! Programs that are no runtime, and processes that will not end: each gives a clear error in time,
//! and none is left behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use codexkit::{CloseReason, Codex, CodexBuilder, Error, StartErrorSource, VersionPolicy};

/// A directory with a script in it that writes its process id to the file `pid`.
struct Program {
    dir: tempfile::TempDir,
}

impl Program {
    fn new(script: &str) -> Program {
        let dir = tempfile::tempdir().unwrap();
        let program = Program { dir };
        let pid = program.dir.path().join("pid");
        let text = format!("echo $$ > '{}'\n{script}\n", pid.display());
        fs::write(program.path("app-server"), text).unwrap();
        program
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn builder(&self) -> CodexBuilder {
        // The first argument is `app-server`, which the shell takes for the script to run. A file
        // that was written just now could not always be executed itself: another thread that
        // starts a process at that moment still holds it open.
        Codex::builder()
            .binary("/bin/sh")
            .cwd(self.dir.path())
            .start_timeout(Duration::from_millis(500))
            .close_grace(Duration::from_millis(200))
    }

    fn process_is_gone(&self) -> bool {
        !is_alive(fs::read_to_string(self.path("pid")).unwrap().trim())
    }

    /// The process whose id is in the file `child` is gone, or about to be reaped by its new parent.
    async fn child_is_gone(&self) {
        let pid = fs::read_to_string(self.path("child")).unwrap();
        let begin = Instant::now();
        while is_alive(pid.trim()) {
            assert!(begin.elapsed() < Duration::from_secs(5), "the child is still there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn process_ends_within(&self, limit: Duration) {
        let begin = Instant::now();
        while !self.process_is_gone() {
            assert!(begin.elapsed() < limit, "the process is still there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Whether there is such a process, dead ones that nobody has reaped excepted.
fn is_alive(pid: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !(state.trim().is_empty() || state.trim().starts_with('Z'))
}

/// Answers `initialize` and then reads until the end of its input.
const HANDSHAKE: &str = r#"read -r line
echo '{"id":1,"result":{"userAgent":"codexkit/0.169.0 (x)","codexHome":"/","platformFamily":"unix","platformOs":"linux"}}'
read -r initialized"#;

/// The error of a start that must fail without leaving a process.
async fn failure(program: &Program) -> (String, StartErrorSource) {
    let begin = Instant::now();
    let error = program.builder().start().await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(program.process_is_gone(), "a failed start left its process");
    match error {
        Error::Start(error) => (error.to_string(), error.source),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_missing_program_is_named_with_what_to_do() {
    let error = Codex::builder().binary("/no/such/codex").start().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("cannot start `/no/such/codex`"), "{text}");
    assert!(text.contains("CodexBuilder::binary"), "{text}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("No such file"), "{source}");
}

#[tokio::test]
async fn a_file_that_is_no_program_is_an_error_of_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("codex");
    fs::write(&file, "text").unwrap();
    for path in [file.as_path(), dir.path()] {
        let error = Codex::builder().binary(path).start().await.unwrap_err();
        assert!(error.to_string().contains("cannot start"), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_dies_is_quoted() {
    let program = Program::new("echo 'no such model' >&2; exit 3");
    let (text, source) = failure(&program).await;
    assert!(text.contains("did not complete the app-server handshake"), "{text}");
    assert!(text.contains("its last words, in the source of this error"), "{text}");
    match source {
        StartErrorSource::Handshake(error) => {
            let text = error.to_string();
            assert!(text.contains("exit status: 3") && text.contains("no such model"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_that_ends_at_once_without_a_word_is_an_error() {
    let program = Program::new("exit 0");
    let (_, source) = failure(&program).await;
    assert!(matches!(source, StartErrorSource::Handshake(error) if error.is_closed()));
}

#[tokio::test]
async fn a_program_that_prints_garbage_is_an_error_that_shows_it() {
    let program = Program::new("echo 'Usage: frobnicate [-x]'; exec sleep 1000");
    let (text, _) = failure(&program).await;
    assert!(text.contains("it wrote `Usage: frobnicate [-x]` instead"), "{text}");
}

#[tokio::test]
async fn a_program_that_never_answers_is_an_error_at_the_deadline() {
    let program = Program::new("exec sleep 1000");
    let (_, source) = failure(&program).await;
    match source {
        StartErrorSource::Handshake(error) => {
            assert_eq!(error.to_string(), "no answer to `initialize` within 500ms");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_that_echoes_is_an_error() {
    let program = Program::new("exec cat");
    let (_, source) = failure(&program).await;
    assert!(matches!(source, StartErrorSource::Handshake(_)));
}

#[tokio::test]
async fn a_program_that_ignores_everything_is_killed_with_its_children() {
    let program = Program::new("trap '' TERM; sleep 1000 & echo $! > child; wait; sleep 1000");
    failure(&program).await;
    program.child_is_gone().await;
}

#[tokio::test]
async fn close_waits_for_a_process_that_needs_its_time() {
    let program = Program::new(&format!("{HANDSHAKE}\ncat > /dev/null; sleep 0.1; echo > done"));
    let builder = program.builder().close_grace(Duration::from_secs(10));
    let codex = builder.start().await.unwrap();
    codex.close().await;
    assert!(program.process_is_gone());
    assert!(program.path("done").exists(), "the process was not given its time");
    assert!(matches!(codex.close_reason(), Some(CloseReason::Local)));
}

#[tokio::test]
async fn close_ends_a_process_that_does_not_want_to_end() {
    let program = Program::new(&format!("trap '' TERM\n{HANDSHAKE}\nwhile :; do sleep 1; done"));
    let codex = program.builder().start().await.unwrap();
    let begin = Instant::now();
    codex.close().await;
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert!(program.process_is_gone());
}

#[tokio::test]
async fn a_process_that_dies_is_noticed_though_its_child_keeps_the_output_open() {
    let program =
        Program::new(&format!("{HANDSHAKE}\nsleep 1000 &\necho $! > child\necho gone >&2\nexit 7"));
    let codex = program.builder().start().await.unwrap();
    let reason = tokio::time::timeout(Duration::from_secs(5), codex.closed()).await.unwrap();
    match reason {
        CloseReason::Exited { status, stderr, .. } => {
            assert_eq!(status.unwrap().code(), Some(7));
            assert_eq!(&*stderr, "gone");
        }
        other => panic!("{other:?}"),
    }
    program.child_is_gone().await;
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_process() {
    let program = Program::new(&format!("{HANDSHAKE}\ncat > /dev/null"));
    let codex = program.builder().start().await.unwrap();
    drop(codex);
    program.process_ends_within(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_panic_of_the_user_ends_the_process() {
    let program = Program::new(&format!("{HANDSHAKE}\ncat > /dev/null"));
    let codex = program.builder().start().await.unwrap();
    let task = tokio::spawn(async move {
        assert!(codex.close_reason().is_some(), "the connection is open, so that this panics");
    });
    assert!(task.await.unwrap_err().is_panic());
    program.process_ends_within(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_start_that_is_dropped_leaves_no_process() {
    let program = Program::new("exec sleep 1000");
    let start = program.builder().start_timeout(Duration::from_secs(100)).start();
    let dropped = tokio::time::timeout(Duration::from_millis(200), start).await;
    assert!(dropped.is_err());
    program.process_ends_within(Duration::from_secs(5)).await;
}

#[test]
fn a_runtime_that_goes_away_takes_the_process_with_it() {
    let program = Program::new(&format!("trap '' TERM\n{HANDSHAKE}\nwhile :; do sleep 1; done"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let codex = runtime.block_on(program.builder().start()).unwrap();
    drop(runtime);
    assert!(program.process_is_gone());
    drop(codex);
}

#[tokio::test]
async fn a_process_that_does_not_read_does_not_stop_the_close() {
    let program = Program::new(&format!("{HANDSHAKE}\nexec sleep 1000"));
    let codex = program.builder().start().await.unwrap();
    let params = codexkit::protocol::ThreadStartParams::default();
    let big = params.base_instructions("x".repeat(1024 * 1024));
    let blocked = tokio::spawn(codex.request(big).into_future());
    tokio::task::yield_now().await;
    codex.close().await;
    assert!(program.process_is_gone());
    assert!(matches!(blocked.await.unwrap(), Err(Error::Closed(CloseReason::Local))));
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_anything_is_started() {
    let program = Program::new("touch started");
    let without = |method| (program.builder().opt_out_notifications([method]), method);
    let refused = [
        (program.builder().codex_home("relative/home"), "CODEX_HOME"),
        (program.builder().codex_home("/no/such/home"), "does not exist"),
        (program.builder().cwd("/no/such/directory"), "working directory"),
        (program.builder().config("model", serde_json::Value::Null), "`model` is null"),
        (program.builder().config("a=b", 1), "`a=b`"),
        (program.builder().config("", 1), "must neither be empty"),
        without("turn/started"),
        without("turn/completed"),
        without("item/completed"),
        without("thread/tokenUsage/updated"),
        without("serverRequest/resolved"),
        without("thread/closed"),
        without("thread/archived"),
        without("thread/deleted"),
    ];
    for (builder, expected) in refused {
        match builder.start().await.unwrap_err() {
            Error::InvalidInput(text) => assert!(text.contains(expected), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(!program.path("started").exists());
}

#[test]
fn a_start_without_an_async_runtime_is_refused() {
    let mut start = Box::pin(Codex::builder().binary("/no/such/codex").start());
    let mut cx = Context::from_waker(Waker::noop());
    match start.as_mut().poll(&mut cx) {
        Poll::Ready(Err(Error::InvalidInput(text))) => assert!(text.contains("tokio"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_the_pinned_version_will_do_if_the_user_says_so() {
    let other = HANDSHAKE.replace("codexkit/0.169.0", "codexkit/0.1.0");
    let program = Program::new(&format!("{other}\ncat > /dev/null"));
    let exact = program.builder().version_policy(VersionPolicy::Exact);
    match exact.start().await.unwrap_err() {
        Error::VersionMismatch { found, .. } => assert_eq!(found, "0.1.0"),
        other => panic!("{other:?}"),
    }
    assert!(program.process_is_gone());
    let codex = program.builder().start().await.unwrap();
    assert!(!codex.runtime().matches_pin());
    codex.close().await;
}
