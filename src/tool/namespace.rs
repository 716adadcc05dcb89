//! Groups of tools.

use crate::protocol;

use super::Tool;

/// Tools that belong together, under a name of their own (`dynamicTools` of `thread/start`).
///
/// A name has letters, digits, `_` and `-`, at most 64 of them, and does not begin with `mcp`; the
/// description has at most 1024 characters.
#[derive(Clone, Debug)]
#[must_use = "tools do nothing until a thread has them"]
pub struct ToolNamespace {
    pub(super) name: String,
    description: String,
    pub(super) tools: Vec<Tool>,
}

impl ToolNamespace {
    /// A namespace of this name, with what the model is told of it.
    pub fn new(name: impl Into<String>, description: impl Into<String>) -> ToolNamespace {
        let (name, description) = (name.into(), description.into());
        ToolNamespace { name, description, tools: Vec::new() }
    }

    /// One more tool. The runtime wants at least one.
    pub fn tool(mut self, tool: Tool) -> ToolNamespace {
        self.tools.push(tool);
        self
    }

    /// What the runtime is told of it.
    pub(super) fn spec(&self) -> protocol::NamespaceDynamicToolSpec {
        let function = |tool: &Tool| {
            let it = tool.function();
            let function = protocol::FunctionDynamicToolNamespaceTool::new(
                it.name,
                it.description,
                it.input_schema,
            );
            protocol::DynamicToolNamespaceTool::from(match it.defer_loading {
                Some(yes) => function.defer_loading(yes),
                None => function,
            })
        };
        let tools = self.tools.iter().map(function).collect::<Vec<_>>();
        protocol::NamespaceDynamicToolSpec::new(&*self.name, &*self.description, tools)
    }
}
