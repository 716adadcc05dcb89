//! What an MCP server asks the user.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use codexkit::protocol::{
    McpServerElicitationRequestParams as Asked, McpToolCallStatus, ThreadItem, TurnStatus,
};
use codexkit::testing::Reply;
use codexkit::{
    CloseReason, Elicitation, Error, Handlers, Resolution, ServerRequest, Thread, TurnEvent,
    TurnHandle, TurnResult,
};
use serde_json::{Value, json};

use crate::asking::next_refusal;
use crate::held::{Held, Tray, desk, still_talks};
use crate::mcp_server::{answer, asking, call, only_call};
use crate::support::{Place, SOON, run, within};

/// Runs a turn in which the model calls a tool of the server.
pub(crate) async fn turn(place: &Place, thread: &Thread, tool: &str) -> TurnResult {
    let id = format!("call_{}", place.model.requests().len());
    place.model.extend([call(Reply::new(), &id, tool), "ok".into()]);
    let result = thread.run("Ask.").await.unwrap();
    assert_eq!(result.final_response.as_deref(), Some("ok"));
    result
}

/// What the server gets that asks by `tool` when that is answered by `handlers`.
async fn answered(place: &Place, tool: &str, handlers: Handlers) -> Value {
    let thread = asking(place, |start| start.handler(handlers)).await;
    let result = turn(place, &thread, tool).await;
    let call = only_call(&result);
    assert_eq!(call.status, McpToolCallStatus::Completed);
    answer(call)
}

/// The next that a turn is asked.
async fn next_elicitation(turn: &mut TurnHandle) -> Elicitation {
    let found = async {
        loop {
            if let TurnEvent::Request(request) = turn.next().await.unwrap().unwrap() {
                match request {
                    ServerRequest::Elicitation(it) => return it,
                    other => panic!("{other:?}"),
                }
            }
        }
    };
    within(SOON, found).await
}

/// Who leaves to the test what is asked.
fn held() -> (Handlers, Tray<Elicitation>) {
    let (desk, tray) = desk();
    (Handlers::new().elicitation(move |it| desk.hold(it)), tray)
}

