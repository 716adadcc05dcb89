//! Nothing that this crate does by itself is called deprecated by the runtime.

use codexkit::protocol::{ServerNotification, ThreadReadParams};
use codexkit::{Codex, ConnectionEvent, Error};

use crate::support::run;

/// Closes the runtime, and gives all that it called deprecated since it was started. Nobody else
/// may have asked for its notifications.
pub(crate) async fn deprecations(codex: Codex) -> Vec<String> {
    let mut feed = codex.notifications();
    codex.close().await;
    let mut notices = Vec::new();
    while let Some(event) = feed.next().await {
        match event {
            Ok(ConnectionEvent::Notification { notification, .. }) => {
                if let ServerNotification::DeprecationNotice(notice) = *notification {
                    notices.push(notice.summary);
                }
            }
            Ok(ConnectionEvent::Lagged(count)) => panic!("{count} events are lost"),
            Ok(_) | Err(Error::Closed(_)) => (),
            Err(error) => panic!("{error}"),
        }
    }
    notices
}

/// Closes the runtime, which must not have called anything deprecated.
pub(crate) async fn close_without_notices(codex: Codex) {
    assert_eq!(deprecations(codex).await, [""; 0]);
}

/// Closes the runtime, which must have called it deprecated this often to ask for a whole history.
pub(crate) async fn close_with_notices(codex: Codex, count: usize) {
    let notices = deprecations(codex).await;
    assert_eq!(notices.len(), count, "{notices:?}");
    for notice in notices {
        assert!(notice.starts_with("Full-history hydration is deprecated"), "{notice}");
    }
}

#[tokio::test]
async fn a_request_for_the_whole_history_is_called_deprecated_and_reading_is_not() {
    run(async |place| {
        place.model.always("ok");
        let codex = place.start().await;
        let thread = codex.thread_start().await.unwrap();
        thread.run("hi").await.unwrap();
        assert!(thread.read().await.unwrap().turns.is_empty());
        thread.turns().await.unwrap();
        thread.items().await.unwrap();
        let whole = ThreadReadParams::new(thread.id()).include_turns(true);
        assert_eq!(codex.request(whole).await.unwrap().thread.turns.len(), 1);
        close_with_notices(codex, 1).await;
    })
    .await;
}
