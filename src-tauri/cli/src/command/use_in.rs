//! `omlx mcp use`: our servers in another client's configuration.

mod words;

use std::{env, path::PathBuf};

use omlx_mcp::{
    ServerId,
    access::Access,
    clients::{Bridge, Done, Machine, Target, UseIn, UseInNote, UseInPreview, Way, Wish, WriteId},
    clock::Clock,
    settings::SettingsFile,
};
use serde::Serialize;

use super::access::diff_line;
use crate::{
    context::Context,
    failure::{Ending, Failure},
    notice,
    output::{
        Output,
        face::Paint,
        table::{Cell, Column, Room, Side, Table},
    },
};

/// Let another client use the servers, signed in
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without a CLIENT, lists those there are. One server is handed over as a program on standard streams (omlx mcp bridge), which works by \
itself. All together are handed over as the address of the gateway (omlx mcp serve, or the app), with a key made for that client \
alone; a client that takes programs only gets one entry for each server.

What would change is shown first. What the file said before is kept beside it; everything else in it stays as it is, byte for byte. An \
entry that somebody else wrote is never replaced. Most clients read their configuration when they start.

Examples:
  omlx mcp use claude-desktop --dry-run
  omlx mcp use cursor
  omlx mcp use zed --server notion
  omlx mcp use cursor --undo
  omlx mcp use cursor --undo=5f1c09aa    that use alone, as it was told")]
pub(crate) struct UseArguments {
    /// omlx, claude-desktop, claude-code, cursor, vscode, zed, codex, windsurf or gemini
    #[arg(value_name = "CLIENT")]
    client: Option<String>,
    /// Only this server
    #[arg(long, value_name = "SERVER", requires = "client")]
    server: Option<String>,
    /// The way they are handed over, where another one is wanted: bridge or gateway
    #[arg(long, value_name = "WAY", hide_possible_values = true, requires = "client")]
    via: Option<Via>,
    /// Where the gateway listens [default: the port chosen in the app, 8719]
    #[arg(long, value_name = "PORT", requires = "client", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Show what would change, and change nothing
    #[arg(long, requires = "client")]
    dry_run: bool,
    /// Put back what the last use of this client wrote over, or one use alone, and take its key back
    #[arg(
        long,
        value_name = "USE",
        num_args = 0..=1,
        default_missing_value = LAST,
        require_equals = true,
        requires = "client",
        conflicts_with_all = ["server", "via", "dry_run"]
    )]
    undo: Option<Which>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Via {
    Bridge,
    Gateway,
}

/// What `--undo` alone stands for.
const LAST: &str = "last";

/// Which use is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    Last,
    One(WriteId),
}

impl From<String> for Which {
    fn from(word: String) -> Self {
        if word == LAST {
            Self::Last
        } else {
            Self::One(word.into())
        }
    }
}

/// `--json` without a client
#[derive(Debug, Serialize)]
struct Clients {
    clients: Vec<Client>,
}

#[derive(Debug, Serialize)]
struct Client {
    id: String,
    name: String,
    installed: bool,
    path: PathBuf,
}

type To<'a> = (&'a Context, &'a mut Output);

/// Lists the clients, writes into one's configuration, or takes that back.
pub(super) fn run(
    arguments: &UseArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let use_in = use_in(arguments, context)?;
    match (&arguments.client, &arguments.undo) {
        (None, _) => list(&use_in, (context, output))?,
        (Some(client), Some(which)) => undo(&use_in, (client, which), (context, output))?,
        (Some(client), None) => write(&use_in, (client, arguments), (context, output))?,
    }
    Ok(Ending::Done)
}

fn use_in(arguments: &UseArguments, context: &Context) -> Result<UseIn, Failure> {
    let home = context.home()?;
    let config = context.config_file().path().to_owned();
    let chosen = || SettingsFile::of(&home).read().gateway_port.get();
    let port = arguments.port.unwrap_or_else(chosen);
    Ok(UseIn {
        machine: Machine::this(context.environment().clone()),
        access: Access::open(&home, Clock::system()),
        bridge: Bridge {
            program: program(context),
            config: std::path::absolute(&config).unwrap_or(config),
            home: context.chosen_home(),
        },
        gateway: format!("http://127.0.0.1:{port}"),
        home,
    })
}

/// This program as others find it: by the link on PATH, which outlives an update, else by its own file.
fn program(context: &Context) -> PathBuf {
    let own = env::current_exe().unwrap_or_else(|_| "omlx".into());
    let path = context.variable("PATH").unwrap_or_default();
    let links = env::split_paths(&path).map(|folder| folder.join("omlx"));
    let is_own = |link: &PathBuf| {
        link.is_absolute()
            && link
                .canonicalize()
                .is_ok_and(|file| Some(file) == own.canonicalize().ok())
    };
    links.into_iter().find(is_own).unwrap_or(own)
}

