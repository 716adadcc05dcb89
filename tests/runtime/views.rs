//! Parts of a turn as they come.

use codexkit::TurnView;
use codexkit::protocol::ThreadItem;
use codexkit::testing::Reply;
use serde_json::json;

use crate::support::run;

#[tokio::test]
async fn the_text_comes_piece_by_piece_and_the_result_is_still_whole() {
    run(async |place| {
        place.model.push(Reply::new().deltas(["Once", " upon", " a time"]));
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        let (mut text, mut pieces) = (turn.text_deltas(), Vec::new());
        while let Some(piece) = text.next().await {
            pieces.push(piece.unwrap());
        }
        assert_eq!(pieces, ["Once", " upon", " a time"]);
        let result = turn.result().await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("Once upon a time"));
        assert_eq!(result.items.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn items_come_as_they_are_completed() {
    run(async |place| {
        let echo = Reply::new().function_call("call_1", "exec_command", json!({"cmd": "echo hi"}));
        place.model.extend([echo, "It said hi.".into()]);
        let thread = place.thread().await;
        let mut turn = thread.turn("Say hi.").await.unwrap();
        let (mut items, mut seen) = (turn.completed_items(), Vec::new());
        while let Some(item) = items.next().await {
            seen.push(item.unwrap());
        }
        let [
            ThreadItem::UserMessage(_),
            ThreadItem::CommandExecution(command),
            ThreadItem::AgentMessage(_),
        ] = &seen[..]
        else {
            panic!("{seen:?}")
        };
        assert_eq!(command.aggregated_output.as_deref(), Some("hi\n"));
        assert_eq!(turn.result().await.unwrap().items, seen);
    })
    .await;
}

#[tokio::test]
async fn a_view_has_the_text_of_each_item_while_it_grows() {
    run(async |place| {
        let (reply, hold) =
            Reply::new().reasoning("Thinking of a story.", "hm").deltas(["Once", " upon"]).hold();
        place.model.push(reply.delta(" a time"));
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        let mut view = TurnView::default();
        while view.items().last().and_then(|it| it.text()) != Some("Once upon") {
            view.apply(&turn.next().await.unwrap().unwrap());
        }
        let open: Vec<_> = view.items().iter().filter(|it| !it.is_complete).collect();
        assert!(matches!(&open[..], [it] if matches!(it.item, ThreadItem::AgentMessage(_))));
        let id = open[0].id().unwrap().to_owned();
        hold.release();
        while let Some(event) = turn.next().await {
            view.apply(&event.unwrap());
        }
        assert!(view.items().iter().all(|it| it.is_complete));
        assert_eq!(view.item(&id).unwrap().text(), Some("Once upon a time"));
        let reasoning = view.items().iter().find(|it| matches!(it.item, ThreadItem::Reasoning(_)));
        assert_eq!(reasoning.unwrap().text(), Some("Thinking of a story."));
        let items: Vec<_> = view.items().iter().map(|it| it.item.clone()).collect();
        assert_eq!(turn.result().await.unwrap().items, items);
    })
    .await;
}

#[tokio::test]
async fn an_interrupted_message_stays_open_with_what_was_said() {
    run(async |place| {
        let (reply, _hold) = Reply::new().deltas(["Once", " upon"]).hold();
        place.model.push(reply);
        let thread = place.thread().await;
        let mut turn = thread.turn("Tell me a story.").await.unwrap();
        let mut view = TurnView::default();
        while view.items().last().and_then(|it| it.text()) != Some("Once upon") {
            view.apply(&turn.next().await.unwrap().unwrap());
        }
        turn.interrupt().await.unwrap();
        while let Some(event) = turn.next().await {
            view.apply(&event.unwrap());
        }
        let last = view.items().last().unwrap();
        assert_eq!((last.is_complete, last.text()), (false, Some("Once upon")));
    })
    .await;
}
