//! What things are called where all servers are one: tools and prompts `server__name`, as in oMLX, and resources
//! `omlx://server/` followed by their own address as it is, so that templates stay templates and two servers with the
//! same addresses stay apart.

use omlx_mcp::{
    ConnectionStatus, ServerId,
    handle::{Handle, Server},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use crate::guest::Guest;

/// What separates a server's name from its tool's; the first one counts, as in oMLX.
pub(crate) const SEPARATOR: &str = "__";

const SCHEME: &str = "omlx://";

/// What needs no escape anywhere in a URI (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A tool or a prompt among those of all servers.
pub(crate) fn full_name(server: &ServerId, name: &str) -> String {
    format!("{server}{SEPARATOR}{name}")
}

/// A resource's address, or the template of some, among those of all servers.
pub(crate) fn full_uri(server: &ServerId, uri: &str) -> String {
    format!("{SCHEME}{}/{uri}", utf8_percent_encode(server.as_str(), ESCAPED))
}

/// The server's name and the resource's own address.
pub(crate) fn split_uri(uri: &str) -> Option<(String, &str)> {
    let (server, uri) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let server = percent_decode_str(server).decode_utf8().ok()?;
    Some((server.into_owned(), uri))
}

/// The server and the rest of a name, where the client may use that server.
pub(crate) fn by_name<'a>((handle, guest): (&Handle, &Guest), name: &'a str) -> Option<(Server, &'a str)> {
    let (server, name) = name.split_once(SEPARATOR)?;
    Some((lent((handle, guest), server)?, name))
}

/// The server and the rest of an address, where the client may use that server.
pub(crate) fn by_uri<'a>((handle, guest): (&Handle, &Guest), uri: &'a str) -> Option<(Server, &'a str)> {
    let (server, uri) = split_uri(uri)?;
    Some((lent((handle, guest), &server)?, uri))
}

fn lent((handle, guest): (&Handle, &Guest), server: &str) -> Option<Server> {
    let server = handle.server(server).ok()?;
    guest.may_use(server.id()).then_some(server)
}

/// The servers a client may use and that are switched on, in the order of the config file.
pub(crate) fn servers_of(handle: &Handle, guest: &Guest) -> Vec<Server> {
    let snapshot = handle.snapshot().borrow().clone();
    let servers = snapshot.servers.iter();
    servers
        .filter(|server| server.connection != ConnectionStatus::Disabled && guest.may_use(&server.id))
        .filter_map(|server| handle.server(server.id.as_str()).ok())
        .collect()
}

/// The tools of the last discovery that a client may see.
pub(crate) fn tools_of(server: &Server, guest: &Guest) -> Vec<Value> {
    guest.remembered_tools(server)
}

/// Every tool a client may see, as its server listed it but for its name.
pub(crate) fn tools(handle: &Handle, guest: &Guest) -> Vec<Value> {
    let mut all = Vec::new();
    for server in servers_of(handle, guest) {
        for mut tool in tools_of(&server, guest) {
            let name = tool["name"].as_str().unwrap_or_default();
            tool["name"] = full_name(server.id(), name).into();
            all.push(tool);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_keeps_its_own_form_behind_the_name_of_its_server() {
        let server: ServerId = "my notion".parse().expect("a name");
        let template = full_uri(&server, "file:///{path}?a=%20#b");
        assert_eq!(template, "omlx://my%20notion/file:///{path}?a=%20#b");
        assert_eq!(split_uri("file:///x"), None);
        assert_eq!(split_uri("omlx://demo"), None);
    }

    proptest! {
        #[test]
        fn no_two_servers_share_an_address(name in "[a-zA-Z0-9 ._é-]{1,12}", uri in "\\PC{0,40}") {
            let Ok(server) = name.parse::<ServerId>() else { return Ok(()) };
            let full = full_uri(&server, &uri);
            prop_assert_eq!(split_uri(&full), Some((server.as_str().to_owned(), uri.as_str())));
        }
    }
}
