//! Whether the tools of an MCP server may be called.

use codexkit::{Elicitation, HandlerResult, Handlers, RequestPolicy, Thread};
use serde_json::json;

use crate::asking::next_refusal;
use crate::elicitations::turn;
use crate::held::desk;
use crate::mcp_server::{answer, asking, only_call, text};
use crate::support::{Place, run};

/// What became of a call of the tool that may change something.
async fn write(place: &Place, thread: &Thread) -> Result<String, String> {
    let result = turn(place, thread, "write").await;
    let call = only_call(&result);
    match &call.error {
        Some(error) => Err(error.message.clone()),
        None => Ok(text(call).to_owned()),
    }
}

const REJECTED: &str = "user rejected MCP tool call";

#[tokio::test]
async fn a_tool_that_nobody_allows_is_not_called() {
    run(async |place| {
        let thread = asking(place, |start| start).await;
        let mut feed = thread.codex().notifications();
        assert_eq!(write(place, &thread).await, Err(REJECTED.to_owned()));
        let refusal = next_refusal(&mut feed).await;
        assert_eq!(
            (&*refusal.request.method, refusal.problem),
            ("mcpServer/elicitation/request", None)
        );
        let asked = &refusal.request.params["_meta"];
        assert_eq!(asked["codex_approval_kind"], "mcp_tool_call");
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_the_user_allows_is_called() {
    run(async |place| {
        let handlers = Handlers::new().elicitation(async |asked: Elicitation| {
            assert!(asked.is_tool_approval());
            asked.accept()
        });
        let thread = asking(place, |start| start.handler(handlers)).await;
        assert_eq!(write(place, &thread).await.as_deref(), Ok("written"));
    })
    .await;
}

#[tokio::test]
async fn a_tool_that_the_user_allows_for_the_session_is_not_asked_about_again() {
    run(async |place| {
        let (desk, mut tray) = desk::<Elicitation, HandlerResult>();
        let handlers = Handlers::new().elicitation(move |it| desk.hold(it));
        let thread = asking(place, |start| start.handler(handlers)).await;
        let allow = async {
            let held = tray.next().await;
            held.request.accept_for_session().unwrap();
            held.release(Ok(()));
        };
        let (written, ()) = tokio::join!(write(place, &thread), allow);
        assert_eq!(written.as_deref(), Ok("written"));
        assert_eq!(write(place, &thread).await.as_deref(), Ok("written"));
        assert!(tray.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_tool_whose_approval_is_cancelled_is_not_called_and_the_turn_goes_on() {
    run(async |place| {
        let handlers = Handlers::new().elicitation(async |asked| asked.cancel());
        let thread = asking(place, |start| start.handler(handlers)).await;
        let cancelled = "user cancelled MCP tool call".to_owned();
        assert_eq!(write(place, &thread).await, Err(cancelled));
    })
    .await;
}

#[tokio::test]
async fn a_policy_allows_the_tools_of_a_server_and_of_no_other() {
    run(async |place| {
        for (policy, expected) in [
            (RequestPolicy::deny_all().allow_mcp_tools_of("desk"), Ok("written")),
            (RequestPolicy::deny_all().allow_mcp_tools_of("des"), Err(REJECTED)),
            (RequestPolicy::deny_all(), Err(REJECTED)),
        ] {
            let thread = asking(place, |start| start.handler(policy.clone())).await;
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(write(place, &thread).await, expected, "{policy:?}");
            thread.codex().close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_allows_tools_does_not_fill_in_forms() {
    run(async |place| {
        let policy = RequestPolicy::deny_all().allow_mcp_tools_of("desk");
        let thread = asking(place, |start| start.handler(policy)).await;
        let result = turn(place, &thread, "form").await;
        assert_eq!(answer(only_call(&result)), json!({"action": "decline"}));
    })
    .await;
}

#[tokio::test]
async fn a_question_of_the_server_can_look_like_an_approval() {
    run(async |place| {
        for (policy, action) in [
            (RequestPolicy::deny_all().allow_mcp_tools_of("desk"), "accept"),
            (RequestPolicy::deny_all(), "decline"),
        ] {
            let thread = asking(place, |start| start.handler(policy.clone())).await;
            let result = turn(place, &thread, "fake").await;
            assert_eq!(answer(only_call(&result))["action"], action, "{policy:?}");
            thread.codex().close().await;
        }
    })
    .await;
}
