//! The items of a turn have at any time what was said of them so far.

use codexkit::protocol::{ServerNotification, ThreadItem};
use codexkit::testing::FakeServer;
use codexkit::{Codex, TurnHandle, TurnView};
use serde_json::{Value, json};

use crate::support::{thread, turn};

/// A turn `u1` and what is seen of it.
struct Seen {
    _codex: Codex,
    server: FakeServer,
    turn: TurnHandle,
    view: TurnView,
}

impl Seen {
    async fn new() -> Seen {
        let (codex, mut server) = FakeServer::start().await.unwrap();
        let thread = thread(&codex, &mut server).await;
        let turn = turn(&thread, &mut server, "u1").await;
        Seen { _codex: codex, server, turn, view: TurnView::default() }
    }

    /// Takes in a notification, which must be one that fits the schema.
    async fn see(&mut self, method: &str, mut params: Value) {
        params["threadId"] = json!("t1");
        params["turnId"] = json!("u1");
        self.server.notify(method, params).await;
        let event = self.turn.next().await.unwrap().unwrap();
        let notification = event.notification().unwrap();
        assert!(!matches!(notification, ServerNotification::Unrecognized(_)), "{notification:?}");
        self.view.apply(&event);
    }

    async fn start(&mut self, item: Value) {
        self.see("item/started", json!({"item": item, "startedAtMs": 1})).await;
    }

    async fn complete(&mut self, item: Value) {
        self.see("item/completed", json!({"item": item, "completedAtMs": 1})).await;
    }

    async fn delta(&mut self, method: &str, item: &str, text: &str) {
        self.see(method, json!({"itemId": item, "delta": text})).await;
    }

    fn text(&self, item: &str) -> Option<&str> {
        self.view.item(item).unwrap().text()
    }
}

fn message(text: &str) -> Value {
    json!({"type": "agentMessage", "id": "m", "text": text})
}

fn command(output: Option<&str>) -> Value {
    json!({"type": "commandExecution", "id": "c", "command": "ls", "commandActions": [],
        "cwd": "/project", "status": "inProgress", "aggregatedOutput": output})
}

#[tokio::test]
async fn deltas_are_added_until_the_completed_item_replaces_them() {
    let mut seen = Seen::new().await;
    seen.start(message("")).await;
    for piece in ["Once", " upon"] {
        seen.delta("item/agentMessage/delta", "m", piece).await;
    }
    assert_eq!(seen.text("m"), Some("Once upon"));
    assert!(!seen.view.item("m").unwrap().is_complete);
    seen.complete(message("Once upon a time")).await;
    seen.delta("item/agentMessage/delta", "m", " too late").await;
    assert_eq!(seen.text("m"), Some("Once upon a time"));
    assert!(seen.view.item("m").unwrap().is_complete);
    assert_eq!(seen.view.items().len(), 1);
}

#[tokio::test]
async fn a_plan_and_the_output_of_a_command_have_their_text_as_well() {
    let mut seen = Seen::new().await;
    seen.start(json!({"type": "plan", "id": "p", "text": "First"})).await;
    seen.start(command(None)).await;
    assert_eq!(seen.text("c"), None);
    seen.delta("item/plan/delta", "p", ", then").await;
    for piece in ["a\n", "b\n"] {
        seen.delta("item/commandExecution/outputDelta", "c", piece).await;
    }
    assert_eq!((seen.text("p"), seen.text("c")), (Some("First, then"), Some("a\nb\n")));
    seen.complete(command(Some("a\nb\nc\n"))).await;
    seen.delta("item/commandExecution/outputDelta", "c", "c\n").await;
    assert_eq!(seen.text("c"), Some("a\nb\nc\n"));
}

