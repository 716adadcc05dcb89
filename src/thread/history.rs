//! What a thread knows of itself, and what can be changed of it afterwards.

use serde_json::Value;

use crate::codex::Call;
use crate::connection::Effect;
use crate::error::Result;
use crate::list::List;
use crate::protocol;

use super::Thread;

impl Thread {
    /// The thread as the runtime has it now, without its turns (`thread/read`). It works as well
    /// when the thread is not loaded.
    ///
    /// [`Codex::request`](crate::Codex::request) with [`protocol::ThreadReadParams`] gives the turns,
    /// too; the runtime calls that deprecated, and prefers [`turns`](Self::turns).
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no such thread, and what can happen to any
    /// request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer.
    pub async fn read(&self) -> Result<protocol::Thread> {
        let response = self.codex().request(protocol::ThreadReadParams::new(self.id())).await?;
        Ok(response.thread)
    }

    /// The turns of the thread, the newest first (`thread/turns/list`).
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// use codexkit::protocol::{SortDirection, TurnItemsView};
    ///
    /// let history = thread.turns().items_view(TurnItemsView::Full);
    /// let mut turns = history.sort_direction(SortDirection::Asc).all();
    /// while let Some(turn) = turns.next().await {
    ///     let turn = turn?;
    ///     println!("{}: {} with {} items", turn.id, turn.status, turn.items.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn turns(&self) -> List<protocol::ThreadTurnsListParams> {
        self.codex().list(protocol::ThreadTurnsListParams::new(self.id()))
    }

    /// The items of all turns of the thread, the oldest first (`thread/items/list`), or of
    /// [one turn](List::turn).
    pub fn items(&self) -> List<protocol::ThreadItemsListParams> {
        self.codex().list(protocol::ThreadItemsListParams::new(self.id()))
    }

    /// Gives the thread a name, by which people find it again (`thread/name/set`).
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if the name is blank or there is no such thread, and what
    /// can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn set_name(&self, name: impl Into<String>) -> Result<()> {
        let params = protocol::ThreadSetNameParams::new(self.id(), name);
        self.codex().request(params).await.map(drop)
    }

    /// Changes what is stored of the git repository of the thread (`thread/metadata/update`): what
    /// is not set stays, and `None` removes it.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// use codexkit::protocol::ThreadMetadataGitInfoUpdateParams;
    ///
    /// let changes = ThreadMetadataGitInfoUpdateParams::new();
    /// let changes = changes.branch(Some("main".into())).origin_url(None);
    /// let thread = thread.update_git_info(changes).await?;
    /// println!("{:?}", thread.git_info);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if nothing or something empty is set or there is no such
    /// thread, and what can happen to any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn update_git_info(
        &self,
        changes: protocol::ThreadMetadataGitInfoUpdateParams,
    ) -> Result<protocol::Thread> {
        let params = protocol::ThreadMetadataUpdateParams::new(self.id()).git_info(changes);
        Ok(self.codex().request(params).await?.thread)
    }

    /// Has a tool of an MCP server called as the agent would (`mcpServer/tool/call`), and gives what
    /// it answers. It is waited for as long as the tool takes; [`Call::timeout`] sets a limit.
    pub fn mcp_tool_call(
        &self,
        server: impl Into<String>,
        tool: impl Into<String>,
        arguments: impl Into<Value>,
    ) -> Call<protocol::McpServerToolCallParams> {
        let params = protocol::McpServerToolCallParams::new(self.id(), server, tool);
        self.codex().request(params.arguments(arguments)).no_timeout()
    }

    /// Removes this turn and all turns after it from the history (`thread/revert`). What they did to
    /// files stays done. The thread must be loaded.
    ///
    /// # Errors
    ///
    /// [`Error::Rpc`](crate::Error::Rpc) if there is no such turn or thread, and what can happen to
    /// any request.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn revert(
        &self,
        before_turn_id: impl Into<String>,
    ) -> Result<protocol::ThreadRevertResponse> {
        self.codex().request(protocol::ThreadRevertParams::new(self.id(), before_turn_id)).await
    }

    /// Has no more events of the thread sent to this client (`thread/unsubscribe`), so that the
    /// runtime may unload it. What waits for a turn or the [events](Self::events) of it gets
    /// [`Error::Detached`](crate::Error::Detached), and so does whoever starts one, until
    /// [`Codex::thread_resume`](crate::Codex::thread_resume) takes the thread up again.
    /// (Sent by [`Codex::request`](crate::Codex::request) instead, the request does not have these
    /// effects: then they wait for ever.)
    ///
    /// # Errors
    ///
    /// What can happen to any request; that there is no such thread is a status.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; a request that was already sent takes effect.
    pub async fn unsubscribe(&self) -> Result<protocol::ThreadUnsubscribeStatus> {
        let params = protocol::ThreadUnsubscribeParams::new(self.id());
        let effect = Effect::Detach(self.id().to_owned());
        Ok(self.codex().connection.change(&params, Some(effect)).await?.status)
    }
}
