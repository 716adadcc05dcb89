//! The MCP servers of the configuration, without the agent.

use codexkit::protocol::McpServerStatusDetail;
use serde_json::json;

use crate::lifecycle::is_refused;
use crate::lists::all;
use crate::support::run;

/// A server that needs nothing but a shell. It answers by what stands in the line.
const SERVER: &str = r#"
while read -r line; do
    id=$(printf %s "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
    case $line in
    *'"initialize"'*) result='{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"resources":{}},"serverInfo":{"name":"notes","version":"1"}}' ;;
    *'"tools/list"'*) result='{"tools":[{"name":"count","inputSchema":{"type":"object"}}]}' ;;
    *'"resources/list"'*) result='{"resources":[{"uri":"note://one","name":"one"}]}' ;;
    *'"resources/templates/list"'*) result='{"resourceTemplates":[]}' ;;
    *'"resources/read"'*) result='{"contents":[{"uri":"note://one","text":"Buy milk."}]}' ;;
    *'"tools/call"'*) result='{"content":[{"type":"text","text":"one note"}]}' ;;
    *) continue ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"#;

#[tokio::test]
async fn servers_are_listed_and_their_resources_and_tools_used() {
    run(async |place| {
        let server = json!({"command": "sh", "args": ["-c", SERVER]});
        let codex = place.start_with(place.builder().config("mcp_servers.notes", server)).await;
        let servers = all(codex.mcp_servers()).await;
        let [server] = &servers[..] else { panic!("{servers:?}") };
        assert_eq!(server.name, "notes");
        assert!(server.tools.contains_key("count"), "{:?}", server.tools);
        assert_eq!(server.resources[0].uri, "note://one");
        let detail = codex.mcp_servers().detail(McpServerStatusDetail::ToolsAndAuthOnly);
        assert!(all(detail).await[0].resources.is_empty());
        assert_eq!(all(codex.mcp_servers().server_name("notes")).await.len(), 1);

        let read = codex.mcp_resource_read("notes", "note://one").await.unwrap();
        assert_eq!(serde_json::to_value(&read.contents).unwrap()[0]["text"], "Buy milk.");
        let thread = codex.thread_start().await.unwrap();
        assert_eq!(all(codex.mcp_servers().thread(thread.id())).await.len(), 1);
        let called = thread.mcp_tool_call("notes", "count", json!({})).await.unwrap();
        assert_eq!(called.content[0]["text"], "one note");
        let unknown = codex.mcp_resource_read("nobody", "note://one").await;
        is_refused(unknown, -32603, "unknown MCP server 'nobody'");
    })
    .await;
}

#[tokio::test]
async fn the_servers_of_the_configuration_are_read_again_on_demand() {
    run(async |place| {
        let codex = place.start().await;
        assert!(all(codex.mcp_servers()).await.is_empty());
        let server = json!({"command": "sh", "args": ["-c", SERVER]});
        codex.config_write("mcp_servers.notes", server).await.unwrap();
        codex.mcp_reload().await.unwrap();
        assert_eq!(all(codex.mcp_servers()).await.len(), 1);
    })
    .await;
}
