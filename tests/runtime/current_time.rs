//! The time, which the runtime asks of its client if it is told to.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codexkit::protocol::TurnStatus;
use codexkit::{
    CloseReason, CodexBuilder, CurrentTime, Error, Handlers, Resolution, Thread, TurnHandle,
};

use crate::asking::next_refusal;
use crate::held::{Held, Tray, desk, still_talks};
use crate::support::{Place, run};

/// A runtime that has no clock of its own.
fn without_clock(place: &Place) -> CodexBuilder {
    let builder = place.builder().config("features.current_time_reminder.enabled", true);
    let builder = builder.config("features.current_time_reminder.clock_source", "external");
    builder.config("suppress_unstable_features_warning", true)
}

/// A thread of such a runtime, to whose client these handlers belong.
async fn asking(place: &Place, handlers: Handlers) -> Thread {
    place.model.always("ok");
    let codex = place.start_with(without_clock(place).handler(handlers)).await;
    codex.thread_start().await.unwrap()
}

fn after_1970(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// 22:13:20 UTC on the 14th of November 2023.
const NOW: u64 = 1_700_000_000;

/// What the model was told last of the time.
fn reminder(place: &Place) -> String {
    let request = place.model.requests().pop().unwrap();
    let texts = request.input_texts("developer");
    let mut reminders = texts.iter().filter(|it| it.contains("current_time_reminder"));
    reminders.next_back().unwrap().to_string()
}

#[tokio::test]
async fn the_model_is_told_the_time_of_the_client() {
    run(async |place| {
        // Fractions of a second are left out.
        let now = after_1970(NOW) + Duration::from_millis(999);
        let handlers = Handlers::new().current_time(move |it| std::future::ready(it.answer(now)));
        let thread = asking(place, handlers).await;
        thread.run("hi").await.unwrap();
        let told = reminder(place);
        assert!(told.contains("It is 2023-11-14 22:13:20 UTC."), "{told}");
    })
    .await;
}

/// Why a turn fails in which nobody says what time it is, and what is said of the request.
async fn failed(thread: &Thread) -> (String, Option<String>) {
    let mut feed = thread.codex().notifications();
    let error = thread.run("hi").await.unwrap_err();
    let message = error.turn().unwrap().error.clone().unwrap().message;
    let refusal = next_refusal(&mut feed).await;
    assert_eq!(refusal.request.method, "currentTime/read");
    assert_eq!(refusal.request.params["threadId"], thread.id());
    (message, refusal.told())
}

const REFUSED: &str = "Fatal error: failed to read current time: current-time request failed: \
    code=-32000 message=the client does not provide `currentTime/read`";

#[tokio::test]
async fn without_anybody_who_knows_the_time_a_turn_fails_and_says_so() {
    run(async |place| {
        let thread = asking(place, Handlers::new()).await;
        assert_eq!(failed(&thread).await, (REFUSED.to_owned(), None));
        assert_eq!(place.model.requests().len(), 0);
    })
    .await;
}

/// Has the first turn ask a clock that fails as `broken` does, and later ones a clock that works.
/// Gives back what is said of the failure.
async fn broken_once<Fut>(
    place: &Place,
    deadline: Duration,
    broken: impl Fn() -> Fut + Send + Sync + 'static,
) -> Option<String>
where
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    let is_first = AtomicBool::new(true);
    let handlers = Handlers::new().deadline(deadline).current_time(move |asked| {
        let breaks = is_first.swap(false, Ordering::Relaxed).then(&broken);
        async move {
            match breaks {
                Some(broken) => broken.await,
                None => asked.answer(after_1970(NOW)).map_err(io::Error::other),
            }
        }
    });
    let thread = asking(place, handlers).await;
    let (message, problem) = failed(&thread).await;
    assert_eq!(message, REFUSED);
    still_talks(&thread).await;
    problem
}

const LONG: Duration = Duration::from_secs(9);

