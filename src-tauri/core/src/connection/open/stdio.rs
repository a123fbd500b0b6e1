//! Opening a child process: one process for both eras where possible.

use std::time::Duration;

use rmcp::{
    model::ProtocolVersion,
    service::{ClientInitializeError, ClientLifecycleMode, serve_client_with_lifecycle},
};

use super::{OpenContext, OpenError, Opened};
use crate::{
    config::{ServerConfig, Transport},
    connection::{
        era::Era,
        transport::{
            ending::Watched,
            probe::{Probed, UNANSWERED},
            stdio::{ExitWatch, StdioCommand, StdioFault, StdioTransport},
        },
    },
};

/// How long a server may take to answer the probe before it is taken for one of the session era. Starting may take
/// longer; then it is initialized, and asked anew only if it rejects that.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to go about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Probe,
    Stateless,
    Session,
}

/// Starts the process and connects; a second process only where the first one showed that it must be asked otherwise.
pub(super) async fn open(server: &ServerConfig, context: &OpenContext) -> Result<Opened, OpenError> {
    let plan = match context.remembered_era {
        Some(Era::Stateless) => Plan::Stateless,
        Some(Era::Session) => Plan::Session,
        _ => Plan::Probe,
    };
    let next = match attempt(server, context, plan).await {
        Ok(opened) => return Ok(opened),
        // What was remembered does not fit any more.
        Err(End::Instead(_) | End::Rejected(_)) if plan != Plan::Probe => Plan::Probe,
        Err(End::Instead(next)) => next,
        Err(End::Final(error) | End::Rejected(error)) => return Err(error),
        // Some older servers exit when their first message is not `initialize`.
        Err(End::Exited(_)) if plan == Plan::Probe => Plan::Session,
        Err(End::Exited(fault)) => return Err(fault.into()),
    };
    attempt(server, context, next).await.map_err(|end| match end {
        End::Final(error) | End::Rejected(error) => error,
        End::Instead(_) => OpenError::NotUnderstood,
        End::Exited(fault) => fault.into(),
    })
}

/// How an attempt ended without a connection.
enum End {
    Final(OpenError),
    Rejected(OpenError),
    Instead(Plan),
    Exited(StdioFault),
}

async fn attempt(server: &ServerConfig, context: &OpenContext, plan: Plan) -> Result<Opened, End> {
    let (transport, mut exit) = start(server, context).await?;
    let patience = match plan {
        Plan::Probe => PATIENCE.min(server.timeout / 2),
        Plan::Stateless | Plan::Session => server.timeout,
    };
    let (transport, ended) = Watched::new(Probed::new(transport, patience));
    let handshake = serve_client_with_lifecycle(context.handler.clone(), transport, plan.mode());
    let Ok(handshake) = tokio::time::timeout(server.timeout, handshake).await else {
        return Err(End::Final(OpenError::TimedOut {
            after: server.timeout,
        }));
    };
    match handshake {
        Ok(service) => {
            let version = service.peer_info().map(|info| info.protocol_version.clone());
            let stateless = version.is_some_and(|version| !version.has_initialize());
            let era = if stateless { Era::Stateless } else { Era::Session };
            let mut opened = Opened::new((service, ended), era);
            opened.exit = Some(exit);
            Ok(opened)
        }
        Err(error) => Err(end(&error, &mut exit).await),
    }
}

async fn start(server: &ServerConfig, context: &OpenContext) -> Result<(StdioTransport, ExitWatch), End> {
    let Transport::Stdio {
        command,
        args,
        env,
        cwd,
    } = &server.transport
    else {
        return Err(End::Final(OpenError::NotUnderstood));
    };
    let path = match &context.login_path {
        Some(login) => login.get().await,
        None => None,
    };
    let command = StdioCommand {
        command,
        args,
        env,
        cwd: cwd.as_ref(),
        path,
    };
    StdioTransport::start(&command, &context.log).map_err(|fault| End::Final(fault.into()))
}

impl Plan {
    fn mode(self) -> ClientLifecycleMode {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        match self {
            Self::Stateless => ClientLifecycleMode::Discover { preferred_versions },
            Self::Session => ClientLifecycleMode::Initialize,
            Self::Probe => ClientLifecycleMode::Auto {
                preferred_versions,
                legacy_version: None,
            },
        }
    }
}

async fn end(error: &ClientInitializeError, exit: &mut ExitWatch) -> End {
    match error {
        ClientInitializeError::JsonRpcError(error) => End::Rejected(OpenError::rejected(error)),
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. }
            if server_supported.iter().any(ProtocolVersion::has_initialize) =>
        {
            End::Instead(Plan::Session)
        }
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            End::Final(OpenError::no_common_version(server_supported))
        }
        // A server that was too slow for the probe and rejects `initialize` may be of the stateless era after all.
        ClientInitializeError::LegacyFallbackFailed { discover, .. } if is_unanswered(discover) => {
            End::Instead(Plan::Stateless)
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => match fallback.as_ref() {
            ClientInitializeError::JsonRpcError(error) => End::Rejected(OpenError::rejected(error)),
            _ => broken_off(exit).await,
        },
        _ => broken_off(exit).await,
    }
}

async fn broken_off(exit: &mut ExitWatch) -> End {
    match exit.fault_soon().await {
        Some(fault) => End::Exited(fault),
        None => End::Final(OpenError::NotUnderstood),
    }
}

fn is_unanswered(error: &ClientInitializeError) -> bool {
    matches!(error, ClientInitializeError::JsonRpcError(error) if error.code == UNANSWERED)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
