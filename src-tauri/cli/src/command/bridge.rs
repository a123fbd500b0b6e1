//! `omlx mcp bridge`: a server on standard streams, signed in.

use std::time::Duration;

use omlx_mcp::{
    access::{Access, AccessError, Client, ClientId},
    clock::Clock,
    handle::Handle,
};

use crate::{
    context::Context,
    core,
    failure::{Ending, Failure},
    pipes,
};

/// How often it is looked whether the client was shut out.
const LOOK: Duration = Duration::from_secs(2);

/// Lend a server, signed in, to an MCP client that starts this command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A client starts this in the server's place and needs to know nothing of OAuth:

  { \"command\": \"omlx\", \"args\": [\"mcp\", \"bridge\", \"notion\"] }

It works whether or not the oMLX Connect app runs. While the server is signed out or away, its tools stay \
listed, and a call answers with what to do; once `omlx mcp login` is done, or the server is back, it goes on by \
itself. Standard output carries MCP messages and nothing else.

Examples:
  omlx mcp bridge notion
  omlx mcp bridge notion -v 2> bridge.log      with a log")]
pub(crate) struct BridgeArguments {
    /// Which server
    #[arg(value_name = "SERVER")]
    server: String,
    /// Who starts it, as `omlx mcp use` writes it: the client's rules, approvals and log lines go by it
    #[arg(long, value_name = "ID", value_parser = client_id)]
    client: Option<ClientId>,
}

fn client_id(text: &str) -> Result<ClientId, &'static str> {
    text.to_owned().try_into()
}

/// Lends it until the client is gone.
pub(super) async fn run(arguments: &BridgeArguments, context: &Context) -> Result<Ending, Failure> {
    let access = Access::open(&context.home()?, Clock::system());
    let client = access.on_standard_streams(arguments.client.as_ref());
    let client = client.map_err(|error| Failure::told(&error))?;
    let config = context.config();
    let id = config.server(&arguments.server)?;
    let options = core::lending(context, Some(vec![id.clone()]))?;
    let handle = Handle::start_lending(options).map_err(|error| Failure::told(&error))?;
    let server = handle
        .server(id.as_str())
        .map_err(|error| Failure::told(&error))?;
    let access = access.lending(&handle);
    let lent = (server, access.clone(), client.clone());
    let stop = async {
        tokio::select! {
            interrupted = core::interrupted() => interrupted,
            () = revoked(&access, &client) => Failure::told(&AccessError::Revoked),
        }
    };
    let streams = (pipes::input(), pipes::output());
    let ended = Box::pin(omlx_gateway::bridge(lent, streams, (pipes::unread(), stop))).await;
    core::end(handle).await;
    match ended? {
        Some(stopped) => Err(stopped),
        None => Ok(Ending::Done),
    }
}

/// Until the client is shut out.
async fn revoked(access: &Access, client: &Client) {
    while access.current(client).is_some() {
        tokio::time::sleep(LOOK).await;
    }
}
