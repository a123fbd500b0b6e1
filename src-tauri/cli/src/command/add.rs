//! `omlx mcp add`: an entry into the config file, from words or from what another client's documentation says.

mod pasted;

use std::io::{self, IsTerminal, Read};

use omlx_mcp::{
    ServerId, ServerSnapshot,
    config::{AuthBlock, Change, NewEndpoint, NewServer, NewTransport, Start},
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
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A URL is a streamable HTTP server; what follows -- is a command that speaks MCP on its standard streams. With neither, \
JSON is read from standard input: an entry, or a whole configuration as other clients' documentation shows it.

A server with a URL is contacted at once, to say what it needs. The file is oMLX's own, and everything else in it stays \
as it is; what would make oMLX refuse the file is not written without --force.

Examples:
  omlx mcp add notion https://mcp.notion.com/mcp
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
    #[arg(long, requires = "url")]
    sse: bool,
    /// Send this header field with every request; ${NAME} stands for a variable
    #[arg(long, value_name = "NAME: VALUE", requires = "url", value_parser = header)]
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
    #[arg(long, value_name = "KEY=VALUE", requires = "url")]
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
    let mend = context.mend();
    let view = View {
        now: jiff::Timestamp::now(),
        face: output.words_face(),
        mend: &mend,
    };
    let lines: Vec<String> = snapshots
        .iter()
        .flat_map(|server| what_next(server, view))
        .collect();
    lines.iter().try_for_each(|line| output.say(Paint::Plain, line))?;
    Ok(())
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
