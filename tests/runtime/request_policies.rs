//! What is decided by rules.

use codexkit::protocol::CommandExecutionRequestApprovalParams;
use codexkit::testing::Reply;
use codexkit::{Handlers, RequestPolicy};

use crate::asking::{
    Asked, CALL, Log, add_file, asking, made, nothing_went_wrong, run_command, touch, untrusting,
    untrusting_start,
};
use crate::support::{Place, SOON, run, within};

/// Runs a turn whose model wants to run two commands and to make a file, with a policy of the
/// thread. Gives what it could make.
async fn made_under(place: &Place, policy: RequestPolicy, client: Handlers) -> Vec<String> {
    let codex = place.start_with(asking(place).handler(client)).await;
    let feed = codex.notifications();
    let thread = untrusting_start(&codex).handler(policy).await.unwrap();
    let commands = run_command(touch(Reply::new(), CALL), "call_2", "touch other.txt");
    place.model.extend([commands, add_file(Reply::new(), "call_3", "new.txt"), "Well.".into()]);
    let result = within(SOON, thread.turn("Do it.").await.unwrap().result()).await.unwrap();
    assert_eq!(result.final_response.as_deref(), Some("Well."));
    drop(thread);
    nothing_went_wrong(codex, feed).await;
    made(place)
}

fn makes_made_txt(asked: &CommandExecutionRequestApprovalParams) -> bool {
    asked.command.as_deref() == Some("/bin/bash -lc 'touch made.txt'")
}

#[tokio::test]
async fn a_policy_denies_all_and_asks_nobody_else() {
    run(async |place| {
        let log = Log::default();
        let made = made_under(place, RequestPolicy::deny_all(), log.declines("client")).await;
        assert_eq!(made, [""; 0]);
        assert_eq!(log.take(), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_policy_allows_the_commands_that_fit() {
    run(async |place| {
        let policy = RequestPolicy::deny_all().allow_commands_if(makes_made_txt);
        assert_eq!(made_under(place, policy, Handlers::new()).await, ["made.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_policy_allows_all_commands() {
    run(async |place| {
        let policy = RequestPolicy::deny_all().allow_commands();
        assert_eq!(made_under(place, policy, Handlers::new()).await, ["made.txt", "other.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_policy_allows_file_changes() {
    run(async |place| {
        let policy = RequestPolicy::deny_all().allow_file_changes();
        assert_eq!(made_under(place, policy, Handlers::new()).await, ["new.txt"]);
    })
    .await;
}

#[tokio::test]
async fn a_policy_allows_the_file_changes_that_fit() {
    run(async |place| {
        let policy = RequestPolicy::deny_all().allow_file_changes_if(|it| it.item_id != "call_3");
        assert_eq!(made_under(place, policy, Handlers::new()).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_policy_passes_the_rest_on_if_it_is_told_to() {
    run(async |place| {
        let log = Log::default();
        let policy = RequestPolicy::deny_all().allow_commands_if(makes_made_txt).pass_the_rest();
        assert_eq!(made_under(place, policy, log.declines("client")).await, ["made.txt"]);
        assert_eq!(log.take(), ["client", "client"]);
    })
    .await;
}

#[tokio::test]
async fn a_policy_leaves_questions_to_somebody_else() {
    run(async |place| {
        let log = Log::default();
        let thread = untrusting(place).await;
        thread.set_handler(log.declines("thread"));
        place.model.extend([Asked::UserInput.call(), "Well.".into()]);
        thread.run("Do it.").handler(RequestPolicy::deny_all()).await.unwrap();
        assert_eq!(log.take(), ["thread"]);
    })
    .await;
}
