//! `omlx mcp demo`: a whole sign-in as it happens, against a server of our own on this machine.

mod chapter;
mod journey;
mod scene;
mod visitor;

use std::sync::Arc;

use omlx_demo::{Demo, DemoOptions};
use omlx_mcp::handle::Handle;

use crate::{
    context::Context,
    core::{Start, Wanted, interrupted, with_core},
    failure::{Ending, Failure},
    notice,
    output::{Output, face::Paint},
};
use journey::{Journey, Summary};
use scene::Scene;
use visitor::Visitor;

/// The demo's name in the config file.
const NAME: &str = "demo";

/// See a whole sign-in, against a server of its own on this machine
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = "\
Starts an MCP server with its own authorization server on 127.0.0.1 and goes the whole way: the 401, finding out who may \
let us in, becoming a client, agreeing in the browser, the token, the tools, a call, and a token that expires without \
anybody noticing. No account is needed, nothing leaves this machine, and afterwards everything is gone.

Where no browser can be opened, the demo says so and agrees by itself.

Examples:
  omlx mcp demo
  omlx mcp demo --no-browser      nobody is asked: for scripts
  omlx mcp demo --serve           keep it running, to try the other commands on it
  omlx mcp demo --serve=waiting   the same with nobody signed in yet
  omlx mcp demo --add --serve     the same, in your own config file, for the app and other clients to see")]
pub(crate) struct DemoArguments {
    /// Keep the server running until Ctrl-C
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, default_missing_value = "signed-in", require_equals = true)]
    serve: Option<Serve>,
    /// Put it into your own config file, instead of one that is thrown away
    #[arg(long)]
    add: bool,
    /// Listen on this port instead of any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Open no browser; the demo agrees by itself
    #[arg(long)]
    no_browser: bool,
}

/// How the demo is left running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Serve {
    /// After the whole journey
    SignedIn,
    /// Before anybody has signed in
    Waiting,
}

/// Shows it.
pub(super) async fn run(
    arguments: DemoArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let options = DemoOptions {
        port: arguments.port,
        ..DemoOptions::default()
    };
    let demo = Demo::start(options).await.map_err(|error| {
        Failure::usage(format!(
            "port {} of 127.0.0.1 cannot be used: {}",
            arguments.port,
            error.kind()
        ))
    })?;
    let demo = Arc::new(demo);
    let scene = Scene::set(&demo, arguments, (context, output)).await?;
    if arguments.serve != Some(Serve::Waiting) {
        let summary = travel(&demo, (&scene, arguments), (context, output)).await?;
        if context.global.json {
            output.json(&summary)?;
        }
    }
    if let Some(how) = arguments.serve {
        serve((&scene, how), &demo, output).await?;
    }
    notice::tell_hint(scene.afterwards().as_deref(), output)?;
    Ok(Ending::Done)
}

async fn travel(
    demo: &Arc<Demo>,
    (scene, arguments): (&Scene, DemoArguments),
    (own, output): (&Context, &mut Output),
) -> Result<Summary, Failure> {
    let context = scene.context();
    let config = context.config();
    let id = config.server(NAME)?;
    let visitor = Arc::new(Visitor::new(
        demo,
        arguments.no_browser.then_some(visitor::Nobody),
        &context.network(),
    )?);
    let start = Start::with_browser(&config, Wanted::Only(vec![id.clone()]), visitor.clone());
    with_core(context, start, async |handle: &Handle| {
        let server = handle
            .server(id.as_str())
            .map_err(|error| Failure::told(&error))?;
        let mut journey = Journey::new(demo, &visitor, output);
        if context.global.json {
            journey = journey.silently();
        }
        journey.sign_in(handle, &server).await?;
        journey.call(&server).await?;
        journey.expire(&server).await?;
        if arguments.serve.is_none() && !arguments.add {
            journey.sign_out(&server).await?;
        }
        // What was set up for the demo alone is gone by then.
        journey.end(&own.command())
    })
    .await
}

/// Stays until Ctrl-C, and says how to use it meanwhile.
async fn serve((scene, how): (&Scene, Serve), demo: &Demo, output: &mut Output) -> Result<(), Failure> {
    output.say(
        Paint::Strong,
        &format!("The demo keeps running at {}", demo.mcp_url()),
    )?;
    for line in scene.how_to_use(how) {
        output.say(Paint::Command, &format!("  {line}"))?;
    }
    output.say(Paint::Plain, "Ctrl-C ends it.")?;
    interrupted().await;
    Ok(())
}
