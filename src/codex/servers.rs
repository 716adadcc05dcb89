//! What the agent can use: models, skills and MCP servers.

use crate::list::List;
use crate::protocol;

use super::{Call, Codex};

impl Codex {
    /// The models that can be chosen (`model/list`).
    pub fn models(&self) -> List<protocol::ModelListParams> {
        self.list(protocol::ModelListParams::default())
    }

    /// The skills that the agent has in the working directory of the runtime, or in
    /// [others](protocol::SkillsListParams::cwds) (`skills/list`).
    pub fn skills(&self) -> Call<protocol::SkillsListParams> {
        self.request(protocol::SkillsListParams::default())
    }

    /// The MCP servers of the configuration with their tools and resources
    /// (`mcpServerStatus/list`).
    pub fn mcp_servers(&self) -> List<protocol::ListMcpServerStatusParams> {
        self.list(protocol::ListMcpServerStatusParams::default())
    }

    /// Reads the MCP servers from the configuration again (`config/mcpServer/reload`).
    pub fn mcp_reload(&self) -> Call<protocol::McpServerRefreshParams> {
        self.request(protocol::McpServerRefreshParams)
    }

    /// Reads a resource of an MCP server (`mcpServer/resource/read`).
    pub fn mcp_resource_read(
        &self,
        server: impl Into<String>,
        uri: impl Into<String>,
    ) -> Call<protocol::McpResourceReadParams> {
        self.request(protocol::McpResourceReadParams::new(server, uri))
    }
}
