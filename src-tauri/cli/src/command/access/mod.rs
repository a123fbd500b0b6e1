//! `omlx mcp access`: who may use the gateway, what each may see, and what each did.

mod approve;
mod in_vain;
mod list;
mod log;
mod review;

pub(super) use review::diff_line;

use clap::Subcommand;
use omlx_mcp::{
    access::{Access, AccessError, ClientKey, Pattern, Patterns, Rules},
    clock::Clock,
};
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Ending, Failure},
    mend::quoted,
    notice,
    output::{Output, face::Paint, text},
};

/// Say who may use the gateway, and what each client may see
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Programs that reach the servers through the gateway (omlx mcp serve, or the app) show a key. Each has one of its own, \
with rules of its own, and can be shut out without touching the others. A key is shown once, when it is made; only a hash of it is \
kept. `omlx mcp use` makes a key and writes it into a client's configuration in one go. A client that starts the stdio bridge \
needs none: it says who it is by an id that `use` writes, and is held to its rules all the same.

A tool whose description or schema is not what it was when a client first saw it is held back from that client, until \
someone has looked at both (review) and agreed (approve).

Examples:
  omlx mcp access add cursor --server notion --server linear
  omlx mcp access allow cursor --tool '*__search*' --tool '*__get_*'
  omlx mcp access review
  omlx mcp access log --client cursor
  omlx mcp access revoke cursor")]
pub(crate) struct AccessArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the clients that are let in
    List,
    /// Make a key for a client; the key is the one line on standard output
    Add(AddArguments),
    /// Say what a client may see from now on
    Allow(AllowArguments),
    /// Call a client something else; its key stays
    Rename(RenameArguments),
    /// Make a new key for a client; the old one opens nothing any more
    Renew(NameArgument),
    /// Shut clients out, and forget what they approved
    Revoke(NamesArguments),
    Review(review::ReviewArguments),
    Approve(approve::ApproveArguments),
    Log(log::LogArguments),
}

#[derive(Debug, clap::Args)]
struct NameArgument {
    /// The client's name
    #[arg(value_name = "CLIENT")]
    name: String,
}

#[derive(Debug, clap::Args)]
struct NamesArguments {
    /// The clients' names
    #[arg(value_name = "CLIENT", required = true)]
    names: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct AddArguments {
    /// What to call it, such as the program's name
    #[arg(value_name = "CLIENT")]
    name: String,
    #[command(flatten)]
    rules: RuleArguments,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is given here replaces the rules there were; without --server every server is meant, without --tool every tool of those. \
With neither, the rules are shown, and nothing is changed.

Examples:
  omlx mcp access allow cursor                             show what it may use
  omlx mcp access allow cursor --server '*'                everything
  omlx mcp access allow cursor --server notion --tool 'notion__search'")]
struct AllowArguments {
    /// The client's name
    #[arg(value_name = "CLIENT")]
    name: String,
    #[command(flatten)]
    rules: RuleArguments,
}

#[derive(Debug, clap::Args)]
struct RuleArguments {
    /// A server it may use; * stands for any run of characters, ? for one. More than once if need be
    #[arg(long = "server", value_name = "PATTERN")]
    servers: Vec<Pattern>,
    /// A tool it may use, as `SERVER__TOOL`, with * and ? likewise
    #[arg(long = "tool", value_name = "PATTERN")]
    tools: Vec<Pattern>,
}

#[derive(Debug, clap::Args)]
struct RenameArguments {
    /// The client's name
    #[arg(value_name = "CLIENT")]
    name: String,
    /// Its new name
    #[arg(value_name = "NEW")]
    new: String,
}

/// `--json` of what makes a key.
#[derive(Debug, Serialize)]
struct Issued<'a> {
    client: &'a str,
    key: &'a str,
}

/// `--json` of what changes one.
#[derive(Debug, Serialize)]
struct Changed<'a> {
    clients: &'a [String],
}

/// `--json` of what a client may use.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    client: &'a str,
    rules: &'a Rules,
}

impl RuleArguments {
    fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.tools.is_empty()
    }

    fn rules(&self) -> Rules {
        let patterns = |given: &[Pattern]| match given {
            [] => Patterns::default(),
            given => Patterns::of(given.iter().cloned()),
        };
        Rules {
            servers: patterns(&self.servers),
            tools: patterns(&self.tools),
        }
    }
}

