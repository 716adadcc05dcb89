//! What goes with the last handle, with the connection, or with its async runtime.

use std::sync::Arc;
use std::time::Duration;

use codexkit::Codex;
use codexkit::protocol::ChatgptAuthTokensRefreshResponse;
use codexkit::testing::FakeServer;
use tokio::time::timeout;

use crate::support::{chatgpt, expect_cancel, expect_start, poll_once, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_handle_of_a_connection_cancels_its_attempt_before_it_goes() {
    let rounds = async {
        for _ in 0..200 {
            let (codex, mut server) = FakeServer::start().await.unwrap();
            let handle = chatgpt(&codex, &mut server, "l1").await.cancel_on_drop(true);
            drop(codex);
            drop(handle);
            expect_cancel(&mut server, "l1").await;
            assert!(server.receive().await.is_none());
        }
    };
    // This clock goes on by itself.
    timeout(Duration::from_secs(60), rounds).await.unwrap();
}

#[test]
fn handles_can_be_dropped_after_their_async_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let left = runtime.block_on(async {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let handle = chatgpt(&codex, &mut server, "l1").await.cancel_on_drop(true);
        let events = codex.account_events();
        let mut start = Box::pin(codex.login_chatgpt().into_future());
        poll_once(&mut start).await;
        expect_start(&mut server, "chatgpt").await;
        (start, events, handle, codex, server)
    });
    drop(runtime);
    drop(left);
}

#[tokio::test(start_paused = true)]
async fn a_provider_of_tokens_is_let_go_of_with_the_connection() {
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let builder = Codex::builder().chatgpt_token_provider(move |_| {
        let kept = Arc::clone(&kept);
        async move {
            drop(kept);
            Err::<ChatgptAuthTokensRefreshResponse, _>(std::io::Error::other("none"))
        }
    });
    let (codex, _server) = FakeServer::start_with(builder).await.unwrap();
    assert_eq!(Arc::strong_count(&held), 2);
    within(codex.close()).await;
    // It is dropped in the background, until the end of which the clock of this test stands still.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(Arc::strong_count(&held), 1);
}
