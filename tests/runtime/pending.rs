//! What becomes of requests of the server that nobody answers in time, whatever they ask.

use std::future::IntoFuture;
use std::time::Duration;
#[cfg(unix)]
use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::PathBuf};

#[cfg(unix)]
use codexkit::CodexBuilder;
use codexkit::protocol::{RequestId, TurnStatus};
use codexkit::{Error, Handlers, Resolution, ServerRequest, Thread, TurnHandle};

#[cfg(target_os = "linux")]
use crate::asking::Held;
use crate::asking::{
    Asked, CALL, EVERYTHING, Refusal, asking, every, heard_of, next_refusal, next_request,
    nothing_was_made, nothing_went_wrong, silent, still_talks, untrusting, untrusting_start,
};
#[cfg(target_os = "linux")]
use crate::processes;
use crate::support::{Place, SOON, run, within};

/// Makes a test of a claim for every kind of question.
macro_rules! of_each_kind {
    ($claim:ident) => {
        mod $claim {
            use crate::asking::Asked;
            use crate::support::run;

            #[tokio::test]
            async fn commands() {
                run(async |place| super::$claim(place, Asked::Command).await).await;
            }

            #[tokio::test]
            async fn file_changes() {
                run(async |place| super::$claim(place, Asked::FileChange).await).await;
            }

            #[tokio::test]
            async fn permissions() {
                run(async |place| super::$claim(place, Asked::Permissions).await).await;
            }

            #[tokio::test]
            async fn user_input() {
                run(async |place| super::$claim(place, Asked::UserInput).await).await;
            }
        }
    };
}

of_each_kind!(an_answer_after_the_end_of_the_turn_is_an_error_and_does_nothing);
async fn an_answer_after_the_end_of_the_turn_is_an_error_and_does_nothing(
    place: &Place,
    asked: Asked,
) {
    let thread = untrusting(place).await;
    let (mut turn, request) = parked(place, &thread, asked).await;
    turn.interrupt().await.unwrap();
    was_taken_away(within(SOON, request.resolved()).await);
    match asked.accept(&request) {
        Err(Error::RequestResolved { method, resolution, .. }) => {
            assert_eq!((&*method, Some(resolution)), (asked.method(), request.resolution()));
        }
        other => panic!("{other:?}"),
    }
    while turn.next().await.is_some() {}
    let result = turn.result().await.unwrap();
    assert_eq!(result.status, TurnStatus::Interrupted);
    still_talks(place, &thread).await;
    let heard = heard_of(place, CALL);
    // What the runtime gives up first, the call or the request, is not always the same.
    let is_given_up = ["aborted", "was cancelled before"].iter().any(|it| heard.contains(it));
    assert!(is_given_up, "{heard}");
    assert!(nothing_was_made(place));
}

of_each_kind!(a_handler_whose_turn_is_interrupted_is_given_up);
async fn a_handler_whose_turn_is_interrupted_is_given_up(place: &Place, asked: Asked) {
    let (handlers, mut held) = silent();
    let codex = place.start_with(asking(place)).await;
    let thread = untrusting_start(&codex).handler(handlers).await.unwrap();
    place.model.push(asked.call());
    let turn = thread.turn("Do it.").await.unwrap();
    let held = within(SOON, held.recv()).await.unwrap();
    assert_eq!((held.request.method(), held.request.turn_id()), (asked.method(), Some(turn.id())));
    turn.interrupt().await.unwrap();
    was_taken_away(within(SOON, held.request.resolved()).await);
    within(SOON, held.given_up).await.unwrap_err();
    assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
    still_talks(place, &thread).await;
    assert!(nothing_was_made(place));
}

of_each_kind!(a_handler_that_fails_refuses_and_the_error_is_told);
async fn a_handler_that_fails_refuses_and_the_error_is_told(place: &Place, asked: Asked) {
    let handlers = every(async |_| Err("the user is out".into()));
    let refusal = refused_by(place, asked, handlers).await;
    assert_eq!(refusal.problem.as_deref(), Some("its handler failed"));
    assert_eq!(refusal.source.unwrap().to_string(), "the user is out");
}

of_each_kind!(a_handler_that_panics_refuses);
async fn a_handler_that_panics_refuses(place: &Place, asked: Asked) {
    let handlers = every(async |_| panic!("the user is out"));
    let refusal = refused_by(place, asked, handlers).await;
    assert_eq!(refusal.problem.as_deref(), Some("its handler panicked"));
}

of_each_kind!(a_handler_that_drops_the_request_refuses_it);
async fn a_handler_that_drops_the_request_refuses_it(place: &Place, asked: Asked) {
    let refusal = refused_by(place, asked, every(async |_| Ok(()))).await;
    assert_eq!(refusal.problem.as_deref(), Some("its handler gave no answer"));
}

