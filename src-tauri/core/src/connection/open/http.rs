//! Opening over HTTP: the steps of [`Detection`], each with a transport of its own.

use std::time::Duration;

use http::StatusCode;
use rmcp::{
    RoleClient,
    model::{ErrorCode, ErrorData, ProtocolVersion},
    service::{ClientInitializeError, ClientLifecycleMode, serve_client_with_lifecycle},
    transport::Transport as RmcpTransport,
};

use super::{OpenContext, OpenError, Opened, Service, fault::handshake_fault};
use crate::{
    config::{ServerConfig, Transport},
    connection::{
        authorized_http::AuthorizedHttp,
        era::{Detection, Era, Failure, Step},
        fault::{Answer, HttpFault},
        transport::{
            ending::{Ended, Watched},
            sse::LegacySse,
            streamable_http::{self, is_modern},
        },
    },
};

type Running = (Service, Ended);

/// Finds the era and connects.
pub(super) async fn open(
    server: &ServerConfig,
    context: &OpenContext,
    http: AuthorizedHttp,
) -> Result<Opened, OpenError> {
    let legacy = matches!(server.transport, Transport::Sse { .. });
    let remembered = if legacy {
        Some(Era::LegacySse)
    } else {
        context.remembered_era
    };
    let mut detection = Detection::start(remembered);
    loop {
        let attempt = attempt(detection.step(), context, &http);
        let outcome = match tokio::time::timeout(server.timeout, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(timed_out(server.timeout)),
        };
        match outcome {
            Ok((running, era)) => {
                let mut opened = Opened::new(running, era);
                opened.http = Some(http);
                return Ok(opened);
            }
            // Configured as legacy: nothing else is tried.
            Err(failure) if legacy => return Err(failure.into_error()),
            Err(failure) => detection = detection.after(failure)?,
        }
    }
}

fn timed_out(after: Duration) -> Failure {
    Failure::Final(OpenError::TimedOut { after })
}

async fn attempt(
    step: &Step,
    context: &OpenContext,
    http: &AuthorizedHttp,
) -> Result<(Running, Era), Failure> {
    match step {
        Step::Discover => {
            let mode = ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            };
            let (transport, faults) = streamable_http::transport(http);
            let handshake = serve(context, None, transport, mode).await;
            let running = handshake.map_err(|error| failure(step, faults.last(), error))?;
            Ok((running, Era::Stateless))
        }
        Step::Initialize(version) => {
            let (transport, faults) = streamable_http::transport(http);
            let mode = ClientLifecycleMode::Initialize;
            let handshake = serve(context, Some(version), transport, mode).await;
            let running = handshake.map_err(|error| failure(step, faults.last(), error))?;
            Ok((running, Era::Session))
        }
        Step::EventStream => {
            let transport = LegacySse::connect(http)
                .await
                .map_err(|fault| of_fault(step, fault))?;
            let mode = ClientLifecycleMode::Initialize;
            let handshake = serve(context, None, transport, mode).await;
            let running = handshake.map_err(|error| failure(step, None, error))?;
            Ok((running, Era::LegacySse))
        }
    }
}

async fn serve<T>(
    context: &OpenContext,
    version: Option<&ProtocolVersion>,
    transport: T,
    mode: ClientLifecycleMode,
) -> Result<Running, ClientInitializeError>
where
    T: RmcpTransport<RoleClient> + 'static,
{
    let handler = match version {
        Some(version) => context.handler.speaking(version.clone()),
        None => context.handler.clone(),
    };
    let (transport, ended) = Watched::new(transport);
    let service = serve_client_with_lifecycle(handler, transport, mode).await?;
    Ok((service, ended))
}

/// `noted` is what the transport saw last: rmcp's worker loses some of its errors on the way.
fn failure(step: &Step, noted: Option<HttpFault>, error: ClientInitializeError) -> Failure {
    match error {
        ClientInitializeError::JsonRpcError(error) => of_rpc_error(step, &error),
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            let error = OpenError::no_common_version(&server_supported);
            Failure::Unsupported(server_supported, error)
        }
        other => match handshake_fault(&other).or(noted) {
            Some(fault) => of_fault(step, fault),
            None => Failure::Misunderstood(OpenError::NotUnderstood),
        },
    }
}

fn of_rpc_error(step: &Step, error: &ErrorData) -> Failure {
    if error.code == ErrorCode::UNSUPPORTED_PROTOCOL_VERSION {
        let supported = error
            .data
            .as_ref()
            .and_then(|data| data.get("supported"))
            .cloned();
        let supported: Vec<ProtocolVersion> = supported
            .and_then(|list| serde_json::from_value(list).ok())
            .unwrap_or_default();
        let error = OpenError::no_common_version(&supported);
        return Failure::Unsupported(supported, error);
    }
    match step {
        Step::Discover if is_modern(error.code) => Failure::Final(OpenError::rejected(error)),
        _ => Failure::Misunderstood(OpenError::rejected(error)),
    }
}

fn of_fault(step: &Step, fault: HttpFault) -> Failure {
    let is_get = *step == Step::EventStream;
    match &fault {
        HttpFault::Status { status, .. } if may_be_elsewhere(*status) => Failure::NotHere(fault.into()),
        HttpFault::Status { .. } if *step == Step::Discover => Failure::Misunderstood(fault.into()),
        // A GET on the endpoint often shows a page for people.
        HttpFault::NotMcp { .. } if is_get => Failure::NotHere(fault.into()),
        HttpFault::NotMcp {
            answer: Answer::WebPage,
            ..
        } => Failure::Final(fault.into()),
        HttpFault::NotMcp { .. } => Failure::Misunderstood(fault.into()),
        _ => Failure::Final(fault.into()),
    }
}

fn may_be_elsewhere(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
    )
}
