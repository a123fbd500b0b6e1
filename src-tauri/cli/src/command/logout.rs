//! `omlx mcp logout`: tokens revoked, registration deleted, everything wiped here; and what of it worked.

use std::path::PathBuf;

use omlx_mcp::{
    clock::Clock,
    config::AuthConfig,
    network::{AddressGuard, Network},
    oauth::{grant::GrantKey, timeline::Timeline},
    sign_out::{self, SignOutReport, SignOutStep},
    store::{GrantName, GrantSummary, Vault},
};
use serde::Serialize;
use url::Url;

use crate::{
    context::{Context, Loaded},
    core::{awaiting, interruptible},
    failure::{Ending, Failure},
    output::{Output, face::Paint, text},
};

/// Sign out: revoke the tokens at the server, and forget them here
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Refresh and access token are revoked at the authorization server, our registration there is deleted where the server \
allows it, and what is stored here is wiped in any case. Each of these is reported: only what the server has confirmed \
counts as done. No server is connected to for it, and a server that is away keeps nothing from being wiped.

Examples:
  omlx mcp logout notion
  omlx mcp logout notion linear
  omlx mcp logout --all      everything stored here, for servers no longer in the config file, too")]
pub(crate) struct LogoutArguments {
    /// The servers to sign out of
    #[arg(
        value_name = "SERVER",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    servers: Vec<String>,
    /// Sign out of everything that is stored here
    #[arg(long)]
    all: bool,
}

/// `--json`
#[derive(Debug, Serialize)]
struct Reports {
    reports: Vec<SignOutReport>,
}

/// One stored grant, and what is needed to revoke it.
#[derive(Debug)]
pub(super) struct Stored {
    vault: Vault,
    name: GrantName,
    auth: AuthConfig,
    guard: AddressGuard,
}

/// Signs out.
pub(super) async fn run(
    arguments: &LogoutArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let stored = if arguments.all {
        everything(context)?
    } else {
        of_servers(&arguments.servers, context)?
    };
    if stored.is_empty() {
        output.say(Paint::Plain, "Nobody is signed in: nothing is stored here.")?;
    }
    let reports = sign_out_of(stored, context, output).await?;
    if arguments.all {
        // Registrations and damaged files, which no grant leads to any more.
        for vault in vaults(&context.config(), context)? {
            vault.wipe().await.map_err(|error| Failure::told(&error))?;
        }
    }
    let ending = reports.iter().map(ending).fold(Ending::Done, Ending::and);
    if context.global.json {
        output.json(&Reports { reports })?;
    }
    Ok(ending)
}

