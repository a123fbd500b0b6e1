//! `omlx mcp status`: what is known, without asking anyone; `--check` asks, `--watch` goes on.

use jiff::Timestamp;
use omlx_mcp::{
    ConnectionStatus, ServerSnapshot, Snapshot, handle::Handle, recorded::recorded, settings::SettingsFile,
};
use serde::Serialize;

use super::watching;
use crate::{
    context::{Context, unknown},
    core::{self, Start, Wanted, with_core},
    failure::{Ending, Failure},
    mend::Mend,
    notice,
    output::{Output, face::Paint},
    show::{View, server, servers},
};

/// Show each server's state: signed in or not, as whom, until when, how many tools
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --check nobody is asked: it is what the app and earlier commands have left, read in milliseconds, \
without network and without keychain. With --check every server is connected to, and the exit code tells: 0 \
all can be used, 3 one wants a sign-in, 1 one fails.

Examples:
  omlx mcp status                    all servers, at a glance
  omlx mcp status notion             one server in full
  omlx mcp status --check && backup  only go on when everything works
  omlx mcp status --watch            stay, and show what changes
  omlx mcp status --json | jq -r '.servers[] | select(.auth == \"not_authenticated\").id'")]
pub(crate) struct StatusArguments {
    /// Only these servers
    #[arg(value_name = "SERVER")]
    pub(super) servers: Vec<String>,
    /// Connect to the servers first
    #[arg(long)]
    check: bool,
    /// Stay, and show every change until Ctrl-C
    #[arg(long)]
    watch: bool,
}

impl StatusArguments {
    /// Whether it takes a runtime; plain status takes none, and no time.
    pub(super) fn lasts(&self) -> bool {
        self.check || self.watch
    }
}

/// Shows what the files say.
pub(super) fn run(
    arguments: &StatusArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let config = context.config();
    let snapshot = chosen(&recorded(&context.vault()?, &config.state), &arguments.servers)?;
    let paused = settings(context)?.read().paused;
    Printer::new(arguments, context).print(&Shown { snapshot, paused }, output)?;
    let usable = config.fatal.is_none() || config.missing;
    Ok(if usable { Ending::Done } else { Ending::Failed })
}

/// Connects, or stays, or both.
pub(super) async fn run_lasting(
    arguments: &StatusArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    if !arguments.check {
        return watching::files(arguments, context, output).await;
    }
    let config = context.config();
    let wanted = Wanted::named(&arguments.servers, &config)?;
    with_core(context, Start::new(&config, wanted), async |handle| {
        if arguments.watch {
            return watching::core(arguments, handle, context, output).await;
        }
        let snapshot = settled(handle, output).await?;
        let ending = ending(&snapshot);
        let paused = settings(context)?.read().paused;
        Printer::new(arguments, context).print(&Shown { snapshot, paused }, output)?;
        Ok(ending)
    })
    .await
}

async fn settled(handle: &Handle, output: &mut Output) -> Result<Snapshot, Failure> {
    let servers = core::servers(handle);
    let servers = core::awaiting(output, "Connecting…", core::settled(&servers)).await?;
    tell_started(&servers);
    let of_config = handle.snapshot().borrow().clone();
    Ok(Snapshot {
        servers,
        ..Snapshot::clone(&of_config)
    })
}

/// oMLX's own line.
fn tell_started(servers: &[ServerSnapshot]) {
    let connected = servers
        .iter()
        .filter(|server| server.connection == ConnectionStatus::Connected);
    let tools: u32 = connected.clone().filter_map(|server| server.tool_count).sum();
    let connected = connected.count();
    tracing::info!(
        "MCP manager started: {connected}/{} servers, {tools} tools available",
        servers.len()
    );
}

/// Whether everything that is switched on can be used.
fn ending(snapshot: &Snapshot) -> Ending {
    let of = |server: &ServerSnapshot| match (&server.problem, server.connection) {
        (_, ConnectionStatus::Disabled) => Ending::Done,
        (Some(problem), _) => Ending::of(problem),
        (None, ConnectionStatus::Waiting | ConnectionStatus::Failed) => Ending::Failed,
        (None, _) => Ending::Done,
    };
    snapshot.servers.iter().map(of).fold(Ending::Done, Ending::and)
}

/// Only the named servers; all where none is named.
pub(super) fn chosen(snapshot: &Snapshot, names: &[String]) -> Result<Snapshot, Failure> {
    if names.is_empty() {
        return Ok(snapshot.clone());
    }
    let find = |name: &String| {
        let found = snapshot.servers.iter().find(|server| server.id.as_str() == name);
        found
            .cloned()
            .ok_or_else(|| Failure::told(&unknown(name, snapshot.servers.iter().map(|server| &server.id))))
    };
    Ok(Snapshot {
        servers: names.iter().map(find).collect::<Result<_, _>>()?,
        ..snapshot.clone()
    })
}

/// Where it stands whether all servers rest.
pub(super) fn settings(context: &Context) -> Result<SettingsFile, Failure> {
    Ok(SettingsFile::of(&context.home()?))
}

/// What is shown; also `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) snapshot: Snapshot,
    /// Whether all servers rest, for the app and for whatever lends them.
    pub(super) paused: bool,
}

/// Prints a snapshot as it was asked for.
pub(super) struct Printer<'a> {
    context: &'a Context,
    mend: Mend,
    /// One named server is shown in full.
    in_full: bool,
}

impl<'a> Printer<'a> {
    pub(super) fn new(arguments: &StatusArguments, context: &'a Context) -> Self {
        Self {
            context,
            mend: context.mend(),
            in_full: arguments.servers.len() == 1,
        }
    }

    /// The lines of text.
    pub(super) fn lines(&self, shown: &Shown, output: &Output) -> Vec<String> {
        let view = View {
            now: Timestamp::now(),
            face: output.face(),
            mend: &self.mend,
        };
        let mut lines = match shown.snapshot.servers.as_slice() {
            [only] if self.in_full => server::lines(only, view),
            _ => servers::lines(&shown.snapshot, view),
        };
        if shown.paused {
            lines.extend(servers::paused(view));
        }
        lines
    }

    fn print(&self, shown: &Shown, output: &mut Output) -> Result<(), Failure> {
        let snapshot = &shown.snapshot;
        if self.context.global.json {
            return Ok(output.json(shown)?);
        }
        let lines = self.lines(shown, output);
        output.lines(&lines)?;
        if snapshot.servers.is_empty() && snapshot.config_problems.is_empty() {
            let program = self.context.command();
            output.say(Paint::Plain, "There are no servers yet.")?;
            let hint = format!("{program} add NAME URL, or see it all first: {program} demo");
            notice::tell_hint(Some(&hint), output)?;
        }
        Ok(())
    }
}
