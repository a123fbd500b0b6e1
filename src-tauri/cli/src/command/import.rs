//! `omlx mcp import`: other clients' servers into our config file.

use omlx_mcp::{
    Problem, ServerId,
    clients::{Import, ImportCandidate, ImportSource, ImportVerdict, Machine, SignIns, TakeOver},
    clock::Clock,
    network::Network,
};
use serde::Serialize;

use crate::{
    context::Context,
    core,
    failure::{Ending, Failure},
    notice::{self, Notice, Tone},
    output::{
        Output,
        face::{Face, Paint},
        table::{Cell, Column, Room, Side, Table},
        text::{self, counted},
    },
    words,
};

/// Take servers over from another client's configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --from, lists the clients there are and how many servers each has. What is taken over: address or program, header \
fields, variables, whether it is switched on; from oMLX the sign-ins that its fork keeps, too. Values are written as they stand there and are never shown. A server behind \
mcp-remote is taken over by its own address. The other client's file is only read.

Examples:
  omlx mcp import
  omlx mcp import --from claude-desktop --dry-run
  omlx mcp import --from cursor linear sentry")]
pub(crate) struct ImportArguments {
    /// The client to take them from
    #[arg(long, value_name = "CLIENT")]
    from: Option<String>,
    /// Only these, by their names there
    #[arg(value_name = "NAME", requires = "from")]
    names: Vec<String>,
    /// Show what would be taken over, and change nothing
    #[arg(long, requires = "from")]
    dry_run: bool,
}

/// `--json` without `--from`
#[derive(Debug, Serialize)]
struct Sources {
    sources: Vec<ImportSource>,
}

/// `--json`
#[derive(Debug, Serialize)]
struct Report {
    source: String,
    candidates: Vec<ImportCandidate>,
    added: Vec<Added>,
    /// The servers whose sign-in was taken over.
    signed_in: Vec<ServerId>,
}

#[derive(Debug, Serialize)]
struct Added {
    name: String,
    server: ServerId,
}

type To<'a> = (&'a Context, &'a mut Output);

/// Lists the clients, or takes over what one of them has.
pub(super) async fn run(
    arguments: &ImportArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let import = Import {
        machine: Machine::this(context.environment().clone()),
        config: context.config_file(),
    };
    match &arguments.from {
        None => list(&import, (context, output))?,
        Some(from) => take_over(&import, (from, arguments), (context, output)).await?,
    }
    Ok(Ending::Done)
}

fn list(import: &Import, (context, output): To<'_>) -> Result<(), Failure> {
    let sources = import.sources();
    if context.global.json {
        return Ok(output.json(&Sources { sources })?);
    }
    let left = |title, room| Column {
        title,
        side: Side::Left,
        room,
    };
    let mut table = Table::new(vec![
        left("CLIENT", Room::Whole),
        Column {
            title: "SERVERS",
            side: Side::Right,
            room: Room::Whole,
        },
        left("FILE", Room::Least(20)),
    ]);
    for source in &sources {
        let count = source.server_count.to_string();
        let (paint, count) = if source.found {
            (Paint::Strong, count.as_str())
        } else {
            (Paint::Faint, "–")
        };
        table.push(vec![
            Cell::new(paint, &source.id),
            Cell::plain(count),
            Cell::new(Paint::Faint, &source.path),
        ]);
    }
    let lines = table.lines(output.face());
    output.lines(&lines)?;
    let how = format!("{} import --from CLIENT --dry-run", context.command());
    Ok(notice::tell_hint(Some(&how), output)?)
}

async fn take_over(
    import: &Import,
    (from, arguments): (&str, &ImportArguments),
    (context, output): To<'_>,
) -> Result<(), Failure> {
    let preview = import.preview(from).map_err(|error| Failure::told(&error))?;
    let wanted = wanted(&preview.candidates, &arguments.names)?;
    let shown: Vec<ImportCandidate> = preview
        .candidates
        .into_iter()
        .filter(|candidate| wanted.contains(&candidate.name))
        .collect();
    if !context.global.json {
        let lines = table(&shown, output.face());
        output.lines(&lines)?;
    }
    let (mut added, mut signed_in) = (Vec::new(), Vec::new());
    if !arguments.dry_run {
        let taking = TakeOver {
            import: import.clone(),
            sign_ins: sign_ins(context)?,
        };
        let work = Box::pin(taking.apply(from, &wanted));
        let taken = core::awaiting(output, "Taking over…", work).await?;
        let taken = taken.map_err(|error| Failure::told(&error))?;
        warn(&taken.not_signed_in, (context, output))?;
        (added, signed_in) = (taken.imported.added, taken.signed_in);
    }
    if context.global.json {
        let added = added
            .into_iter()
            .map(|(name, server)| Added { name, server })
            .collect();
        return Ok(output.json(&Report {
            source: preview.source,
            candidates: shown,
            added,
            signed_in,
        })?);
    }
    for server in &signed_in {
        let done = format!("✓ Took the sign-in of {} over", text::line(server.as_str()));
        output.say(Paint::Good, &done)?;
    }
    say(
        &shown,
        (added.len() + signed_in.len(), arguments.dry_run),
        (context, output),
    )
}