#[tokio::test]
async fn a_clock_that_fails_fails_the_turn_and_no_other() {
    run(async |place| {
        let problem =
            broken_once(place, LONG, async || Err(io::Error::other("it stands still"))).await;
        assert_eq!(problem.as_deref(), Some("its handler failed: it stands still"));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_panics_fails_the_turn_and_no_other() {
    run(async |place| {
        let problem = broken_once(place, LONG, async || panic!("in the clock")).await;
        assert_eq!(problem.as_deref(), Some("its handler panicked"));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_too_slow_fails_the_turn_and_no_other() {
    run(async |place| {
        let deadline = Duration::from_millis(50);
        let problem = broken_once(place, deadline, std::future::pending).await;
        assert_eq!(problem.as_deref(), Some("its handler gave no answer within 50ms"));
    })
    .await;
}

type Told = Result<(), Infallible>;

/// A clock in the hands of the test.
type Clock = Tray<CurrentTime, Told>;

fn held() -> (Handlers, Clock) {
    let (desk, tray) = desk();
    (Handlers::new().current_time(move |it| desk.hold(it)), tray)
}

/// Answers what is asked and all that comes after it, until the turn has ended.
async fn answer_to_the_end(turn: TurnHandle, tray: &mut Clock, time: SystemTime) {
    let result = turn.result();
    tokio::pin!(result);
    loop {
        tokio::select! {
            result = &mut result => {
                assert_eq!(result.unwrap().status, TurnStatus::Completed);
                return;
            }
            held = tray.next() => {
                held.request.answer(time).unwrap();
                held.release(Ok(()));
            }
        }
    }
}

#[tokio::test]
async fn a_time_before_1970_is_not_sent_and_the_question_stays_open() {
    run(async |place| {
        let (handlers, mut tray) = held();
        let thread = asking(place, handlers).await;
        let turn = thread.turn("hi").await.unwrap();
        let held = tray.next().await;
        let early = UNIX_EPOCH - Duration::from_secs(1);
        assert!(matches!(held.request.answer(early), Err(Error::InvalidInput(_))));
        assert_eq!(held.request.resolution(), None);
        held.request.answer(after_1970(NOW)).unwrap();
        held.release(Ok(()));
        answer_to_the_end(turn, &mut tray, after_1970(NOW)).await;
    })
    .await;
}

#[tokio::test]
async fn two_threads_that_ask_at_once_can_be_answered_in_reverse() {
    run(async |place| {
        let (handlers, mut tray) = held();
        let one = asking(place, handlers).await;
        let two = one.codex().thread_start().await.unwrap();
        let (first, second) = (one.turn("hi").await.unwrap(), two.turn("hi").await.unwrap());
        let mut held = [tray.next().await, tray.next().await];
        held.sort_by_key(|it| it.request.thread_id == one.id());
        for held in held {
            held.request.answer(after_1970(NOW)).unwrap();
            held.release(Ok(()));
        }
        answer_to_the_end(second, &mut tray, after_1970(NOW)).await;
        answer_to_the_end(first, &mut tray, after_1970(NOW)).await;
    })
    .await;
}

/// A turn that waits for the time.
async fn pending(place: &Place) -> (Thread, TurnHandle, Clock, Held<CurrentTime, Told>) {
    let (handlers, mut tray) = held();
    let thread = asking(place, handlers).await;
    let turn = thread.turn("hi").await.unwrap();
    let held = tray.next().await;
    (thread, turn, tray, held)
}

#[tokio::test]
async fn a_turn_that_waits_for_the_time_can_be_interrupted_and_a_late_answer_harms_nothing() {
    run(async |place| {
        let (thread, turn, mut tray, held) = pending(place).await;
        turn.interrupt().await.unwrap();
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
        // The runtime neither says for which turn it asked nor that it does not wait any more.
        assert_eq!(held.request.resolution(), None);
        held.request.answer(after_1970(0)).unwrap();
        held.release(Ok(()));
        let turn = thread.turn("hi").await.unwrap();
        answer_to_the_end(turn, &mut tray, after_1970(NOW)).await;
        let told = reminder(place);
        assert!(told.contains("It is 2023-11-14 22:13:20 UTC."), "{told}");
    })
    .await;
}

#[tokio::test]
async fn the_time_for_a_client_that_is_closed_cannot_be_told() {
    run(async |place| {
        let (thread, _turn, _tray, mut held) = pending(place).await;
        thread.codex().close().await;
        held.dropped().await;
        assert_eq!(held.request.resolved().await, Resolution::Closed);
        let error = held.request.answer(after_1970(NOW)).unwrap_err();
        assert!(matches!(error, Error::Closed(CloseReason::Local)), "{error}");
    })
    .await;
}
