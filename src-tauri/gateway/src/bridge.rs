//! `omlx mcp bridge`: one client on standard streams.

use std::{io, time::Duration};

use omlx_mcp::{
    access::{Access, Client},
    connection::{Era, Link},
    handle::Server,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    behind::Offer,
    eras::NewerClient,
    guest::Lobby,
    lines::{Line, Lines},
    message::{self, INVALID_REQUEST, Message, VERSION_MEMBER},
    outlet::Outlet,
    relay::Relay,
};

/// The largest message a client may send, in bytes.
const MAX_LINE: usize = 32 * 1024 * 1024;

/// How long a first look at a server may take before it counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

const CANCELLED: &str = "notifications/cancelled";

/// Lends `server` to `client`, who is at the other end of `input` and `output`. Ends with `input`, once everything that
/// was asked has its answer, when nobody reads any more (writing shows that, and so does `unread`), or when told to
/// `stop`, whose reason is returned then. Nothing but MCP messages is written to `output`.
pub async fn bridge<Reason>(
    (server, access, client): (Server, Access, Client),
    (input, output): (impl AsyncRead + Unpin, impl AsyncWrite + Send + Sync + 'static),
    (unread, stop): (impl Future<Output = ()>, impl Future<Output = Reason>),
) -> io::Result<Option<Reason>> {
    let out = Outlet::lines(output);
    let guest = Lobby::open(access).guest(client);
    let relay = Relay::new(server.clone(), (out.clone(), guest.clone()));
    let newer = NewerClient::new(&Offer::One(server), guest);
    let serving = async {
        let outcome = take_all(input, (&relay, &newer), &out).await;
        tokio::select! {
            _ = async { tokio::join!(relay.answered(), newer.answered()) } => {}
            () = relay.over() => {}
            () = unread => {}
        }
        outcome
    };
    let outcome = tokio::select! {
        ended = serving => ended.map(|()| None),
        reason = stop => Ok(Some(reason)),
    };
    tokio::join!(relay.end(Duration::ZERO), newer.end(Duration::ZERO));
    outcome
}

/// Takes what the client says, until it says no more or is gone.
async fn take_all(
    input: impl AsyncRead + Unpin,
    (relay, newer): (&Relay, &NewerClient),
    out: &Outlet,
) -> io::Result<()> {
    let mut lines = Lines::new(input, MAX_LINE);
    loop {
        let line = tokio::select! {
            line = lines.next() => line?,
            () = relay.over() => None,
        };
        let told = match line {
            None => return Ok(()),
            Some(Line::Whole(text)) if is_newer(relay, (&text, newer)).await => {
                newer.take(text, out.clone()).await
            }
            Some(Line::Whole(text)) => {
                relay.take(text).await;
                Ok(())
            }
            Some(Line::TooLong) => {
                let why = format!("a message of more than {} MiB is not taken", MAX_LINE >> 20);
                out.send(message::error(None, INVALID_REQUEST, &why)).await
            }
        };
        if told.is_err() {
            return Ok(());
        }
    }
}

/// Whether a message is of the stateless era, and the server is not.
async fn is_newer(relay: &Relay, (text, newer): (&[u8], &NewerClient)) -> bool {
    // Most messages are of neither kind, and are not read twice.
    let says = |word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
    if !says(VERSION_MEMBER) && !says(CANCELLED) {
        return false;
    }
    let Ok(seen) = Message::peek(text) else {
        return false;
    };
    let params = seen.params();
    if let Some(id) = params.request_id.filter(|_| seen.method() == CANCELLED) {
        return newer.knows(id);
    }
    if params.stateless_version().is_none() {
        return false;
    }
    let server = relay.server();
    // One that takes longer than this is taken for what it is by then.
    let _ = tokio::time::timeout(PATIENCE, server.settled()).await;
    let link = server.link().borrow().clone();
    // A program may speak either era: it is asked, and answers for itself.
    matches!(
        link,
        Some(Link::Http {
            era: Era::Session | Era::LegacySse,
            ..
        })
    )
}
