//! Nothing that the crate writes has a secret in it.
//!
//! What the client was given as a secret - an API key, tokens, variables of the environment, values of
//! the configuration, what a provider of tokens gives - and what opens an account - the address and
//! the code of a login - is
//!
//! - in nothing that a subscriber of `tracing` is told, at any level, whatever the runtime says;
//! - in the `Debug` of no public type, as far as it came from the client, or from the runtime as
//!   something that is not understood: a line that is no message, a request, an answer, a property;
//! - in no error of `Codex::login_api_key`, even if the runtime repeats the key there.
//!
//! The same is true of what the server asks and what it is answered: commands, questions and forms,
//! the arguments and the output of tools, tokens, what the user has written.
//!
//! What the runtime says in words of its own is shown as it is: methods and ids, the message of an
//! error that answers any other request, the reason why a login failed. So is what a handler or a
//! provider of tokens says in an error of its own, to the user, and what a tool does, to the model.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "secrets/accounts.rs"]
mod accounts;
#[path = "secrets/echoes.rs"]
mod echoes;
#[path = "secrets/exports.rs"]
mod exports;
#[path = "secrets/handles.rs"]
mod handles;
#[path = "shared/kinds.rs"]
mod kinds;
#[path = "secrets/requests.rs"]
mod requests;
#[path = "secrets/starting.rs"]
mod starting;
#[path = "shared/threads.rs"]
mod threads;
#[path = "shared/told.rs"]
mod told;
#[path = "secrets/written.rs"]
mod written;

use std::time::Duration;

use codexkit::Error;
use codexkit::protocol::ThreadLoadedListParams;
use codexkit::testing::FakeServer;
use tokio::time::timeout;
use tracing_subscriber::filter::LevelFilter;

use self::told::Told;
use self::written::Written;

/// In every secret of these tests, however it is quoted, and in nothing else.
const MARK: &str = "hush";

/// One that looks different where it is quoted.
const KEY: &str = r#"sk-"hush\key"#;

const TOKEN: &str = "token-hush-of-the-client";

const NEW_TOKEN: &str = "token-hush-of-the-provider";

const OTHER: &str = "other-hush";

#[tokio::test]
async fn nothing_that_is_written_has_a_secret_in_it() {
    let told = Told::default();
    let listening = told.listen(LevelFilter::TRACE);
    let mut written = Written::default();
    starting::builders_and_failed_starts(&mut written).await;
    // From here on there is no process, and nothing that takes time.
    tokio::time::pause();
    // Whatever never comes is noticed at once.
    let all = async {
        accounts::keys(&mut written).await;
        accounts::logins(&mut written).await;
        accounts::tokens(&mut written).await;
        accounts::provider(&mut written).await;
        echoes::of_lines_and_requests(&mut written).await;
        echoes::of_answers_and_notifications(&mut written).await;
        handles::of_threads(&mut written).await;
        handles::of_turns(&mut written).await;
        handles::of_goals(&mut written).await;
        handles::of_commands_and_files(&mut written).await;
        requests::of_all_kinds(&mut written).await;
        requests::of_failures(&mut written).await;
        requests::of_tools(&mut written).await;
        requests::of_parked(&mut written).await;
        #[cfg(feature = "schemars")]
        handles::of_typed_turns(&mut written).await;
    };
    timeout(Duration::from_secs(3600), all).await.expect("something never came");
    drop(listening);
    written.assert_has_no(MARK);
    let told = told.text();
    for wanted in [
        "request{method=\"account/login/start\"}: codexkit: answered",
        "request{method=\"account/login/start\"}: codexkit: failed",
        "notification method=account/login/completed",
        "answered a request of the server",
        "refused a request of the server",
        "a request of the server was not answered",
        "an answer came too late",
        "skipped a line that is no message",
        "overloaded, trying again",
    ] {
        assert!(told.contains(wanted), "`{wanted}` is missing in:\n{told}");
    }
    let line = told.lines().find(|line| line.contains(MARK));
    assert_eq!(line, None);
    exports::assert_all_looked_at(&written);
}

#[tokio::test(start_paused = true)]
async fn what_the_runtime_says_of_another_request_is_shown_and_not_told() {
    let told = Told::default();
    let listening = told.listen(LevelFilter::TRACE);
    let (codex, mut server) = FakeServer::start().await.unwrap();
    let call = codex.request(ThreadLoadedListParams::default()).into_future();
    let (refused, ()) = tokio::join!(call, async {
        let id = server.expect("thread/loaded/list").await.id;
        server.reply_error(&id, -32603, "it says hush").await;
    });
    match refused {
        Err(Error::Rpc(error)) => assert_eq!(error.message, "it says hush"),
        other => panic!("{other:?}"),
    }
    drop(listening);
    assert!(told.text().contains("failed"));
    assert!(!told.text().contains(MARK), "{}", told.text());
}