of_each_kind!(a_handler_that_takes_too_long_refuses_and_is_given_up);
async fn a_handler_that_takes_too_long_refuses_and_is_given_up(place: &Place, asked: Asked) {
    let (handlers, mut held) = silent();
    let handlers = handlers.deadline(Duration::from_millis(1));
    let refusal = refused_by(place, asked, handlers).await;
    assert_eq!(refusal.problem.as_deref(), Some("its handler gave no answer within 1ms"));
    let held = held.recv().await.unwrap();
    within(SOON, held.given_up).await.unwrap_err();
    assert_eq!(held.request.resolution(), Some(Resolution::TimedOut));
    assert!(matches!(asked.accept(&held.request), Err(Error::RequestResolved { .. })));
}

of_each_kind!(a_parked_request_that_is_dropped_is_refused);
async fn a_parked_request_that_is_dropped_is_refused(place: &Place, asked: Asked) {
    let thread = untrusting(place).await;
    let mut feed = thread.codex().notifications();
    let (turn, request) = parked(place, &thread, asked).await;
    place.model.push("What a pity.");
    let clone = request.clone();
    drop(request);
    assert_eq!(clone.resolution(), None);
    drop(clone);
    assert_eq!(turn.result().await.unwrap().final_response.as_deref(), Some("What a pity."));
    let heard = heard_of(place, CALL);
    assert!(asked.is_refused(place, &heard), "{heard}");
    let problem = next_refusal(&mut feed).await.problem;
    assert_eq!(problem.as_deref(), Some("it was dropped without an answer"));
}

of_each_kind!(what_is_asked_when_the_client_closes_is_not_done);
async fn what_is_asked_when_the_client_closes_is_not_done(place: &Place, asked: Asked) {
    let thread = untrusting(place).await;
    let (turn, request) = parked(place, &thread, asked).await;
    within(SOON, thread.codex().close()).await;
    assert_eq!(request.resolution(), Some(Resolution::Closed));
    assert!(matches!(asked.accept(&request), Err(Error::Closed(_))));
    assert!(matches!(turn.result().await, Err(Error::Closed(_))));
    goes_on_elsewhere(place, thread.id()).await;
}

#[cfg(target_os = "linux")]
of_each_kind!(what_is_asked_when_the_last_handle_is_dropped_is_not_done);
#[cfg(target_os = "linux")]
async fn what_is_asked_when_the_last_handle_is_dropped_is_not_done(place: &Place, asked: Asked) {
    let (handlers, mut held) = silent();
    let codex = place.start_with(asking(place)).await;
    let process = place.process();
    let thread = untrusting_start(&codex).handler(handlers).await.unwrap();
    place.model.push(asked.call());
    let turn = thread.turn("Do it.").await.unwrap();
    let Held { request, given_up } = within(SOON, held.recv()).await.unwrap();
    let id = thread.id().to_owned();
    drop((codex, thread, turn));
    within(SOON, given_up).await.unwrap_err();
    assert_eq!(request.resolution(), Some(Resolution::Closed));
    assert!(matches!(asked.accept(&request), Err(Error::Closed(_))));
    processes::end_within(SOON, &[process], &place.home.codex_home()).await;
    goes_on_elsewhere(place, &id).await;
}

#[cfg(unix)]
of_each_kind!(what_the_runtime_repeats_on_a_resume_is_asked_once);
#[cfg(unix)]
async fn what_the_runtime_repeats_on_a_resume_is_asked_once(place: &Place, asked: Asked) {
    let (builder, wire) = overheard(place);
    let codex = place.start_with(builder).await;
    let feed = codex.notifications();
    let thread = untrusting_start(&codex).await.unwrap();
    let (mut turn, request) = parked(place, &thread, asked).await;
    let copies = || {
        let sent = std::fs::read_to_string(&wire).unwrap();
        sent.lines().filter(|it| it.contains(asked.method())).count()
    };
    for more in [2, 3] {
        codex.thread_resume(thread.id()).await.unwrap();
        within(SOON, async {
            while copies() < more {
                thread.read().await.unwrap();
            }
        })
        .await;
    }
    place.model.push("Done.");
    // What was sent before this answer has been read by then.
    thread.read().await.unwrap();
    assert_eq!(request.resolution(), None);
    asked.accept(&request).unwrap();
    let more = async {
        while let Some(event) = turn.next().await {
            assert!(event.unwrap().notification().is_some(), "it is asked again");
        }
    };
    within(SOON, more).await;
    let heard = heard_of(place, CALL);
    assert!(asked.is_done(place, &heard), "{heard}");
    drop((thread, turn));
    nothing_went_wrong(codex, feed).await;
}

