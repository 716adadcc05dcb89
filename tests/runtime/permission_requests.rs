//! What the agent may do besides what its sandbox allows is what the client grants it.

use std::path::PathBuf;

use codexkit::protocol::{
    AdditionalFileSystemPermissions, AdditionalNetworkPermissions, AskForApproval,
    FileSystemAccessMode, FileSystemSandboxEntry, GrantedPermissionProfile, PathFileSystemPath,
    PermissionGrantScope, PermissionsRequestApprovalResponse,
};
use codexkit::testing::Reply;
use codexkit::{
    Error, Handlers, PermissionsApproval, RequestPolicy, Sandbox, ServerRequest, Thread, TurnHandle,
};
use serde_json::{Value, json};

use crate::asking::{CALL, asking, heard_of, next_request, nothing_went_wrong, run_command};
use crate::support::{Place, SOON, run, within};

/// Two directories that the sandbox protects, and a thread whose agent wants to write there.
struct Vault<'a> {
    place: &'a Place,
    thread: Thread,
    a: PathBuf,
    b: PathBuf,
}

impl Vault<'_> {
    async fn new(place: &Place) -> Vault<'_> {
        // The directories of the test are among the temporary ones.
        let builder = asking(place)
            .config("sandbox_workspace_write.exclude_slash_tmp", true)
            .config("sandbox_workspace_write.exclude_tmpdir_env_var", true);
        let codex = place.start_with(builder).await;
        let start = codex.thread_start().sandbox(Sandbox::WorkspaceWrite);
        let start = start.params(|it| it.approval_policy(AskForApproval::OnRequest));
        let thread = start.await.unwrap();
        let [a, b] = ["a", "b"].map(|name| place.home.path().canonicalize().unwrap().join(name));
        for directory in [&a, &b] {
            std::fs::create_dir(directory).unwrap();
        }
        Vault { place, thread, a, b }
    }

    /// The model wants to write to both directories, and to use the network if `network`.
    fn ask(&self, network: bool) -> Reply {
        let mut permissions = json!({"file_system": {"write": [self.a, self.b]}});
        if network {
            permissions["network"] = json!({"enabled": true});
        }
        let arguments = json!({"reason": "May I?", "permissions": permissions});
        Reply::new().function_call(CALL, "request_permissions", arguments)
    }

    /// The model does it.
    fn write(&self, call_id: &str) -> Reply {
        let (a, b) = (self.a.display(), self.b.display());
        run_command(Reply::new(), call_id, &format!("touch '{a}/made.txt'; touch '{b}/made.txt'"))
    }

    /// Which of the two directories it has written to, since the last time.
    fn written(&self) -> [bool; 2] {
        [&self.a, &self.b].map(|it| std::fs::remove_file(it.join("made.txt")).is_ok())
    }

    /// What the model was granted.
    fn heard(&self) -> Value {
        serde_json::from_str(&heard_of(self.place, CALL)).unwrap()
    }

    /// Runs a turn in which the model asks and then tries, and a second one in which it tries again.
    /// Gives what it could write in each.
    async fn granted(&self, handlers: Handlers) -> [[bool; 2]; 2] {
        let replies = [self.ask(false), self.write("call_2"), "Well.".into()];
        self.place.model.extend(replies);
        let turn = self.thread.turn("Do it.").handler(handlers).await.unwrap();
        within(SOON, turn.result()).await.unwrap();
        let first = self.written();
        self.place.model.extend([self.write("call_3"), "Well.".into()]);
        within(SOON, self.thread.turn("Do it again.").await.unwrap().result()).await.unwrap();
        [first, self.written()]
    }

    /// Writing to this directory.
    fn part(directory: &std::path::Path) -> GrantedPermissionProfile {
        let directory = directory.to_str().unwrap().to_owned();
        let files = AdditionalFileSystemPermissions::new().write(vec![directory]);
        GrantedPermissionProfile::new().file_system(files)
    }
}