#[tokio::test]
async fn each_part_of_the_reasoning_is_put_together_by_itself() {
    let mut seen = Seen::new().await;
    seen.start(json!({"type": "reasoning", "id": "r", "summary": [], "content": []})).await;
    let summary = "item/reasoning/summaryTextDelta";
    let part = json!({"itemId": "r", "summaryIndex": 0});
    seen.see("item/reasoning/summaryPartAdded", part).await;
    for (index, text) in [(0, "Look"), (0, "ing"), (1, "Think"), (0, "!"), (1, "ing")] {
        let delta = json!({"itemId": "r", "summaryIndex": index, "delta": text});
        seen.see(summary, delta).await;
    }
    for (index, text) in [(0, "raw"), (1, "other")] {
        let delta = json!({"itemId": "r", "contentIndex": index, "delta": text});
        seen.see("item/reasoning/textDelta", delta).await;
    }
    // Parts that nobody has announced.
    for index in [-1, 3, i64::MAX] {
        let delta = json!({"itemId": "r", "summaryIndex": index, "delta": "nowhere"});
        seen.see(summary, delta).await;
    }
    match &seen.view.item("r").unwrap().item {
        ThreadItem::Reasoning(reasoning) => {
            assert_eq!(reasoning.summary, ["Looking!", "Thinking"]);
            assert_eq!(reasoning.content, ["raw", "other"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(seen.text("r"), Some("Thinking"));
}

#[tokio::test]
async fn reasoning_without_a_summary_has_its_content_to_read() {
    let mut seen = Seen::new().await;
    seen.start(json!({"type": "reasoning", "id": "r", "summary": [], "content": []})).await;
    assert_eq!(seen.text("r"), None);
    let delta = json!({"itemId": "r", "contentIndex": 0, "delta": "raw"});
    seen.see("item/reasoning/textDelta", delta).await;
    assert_eq!(seen.text("r"), Some("raw"));
}

#[tokio::test]
async fn a_change_of_files_has_the_last_patch_that_was_told() {
    let mut seen = Seen::new().await;
    let item = json!({"type": "fileChange", "id": "f", "changes": [], "status": "inProgress"});
    seen.start(item).await;
    for path in ["/one", "/two"] {
        let change = json!({"path": path, "kind": {"type": "add"}, "diff": "+x"});
        let update = json!({"itemId": "f", "changes": [change]});
        seen.see("item/fileChange/patchUpdated", update).await;
    }
    match &seen.view.item("f").unwrap().item {
        ThreadItem::FileChange(it) => {
            let paths: Vec<_> = it.changes.iter().map(|it| it.path.clone()).collect();
            assert_eq!(paths, ["/two"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(seen.text("f"), None);
}

#[tokio::test]
async fn a_tool_has_the_last_that_was_told_of_its_progress() {
    let mut seen = Seen::new().await;
    let mut call = json!({"type": "mcpToolCall", "id": "t", "server": "s", "tool": "find",
        "arguments": {}, "status": "inProgress"});
    seen.start(call.clone()).await;
    assert_eq!(seen.view.item("t").unwrap().progress, None);
    for message in ["half", "done"] {
        let progress = json!({"itemId": "t", "message": message});
        seen.see("item/mcpToolCall/progress", progress).await;
    }
    call["status"] = json!("completed");
    seen.complete(call).await;
    assert_eq!(seen.view.item("t").unwrap().progress.as_deref(), Some("done"));
}

#[tokio::test]
async fn deltas_of_items_that_were_not_seen_to_start_or_are_of_another_kind_change_nothing() {
    let mut seen = Seen::new().await;
    seen.start(message("Hello")).await;
    let before = seen.view.clone();
    seen.delta("item/agentMessage/delta", "another", "text").await;
    seen.delta("item/plan/delta", "m", "text").await;
    seen.delta("item/commandExecution/outputDelta", "m", "text").await;
    let delta = json!({"itemId": "m", "summaryIndex": 0, "delta": "text"});
    seen.see("item/reasoning/summaryTextDelta", delta).await;
    seen.see("item/fileChange/patchUpdated", json!({"itemId": "m", "changes": []})).await;
    assert_eq!(seen.view, before);
}

#[tokio::test]
async fn items_of_a_kind_that_this_version_does_not_know_are_kept_apart() {
    let mut seen = Seen::new().await;
    for id in [json!("d1"), json!("d2"), json!(null), json!(null)] {
        seen.start(json!({"type": "dream", "id": id})).await;
    }
    let items = seen.view.items();
    let ids: Vec<_> = items.iter().map(|it| (it.id(), it.text())).collect();
    assert_eq!(ids, [(Some("d1"), None), (Some("d2"), None), (None, None), (None, None)]);
    seen.complete(json!({"type": "dream", "id": "d2"})).await;
    let complete: Vec<_> = seen.view.items().iter().map(|it| it.is_complete).collect();
    assert_eq!(complete, [false, true, false, false]);
}
