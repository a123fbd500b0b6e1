//! `omlx mcp serve`: the gateway, for as long as this command runs.

use omlx_gateway::{Gateway, Settings};
use omlx_mcp::{access::Access, clock::Clock, handle::Handle, settings::SettingsFile};
use serde::Serialize;

use crate::{
    context::Context,
    core,
    failure::{Ending, Failure},
    output::{Output, face::Paint, text},
};

/// Lend all servers, signed in, to clients on this machine over HTTP
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The app does this by itself; this command is for machines without it. Each client needs a key of its own: \
`omlx mcp use CLIENT` makes one and writes it where that client reads it, `omlx mcp access add NAME` makes one to be \
entered by hand, `omlx mcp access list` shows who has been there. Only programs of this \
machine can connect, and web pages of other hosts cannot.

  /servers/NAME/mcp    one server, everything it can do
  /mcp                 the tools of all servers, as server__tool
  /v1/mcp/…            oMLX's own API: tools, servers, execute
  /status              how each server is

Examples:
  omlx mcp serve
  omlx mcp serve --port 9000
  omlx mcp serve --json      where it listens, for scripts")]
pub(crate) struct ServeArguments {
    /// Listen on this port; 0 for any free one [default: the one chosen in the app, 8719]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

/// `--json`: where it listens, once it does.
#[derive(Debug, Serialize)]
struct Listening<'a> {
    url: &'a str,
    port: u16,
    servers: Vec<String>,
    clients: usize,
}

/// Lends them until Ctrl-C.
pub(super) async fn run(
    arguments: &ServeArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    if let Some(problem) = context.config().fatal {
        return Err(Failure::of(problem, None));
    }
    let options = core::lending(context, None)?;
    let handle = Handle::start(options).map_err(|error| Failure::told(&error))?;
    let outcome = Box::pin(core::interruptible(lend(&handle, arguments, (context, output)))).await;
    core::end(handle).await;
    match outcome {
        // Ctrl-C is how this ends.
        Err(Failure::Interrupted) => Ok(Ending::Done),
        outcome => outcome,
    }
}

async fn lend(
    handle: &Handle,
    arguments: &ServeArguments,
    (context, output): (&Context, &mut Output),
) -> Result<Ending, Failure> {
    let home = context.home()?;
    let access = Access::open(&home, Clock::system()).lending(handle);
    let clients = access.clients().map_err(|error| Failure::told(&error))?.len();
    let chosen = || SettingsFile::of(&home).read().gateway_port.get();
    let settings = Settings {
        port: arguments.port.unwrap_or_else(chosen),
    };
    let gateway = Gateway::start(handle.clone(), access, settings).await;
    let gateway = gateway.map_err(|error| Failure::told(&error))?;
    let servers = core::servers(handle)
        .iter()
        .map(|server| server.id().to_string())
        .collect();
    let listening = Listening {
        url: &gateway.url(),
        port: gateway.port(),
        servers,
        clients,
    };
    if context.global.json {
        output.json(&listening)?;
    } else {
        say(&listening, (context, output))?;
    }
    output.flush()?;
    // Until Ctrl-C; dropping the gateway ends it.
    std::future::pending::<()>().await;
    gateway.stop().await;
    Ok(Ending::Done)
}

fn say(listening: &Listening<'_>, (context, output): (&Context, &mut Output)) -> Result<(), Failure> {
    let (url, command) = (listening.url, context.command());
    let servers = text::counted(listening.servers.len(), "server");
    output.say(Paint::Plain, &format!("Lending {servers} at {url}"))?;
    for server in &listening.servers {
        output.data(&format!("{url}/servers/{}/mcp", in_a_path(server)))?;
    }
    output.data(&format!("{url}/mcp"))?;
    let clients = match listening.clients {
        0 => format!(
            "No client has a key yet; `{command} use CLIENT` gives one to Cursor, Zed and others, `{command} access add \
             NAME` to any."
        ),
        1 => format!("1 client has a key (`{command} access list`)."),
        many => format!("{many} clients have a key (`{command} access list`)."),
    };
    output.say(Paint::Faint, &format!("{clients} Ctrl-C ends it."))?;
    Ok(())
}

/// A server's name as a part of a path (RFC 3986 §2.1).
fn in_a_path(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let part = |byte: u8| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    name.bytes().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_letters_is_one_part_of_a_path() {
        assert_eq!(in_a_path("My Server/ü-1"), "My%20Server%2F%C3%BC-1");
    }
}
