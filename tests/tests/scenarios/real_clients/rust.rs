//! The official Rust client, using everything that a server offers, and telling what came of each.
#![expect(
    deprecated,
    reason = "MCP 2026-07-28 gives up sampling, roots and logging; clients of today still offer them"
)]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use omlx_mcp::network::{Network, NetworkSettings};
use omlx_tests::{Desk, arguments};
use rmcp::{
    ClientHandler, RoleClient, ServiceExt,
    model::{
        CallToolRequestParams, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
        ElicitRequestParams, ElicitResult, ElicitationAction, ErrorData, GetPromptRequestParams,
        Implementation, ListRootsResult, LoggingMessageNotificationParam, ProgressNotificationParam,
        ReadResourceRequestParams, Role, Root, SamplingMessage, SamplingMessageContentBlock,
    },
    service::{NotificationContext, Peer, RequestContext, RunningService, ServiceError},
    transport::{
        StreamableHttpClientTransport, TokioChildProcess,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{At, on};

/// How often the server asked or told.
#[derive(Clone, Default)]
struct Heard(Arc<Counts>);

#[derive(Default)]
struct Counts {
    progress: AtomicU64,
    log: AtomicU64,
    sampled: AtomicU64,
    elicited: AtomicU64,
    roots: AtomicU64,
}

impl Heard {
    fn told(&self) -> Value {
        let counts = &self.0;
        let once_or_more = |count: &AtomicU64| count.load(Ordering::SeqCst) > 0;
        json!({
            "progress": once_or_more(&counts.progress),
            "log": once_or_more(&counts.log),
            "sampled": counts.sampled.load(Ordering::SeqCst),
            "elicited": counts.elicited.load(Ordering::SeqCst),
            "roots": once_or_more(&counts.roots),
        })
    }
}

impl ClientHandler for Heard {
    fn get_info(&self) -> ClientConfig {
        let offered =
            json!({ "sampling": {}, "elicitation": { "form": {} }, "roots": { "listChanged": true } });
        let offered = serde_json::from_value(offered).unwrap_or_default();
        ClientConfig::new(offered, Implementation::new("everything", "1"))
    }

    async fn create_message(
        &self,
        _params: CreateMessageRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.0.sampled.fetch_add(1, Ordering::SeqCst);
        let text = SamplingMessageContentBlock::text("sampled");
        let message = SamplingMessage::new(Role::Assistant, text);
        Ok(CreateMessageResult::new(message, "none".to_owned()))
    }

    async fn list_roots(&self, _context: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        self.0.roots.fetch_add(1, Ordering::SeqCst);
        Ok(ListRootsResult::new(vec![
            Root::new("file:///tmp").with_name("tmp"),
        ]))
    }

    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.0.elicited.fetch_add(1, Ordering::SeqCst);
        let content = json!({ "name": "Ada", "check": true });
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(content))
    }

    async fn on_progress(
        &self,
        _params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.0.progress.fetch_add(1, Ordering::SeqCst);
    }

    async fn on_logging_message(
        &self,
        _params: LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.0.log.fetch_add(1, Ordering::SeqCst);
    }
}

type Connected = RunningService<RoleClient, Heard>;

/// What the client makes of whatever it is pointed at.
pub(super) async fn used(desk: &Desk, at: At<'_>) -> Result<Value, Box<dyn Error>> {
    let heard = Heard::default();
    let client = connected(desk, at, heard.clone()).await?;
    let mut told = use_everything(&client).await?;
    client.cancel().await?;
    told["heard"] = heard.told();
    Ok(told)
}

async fn connected(desk: &Desk, at: At<'_>, heard: Heard) -> Result<Connected, Box<dyn Error>> {
    let (url, key) = match at {
        At::Url(url, key) => (url, key),
        At::Program(words) => {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]);
            let process = TokioChildProcess::new(on(desk, command))?;
            return Ok(heard.serve(process).await?);
        }
    };
    let mut config = StreamableHttpClientTransportConfig::with_uri(url);
    if let Some(key) = key {
        config = config.auth_header(key);
    }
    let http = Network::new(&NetworkSettings::default())?.client()?;
    let transport = StreamableHttpClientTransport::with_client(http, config);
    Ok(heard.serve(transport).await?)
}

async fn use_everything(client: &Connected) -> Result<Value, Box<dyn Error>> {
    let tools = client.list_all_tools().await?;
    let prompts = client.list_all_prompts().await?;
    let resources = client.list_all_resources().await?;
    let names: Vec<_> = tools.iter().map(|tool| tool.name.to_string()).collect();
    let by = |part: &str| names.iter().find(|name| name.contains(part)).cloned();
    let plain = prompts.iter().find(|prompt| prompt.arguments.is_none());
    let plain = plain.ok_or("no prompt without arguments")?.name.clone();
    let prompt = client.get_prompt(GetPromptRequestParams::new(plain)).await?;
    let uri = resources.first().ok_or("no resource")?.uri.clone();
    let resource = client.read_resource(ReadResourceRequestParams::new(uri)).await?;
    let completion = client
        .complete_prompt_argument("completable-prompt", "department", "E", None)
        .await?;
    let mut told = json!({
        "peer": client.peer_info(),
        "tools": names,
        "prompts": prompts,
        "resources": resources,
        "templates": client.list_all_resource_templates().await?,
        "prompt": prompt.messages.len(),
        "resource": resource.contents.len(),
        "complete": completion.values,
    });
    let calls = [
        ("echo", Some("echo".to_owned()), json!({ "message": "hello" })),
        ("wrong", Some("no-such-tool".to_owned()), json!({})),
        (
            "progress",
            by("long-running"),
            json!({ "duration": 1, "steps": 4 }),
        ),
        ("sampling", by("sampl"), json!({ "prompt": "x", "maxTokens": 10 })),
        ("elicitation", by("elicit"), json!({})),
        ("roots", by("roots"), json!({})),
        (
            "after",
            Some("echo".to_owned()),
            json!({ "message": "still here" }),
        ),
    ];
    for (step, tool, with) in calls {
        let tool = tool.ok_or("a tool of the example server is missing")?;
        told[step] = called(client, tool, &with).await?;
    }
    Ok(told)
}

/// The text of a result; an error of the protocol is one, too.
async fn called(client: &Peer<RoleClient>, tool: String, with: &Value) -> Result<Value, Box<dyn Error>> {
    let call = CallToolRequestParams::new(tool).with_arguments(arguments(with));
    let result = match client.call_tool(call).await {
        Ok(result) => result,
        Err(ServiceError::McpError(error)) => return Ok(format!("error {error}").into()),
        Err(error) => return Err(error.into()),
    };
    let texts = result.content.iter().filter_map(|part| part.as_text());
    let texts: Vec<_> = texts.map(|part| part.text.as_str()).collect();
    let failed = if result.is_error == Some(true) {
        "error "
    } else {
        ""
    };
    Ok(format!("{failed}{}", texts.join("|")).into())
}
