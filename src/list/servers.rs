//! What the lists of models and of MCP servers can be told.

use super::List;
use crate::protocol::{ListMcpServerStatusParams, McpServerStatusDetail, ModelListParams};

impl List<ModelListParams> {
    /// Lists the models as well that are not meant for a choice of the user.
    pub fn include_hidden(self, yes: bool) -> Self {
        self.params(|params| params.include_hidden(yes))
    }

    /// Lists the models of this provider, by its name in the configuration.
    pub fn model_provider(self, name: impl Into<String>) -> Self {
        self.params(|params| params.model_provider(name))
    }
}

impl List<ListMcpServerStatusParams> {
    /// How much is found out about each server: everything if this is not called.
    pub fn detail(self, detail: impl Into<McpServerStatusDetail>) -> Self {
        self.params(|params| params.detail(detail))
    }

    /// Lists only the server of this name.
    pub fn server_name(self, name: impl Into<String>) -> Self {
        self.params(|params| params.server_name(name))
    }

    /// Lists the servers as the thread of this id has them.
    pub fn thread(self, id: impl Into<String>) -> Self {
        self.params(|params| params.thread_id(id))
    }
}
