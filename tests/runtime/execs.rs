//! Commands that the runtime runs for its client.

use std::time::Duration;

use codexkit::protocol::CommandExecOutputStream;
use codexkit::{CommandHandle, Error, Sandbox};

use crate::support::{SOON, run, within};

async fn text(command: &mut CommandHandle) -> String {
    let mut bytes = Vec::new();
    while let Some(output) = within(SOON, command.next()).await {
        bytes.extend(output.unwrap().bytes);
    }
    String::from_utf8(bytes).unwrap()
}

/// Reads until the output has this text in it.
async fn until(command: &mut CommandHandle, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let output = within(SOON, command.next()).await.unwrap().unwrap();
        text.push_str(str::from_utf8(&output.bytes).unwrap());
    }
    text
}

#[tokio::test]
async fn a_command_that_is_awaited_gives_its_output_and_exit_code() {
    run(async |place| {
        let codex = place.start().await;
        let cwd = place.home.path().to_owned();
        let script = "pwd; echo $GREETING; echo ${HOME:-none}; echo bad >&2; exit 3";
        let command = codex.command(["sh", "-c", script]).cwd(&cwd).env("GREETING", "hello");
        let result = command.env_remove("HOME").await.unwrap();
        assert_eq!(result.exit_code, 3);
        assert_eq!(result.stdout, format!("{}\nhello\nnone\n", cwd.display()));
        assert_eq!(result.stderr, "bad\n");
    })
    .await;
}

#[tokio::test]
async fn a_command_obeys_its_limits() {
    run(async |place| {
        let codex = place.start().await;
        let slow = codex.command(["sleep", "30"]).timeout(Duration::from_millis(200));
        assert_eq!(within(SOON, slow.into_future()).await.unwrap().exit_code, 124);
        let long = codex.command(["seq", "1000"]).output_cap(10).await.unwrap();
        assert_eq!(long.stdout, "1\n2\n3\n4\n5\n");
        let script = "touch made.txt || echo refused";
        let kept = codex.command(["sh", "-c", script]).sandbox(Sandbox::ReadOnly).await.unwrap();
        assert_eq!(kept.stdout, "refused\n", "{kept:?}");
        assert!(!place.home.workspace().join("made.txt").exists());
    })
    .await;
}

#[tokio::test]
async fn a_command_that_cannot_be_run_is_an_error() {
    run(async |place| {
        let codex = place.start().await;
        let error = codex.command(["/nonexistent"]).await.unwrap_err();
        assert!(error.to_string().contains("failed to spawn command"), "{error}");
        let mut spawned = codex.command(["/nonexistent"]).spawn().await.unwrap();
        let error = within(SOON, spawned.next()).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("failed to spawn command"), "{error}");
        assert!(spawned.next().await.is_none());
        for empty in [&[][..], &[""]] {
            let error = codex.command(empty.iter().copied()).await.unwrap_err();
            assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_spawned_command_talks_while_it_runs() {
    run(async |place| {
        let codex = place.start().await;
        let script = "echo ready; while read line; do echo got $line >&2; done; exit 5";
        let mut command = codex.command(["sh", "-c", script]).spawn().await.unwrap();
        let control = command.control();
        assert_eq!(until(&mut command, "ready\n").await, "ready\n");
        control.write("one\n").await.unwrap();
        let output = within(SOON, command.next()).await.unwrap().unwrap();
        assert_eq!(output.stream, CommandExecOutputStream::Stderr);
        assert_eq!((output.bytes.as_slice(), output.cap_reached), (&b"got one\n"[..], false));
        control.write(b"two\n").await.unwrap();
        control.close_stdin().await.unwrap();
        assert_eq!(text(&mut command).await, "got two\n");
        assert_eq!(command.wait().await.unwrap(), 5);
        assert!(control.write("late").await.is_err());
        control.terminate().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn no_output_is_lost_however_much_it_is() {
    run(async |place| {
        let codex = place.start().await;
        let mut command = codex.command(["seq", "300000"]).spawn().await.unwrap();
        let expected = (1..=300_000).fold(String::new(), |text, n| text + &format!("{n}\n"));
        assert!(expected.len() > 1 << 20);
        assert_eq!(text(&mut command).await, expected);
        assert_eq!(command.wait().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn commands_keep_their_output_apart() {
    run(async |place| {
        let codex = place.start().await;
        let mut commands = Vec::new();
        for n in 0..8 {
            let script = format!("for i in 1 2 3 4 5; do echo {n}; done");
            commands.push(codex.command(["sh", "-c", &script]).spawn().await.unwrap());
        }
        for (n, mut command) in commands.into_iter().enumerate() {
            assert_eq!(text(&mut command).await, format!("{n}\n").repeat(5));
        }
    })
    .await;
}

#[tokio::test]
async fn a_terminal_has_a_size_that_can_be_changed() {
    run(async |place| {
        let codex = place.start().await;
        let script = "stty size; read line; stty size";
        let mut command = codex.command(["sh", "-c", script]).spawn_tty(30, 100).await.unwrap();
        assert_eq!(until(&mut command, "\n").await, "30 100\r\n");
        command.control().resize(40, 120).await.unwrap();
        command.control().write("\n").await.unwrap();
        assert!(text(&mut command).await.ends_with("40 120\r\n"));
    })
    .await;
}

#[tokio::test]
async fn a_command_can_be_ended() {
    run(async |place| {
        let codex = place.start().await;
        let mut command = codex.command(["sh", "-c", "echo on; sleep 60"]).spawn().await.unwrap();
        until(&mut command, "on\n").await;
        command.control().terminate().await.unwrap();
        assert_eq!(within(SOON, command.wait()).await.unwrap(), 137);
        let pid = "echo $$; sleep 60";
        let mut command = codex.command(["sh", "-c", pid]).spawn().await.unwrap();
        until(&mut command, "\n").await;
        let control = command.control();
        command.terminate_on_drop(true);
        drop(command);
        // Only a command that runs can be written to.
        within(SOON, async { while control.write("x").await.is_ok() {} }).await;
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_connection_ends_a_command_with_the_reason() {
    run(async |place| {
        let codex = place.start().await;
        let mut command = codex.command(["sh", "-c", "echo on; sleep 60"]).spawn().await.unwrap();
        until(&mut command, "on\n").await;
        codex.close().await;
        assert!(within(SOON, command.next()).await.unwrap().unwrap_err().is_closed());
        assert!(command.next().await.is_none());
    })
    .await;
}
