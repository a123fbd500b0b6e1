//! `omlx mcp bridge`: a server on standard streams, signed in.

use omlx_mcp::{access::Access, clock::Clock, handle::Handle};

use crate::{
    context::Context,
    core,
    failure::{Ending, Failure},
    pipes,
};

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
}

/// Lends it until the client is gone.
pub(super) async fn run(arguments: &BridgeArguments, context: &Context) -> Result<Ending, Failure> {
    let config = context.config();
    let id = config.server(&arguments.server)?;
    let options = core::lending(context, Some(vec![id.clone()]))?;
    let handle = Handle::start_lending(options).map_err(|error| Failure::told(&error))?;
    let server = handle
        .server(id.as_str())
        .map_err(|error| Failure::told(&error))?;
    let access = Access::open(&context.home()?, Clock::system()).lending(&handle);
    let bridged = async {
        omlx_gateway::bridge((server, access), pipes::input(), pipes::output()).await?;
        Ok(Ending::Done)
    };
    let outcome = Box::pin(core::interruptible(bridged)).await;
    core::end(handle).await;
    outcome
}