/// Does what was asked for.
pub(super) fn run(
    arguments: &AccessArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let access = Access::open(&context.home()?, Clock::system());
    match &arguments.what {
        What::List => list::run(&access, context, output)?,
        What::Add(add) => add_client(add, &access, (context, output))?,
        What::Allow(allow) => allow_client(allow, &access, (context, output))?,
        What::Rename(rename) => rename_client(rename, &access, (context, output))?,
        What::Renew(renew) => renew_client(&renew.name, &access, (context, output))?,
        What::Revoke(revoke) => revoke_clients(&revoke.names, &access, (context, output))?,
        What::Review(arguments) => return review::run(arguments, &access, (context, output)),
        What::Approve(arguments) => return approve::run(arguments, &access, (context, output)),
        What::Log(arguments) => log::run(arguments, &access, (context, output))?,
    }
    Ok(Ending::Done)
}

type To<'a> = (&'a Context, &'a mut Output);

fn add_client(arguments: &AddArguments, access: &Access, (context, output): To<'_>) -> Result<(), Failure> {
    let rules = arguments.rules.rules();
    let key = access
        .issue(&arguments.name, rules.clone())
        .map_err(|error| Failure::told(&error))?;
    let name = arguments.name.trim();
    output.say(
        Paint::Good,
        &format!("✓ Added {}: it may use {}", text::line(name), list::told(&rules)),
    )?;
    hand_over(name, &key, (context, output))?;
    in_vain::tell(&rules, (context, output))
}

fn renew_client(name: &str, access: &Access, (context, output): To<'_>) -> Result<(), Failure> {
    let key = access.reissue(name).map_err(|error| Failure::told(&error))?;
    output.say(
        Paint::Good,
        &format!(
            "✓ {} has a new key; the old one opens nothing any more",
            text::line(name)
        ),
    )?;
    hand_over(name, &key, (context, output))
}

/// The only time a key is ever printed.
fn hand_over(client: &str, key: &ClientKey, (context, output): To<'_>) -> Result<(), Failure> {
    if context.global.json {
        let key = key.reveal();
        return Ok(output.json(&Issued { client, key })?);
    }
    output.say(Paint::Plain, "  Its key, shown this once:")?;
    output.data(key.reveal())?;
    notice::tell_hint(
        Some("send it with every request, as `Authorization: Bearer KEY`"),
        output,
    )?;
    Ok(())
}

fn allow_client(
    arguments: &AllowArguments,
    access: &Access,
    (context, output): To<'_>,
) -> Result<(), Failure> {
    let told = |error| Failure::told(&error);
    let name = text::line(&arguments.name);
    if arguments.rules.is_empty() {
        return show_rules(arguments, access, (context, output));
    }
    let rules = arguments.rules.rules();
    access.set_rules(&arguments.name, rules.clone()).map_err(told)?;
    let done = format!("✓ {name} may use {}", list::told(&rules));
    changed(std::slice::from_ref(&arguments.name), &done, (context, output))?;
    in_vain::tell(&rules, (context, output))
}

/// Nobody who leaves the rules out means to throw them away.
fn show_rules(arguments: &AllowArguments, access: &Access, (context, output): To<'_>) -> Result<(), Failure> {
    let client = access.named(&arguments.name);
    let client = client.map_err(|error| Failure::told(&error))?;
    if client.is_nameless() {
        return Err(Failure::told(&AccessError::Bridge));
    }
    if context.global.json {
        let (client, rules) = (client.name(), client.rules());
        return Ok(output.json(&Shown { client, rules })?);
    }
    let name = text::line(client.name());
    let now = format!(
        "{name} may use {}; nothing was changed",
        list::told(client.rules())
    );
    output.say(Paint::Plain, &now)?;
    if *client.rules() == Rules::default() {
        return Ok(());
    }
    let opens = format!(
        "everything is: {} access allow {} --server '*'",
        context.command(),
        quoted(&name)
    );
    Ok(notice::tell_hint(Some(&opens), output)?)
}

fn rename_client(arguments: &RenameArguments, access: &Access, to: To<'_>) -> Result<(), Failure> {
    let RenameArguments { name, new } = arguments;
    access.rename(name, new).map_err(|error| Failure::told(&error))?;
    let done = format!("✓ {} is called {} now", text::line(name), text::line(new));
    changed(std::slice::from_ref(new), &done, to)
}

fn revoke_clients(names: &[String], access: &Access, (context, output): To<'_>) -> Result<(), Failure> {
    for name in names {
        access.revoke(name).map_err(|error| Failure::told(&error))?;
        let done = format!("✓ Revoked {}: it is let in no more", text::line(name));
        output.say(Paint::Good, &done)?;
    }
    if context.global.json {
        output.json(&Changed { clients: names })?;
    }
    Ok(())
}

fn changed(clients: &[String], done: &str, (context, output): To<'_>) -> Result<(), Failure> {
    output.say(Paint::Good, done)?;
    if context.global.json {
        output.json(&Changed { clients })?;
    }
    Ok(())
}
