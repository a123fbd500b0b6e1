//! Where the demo's entry and its grants are kept: in a folder that is thrown away, or in the user's own place.

use omlx_demo::Demo;
use omlx_mcp::{
    ServerId,
    config::{Change, NewEndpoint, NewServer, NewTransport},
    oauth::issuer::Issuer,
    store::VaultError,
};
use tempfile::TempDir;

use super::{DemoArguments, NAME, Serve};
use crate::{
    command::edit::{Changes, Regard, server_id},
    context::Context,
    failure::Failure,
    output::Output,
};

/// The surroundings of one demo.
pub(super) struct Scene {
    context: Context,
    /// Deleted with the scene; none when the user's own place is used.
    thrown_away: Option<TempDir>,
}

impl Scene {
    /// Puts the demo into the config file, in the place of an earlier one.
    pub(super) async fn set(
        demo: &Demo,
        arguments: DemoArguments,
        (context, output): (&Context, &mut Output),
    ) -> Result<Self, Failure> {
        let thrown_away = if arguments.add {
            None
        } else {
            Some(TempDir::with_prefix("omlx-demo-")?)
        };
        let context = match &thrown_away {
            Some(folder) => context.within(folder.path()),
            None => context.clone(),
        };
        let id = server_id(NAME)?;
        let endpoint = NewEndpoint {
            url: demo.mcp_url(),
            headers: Vec::new(),
        };
        let server = NewServer::new(NewTransport::StreamableHttp(endpoint));
        if context.config().server(NAME).is_ok() {
            forget(demo, &id, &context).await?;
            Changes::new(&context).make(&Change::Remove(id.clone()), Regard::ForOmlx, output)?;
        }
        Changes::new(&context).make(&Change::Add(id, Box::new(server)), Regard::ForOmlx, output)?;
        Ok(Self { context, thrown_away })
    }

    /// What the demo's commands start from.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// What to type in another terminal, in this order.
    pub(super) fn how_to_use(&self, serve: Serve) -> Vec<String> {
        let program = self.context.command();
        let first = match serve {
            Serve::Waiting => "login demo",
            Serve::SignedIn => "status",
        };
        [first, "tools", "call demo__add a=2 b=40"]
            .map(|command| format!("{program} {command}"))
            .to_vec()
    }

    /// What is left when the demo has ended.
    pub(super) fn afterwards(&self) -> Option<String> {
        let kept = self.thrown_away.is_none();
        kept.then(|| {
            format!(
                "its entry is still in your config file: {} remove {NAME}",
                self.context.command()
            )
        })
    }
}

/// An earlier demo on the same port knew other clients and other tokens.
async fn forget(demo: &Demo, id: &ServerId, context: &Context) -> Result<(), Failure> {
    let vault = context.vault()?;
    let told = |error: VaultError| Failure::told(&error);
    if let Ok(issuer) = Issuer::parse(&demo.issuer()) {
        vault.remove_client(id, &issuer).await.map_err(told)?;
    }
    for grant in vault.summaries().iter().filter(|grant| grant.server() == id) {
        vault.remove(grant).await.map_err(told)?;
    }
    Ok(())
}
