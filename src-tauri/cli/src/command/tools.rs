//! `omlx mcp tools`: what can be called, under the names it is called by.

use omlx_mcp::{ConnectionStatus, Problem, ServerId, handle::Server};
use serde::Serialize;

use crate::{
    context::Context,
    core::{self, Start, Wanted, with_core},
    failure::{Ending, Failure},
    notice::{Notice, Tone},
    output::{Output, face::Paint, text::counted},
    show::tools::{self, Tool},
};

/// List the tools of all servers, or of one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tool is called by its server's name, two underscores, and its own name. Servers that give no tools are \
told on standard error; the exit code is 3 when one of them wants a sign-in.

Examples:
  omlx mcp tools
  omlx mcp tools notion --schema       with the arguments each tool takes
  omlx mcp tools --json | jq -r '.tools[].name'")]
pub(crate) struct ToolsArguments {
    /// Only this server
    #[arg(value_name = "SERVER")]
    server: Option<String>,
    /// Show the whole description and the JSON Schema of the arguments
    #[arg(long)]
    schema: bool,
}

/// `--json`: oMLX's `GET /v1/mcp/tools`, and what went wrong.
#[derive(Debug, Serialize)]
struct Listing {
    tools: Vec<Tool>,
    count: usize,
    problems: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Failed {
    server: ServerId,
    #[serde(flatten)]
    problem: Problem,
}

/// Lists them.
pub(super) async fn run(
    arguments: &ToolsArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let config = context.config();
    let wanted = Wanted::named(arguments.server.as_slice(), &config)?;
    let listing = with_core(context, Start::new(&config, wanted), async |handle| {
        let servers = core::servers(handle);
        // A server that is switched off has no tools, and that is nothing to complain about unless it was asked for.
        let asked = servers
            .iter()
            .filter(|server| arguments.server.is_some() || is_on(server));
        core::awaiting(output, "Listing the tools…", listing(asked)).await
    })
    .await?;
    if context.global.json {
        output.json(&listing)?;
    } else {
        show(&listing, arguments, output)?;
    }
    tell(&listing.problems, context, output)
}

async fn listing(servers: impl Iterator<Item = &Server>) -> Listing {
    let (mut tools, mut problems) = (Vec::new(), Vec::new());
    // They were all asked at the start; this only waits for each in turn.
    for server in servers {
        match server.tools().await {
            Ok(found) => tools.extend(found.iter().map(|tool| described(server, tool))),
            Err(problem) => problems.push(Failed {
                server: server.id().clone(),
                problem,
            }),
        }
    }
    Listing {
        count: tools.len(),
        tools,
        problems,
    }
}

fn is_on(server: &Server) -> bool {
    server.snapshot().connection != ConnectionStatus::Disabled
}

fn described(server: &Server, tool: &rmcp::model::Tool) -> Tool {
    Tool {
        name: format!("{}__{}", server.id(), tool.name),
        description: tool.description.as_deref().map(str::to_owned),
        server: server.id().clone(),
        parameters: serde_json::Value::Object(tool.input_schema.as_ref().clone()),
    }
}

fn show(listing: &Listing, arguments: &ToolsArguments, output: &mut Output) -> Result<(), Failure> {
    let lines = match listing.tools.as_slice() {
        [] => Vec::new(),
        tools if arguments.schema => tools::with_schemas(tools, output.face())?,
        tools => tools::table(tools, output.face()),
    };
    output.lines(&lines)?;
    if listing.problems.is_empty() {
        output.say(Paint::Faint, &counted(listing.count, "tool"))?;
    }
    Ok(())
}

fn tell(problems: &[Failed], context: &Context, output: &mut Output) -> Result<Ending, Failure> {
    let mend = context.mend();
    let mut ending = Ending::Done;
    for Failed { server, problem } in problems {
        let notice = Notice {
            problem,
            server: Some(server),
            mend: &mend,
        };
        notice.tell(Tone::Error, output)?;
        ending = ending.and(Ending::of(problem));
    }
    Ok(ending)
}
