//! `omlx mcp bridge`: one client on standard streams.

use std::{io, time::Duration};

use omlx_mcp::{
    access::{Access, Client},
    handle::Server,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    guest::Lobby,
    lines::{Line, Lines},
    message::{self, INVALID_REQUEST},
    outlet::Outlet,
    relay::Relay,
};

/// The largest message a client may send, in bytes.
const MAX_LINE: usize = 32 * 1024 * 1024;

/// How long answers may still come once the client has closed its end.
const GRACE: Duration = Duration::from_secs(1);

/// Lends `server` to whoever is at the other end of `input` and `output`, until they are gone. Nothing but MCP messages
/// is written to `output`.
pub async fn bridge(
    (server, access): (Server, Access),
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Send + Sync + 'static,
) -> io::Result<()> {
    let out = Outlet::lines(output);
    let guest = Lobby::open(access).guest(Client::on_standard_streams());
    let relay = Relay::new(server, (out.clone(), guest));
    let mut lines = Lines::new(input, MAX_LINE);
    let outcome = loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = relay.over() => break Ok(()),
        };
        match line {
            Ok(Some(Line::Whole(text))) => relay.take(text).await,
            Ok(Some(Line::TooLong)) => {
                let why = format!("a message of more than {} MiB is not taken", MAX_LINE >> 20);
                if out
                    .send(message::error(None, INVALID_REQUEST, &why))
                    .await
                    .is_err()
                {
                    break Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    relay.end(GRACE).await;
    outcome
}