#[track_caller]
fn is_too_late(asked: &Elicitation, became: Resolution) {
    assert_eq!(asked.resolution(), Some(became));
    match asked.decline() {
        Err(Error::RequestResolved { method, resolution, .. }) => {
            assert_eq!((&*method, resolution), ("mcpServer/elicitation/request", became));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_server_gets_what_the_user_has_filled_in() {
    run(async |place| {
        let filled = json!({"name": "Ada", "age": 36, "colour": "red", "days": ["Monday"]});
        let content = filled.clone();
        let handlers = Handlers::new().elicitation(move |asked| {
            let Asked::Form(form) = &*asked else { panic!("{asked:?}") };
            assert_eq!((&*form.server_name, &*form.message), ("desk", "Who are you?"));
            assert_eq!(form.requested_schema.required.as_deref(), Some(&["name".to_owned()][..]));
            assert!(!asked.is_tool_approval());
            std::future::ready(asked.accept_with(content.clone()))
        });
        let got = answered(place, "form", handlers).await;
        assert_eq!(got, json!({"action": "accept", "content": filled}));
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_the_form_is_not_sent_and_the_form_stays_open() {
    run(async |place| {
        let thread = asking(place, |start| start).await;
        place.model.extend([call(Reply::new(), "call_1", "form"), "ok".into()]);
        let mut turn = thread.turn("Ask.").park_requests().await.unwrap();
        let asked = next_elicitation(&mut turn).await;
        for (content, problem) in [
            (json!({}), "`name` is required"),
            (json!("Ada"), "what is filled in is an object"),
            (json!({"name": 1}), "`name` is a text"),
            (json!({"name": "A"}), "`name` has at least 2 characters"),
            (json!({"name": "Ada Lovelace"}), "`name` has at most 10 characters"),
            (json!({"name": "Ada", "age": 1.5}), "`age` is a whole number"),
            (json!({"name": "Ada", "age": 151}), "`age` is at most 150"),
            (json!({"name": "Ada", "member": "yes"}), "`member` is true or false"),
            (json!({"name": "Ada", "colour": "green"}), "`colour` is one of the options"),
            (json!({"name": "Ada", "days": ["Monday", "Tuesday"]}), "`days` has at most 1"),
            (json!({"name": "Ada", "street": "Main"}), "the form has no `street`"),
        ] {
            match asked.accept_with(content) {
                Err(Error::InvalidInput(said)) => assert!(said.starts_with(problem), "{said}"),
                other => panic!("{other:?}"),
            }
            assert_eq!(asked.resolution(), None);
        }
        assert!(matches!(asked.accept(), Err(Error::InvalidInput(_))));
        asked.accept_with(json!({"name": "Ada"})).unwrap();
        let result = turn.result().await.unwrap();
        let got = answer(only_call(&result));
        assert_eq!(got, json!({"action": "accept", "content": {"name": "Ada"}}));
    })
    .await;
}

#[tokio::test]
async fn the_server_is_told_that_the_user_declines() {
    run(async |place| {
        let handlers = Handlers::new().elicitation(async |asked| asked.decline());
        assert_eq!(answered(place, "form", handlers).await, json!({"action": "decline"}));
    })
    .await;
}

#[tokio::test]
async fn the_server_is_told_that_the_user_turns_away_and_the_turn_goes_on() {
    run(async |place| {
        let handlers = Handlers::new().elicitation(async |asked| asked.cancel());
        assert_eq!(answered(place, "form", handlers).await, json!({"action": "cancel"}));
    })
    .await;
}

#[tokio::test]
async fn a_page_is_opened_with_nothing_to_fill_in() {
    run(async |place| {
        let handlers = Handlers::new().elicitation(async |asked: Elicitation| {
            let Asked::Url(page) = &*asked else { panic!("{asked:?}") };
            assert_eq!(
                (&*page.url, &*page.message),
                ("https://desk.invalid/login", "Log in there.")
            );
            assert!(matches!(asked.accept_with(json!({})), Err(Error::InvalidInput(_))));
            asked.accept()
        });
        let got = answered(place, "page", handlers).await;
        assert_eq!(got, json!({"action": "accept", "content": {}}));
    })
    .await;
}

#[tokio::test]
async fn a_page_that_the_user_does_not_want_is_declined() {
    run(async |place| {
        let handlers = Handlers::new().elicitation(async |asked| asked.decline());
        assert_eq!(answered(place, "page", handlers).await, json!({"action": "decline"}));
    })
    .await;
}

/// Has a form answered by handlers that fail, and gives back what is said of that.
async fn failing(place: &Place, handlers: Handlers) -> Option<String> {
    let thread = asking(place, |start| start.handler(handlers)).await;
    let mut feed = thread.codex().notifications();
    let result = turn(place, &thread, "form").await;
    assert_eq!(answer(only_call(&result)), json!({"action": "decline"}));
    let refusal = next_refusal(&mut feed).await;
    assert_eq!(refusal.request.method, "mcpServer/elicitation/request");
    place.model.push("ok");
    still_talks(&thread).await;
    refusal.told()
}

#[tokio::test]
async fn without_anybody_who_answers_a_form_is_declined() {
    run(async |place| assert_eq!(failing(place, Handlers::new()).await, None)).await;
}

#[tokio::test]
async fn a_form_whose_handler_fails_is_declined() {
    run(async |place| {
        let handlers = Handlers::new().elicitation(async |_| Err(io::Error::other("nobody is in")));
        let problem = failing(place, handlers).await;
        assert_eq!(problem.as_deref(), Some("its handler failed: nobody is in"));
    })
    .await;
}

#[tokio::test]
async fn a_form_whose_handler_panics_is_declined() {
    run(async |place| {
        let handlers = Handlers::new()
            .elicitation(async |_| -> Result<(), Infallible> { panic!("in the handler") });
        let problem = failing(place, handlers).await;
        assert_eq!(problem.as_deref(), Some("its handler panicked"));
    })
    .await;
}

#[tokio::test]
async fn a_form_that_is_not_answered_in_time_is_declined_and_an_answer_is_too_late() {
    run(async |place| {
        let (handlers, mut tray) = held();
        let after = Duration::from_millis(50);
        let problem = failing(place, handlers.deadline(after)).await;
        assert_eq!(problem.as_deref(), Some("its handler gave no answer within 50ms"));
        let mut held = tray.next().await;
        held.dropped().await;
        is_too_late(&held.request, Resolution::TimedOut);
    })
    .await;
}

#[tokio::test]
async fn a_form_is_answered_once() {
    run(async |place| {
        let (handlers, mut tray) = held();
        let thread = asking(place, |start| start.handler(handlers)).await;
        place.model.extend([call(Reply::new(), "call_1", "form"), "ok".into()]);
        let turn = thread.turn("Ask.").await.unwrap();
        let held = tray.next().await;
        held.request.accept_with(json!({"name": "Ada"})).unwrap();
        is_too_late(&held.request, Resolution::Answered);
        held.release(Ok(()));
        let result = turn.result().await.unwrap();
        assert_eq!(answer(only_call(&result))["action"], "accept");
    })
    .await;
}

/// A turn that waits for a form.
async fn pending(place: &Place) -> (Thread, TurnHandle, Held<Elicitation>) {
    let (handlers, mut tray) = held();
    let thread = asking(place, |start| start.handler(handlers)).await;
    place.model.push(call(Reply::new(), "call_1", "form"));
    let turn = thread.turn("Ask.").await.unwrap();
    let held = tray.next().await;
    (thread, turn, held)
}

#[tokio::test]
async fn a_form_of_a_turn_that_is_interrupted_needs_no_answer() {
    run(async |place| {
        let (thread, turn, mut held) = pending(place).await;
        turn.interrupt().await.unwrap();
        assert_eq!(turn.result().await.unwrap().status, TurnStatus::Interrupted);
        held.dropped().await;
        is_too_late(&held.request, Resolution::TurnEnded);
        place.model.push("ok");
        still_talks(&thread).await;
    })
    .await;
}

#[tokio::test]
async fn a_form_of_a_client_that_is_closed_cannot_be_answered() {
    run(async |place| {
        let (thread, _turn, mut held) = pending(place).await;
        thread.codex().close().await;
        held.dropped().await;
        assert_eq!(held.request.resolved().await, Resolution::Closed);
        let error = held.request.decline().unwrap_err();
        assert!(matches!(error, Error::Closed(CloseReason::Local)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn two_forms_at_once_can_be_answered_in_reverse() {
    run(async |place| {
        let (handlers, mut tray) = held();
        let thread = asking(place, |start| start.handler(handlers)).await;
        let calls = call(call(Reply::new(), "call_1", "form"), "call_2", "page");
        place.model.extend([calls, "ok".into()]);
        let turn = thread.turn("Ask twice.").await.unwrap();
        let mut held = [tray.next().await, tray.next().await];
        held.sort_by_key(|it| matches!(&*it.request, Asked::Form(_)));
        for held in held {
            match &*held.request {
                Asked::Form(_) => held.request.accept_with(json!({"name": "Ada"})).unwrap(),
                _ => held.request.accept().unwrap(),
            }
            held.release(Ok(()));
        }
        let result = turn.result().await.unwrap();
        let calls = result.items.iter().filter_map(|item| match item {
            ThreadItem::McpToolCall(it) => Some((&*it.id, answer(it))),
            _ => None,
        });
        let filled = json!({"action": "accept", "content": {"name": "Ada"}});
        let opened = json!({"action": "accept", "content": {}});
        let mut calls: Vec<_> = calls.collect();
        calls.sort_by_key(|it| it.0);
        assert_eq!(calls, [("call_1", filled), ("call_2", opened)]);
    })
    .await;
}