fn of_servers(names: &[String], context: &Context) -> Result<Vec<Stored>, Failure> {
    let each = names.iter().map(|name| stored_for(name, context));
    Ok(each
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The vault's own folder, and those that entries name (`auth.token_store`).
fn vaults(config: &Loaded, context: &Context) -> Result<Vec<Vault>, Failure> {
    let vault = context.vault()?;
    let servers = config.state.config.servers.values();
    let mut folders: Vec<PathBuf> = servers
        .filter_map(|server| server.auth.token_store.clone())
        .collect();
    folders.sort();
    folders.dedup();
    let elsewhere: Vec<Vault> = folders
        .into_iter()
        .map(|folder| vault.in_folder(folder))
        .collect();
    Ok(std::iter::once(vault).chain(elsewhere).collect())
}

/// Every readable grant, whether or not the config file still has its entry.
fn everything(context: &Context) -> Result<Vec<Stored>, Failure> {
    let config = context.config();
    let mut stored = Vec::new();
    for vault in vaults(&config, context)? {
        for summary in vault.summaries() {
            let auth = auth(&config, &summary);
            stored.push(Stored {
                vault: vault.clone(),
                guard: guard(&auth, &summary),
                auth,
                name: summary.name,
            });
        }
    }
    Ok(stored)
}

/// What the entry says; nothing where it is gone.
fn auth(config: &Loaded, summary: &GrantSummary) -> AuthConfig {
    let entry = config.state.config.servers.get(summary.server());
    entry.map(|entry| entry.auth.clone()).unwrap_or_default()
}

/// Whom the revocation may be sent to: what the entry says, or, where it is gone, what the grant was for.
fn guard(auth: &AuthConfig, summary: &GrantSummary) -> AddressGuard {
    match Url::parse(&summary.url) {
        Ok(url) => AddressGuard::of(&url, auth),
        // The file's readable line was tampered with; nobody is called on its word but the sealed endpoints.
        Err(_) => AddressGuard::open(),
    }
}

/// Everything stored under one name; an error when there is neither a grant nor an entry of that name.
pub(super) fn stored_for(name: &str, context: &Context) -> Result<Vec<Stored>, Failure> {
    let mut stored = everything(context)?;
    stored.retain(|stored| stored.name.server().as_str() == name);
    if stored.is_empty() {
        stored.extend(unreadable(name, context)?);
    }
    Ok(stored)
}

/// A grant that cannot be read, or a registration without a grant, is in no list; its entry names it.
fn unreadable(name: &str, context: &Context) -> Result<Option<Stored>, Failure> {
    let config = context.config();
    let id = config.server(name)?;
    let Some(entry) = config.state.config.servers.get(&id) else {
        return Ok(None);
    };
    let Some(key) = GrantKey::of(entry) else {
        return Ok(None);
    };
    let vault = context.vault()?;
    let vault = match &entry.auth.token_store {
        Some(folder) => vault.in_folder(folder.clone()),
        None => vault,
    };
    let is_there = !matches!(vault.summary(&key), Ok(None)) || !vault.registered_at(&id).is_empty();
    Ok(is_there.then(|| Stored {
        vault,
        guard: AddressGuard::of(&key.url, &entry.auth),
        auth: entry.auth.clone(),
        name: (&key).into(),
    }))
}

/// Revokes and wipes each, and says what worked.
pub(super) async fn sign_out_of(
    stored: Vec<Stored>,
    context: &Context,
    output: &mut Output,
) -> Result<Vec<SignOutReport>, Failure> {
    let network = Network::new(&context.network()).map_err(|error| Failure::told(&error))?;
    let mut reports = Vec::new();
    for Stored {
        vault,
        name,
        auth,
        guard,
    } in stored
    {
        let http = network
            .http(guard, Clock::system(), Timeline::default())
            .map_err(|error| Failure::told(&error))?;
        let what = format!("Signing out of {}…", text::line(name.server().as_str()));
        let signing_out = interruptible(async {
            let report = sign_out::sign_out(&vault, &http, &auth, name).await;
            report.map_err(|error| Failure::told(&error))
        });
        let report = awaiting(output, &what, Box::pin(signing_out)).await??;
        tell(&report, output)?;
        reports.push(report);
    }
    Ok(reports)
}

fn tell(report: &SignOutReport, output: &mut Output) -> Result<(), Failure> {
    let server = text::line(report.server.as_str());
    let steps = [
        ("refresh token", &report.refresh_token, "revoked"),
        ("access token", &report.access_token, "revoked"),
        ("registration", &report.registration, "deleted"),
    ];
    output.say(
        Paint::Good,
        &format!("✓ Signed out of {server}: nothing is stored here any more"),
    )?;
    for (what, step, done) in steps {
        let (paint, outcome) = match step {
            SignOutStep::Nothing => continue,
            SignOutStep::Done => (Paint::Plain, done.to_owned()),
            SignOutStep::Unsupported => (
                Paint::Plain,
                "the server has no way to do this; it ends by itself".to_owned(),
            ),
            SignOutStep::Failed { problem } => (
                Paint::Attention,
                format!("! {} [{}]", text::line(&problem.message), problem.code),
            ),
        };
        output.say(paint, &format!("  {what:<15}{outcome}"))?;
    }
    Ok(())
}

/// Wiped here and not confirmed there is a failure worth an exit code.
fn ending(report: &SignOutReport) -> Ending {
    let steps = [&report.refresh_token, &report.access_token];
    let failed = steps
        .into_iter()
        .any(|step| matches!(step, SignOutStep::Failed { .. }));
    if failed { Ending::Failed } else { Ending::Done }
}
