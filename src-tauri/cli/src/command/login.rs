//! `omlx mcp login`: a sign-in in the browser, on this machine or another one.

mod waiting;

use std::time::Duration;

use jiff::SignedDuration;
use omlx_mcp::{
    Explain, ServerSnapshot,
    browser::SystemBrowser,
    config::{AuthBlock, Change},
    connection::{BrowserUse, SignInOptions, SignedIn},
    handle::{Handle, Server},
};
use tokio::time;
use waiting::{Page, Waiting};

use super::{
    add::ClientArguments,
    edit::{Changes, Regard},
    pasted::Pasted,
};
use crate::{
    context::Context,
    core::{Start, Wanted, with_core},
    failure::{Ending, Failure},
    mend::Mend,
    notice::{Notice, Tone},
    output::{
        Output,
        face::Paint,
        spinner::BEAT,
        text::{self, counted},
    },
    words,
};

/// Sign in to a server, in the browser
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The server is asked what it wants, its page is opened, and when you have agreed there, the grant is sealed \
and the server's tools are listed. Whatever was stored before stays as it is until the new grant is there. \
Ctrl-C gives up and leaves nothing behind.

Examples:
  omlx mcp login notion
  omlx mcp login notion --no-browser    over SSH: the address is printed, and the one it leads to pasted back
  omlx mcp login notion --timeout 10m   wait longer for me
  omlx mcp login github --client-id ID --client-secret-env GITHUB_SECRET
                                        where the provider registers no clients by itself")]
pub(crate) struct LoginArguments {
    /// The server's name in the config file
    #[arg(value_name = "SERVER")]
    server: String,
    /// Print the address instead of opening it, and accept the address it leads to on standard input
    #[arg(long)]
    no_browser: bool,
    /// How long to wait for you, such as 90s or 10m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = patience)]
    timeout: Duration,
    #[command(flatten)]
    client: ClientArguments,
}

impl LoginArguments {
    fn options(&self) -> SignInOptions {
        SignInOptions {
            browser: if self.no_browser {
                BrowserUse::ShowOnly
            } else {
                BrowserUse::Open
            },
            patience: self.timeout,
        }
    }

    /// Where no browser can be opened the address is shown, as if it had been asked for.
    fn page(&self, context: &Context) -> Page {
        let opens = !self.no_browser && SystemBrowser::new().opener().is_some();
        match (opens, context.global.json) {
            (true, _) => Page::Opens,
            (false, false) => Page::IsShown,
            (false, true) => Page::IsTold,
        }
    }
}

/// `90`, `90s`, `10m`, `1h 30m`.
fn patience(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    let friendly = || {
        text.parse::<SignedDuration>()
            .ok()
            .and_then(|time| Duration::try_from(time).ok())
    };
    seconds
        .or_else(friendly)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "a time such as 90s or 10m is expected".to_owned())
}

/// Signs in, as the client that is given, if any.
pub(super) async fn run(
    arguments: &LoginArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    keep_client(arguments, context, output)?;
    let config = context.config();
    let wanted = Wanted::named(std::slice::from_ref(&arguments.server), &config)?;
    let how = (arguments.options(), arguments.page(context));
    let signed_in = with_core(context, Start::new(&config, wanted), async |handle| {
        let server = handle
            .server(&arguments.server)
            .map_err(|error| Failure::told(&error))?;
        sign_in((handle, &server), how, (&context.mend(), output)).await
    })
    .await?;
    tell(&signed_in.snapshot, context, output)
}

/// A client given here is for the next sign-ins, too.
fn keep_client(arguments: &LoginArguments, context: &Context, output: &mut Output) -> Result<(), Failure> {
    let keys: AuthBlock = arguments.client.keys().collect();
    if keys.is_empty() {
        return Ok(());
    }
    let id = context.config().server(&arguments.server)?;
    let mut changes = Changes::new(context);
    changes.make(&Change::SetAuth(id, keys), Regard::ForOmlx, output)?;
    Ok(output.say(Paint::Plain, &format!("The client is kept in {}", changes.path()))?)
}

/// Signs in while saying what is awaited.
async fn sign_in(
    (handle, server): (&Handle, &Server),
    (options, page): (SignInOptions, Page),
    (mend, output): (&Mend, &mut Output),
) -> Result<SignedIn, Failure> {
    let mut outcome = std::pin::pin!(server.sign_in(options));
    let mut board = handle.snapshot();
    let mut pasted = match page {
        Page::Opens => Pasted::nothing(),
        Page::IsShown | Page::IsTold => Pasted::start(),
    };
    let mut beats = time::interval(BEAT);
    let mut waiting = Waiting::start(&server.snapshot(), page, output)?;
    loop {
        tokio::select! {
            outcome = &mut outcome => {
                waiting.clear(output)?;
                return outcome.map_err(|problem| Failure::of(problem, Some(server.id())));
            }
            Ok(()) = board.changed() => waiting.follow(&server.snapshot(), output)?,
            line = pasted.next() => {
                waiting.clear(output)?;
                take(handle, &line, (mend, output)).await?;
            }
            _ = beats.tick() => waiting.beat(output)?,
        }
    }
}

/// Hands a pasted address over; what was pasted may hold a code, so it is never repeated.
async fn take(handle: &Handle, line: &str, (mend, output): (&Mend, &mut Output)) -> Result<(), Failure> {
    match handle.redirected(line).await {
        Ok(true) => {}
        Ok(false) => output.say(
            Paint::Attention,
            "That address belongs to another sign-in. Paste the latest one.",
        )?,
        Err(error) => {
            let problem = &error.problem();
            let server = None;
            Notice {
                problem,
                server,
                mend,
            }
            .tell(Tone::Warning, output)?;
        }
    }
    Ok(())
}

/// Says who is signed in, and whether the server can be used.
pub(super) fn tell(
    server: &ServerSnapshot,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    if context.global.json {
        output.json(server)?;
    }
    let name = text::line(server.id.as_str());
    let who = words::account(server);
    let who = if who.is_empty() {
        name
    } else {
        format!("{name} as {who}")
    };
    output.say(Paint::Good, &format!("✓ Signed in to {who}"))?;
    if let Some(tools) = server.tool_count {
        output.say(
            Paint::Good,
            &format!("✓ {} available", counted(tools as usize, "tool")),
        )?;
    }
    let Some(problem) = &server.problem else {
        return Ok(Ending::Done);
    };
    let (server, mend) = (Some(&server.id), &context.mend());
    Notice {
        problem,
        server,
        mend,
    }
    .tell(Tone::Error, output)?;
    Ok(Ending::of(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_seconds_or_what_a_person_writes() {
        assert_eq!(patience("90"), Ok(Duration::from_secs(90)));
        assert_eq!(patience("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(patience("1h 30m"), Ok(Duration::from_mins(90)));
        for nonsense in ["", "0", "soon", "-5m"] {
            assert!(patience(nonsense).is_err(), "{nonsense}");
        }
    }
}
