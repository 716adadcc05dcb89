//! A place where the real runtime runs, and what must be left of it afterwards: nothing.

#[cfg(target_os = "linux")]
use std::cell::RefCell;
use std::panic::Location;
use std::time::Duration;

use codexkit::protocol::{AccountUpdatedNotification, ServerNotification};
use codexkit::testing::{CallbackPort, MockIssuer, MockModel, TestHome};
use codexkit::{
    AccountEvent, AccountEvents, Codex, CodexBuilder, ConnectionEvent, Notifications, Result,
    Thread, TurnEvent, TurnHandle,
};

#[cfg(target_os = "linux")]
use crate::processes;

/// How long a whole test may take. It is not meant to be reached, however busy the machine is.
const TEST_LIMIT: Duration = Duration::from_secs(60);

/// How long the tests before this one, of any process, may need the port of the browser logins.
const PORT_LIMIT: Duration = Duration::from_secs(600);

/// How long something may take that should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A home and a model for one test.
pub(crate) struct Place {
    pub(crate) home: TestHome,
    pub(crate) model: MockModel,
    #[cfg(target_os = "linux")]
    runtimes: RefCell<Vec<u32>>,
}

/// Runs `test` in a place of its own. What it started there has to end when it returns, and with
/// it the last handle is gone.
pub(crate) async fn run(test: impl AsyncFnOnce(&Place)) {
    let place = Place {
        home: TestHome::new().unwrap(),
        model: MockModel::start().await.unwrap(),
        #[cfg(target_os = "linux")]
        runtimes: RefCell::default(),
    };
    within(TEST_LIMIT, test(&place)).await;
    // Elsewhere there is no telling to which home a process belongs.
    #[cfg(target_os = "linux")]
    {
        let (ids, home) = (place.runtimes.take(), place.home.codex_home());
        processes::end_within(SOON, &ids, &home).await;
    }
}

/// The same with somebody who gives out accounts.
pub(crate) async fn run_with_issuer(test: impl AsyncFnOnce(&Place, &MockIssuer)) {
    let issuer = MockIssuer::start().await.unwrap();
    run(async |place| test(place, &issuer).await).await;
}

/// The same, while nobody else uses the port to which the browser comes back.
pub(crate) async fn run_with_browser(test: impl AsyncFnOnce(&Place, &MockIssuer)) {
    let _port = within(PORT_LIMIT, CallbackPort::lock()).await.unwrap();
    run_with_issuer(test).await;
}

impl Place {
    pub(crate) fn builder(&self) -> CodexBuilder {
        self.home.builder(&self.model)
    }

    pub(crate) async fn start(&self) -> Codex {
        self.start_with(self.builder()).await
    }

    /// Starts what must start; a missing runtime is a failure that says what to do.
    pub(crate) async fn start_with(&self, builder: CodexBuilder) -> Codex {
        let codex = builder.start().await.unwrap_or_else(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let source = source.unwrap_or_default();
            panic!("{error}: {source}\n`cargo xtask runtime` fetches the pinned runtime")
        });
        #[cfg(target_os = "linux")]
        self.runtimes.borrow_mut().push(self.process());
        codex
    }

    /// A thread of a runtime of its own.
    pub(crate) async fn thread(&self) -> Thread {
        self.start().await.thread_start().await.unwrap()
    }

    /// The process of the only runtime here.
    #[cfg(target_os = "linux")]
    pub(crate) fn process(&self) -> u32 {
        processes::runtime_of(&self.home.codex_home())
    }
}

/// Waits for `future`, and fails where it was called if that takes too long.
#[track_caller]
pub(crate) fn within<F: Future>(limit: Duration, future: F) -> impl Future<Output = F::Output> {
    let caller = Location::caller();
    async move {
        let output = tokio::time::timeout(limit, future).await;
        output.unwrap_or_else(|_| panic!("not done within {limit:?}: {caller}"))
    }
}

/// The next change of the account, which must come soon.
pub(crate) async fn next_update(events: &mut AccountEvents) -> AccountUpdatedNotification {
    let found = async {
        loop {
            match events.next().await.unwrap().unwrap() {
                AccountEvent::Updated(it) => return it,
                AccountEvent::RateLimits(_) => (),
                other => panic!("{other:?}"),
            }
        }
    };
    within(SOON, found).await
}

/// Reads events until `pick` finds something.
pub(crate) async fn next_where<T>(
    turn: &mut TurnHandle,
    mut pick: impl FnMut(ServerNotification) -> Option<T>,
) -> T {
    while let Some(event) = turn.next().await {
        if let Some(found) = pick(event.unwrap().into_notification().unwrap()) {
            return found;
        }
    }
    panic!("the turn ended before what the test waits for");
}

/// Reads the events of a feed until `pick` finds something, which must come soon.
pub(crate) async fn next_event<T>(
    feed: &mut Notifications,
    mut pick: impl FnMut(ServerNotification) -> Option<T>,
) -> T {
    let found = async {
        loop {
            if let ConnectionEvent::Notification { notification, .. } =
                feed.next().await.unwrap().unwrap()
                && let Some(found) = pick(*notification)
            {
                return found;
            }
        }
    };
    within(SOON, found).await
}

/// The text of the next delta of the agent.
pub(crate) async fn next_delta(turn: &mut TurnHandle) -> String {
    next_where(turn, |it| match it {
        ServerNotification::AgentMessageDelta(it) => Some(it.delta),
        _ => None,
    })
    .await
}

/// The remaining events of a turn.
pub(crate) async fn rest(turn: &mut TurnHandle) -> Result<Vec<TurnEvent>> {
    let mut events = Vec::new();
    while let Some(event) = turn.next().await {
        events.push(event?);
    }
    Ok(events)
}
