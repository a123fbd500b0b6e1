//! `omlx mcp add`: an entry into the config file, from words or from what another client's documentation says.

mod pasted;

use std::io::{self, IsTerminal, Read};

use omlx_mcp::{
    AuthStatus, ServerId, ServerSnapshot,
    config::{AuthBlock, Change, NewEndpoint, NewServer, NewTransport, Start, Suggestion},
    network::Network,
    probe::{Probe, probe},
};
use serde_json::Value;
use url::Url;

use super::edit::{Changes, Regard, server_id};
use crate::{
    context::Context,
    core::{self, Start as CoreStart, Wanted, with_core},
    failure::{Ending, Failure},
    mend::quoted,
    notice,
    output::{Output, face::Paint, text},
    show::{View, servers},
    tool_arguments, words,
};

/// The most read from standard input, in bytes.
const MAX_PASTED: u64 = 1024 * 1024;

/// Put a server into the config file
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A URL is a streamable HTTP server, which is called after its host when no name is given; what follows -- is a command that speaks MCP on its standard streams. With neither, \
JSON is read from standard input: an entry, or a whole configuration as other clients' documentation shows it.

A server with a URL is contacted at once, to say what it needs. The file is oMLX's own, and everything else in it stays \
as it is; what would make oMLX refuse the file is not written without --force.

Examples:
  omlx mcp add https://mcp.notion.com/mcp
  omlx mcp add work https://mcp.notion.com/mcp
  omlx mcp add files -- npx -y @modelcontextprotocol/server-filesystem ~/notes
  omlx mcp add github https://api.githubcopilot.com/mcp/ --client-id ID --client-secret-env GITHUB_SECRET
  omlx mcp add internal https://mcp.corp.example/mcp --header 'X-Team: search' --auth scopes='read write'
  omlx mcp add < servers.json")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub(crate) struct AddArguments {
    /// What to call it; its tools are called by this name, two underscores and their own
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The server's address
    #[arg(value_name = "URL", conflicts_with = "command")]
    url: Option<String>,
    /// A command and its arguments
    #[arg(value_name = "COMMAND", last = true)]
    command: Vec<String>,
    /// Speak the legacy HTTP+SSE transport
    #[arg(long, requires = "name", conflicts_with = "command")]
    sse: bool,
    /// Send this header field with every request; ${NAME} stands for a variable
    #[arg(long, value_name = "NAME: VALUE", requires = "name", conflicts_with = "command", value_parser = header)]
    header: Vec<(String, String)>,
    /// Set this variable for the command
    #[arg(long, value_name = "NAME=VALUE", requires = "command", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Start the command in this folder
    #[arg(long, value_name = "FOLDER", requires = "command")]
    cwd: Option<String>,
    #[command(flatten)]
    client: ClientArguments,
    /// Set a key of the auth block (docs/config.md lists them); KEY:=JSON for other values than texts
    #[arg(long, value_name = "KEY=VALUE", requires = "name", conflicts_with = "command")]
    auth: Vec<String>,
    /// Add it switched off
    #[arg(long)]
    disabled: bool,
    /// Do not contact the server
    #[arg(long)]
    no_check: bool,
    /// Write it even if oMLX would refuse the file
    #[arg(long)]
    force: bool,
}

/// A client that is registered with the provider already.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ClientArguments {
    /// The client id the provider gave you, where it does not register clients by itself
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The variable that holds the client's secret
    #[arg(long, value_name = "VARIABLE", requires = "client_id")]
    client_secret_env: Option<String>,
}