#[tokio::test]
async fn what_was_refused_is_told_to_who_listens_to_the_thread() {
    run(async |place| {
        let thread = untrusting(place).await;
        let (mut events, others) = (thread.events(), thread.codex().notifications());
        thread.set_handler(every(async |_| Ok(())));
        place.model.extend([Asked::Command.call(), "What a pity.".into()]);
        thread.run("Do it.").await.unwrap();
        let refusal = next_refusal(&mut events).await;
        assert_eq!(refusal.request.params["threadId"], thread.id());
        nothing_went_wrong(thread.codex().clone(), others).await;
    })
    .await;
}

#[tokio::test]
async fn what_several_threads_ask_is_answered_in_any_order() {
    run(async |place| {
        let codex = place.start_with(asking(place)).await;
        let feed = codex.notifications();
        let mut waiting = Vec::new();
        for asked in EVERYTHING {
            let thread = untrusting_start(&codex).await.unwrap();
            let (turn, request) = parked(place, &thread, asked).await;
            waiting.push((asked, turn, request));
        }
        place.model.always("Done.");
        let ids: Vec<_> = waiting.iter().map(|(_, _, it)| it.id().clone()).collect();
        assert_eq!(ids, [0, 1, 2, 3].map(RequestId::Integer));
        for (asked, turn, request) in waiting.into_iter().rev() {
            assert_eq!(request.resolution(), None);
            asked.accept(&request).unwrap();
            let result = within(SOON, turn.result()).await.unwrap();
            assert_eq!(result.final_response.as_deref(), Some("Done."), "{asked:?}");
            let heard = heard_of(place, CALL);
            assert!(asked.is_done(place, &heard), "{asked:?}: {heard}");
        }
        nothing_went_wrong(codex, feed).await;
    })
    .await;
}

/// A turn that is asked something, and the request.
async fn parked(place: &Place, thread: &Thread, asked: Asked) -> (TurnHandle, ServerRequest) {
    place.model.push(asked.call());
    let mut turn = thread.turn("Do it.").park_requests().await.unwrap();
    let request = next_request(&mut turn).await;
    assert_eq!((request.method(), request.turn_id()), (asked.method(), Some(turn.id())));
    assert_eq!(request.thread_id(), Some(thread.id()));
    (turn, request)
}

/// Runs a turn whose thread has handlers that do not answer, and gives what is told of it.
async fn refused_by(place: &Place, asked: Asked, handlers: Handlers) -> Refusal {
    let codex = place.start_with(asking(place)).await;
    let mut feed = codex.notifications();
    let thread = untrusting_start(&codex).handler(handlers).await.unwrap();
    place.model.extend([asked.call(), "What a pity.".into()]);
    let result = within(SOON, thread.run("Do it.").into_future()).await.unwrap();
    assert_eq!(result.status, TurnStatus::Completed);
    assert_eq!(result.final_response.as_deref(), Some("What a pity."));
    let heard = heard_of(place, CALL);
    assert!(asked.is_refused(place, &heard), "{heard}");
    let refusal = next_refusal(&mut feed).await;
    assert_eq!(refusal.request.method, asked.method());
    assert_eq!(refusal.request.params["turnId"], result.id);
    refusal
}

fn was_taken_away(resolution: Resolution) {
    let is_expected = matches!(resolution, Resolution::TurnEnded | Resolution::Elsewhere);
    assert!(is_expected, "{resolution:?}");
}

/// Shows that another process takes up the thread, and that nothing was done before.
async fn goes_on_elsewhere(place: &Place, thread: &str) {
    let codex = place.start_with(asking(place)).await;
    let feed = codex.notifications();
    let thread = codex.thread_resume(thread).await.unwrap();
    still_talks(place, &thread).await;
    assert!(nothing_was_made(place));
    drop(thread);
    nothing_went_wrong(codex, feed).await;
}

/// A runtime, and the file with all that it writes.
#[cfg(unix)]
fn overheard(place: &Place) -> (CodexBuilder, PathBuf) {
    let runtime = std::env::var("CODEX_BIN").unwrap_or_else(|_| "codex".into());
    let [script, wire] = ["runtime.sh", "wire.jsonl"].map(|name| place.home.path().join(name));
    let tee = format!("#!/bin/bash\nexec '{runtime}' \"$@\" > >(exec tee '{}')\n", wire.display());
    std::fs::write(&script, tee).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
    (asking(place).binary(script), wire)
}
