//! Opening the port, in both address families where the host is a name.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tokio::net::TcpListener;

use super::RedirectError;

/// How often another free port is tried when only one of the two families has it free.
const ATTEMPTS: u32 = 8;

/// Listens on the port asked for, or on any that is free.
pub(super) async fn open(host: &str, port: Option<u16>) -> Result<(u16, Vec<TcpListener>), RedirectError> {
    let mut attempt = 1;
    loop {
        match open_all(host, port.unwrap_or(0)).await {
            Err(error) if taken(&error) && port.is_none() && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(explained(&error, port)),
            Ok(opened) => return Ok(opened),
        }
    }
}

async fn open_all(host: &str, port: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let [first, rest @ ..] = &addresses(host)[..] else {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    };
    let first = TcpListener::bind((*first, port)).await?;
    let port = first.local_addr()?.port();
    let mut listeners = vec![first];
    for address in rest {
        match TcpListener::bind((*address, port)).await {
            Ok(listener) => listeners.push(listener),
            // A neighbour there would be sent our answers by a browser that tries that family first.
            Err(error) if taken(&error) => return Err(error),
            // A machine without IPv6 never resolves `localhost` to it.
            Err(error) => tracing::debug!(%address, %error, "no listener in this address family"),
        }
    }
    Ok((port, listeners))
}

fn addresses(host: &str) -> Vec<IpAddr> {
    match host.trim_matches(['[', ']']).parse() {
        Ok(address) => vec![address],
        Err(_) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
    }
}

fn taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn explained(error: &io::Error, port: Option<u16>) -> RedirectError {
    match (error.kind(), port) {
        (io::ErrorKind::AddrInUse, Some(port)) => RedirectError::PortBusy { port },
        (io::ErrorKind::PermissionDenied, Some(port)) => RedirectError::PortForbidden { port },
        _ => RedirectError::Listen {
            cause: error.to_string(),
        },
    }
}
