//! Whether the tools of an MCP server may be called.

use codexkit::protocol::{
    McpServerElicitationAction, McpServerElicitationRequestParams as Asked,
    McpServerElicitationRequestResponse,
};
use codexkit::{Elicitation, HandlerResult, Handlers, RequestPolicy, Thread};
use serde_json::json;

use crate::elicitations::turn;
use crate::held::{desk, next_refusal};
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
            let action = McpServerElicitationAction::Accept;
            let mut response = McpServerElicitationRequestResponse::new(action);
            response.meta = Some(json!({"persist": "session"}));
            held.request.respond(response).unwrap();
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
async fn a_policy_allows_the_tools_that_fit_and_no_others() {
    run(async |place| {
        let fits = |asked: &Asked| matches!(asked, Asked::Form(it) if it.server_name == "desk");
        for (policy, called) in [
            (RequestPolicy::deny_all().allow_mcp_tools(), true),
            (RequestPolicy::deny_all().allow_mcp_tools_if(fits), true),
            (RequestPolicy::deny_all().allow_mcp_tools_if(|_| false), false),
            (RequestPolicy::deny_all(), false),
        ] {
            let thread = asking(place, |start| start.handler(policy.clone())).await;
            let expected = if called { Ok("written".into()) } else { Err(REJECTED.to_owned()) };
            assert_eq!(write(place, &thread).await, expected, "{policy:?}");
            thread.codex().close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_allows_tools_does_not_fill_in_forms() {
    run(async |place| {
        let policy = RequestPolicy::deny_all().allow_mcp_tools();
        let thread = asking(place, |start| start.handler(policy)).await;
        let result = turn(place, &thread, "form").await;
        assert_eq!(answer(only_call(&result)), json!({"action": "decline"}));
    })
    .await;
}
