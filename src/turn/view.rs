//! A turn as it stands.

use crate::protocol::{ServerNotification, ThreadItem};

use super::TurnEvent;

/// The items of a turn as they stand: for whoever shows a turn while it runs.
///
/// Deltas are added to the item that they belong to, so that a message, a plan, the reasoning or
/// the output of a command always has the text that is known so far. What the completed item says
/// replaces it.
///
/// An item that was under way when its handle joined the turn appears when it is completed: its
/// beginning is not sent again.
///
/// ```no_run
/// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
/// use codexkit::TurnView;
///
/// let mut turn = thread.turn("Tidy up the tests.").await?;
/// let mut view = TurnView::default();
/// while let Some(event) = turn.next().await {
///     view.apply(&event?);
///     for open in view.items().iter().filter(|it| !it.is_complete) {
///         println!("{:?}: {}", open.id(), open.text().unwrap_or_default());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnView {
    items: Vec<ItemView>,
}

/// An item as it stands.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ItemView {
    /// The item, with what was added to it since it started.
    pub item: ThreadItem,
    /// Whether the item is completed. One that never is, such as a message that was interrupted,
    /// stays open when its turn ends.
    pub is_complete: bool,
    /// The last that a tool of an MCP server said of its progress.
    pub progress: Option<String>,
}

impl TurnView {
    /// The items in the order in which they started.
    pub fn items(&self) -> &[ItemView] {
        &self.items
    }

    /// The item with this id.
    pub fn item(&self, id: &str) -> Option<&ItemView> {
        self.items.iter().find(|it| it.id() == Some(id))
    }

    /// Takes in an event of the turn; events that say nothing of an item change nothing.
    pub fn apply(&mut self, event: &TurnEvent) {
        let Some(notification) = event.notification() else { return };
        match notification {
            ServerNotification::ItemStarted(it) => self.put(&it.item, false),
            ServerNotification::ItemCompleted(it) => self.put(&it.item, true),
            ServerNotification::AgentMessageDelta(it) => self.change(&it.item_id, |open| {
                if let ThreadItem::AgentMessage(message) = &mut open.item {
                    message.text.push_str(&it.delta);
                }
            }),
            ServerNotification::PlanDelta(it) => self.change(&it.item_id, |open| {
                if let ThreadItem::Plan(plan) = &mut open.item {
                    plan.text.push_str(&it.delta);
                }
            }),
            ServerNotification::ReasoningSummaryPartAdded(it) => {
                self.reasoning(&it.item_id, Part::Summary, it.summary_index, "");
            }
            ServerNotification::ReasoningSummaryTextDelta(it) => {
                self.reasoning(&it.item_id, Part::Summary, it.summary_index, &it.delta);
            }
            ServerNotification::ReasoningTextDelta(it) => {
                self.reasoning(&it.item_id, Part::Content, it.content_index, &it.delta);
            }
            ServerNotification::CommandExecutionOutputDelta(it) => {
                self.change(&it.item_id, |open| {
                    if let ThreadItem::CommandExecution(command) = &mut open.item {
                        let output = command.aggregated_output.get_or_insert_default();
                        output.push_str(&it.delta);
                    }
                });
            }
            ServerNotification::FileChangePatchUpdated(it) => self.change(&it.item_id, |open| {
                if let ThreadItem::FileChange(change) = &mut open.item {
                    change.changes.clone_from(&it.changes);
                }
            }),
            ServerNotification::McpToolCallProgress(it) => self.change(&it.item_id, |open| {
                open.progress = Some(it.message.clone());
            }),
            _ => (),
        }
    }

    fn put(&mut self, item: &ThreadItem, is_complete: bool) {
        let known =
            self.items.iter_mut().rev().find(|it| item.id().is_some() && it.id() == item.id());
        match known {
            Some(known) => {
                known.item = item.clone();
                known.is_complete = is_complete;
            }
            None => self.items.push(ItemView { item: item.clone(), is_complete, progress: None }),
        }
    }

    /// Changes an open item; what comes after its completion is part of it already.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut ItemView)) {
        let mut open = self.items.iter_mut().rev();
        if let Some(open) = open.find(|it| it.id() == Some(id) && !it.is_complete) {
            change(open);
        }
    }

    fn reasoning(&mut self, id: &str, part: Part, index: i64, delta: &str) {
        self.change(id, |open| {
            let ThreadItem::Reasoning(reasoning) = &mut open.item else { return };
            let texts = match part {
                Part::Summary => &mut reasoning.summary,
                Part::Content => &mut reasoning.content,
            };
            let Ok(index) = usize::try_from(index) else { return };
            // Parts come one after the other: any other index is a mistake.
            if index == texts.len() {
                texts.push(String::new());
            }
            if let Some(text) = texts.get_mut(index) {
                text.push_str(delta);
            }
        });
    }
}

/// Where a text of the reasoning stands.
#[derive(Clone, Copy)]
enum Part {
    Summary,
    Content,
}

impl ItemView {
    /// The id of the item; `None` only for an item of a kind that this version does not know.
    pub fn id(&self) -> Option<&str> {
        self.item.id()
    }

    /// What there is to read of a message, a plan or the output of a command; for reasoning, the
    /// last part of its summary, or else of its content. `None` for other items.
    pub fn text(&self) -> Option<&str> {
        match &self.item {
            ThreadItem::AgentMessage(message) => Some(&message.text),
            ThreadItem::Plan(plan) => Some(&plan.text),
            ThreadItem::CommandExecution(command) => command.aggregated_output.as_deref(),
            ThreadItem::Reasoning(reasoning) => {
                reasoning.summary.last().or(reasoning.content.last()).map(String::as_str)
            }
            _ => None,
        }
    }
}