async fn next_approval(turn: &mut TurnHandle) -> PermissionsApproval {
    match next_request(turn).await {
        ServerRequest::PermissionsApproval(request) => request,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_granted_for_the_turn_holds_until_its_end() {
    run(async |place| {
        let vault = Vault::new(place).await;
        let grant = async |it: PermissionsApproval| it.grant_all(PermissionGrantScope::Turn);
        let written = vault.granted(Handlers::new().permissions_approval(grant)).await;
        assert_eq!(written, [[true, true], [false, false]]);
        assert_eq!(vault.heard()["scope"], "turn");
    })
    .await;
}

#[tokio::test]
async fn what_is_granted_for_the_session_holds_in_the_next_turn() {
    run(async |place| {
        let vault = Vault::new(place).await;
        let grant = async |it: PermissionsApproval| it.grant_all(PermissionGrantScope::Session);
        let written = vault.granted(Handlers::new().permissions_approval(grant)).await;
        assert_eq!(written, [[true, true], [true, true]]);
        assert_eq!(vault.heard()["scope"], "session");
    })
    .await;
}

#[tokio::test]
async fn of_what_is_asked_a_part_can_be_granted() {
    run(async |place| {
        let vault = Vault::new(place).await;
        let part = Vault::part(&vault.a);
        let grant = move |it: PermissionsApproval| {
            let granted = it.grant(part.clone(), PermissionGrantScope::Turn);
            async move { granted }
        };
        let written = vault.granted(Handlers::new().permissions_approval(grant)).await;
        assert_eq!(written, [[true, false], [false, false]]);
        let heard = vault.heard();
        assert_eq!(heard["permissions"]["file_system"]["write"], json!([vault.a]));
    })
    .await;
}

#[tokio::test]
async fn what_is_declined_is_not_granted_and_the_turn_goes_on() {
    run(async |place| {
        let vault = Vault::new(place).await;
        let feed = vault.thread.codex().notifications();
        let decline = async |it: PermissionsApproval| it.decline();
        let written = vault.granted(Handlers::new().permissions_approval(decline)).await;
        assert_eq!(written, [[false, false], [false, false]]);
        let nothing = json!({"network": null, "file_system": null});
        assert_eq!(vault.heard()["permissions"], nothing);
        let codex = vault.thread.codex().clone();
        drop(vault);
        nothing_went_wrong(codex, feed).await;
    })
    .await;
}

#[tokio::test]
async fn a_policy_grants_the_permissions_that_fit_for_the_turn() {
    run(async |place| {
        let vault = Vault::new(place).await;
        let policy = RequestPolicy::deny_all()
            .allow_permissions_if(|asked| asked.permissions.network.is_none());
        vault.thread.set_handler(policy);
        let replies = [vault.ask(false), vault.write("call_2"), "Well.".into()];
        place.model.extend(replies);
        vault.thread.run("Do it.").await.unwrap();
        assert_eq!(vault.written(), [true, true]);
        let replies = [vault.ask(true), vault.write("call_3"), "Well.".into()];
        place.model.extend(replies);
        vault.thread.run("Do it.").await.unwrap();
        assert_eq!(vault.written(), [false, false]);
    })
    .await;
}

#[tokio::test]
async fn what_was_not_asked_is_not_granted_and_the_request_still_waits() {
    run(async |place| {
        let vault = Vault::new(place).await;
        place.model.extend([vault.ask(false), "Well.".into()]);
        let mut turn = vault.thread.turn("Do it.").park_requests().await.unwrap();
        let request = next_approval(&mut turn).await;
        let network = AdditionalNetworkPermissions::new().enabled(true);
        let path = PathFileSystemPath::new(place.home.path().to_str().unwrap());
        let entry = FileSystemSandboxEntry::new(path, FileSystemAccessMode::Write);
        let files = AdditionalFileSystemPermissions::new().entries(vec![entry]);
        let parent = vault.a.parent().unwrap();
        let others = [
            (Vault::part(&vault.a).network(network), "the network"),
            (Vault::part(parent), "to write"),
            (Vault::part(&vault.a.join("../c")), "to write"),
            (Vault::part(&parent.join("abc")), "to write"),
            (GrantedPermissionProfile::new().file_system(files), "an entry"),
        ];
        for (other, what) in others {
            match request.grant(other, PermissionGrantScope::Turn) {
                Err(Error::InvalidInput(problem)) => {
                    assert!(problem.starts_with(what), "{problem}");
                    assert!(problem.ends_with("not asked for, and cannot be granted"), "{problem}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(request.resolution(), None);
        }
        request.decline().unwrap();
        turn.result().await.unwrap();
        assert_eq!(vault.heard()["permissions"]["file_system"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_directory_within_what_is_asked_can_be_granted() {
    run(async |place| {
        let vault = Vault::new(place).await;
        place.model.extend([vault.ask(true), "Well.".into()]);
        let mut turn = vault.thread.turn("Do it.").park_requests().await.unwrap();
        let request = next_approval(&mut turn).await;
        let inner = vault.a.join("inner");
        request.grant(Vault::part(&inner), PermissionGrantScope::Turn).unwrap();
        turn.result().await.unwrap();
        let granted = json!({"network": null, "file_system": {"write": [inner]}});
        assert_eq!(vault.heard()["permissions"], granted);
    })
    .await;
}

#[tokio::test]
async fn a_strict_review_is_not_possible_for_the_session() {
    run(async |place| {
        let vault = Vault::new(place).await;
        place.model.extend([vault.ask(false), "Well.".into()]);
        let mut turn = vault.thread.turn("Do it.").park_requests().await.unwrap();
        let request = next_approval(&mut turn).await;
        let strict =
            PermissionsRequestApprovalResponse::new(Vault::part(&vault.a)).strict_auto_review(true);
        let session = strict.clone().scope(PermissionGrantScope::Session);
        assert!(matches!(request.respond(session), Err(Error::InvalidInput(_))));
        request.respond(strict).unwrap();
        turn.result().await.unwrap();
        assert_eq!(vault.heard()["strict_auto_review"], true);
    })
    .await;
}