impl ClientArguments {
    /// The keys of the `auth` block.
    pub(super) fn keys(&self) -> impl Iterator<Item = (String, Value)> {
        let pairs = [
            ("client_id", &self.client_id),
            ("client_secret_env", &self.client_secret_env),
        ];
        pairs
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), Value::from(value.clone()?))))
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("'NAME: VALUE' is expected")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("'NAME=VALUE' is expected")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Adds what the words say, or what is pasted.
pub(super) async fn run(
    arguments: &AddArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let arguments = &arguments.with_a_name(context)?;
    let servers = match (arguments.transport()?, &arguments.name) {
        (Some(transport), Some(name)) => vec![(server_id(name)?, arguments.server(transport)?)],
        (Some(_), None) => return Err(Failure::usage("a server needs a name")),
        (None, name) => pasted::servers(&read(output)?, name.as_deref())?,
    };
    let mut changes = Changes::new(context);
    let mut added = Vec::new();
    for (id, server) in servers {
        let asks = !matches!(server.transport, NewTransport::Stdio { .. }) && server.start == Start::Enabled;
        changes.make(
            &Change::Add(id.clone(), Box::new(server)),
            arguments.regard(),
            output,
        )?;
        output.say(
            Paint::Good,
            &format!("✓ Added {} to {}", text::line(id.as_str()), changes.path()),
        )?;
        if asks {
            added.push(id);
        }
    }
    if !arguments.no_check && !added.is_empty() {
        ask(&added, context, output).await?;
    }
    changes.report(context, output)
}

impl AddArguments {
    /// The same where a URL stands alone: in its place, behind the name its host suggests.
    fn with_a_name(&self, context: &Context) -> Result<Self, Failure> {
        let mut arguments = self.clone();
        let alone = self.url.is_none() && self.command.is_empty();
        let Some(url) = self.name.as_ref().filter(|word| alone && word.contains("://")) else {
            return Ok(arguments);
        };
        let suggestion = Suggestion::of_url(url).map_err(|error| Failure::usage(error.to_string()))?;
        let name = context.config().state.config.free_name(&suggestion.name);
        (arguments.name, arguments.url) = (Some(name.to_string()), Some(url.clone()));
        Ok(arguments)
    }

    fn transport(&self) -> Result<Option<NewTransport>, Failure> {
        match (&self.url, self.command.split_first()) {
            (Some(url), _) => self.remote(url).map(Some),
            (None, Some((command, args))) => Ok(Some(NewTransport::Stdio {
                command: command.clone(),
                args: args.to_vec(),
                env: self.env.clone(),
                cwd: self.cwd.clone(),
            })),
            (None, None) => Ok(None),
        }
    }

    fn remote(&self, url: &str) -> Result<NewTransport, Failure> {
        let is_http = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        // A URL with a variable in it is for the file's reader to understand.
        if !is_http && !url.contains("${") {
            let message = format!("'{}' is no http(s) URL", text::line(url));
            return Err(
                Failure::usage(message).with_hint("a command goes after --: omlx mcp add NAME -- COMMAND")
            );
        }
        let endpoint = NewEndpoint {
            url: url.to_owned(),
            headers: self.header.clone(),
        };
        Ok(if self.sse {
            NewTransport::Sse(endpoint)
        } else {
            NewTransport::StreamableHttp(endpoint)
        })
    }

    fn regard(&self) -> Regard {
        if self.force {
            Regard::Despite
        } else {
            Regard::ForOmlx
        }
    }

    fn server(&self, transport: NewTransport) -> Result<NewServer, Failure> {
        let keys = tool_arguments::typed(&self.auth, &serde_json::Map::new());
        let keys = keys.map_err(|error| Failure::usage(format!("--auth: {error}")))?;
        Ok(NewServer {
            transport,
            auth: keys.into_iter().chain(self.client.keys()).collect::<AuthBlock>(),
            start: if self.disabled {
                Start::Disabled
            } else {
                Start::Enabled
            },
        })
    }
}

fn read(output: &mut Output) -> Result<String, Failure> {
    let input = io::stdin();
    if input.is_terminal() {
        output.say(Paint::Plain, "Paste the JSON, then press Ctrl-D:")?;
    }
    let mut text = String::new();
    let read = input.lock().take(MAX_PASTED).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("standard input cannot be read: {}", error.kind())))?;
    Ok(text)
}

