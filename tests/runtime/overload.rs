//! More than the runtime takes at a time.

use std::time::Duration;

use codexkit::protocol::ThreadListParams;
use codexkit::{Codex, Error, RpcErrorKind, retry_on_overload};

use crate::support::run;

/// The errors of so many requests that are sent at once. Beyond a number the runtime does not even
/// say no, so that some may get no answer at all.
async fn refused(codex: &Codex, burst: usize) -> Vec<Error> {
    let call = || codex.request(ThreadListParams::new()).timeout(Duration::from_secs(3));
    let calls: Vec<_> = (0..burst).map(|_| tokio::spawn(call().into_future())).collect();
    let mut errors = Vec::new();
    for call in calls {
        match call.await.unwrap() {
            Ok(_) | Err(Error::Timeout { .. }) => (),
            Err(error) => errors.push(error),
        }
    }
    errors
}

#[tokio::test]
async fn an_overloaded_runtime_says_so_and_takes_the_request_later() {
    run(async |place| {
        let most = 6400;
        let codex = place.start_with(place.builder().max_in_flight(most)).await;
        let mut burst = 200;
        let errors = loop {
            let errors = refused(&codex, burst).await;
            if !errors.is_empty() {
                break errors;
            }
            assert!(burst < most, "the runtime took {burst} requests at once");
            burst *= 2;
        };
        for error in errors {
            assert_eq!(error.kind(), Some(RpcErrorKind::Overloaded), "{error}");
            assert_eq!(error.code(), Some(-32001), "{error}");
        }
        let listed = retry_on_overload(|| codex.request(ThreadListParams::new())).await.unwrap();
        assert!(listed.data.is_empty());
    })
    .await;
}
