//! The tools of a thread.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::protocol::DynamicToolSpec;
use crate::request::{HandlerResult, ServerRequest, ServerRequestHandler, TOOL_TIME, ToolCall};

use super::{Tool, ToolNamespace, output};

/// The tools of a thread that is to be opened.
#[derive(Clone, Default)]
pub(crate) struct ToolSet {
    tools: Vec<Tool>,
    namespaces: Vec<ToolNamespace>,
}

impl ToolSet {
    pub(crate) fn add(&mut self, tool: Tool) {
        self.tools.push(tool);
    }

    pub(crate) fn add_namespace(&mut self, namespace: ToolNamespace) {
        self.namespaces.push(namespace);
    }

    /// What the runtime is told of them.
    pub(crate) fn specs(&self) -> Vec<DynamicToolSpec> {
        let tools = self.tools.iter().map(|it| it.function().into());
        tools.chain(self.namespaces.iter().map(|it| it.spec().into())).collect()
    }

    /// Who answers their calls, if there are any.
    pub(crate) fn handler(self) -> Result<Option<ToolHandler>> {
        let tools = self.tools.into_iter().map(|it| (None, it));
        let namespaces = self.namespaces.into_iter().flat_map(|namespace| {
            let name: Arc<str> = namespace.name.into();
            namespace.tools.into_iter().map(move |it| (Some(Arc::clone(&name)), it))
        });
        let mut by_name = HashMap::new();
        for (namespace, tool) in tools.chain(namespaces) {
            let problem = format!("the thread has two tools of the name `{}`", tool.name);
            let key = (namespace.map(|it| it.to_string()), tool.name.clone());
            if by_name.insert(key, tool).is_some() {
                return Err(Error::InvalidInput(problem));
            }
        }
        Ok((!by_name.is_empty()).then_some(ToolHandler(by_name)))
    }
}

/// Answers the calls of tools, by their namespace and name.
pub(crate) struct ToolHandler(HashMap<(Option<String>, String), Tool>);

impl ToolHandler {
    fn find(&self, call: &ToolCall) -> Option<&Tool> {
        self.0.get(&(call.namespace.clone(), call.tool.clone()))
    }
}

impl ServerRequestHandler for ToolHandler {
    async fn tool_call(&self, request: ToolCall) -> HandlerResult {
        let Some(tool) = self.find(&request) else {
            request.pass();
            return Ok(());
        };
        let response = match (tool.run)(request.clone()).await {
            Ok(output) => output.into(),
            Err(error) => output::failure(&*error),
        };
        Ok(request.respond(response)?)
    }

    fn deadline(&self, request: &ServerRequest) -> Option<Duration> {
        let ServerRequest::ToolCall(call) = request else { return None };
        // What is passed on has the time of whoever gets it.
        self.find(call).map(|tool| tool.deadline.unwrap_or(TOOL_TIME))
    }
}
