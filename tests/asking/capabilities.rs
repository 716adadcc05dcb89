//! What a client says in the handshake that it can do.

use codexkit::testing::FakeServer;
use codexkit::{Codex, CodexBuilder};
use serde_json::{Value, json};

use crate::support::{ATTESTATION, Asked, answer, ask, within};

/// The capabilities that a server is told.
async fn told(builder: CodexBuilder) -> Value {
    let (mut server, reader, writer) = FakeServer::pipes();
    let (connected, capabilities) = tokio::join!(builder.connect(reader, writer), async {
        let initialize = within(server.expect("initialize")).await;
        drop(server);
        initialize.params["capabilities"].clone()
    });
    connected.unwrap_err();
    capabilities
}

#[tokio::test(start_paused = true)]
async fn what_it_says_arrives() {
    let builder = Codex::builder()
        .capabilities(|it| it.request_attestation(true).required_human_approval(true));
    let capabilities = told(builder).await;
    assert_eq!(capabilities["requestAttestation"], true);
    assert_eq!(capabilities["requiredHumanApproval"], true);
    assert_eq!(capabilities["experimentalApi"], true);
    let usual = told(Codex::builder()).await;
    assert_eq!(usual["experimentalApi"], true);
    assert_ne!(usual["requestAttestation"], true);
}

#[tokio::test(start_paused = true)]
async fn whether_the_experimental_api_is_asked_for_is_said_elsewhere() {
    for wanted in [true, false] {
        for (says, first) in [(true, true), (true, false), (false, true), (false, false)] {
            let builder = Codex::builder();
            let builder = if first { builder.experimental_api(wanted) } else { builder };
            let builder = builder.capabilities(|it| it.experimental_api(says));
            let builder = if first { builder } else { builder.experimental_api(wanted) };
            // What is not said is false.
            assert_eq!(told(builder).await["experimentalApi"] == true, wanted);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn changes_add_up_and_do_not_undo_what_was_opted_out_of() {
    let builder = Codex::builder()
        .opt_out_notifications(["thread/started"])
        .capabilities(|it| it.request_attestation(true))
        .capabilities(|it| it.mcp_server_openai_form_elicitation(true));
    let capabilities = told(builder).await;
    assert_eq!(capabilities["optOutNotificationMethods"], json!(["thread/started"]));
    assert_eq!(capabilities["requestAttestation"], true);
    assert_eq!(capabilities["mcpServerOpenaiFormElicitation"], true);
}

#[tokio::test(start_paused = true)]
async fn who_says_that_it_attests_is_asked_to() {
    let mut asked = Asked::new();
    let builder = Codex::builder()
        .capabilities(|it| it.request_attestation(true))
        .handler(asked.handler("client"));
    let (_codex, mut server) = FakeServer::start_with(builder).await.unwrap();
    ask(&mut server, 1, ATTESTATION, &json!({})).await;
    match asked.next().await.1 {
        codexkit::ServerRequest::Attestation(request) => request.answer("v1.x").unwrap(),
        other => panic!("{other:?}"),
    }
    assert_eq!(answer(&mut server).await["result"], json!({"token": "v1.x"}));
}
