//! `omlx mcp doctor`: everything that could be in the way, and the redacted evidence of every step.

mod environment;

use omlx_mcp::{
    ServerSnapshot,
    config::ServerConfig,
    connection::LogLine,
    handle::Server,
    oauth::{grant::GrantKey, timeline::Step},
    store::Vault,
};
use serde::Serialize;

use environment::Environment;

use crate::{
    context::{Context, Loaded},
    core::{self, Start, Wanted, with_core},
    failure::{Ending, Failure},
    output::{Output, face::Paint, text},
    show::{View, server, steps},
};

/// How far the lines of a section are indented.
const INDENT: usize = 4;

/// Find out what is wrong, and print the evidence of every step
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints where everything is (config file, grants, key, network, browser), then connects to the servers and prints each \
step of the way: which address answered what, what was decided, and by which rule. No token, code or secret is in it, \
so it can be sent to whoever runs the server.

Examples:
  omlx mcp doctor
  omlx mcp doctor notion
  omlx mcp doctor notion --json > notion.json")]
pub(crate) struct DoctorArguments {
    /// Only this server
    #[arg(value_name = "SERVER")]
    server: Option<String>,
}

/// `--json`
#[derive(Debug, Serialize)]
struct Findings {
    #[serde(flatten)]
    environment: Environment,
    servers: Vec<Evidence>,
}

/// What one server's connection has left.
#[derive(Debug, Serialize)]
struct Evidence {
    #[serde(flatten)]
    snapshot: ServerSnapshot,
    timeline: Vec<Step>,
    log: Vec<LogLine>,
}

/// Looks at everything.
pub(super) async fn run(
    arguments: &DoctorArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let environment = Environment::look(context).await?;
    if !context.global.json {
        let lines = environment.lines(output.face());
        output.lines(&lines)?;
    }
    let servers = match &environment.config.problem {
        Some(_) => Vec::new(),
        None => examine(arguments, context, output).await?,
    };
    let ending = servers
        .iter()
        .filter_map(|evidence| evidence.snapshot.problem.as_ref());
    let ending = ending.map(Ending::of).fold(environment.ending(), Ending::and);
    if context.global.json {
        output.json(&Findings { environment, servers })?;
    } else {
        show(&servers, context, output)?;
    }
    Ok(ending)
}

async fn examine(
    arguments: &DoctorArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Vec<Evidence>, Failure> {
    let config = context.config();
    let wanted = Wanted::named(arguments.server.as_slice(), &config)?;
    let vault = context.vault()?;
    with_core(context, Start::new(&config, wanted), async |handle| {
        let servers = core::servers(handle);
        let snapshots = core::awaiting(output, "Connecting…", core::settled(&servers)).await?;
        let evidence = servers.iter().zip(snapshots);
        Ok(evidence
            .map(|(server, snapshot)| Evidence::of((server, snapshot), &vault, &config))
            .collect())
    })
    .await
}

impl Evidence {
    /// What just happened, or, where that took no step, what an earlier process left.
    fn of((server, snapshot): (&Server, ServerSnapshot), vault: &Vault, config: &Loaded) -> Self {
        let now = server.timeline();
        let entry = config.state.config.servers.get(server.id());
        Self {
            snapshot,
            timeline: if now.is_empty() {
                recorded(vault, entry)
            } else {
                now
            },
            log: server.log(),
        }
    }
}

fn recorded(vault: &Vault, entry: Option<&ServerConfig>) -> Vec<Step> {
    let Some(entry) = entry else { return Vec::new() };
    let steps = match GrantKey::of(entry) {
        Some(key) => vault.load_timeline(&key),
        None => vault.load_timeline(&entry.id),
    };
    steps.unwrap_or_default()
}

fn show(servers: &[Evidence], context: &Context, output: &mut Output) -> Result<(), Failure> {
    let mend = context.mend();
    for evidence in servers {
        let face = output.face();
        let view = View {
            now: jiff::Timestamp::now(),
            face,
            mend: &mend,
        };
        let mut lines = vec![String::new()];
        lines.extend(server::lines(&evidence.snapshot, view));
        lines.extend(section(
            "Step by step (times in UTC)",
            steps::lines(&evidence.timeline, &face.within(INDENT)),
            view,
        ));
        let log = evidence.log.iter().map(|line| text::line(&line.text)).collect();
        lines.extend(section("The server's own words", log, view));
        output.lines(&lines)?;
    }
    Ok(())
}

fn section(title: &str, lines: Vec<String>, view: View<'_>) -> Vec<String> {
    if lines.is_empty() {
        return Vec::new();
    }
    let title = format!("  {}", view.face.paint(Paint::Strong, title));
    std::iter::once(title)
        .chain(lines.into_iter().map(|line| format!("{:INDENT$}{line}", "")))
        .collect()
}
