//! Faults of the wire: what any request can meet, whatever its handler does.

use std::{convert::Infallible, future, io, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header;
use serde_json::json;

use crate::{
    fault::Fault,
    incoming::Incoming,
    reply::{empty, json, reply, with_header},
    world::World,
};

/// How long a slow body takes for each byte.
const DRIP: Duration = Duration::from_millis(20);

/// What is answered instead of handling the request, if a fault says so.
pub(crate) async fn instead(world: &Arc<World>, incoming: &Incoming) -> Option<Response> {
    let fault = world.fault(incoming, |fault| is_instead(fault).then(|| fault.clone()))?;
    Some(match fault {
        Fault::Status(status) => empty(status),
        Fault::RetryAfter { status, seconds } => {
            with_header(empty(status), &header::RETRY_AFTER, &seconds.to_string())
        }
        Fault::Reply {
            status,
            content_type,
            body,
        } => reply(status, &content_type, body),
        Fault::OAuthError { status, code } => json(status, &json!({"error": code})),
        Fault::Redirect(target) => with_header(empty(307), &header::LOCATION, &target),
        Fault::EndlessBody => reply(200, "application/json", endless()),
        Fault::SlowBody => reply(200, "application/json", slow()),
        Fault::Hang => future::pending().await,
        _ => {
            incoming.wire.cut();
            empty(500)
        }
    })
}

fn is_instead(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Status(_)
            | Fault::RetryAfter { .. }
            | Fault::Reply { .. }
            | Fault::OAuthError { .. }
            | Fault::Redirect(_)
            | Fault::EndlessBody
            | Fault::SlowBody
            | Fault::Hang
            | Fault::DropBefore
    )
}

/// The reply as a fault leaves it, after all was done.
pub(crate) fn afterwards(world: &Arc<World>, incoming: &Incoming, response: Response) -> Response {
    let fault = world.fault(incoming, |fault| {
        matches!(
            fault,
            Fault::DropAfter | Fault::StatusAfter(_) | Fault::CutBody | Fault::EndStream(_)
        )
        .then(|| fault.clone())
    });
    match fault {
        Some(Fault::DropAfter) => {
            incoming.wire.cut();
            response
        }
        Some(Fault::StatusAfter(status)) => empty(status),
        Some(Fault::CutBody) => response.map(cut),
        Some(Fault::EndStream(events)) => {
            response.map(|body| Body::from_stream(body.into_data_stream().take(events)))
        }
        _ => response,
    }
}

fn endless() -> Body {
    let blanks = Bytes::from_static(&[b' '; 16 * 1024]);
    Body::from_stream(stream::repeat(blanks).map(Ok::<_, Infallible>))
}

fn slow() -> Body {
    Body::from_stream(stream::unfold((), |()| async {
        tokio::time::sleep(DRIP).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
    }))
}

fn cut(body: Body) -> Body {
    let broken = stream::once(async {
        // What was said so far is sent only when the body has nothing more to say for a moment.
        tokio::task::yield_now().await;
        Err(axum::Error::new(io::Error::from(io::ErrorKind::ConnectionReset)))
    });
    let half = body
        .into_data_stream()
        .take(1)
        .map(|piece| piece.map(|bytes| bytes.slice(..bytes.len() / 2)));
    Body::from_stream(half.chain(broken))
}