/// Asks the new servers what they need, and says it; whatever they answer, they are in the file.
async fn ask(added: &[ServerId], context: &Context, output: &mut Output) -> Result<(), Failure> {
    let config = context.config();
    let start = CoreStart::new(&config, Wanted::Only(added.to_vec()));
    let snapshots = with_core(context, start, async |handle| {
        let servers = core::servers(handle);
        core::awaiting(output, "Asking what it needs…", core::settled(&servers)).await
    })
    .await?;
    let found = find_out(&snapshots, context, output).await?;
    let mend = context.mend();
    let view = View {
        now: jiff::Timestamp::now(),
        face: output.words_face(),
        mend: &mend,
    };
    let mut lines = Vec::new();
    for server in &snapshots {
        match found.iter().find(|(id, _)| *id == server.id) {
            Some((id, probe)) => lines.extend(needs(id, probe, view)),
            None => lines.extend(what_next(server, view)),
        }
    }
    lines.iter().try_for_each(|line| output.say(Paint::Plain, line))?;
    Ok(())
}

/// What those that want a sign-in want it with; nothing about those that say no more than that.
async fn find_out(
    snapshots: &[ServerSnapshot],
    context: &Context,
    output: &mut Output,
) -> Result<Vec<(ServerId, Probe)>, Failure> {
    let network = Network::new(&context.network()).map_err(|error| Failure::told(&error))?;
    let config = context.config();
    let mut found = Vec::new();
    let asking = snapshots
        .iter()
        .filter(|server| server.auth == AuthStatus::NotAuthenticated);
    for id in asking.map(|server| &server.id) {
        let Some(entry) = config.state.config.servers.get(id) else {
            continue;
        };
        let Some(url) = entry.transport.url().filter(|_| entry.auth.client_id.is_none()) else {
            continue;
        };
        let probe = core::awaiting(
            output,
            "Asking who signs people in…",
            Box::pin(probe(&network, url.as_str())),
        )
        .await?;
        if matches!(probe, Probe::NeedsSignIn { .. } | Probe::NeedsClient { .. }) {
            found.push((id.clone(), probe));
        }
    }
    Ok(found)
}

/// What a sign-in needs, and the command that does it.
fn needs(id: &ServerId, probe: &Probe, view: View<'_>) -> Vec<String> {
    let (name, program) = (quoted(id.as_str()), &view.mend.program);
    let sign = view.face.paint(Paint::Attention, "!");
    let faint = |line: String| view.face.paint(Paint::Faint, &line);
    match probe {
        Probe::NeedsSignIn { issuer, scopes, .. } => {
            let mut lines = vec![format!("{sign} It wants a sign-in at {}", text::line(issuer))];
            if !scopes.is_empty() {
                lines.push(faint(format!("  for {}", text::line(&scopes.join(", ")))));
            }
            lines.push(notice::hint_line(&format!("{program} login {name}"), view.face));
            lines
        }
        Probe::NeedsClient {
            issuer, redirect_uri, ..
        } => vec![
            format!(
                "{sign} It wants a sign-in at {}, which registers no clients by itself",
                text::line(issuer)
            ),
            faint(format!(
                "  register one there, with the redirect URI {redirect_uri}"
            )),
            notice::hint_line(&format!("{program} login {name} --client-id ID"), view.face),
        ],
        Probe::Open { .. } | Probe::Unreachable { .. } => Vec::new(),
    }
}

/// What the server needs, or, when it needs nothing, what it can be used for.
fn what_next(server: &ServerSnapshot, view: View<'_>) -> Vec<String> {
    let wrong = servers::wrong(server, view);
    if !wrong.is_empty() {
        return wrong;
    }
    let (sign, paint) = words::sign(server);
    let state = view.face.paint(paint, &format!("{sign} {}", words::auth(server)));
    let next = format!("{} tools {}", view.mend.program, quoted(server.id.as_str()));
    vec![state, notice::hint_line(&next, view.face)]
}