fn list(use_in: &UseIn, (context, output): To<'_>) -> Result<(), Failure> {
    let clients = use_in.apps().into_iter().map(|app| Client {
        path: use_in.path(&app.id).unwrap_or_default(),
        id: app.id,
        name: app.name,
        installed: app.installed,
    });
    let clients: Vec<Client> = clients.collect();
    if context.global.json {
        return Ok(output.json(&Clients { clients })?);
    }
    let left = |title, room| Column {
        title,
        side: Side::Left,
        room,
    };
    let mut table = Table::new(vec![
        left("CLIENT", Room::Whole),
        left("NAME", Room::Whole),
        left("HERE", Room::Whole),
        left("FILE", Room::Least(20)),
    ]);
    for client in &clients {
        let (paint, here) = if client.installed {
            (Paint::Strong, "✓")
        } else {
            (Paint::Faint, "–")
        };
        table.push(vec![
            Cell::new(paint, &client.id),
            Cell::plain(&client.name),
            Cell::new(
                if client.installed {
                    Paint::Good
                } else {
                    Paint::Faint
                },
                here,
            ),
            Cell::new(Paint::Faint, &client.path.display().to_string()),
        ]);
    }
    let lines = table.lines(output.face());
    output.lines(&lines)?;
    let how = format!("{} use CLIENT --dry-run", context.command());
    Ok(notice::tell_hint(Some(&how), output)?)
}

fn write(
    use_in: &UseIn,
    (client, arguments): (&str, &UseArguments),
    (context, output): To<'_>,
) -> Result<(), Failure> {
    let wish = Wish {
        client: client.to_owned(),
        target: target(arguments, context)?,
        way: arguments.via.map(|via| match via {
            Via::Bridge => Way::Bridge,
            Via::Gateway => Way::Gateway,
        }),
    };
    let preview = use_in.preview(&wish).map_err(|error| Failure::told(&error))?;
    if arguments.dry_run && context.global.json {
        return Ok(output.json(&preview)?);
    }
    if !context.global.json {
        show(&preview, output)?;
    }
    if arguments.dry_run {
        // Nothing is there to be seen yet.
        let comes_after = |note: &&UseInNote| matches!(note, UseInNote::RestartClient { .. });
        let notes: Vec<_> = preview
            .notes
            .iter()
            .filter(|note| !comes_after(note))
            .cloned()
            .collect();
        tell(&notes, (context, output))?;
        return Ok(output.say(Paint::Plain, "Nothing was changed.")?);
    }
    let done = use_in.apply(&wish).map_err(|error| Failure::told(&error))?;
    if context.global.json {
        return Ok(output.json(&done)?);
    }
    say(&done, (context, output))
}

fn target(arguments: &UseArguments, context: &Context) -> Result<Target, Failure> {
    let config = context.config();
    if let Some(name) = &arguments.server {
        return Ok(Target::One(config.server(name)?));
    }
    if let Some(problem) = &config.fatal {
        return Err(Failure::of(problem.clone(), None));
    }
    let servers = config.state.config.servers.values();
    let on: Vec<ServerId> = servers
        .filter(|server| server.enabled)
        .map(|server| server.id.clone())
        .collect();
    Ok(Target::All(on))
}

fn show(preview: &UseInPreview, output: &mut Output) -> Result<(), Failure> {
    if preview.present {
        return Ok(());
    }
    let new = if preview.exists { "" } else { " (new)" };
    output.say(Paint::Strong, &format!("{}{new}", preview.path))?;
    let lines: Vec<String> = preview
        .diff
        .iter()
        .map(|line| diff_line(line, output.face()))
        .collect();
    Ok(output.lines(&lines)?)
}

fn say(done: &Done, (context, output): To<'_>) -> Result<(), Failure> {
    let path = done.path.display();
    if !done.changed {
        output.say(Paint::Good, &format!("✓ {path} says so already"))?;
        return tell(&done.notes, (context, output));
    }
    output.say(
        Paint::Good,
        &format!("✓ Wrote {} into {path}", done.entries.join(", ")),
    )?;
    if let Some(backup) = &done.backup {
        output.say(
            Paint::Faint,
            &format!("  what it said before: {}", backup.display()),
        )?;
    }
    tell(&done.notes, (context, output))?;
    let Some(write) = &done.write else {
        return Ok(());
    };
    let undo = format!(
        "{} use {} --undo={write} takes it back",
        context.command(),
        done.client
    );
    Ok(notice::tell_hint(Some(&undo), output)?)
}

/// What is worth knowing of it: what may be in the way as a warning, what comes next as a hint.
fn tell(notes: &[UseInNote], (context, output): To<'_>) -> Result<(), Failure> {
    let mend = &context.mend();
    for note in notes {
        let message = words::of(note);
        if matches!(
            note,
            UseInNote::LaterServers { .. } | UseInNote::RestartClient { .. }
        ) {
            notice::tell_hint(Some(&message), output)?;
            continue;
        }
        notice::warn((note.code(), message), (mend, output))?;
    }
    Ok(())
}

fn undo(use_in: &UseIn, (client, which): (&str, &Which), (context, output): To<'_>) -> Result<(), Failure> {
    let undone = match which {
        Which::Last => use_in.undo(client),
        Which::One(write) => use_in.undo_write(client, write),
    };
    let undone = undone.map_err(|error| Failure::told(&error))?;
    let path = undone.path.display();
    let done = match (undone.exact, undone.path.exists()) {
        (true, true) => format!("✓ {path} is as it was"),
        (true, false) => format!("✓ Removed {path}, which was made for it"),
        (false, true) => format!("✓ Took our entries out of {path}, which was written to meanwhile"),
        (false, false) => format!("✓ {path} is gone already; what was let in by it is not any more"),
    };
    output.say(Paint::Good, &done)?;
    if context.global.json {
        output.json(&undone)?;
    }
    Ok(())
}