fn sign_ins(context: &Context) -> Result<SignIns, Failure> {
    Ok(SignIns {
        machine: Machine::this(context.environment().clone()),
        vault: context.vault()?,
        network: Network::new(&context.network()).map_err(|error| Failure::told(&error))?,
        clock: Clock::system(),
    })
}

/// Says which sign-ins could not be taken over, and what helps.
fn warn(failed: &[(ServerId, Problem)], (context, output): To<'_>) -> Result<(), Failure> {
    let mend = context.mend();
    for (id, problem) in failed {
        Notice {
            problem,
            server: Some(id),
            mend: &mend,
        }
        .tell(Tone::Warning, output)?;
    }
    Ok(())
}

/// The names asked for, each of which must be there; all of them when none is named.
fn wanted(candidates: &[ImportCandidate], names: &[String]) -> Result<Vec<String>, Failure> {
    let all = || candidates.iter().map(|candidate| candidate.name.clone());
    if let Some(strange) = names.iter().find(|name| !all().any(|known| known == **name)) {
        let known: Vec<String> = all().map(|name| text::line(&name)).collect();
        let message = format!("there is no '{}' among its servers", text::line(strange));
        return Err(Failure::usage(message).with_hint(format!("there are: {}", known.join(", "))));
    }
    Ok(if names.is_empty() {
        all().collect()
    } else {
        names.to_vec()
    })
}

fn table(candidates: &[ImportCandidate], face: &Face) -> Vec<String> {
    let left = |title, room| Column {
        title,
        side: Side::Left,
        room,
    };
    let mut table = Table::new(vec![
        left("SERVER", Room::Least(12)),
        left("BECOMES", Room::Least(14)),
        left("TRANSPORT", Room::Spare(9)),
        left("ADDRESS", Room::Least(20)),
        left("BRINGS", Room::Spare(7)),
    ]);
    for candidate in candidates {
        table.push(row(candidate));
    }
    if candidates.is_empty() {
        Vec::new()
    } else {
        table.lines(face)
    }
}

fn row(candidate: &ImportCandidate) -> Vec<Cell> {
    let (paint, becomes) = match candidate.verdict {
        ImportVerdict::New => (Paint::Good, format!("+ {}", candidate.id)),
        ImportVerdict::Renamed => (Paint::Attention, format!("+ {} (name taken)", candidate.id)),
        ImportVerdict::Present => (Paint::Faint, format!("✓ {}, here already", candidate.id)),
        ImportVerdict::Invalid => (Paint::Bad, "✗ cannot be used".to_owned()),
    };
    let is_valid = candidate.verdict != ImportVerdict::Invalid;
    vec![
        Cell::new(Paint::Strong, &candidate.name),
        Cell::new(paint, &becomes),
        Cell::plain(if is_valid {
            words::transport(candidate.transport)
        } else {
            ""
        }),
        Cell::plain(&candidate.address),
        Cell::new(Paint::Faint, brings(candidate)),
    ]
}

fn brings(candidate: &ImportCandidate) -> &'static str {
    match (candidate.has_secrets, candidate.has_grant) {
        (true, true) => "secrets, sign-in",
        (true, false) => "secrets",
        (false, true) => "sign-in",
        (false, false) => "",
    }
}

fn say(
    shown: &[ImportCandidate],
    (added, is_dry): (usize, bool),
    (context, output): To<'_>,
) -> Result<(), Failure> {
    for candidate in shown {
        if let Some(problem) = &candidate.problem {
            let line = format!("! {}", text::line(&problem.message));
            output.say(Paint::Attention, &line)?;
        }
    }
    let program = context.command();
    let path = context.config_file().path().display().to_string();
    let news = shown.iter().filter(|candidate| is_new(candidate)).count();
    let (paint, line, next) = match (is_dry, news, added) {
        (_, 0, 0) => (Paint::Plain, "There is nothing to take over.".to_owned(), None),
        (true, news, _) => {
            let line = format!(
                "{} would be added to {path}; nothing was changed",
                counted(news, "server")
            );
            (Paint::Plain, line, None)
        }
        // Only sign-ins, which have been told.
        (false, 0, _) => return Ok(()),
        (false, _, _) => {
            let line = format!("✓ Added {} to {path}", counted(news, "server"));
            (
                Paint::Good,
                line,
                Some(format!("{program} status --check, then {program} login SERVER")),
            )
        }
    };
    output.say(paint, &line)?;
    Ok(notice::tell_hint(next.as_deref(), output)?)
}

fn is_new(candidate: &ImportCandidate) -> bool {
    matches!(candidate.verdict, ImportVerdict::New | ImportVerdict::Renamed)
}
