//! The private-address rule: a server on the internet cannot send our requests into the user's own network
//! (RFC 9728 §7.7, MCP security best practices, "Server-Side Request Forgery").
//!
//! The rule is applied where a connection is made: literal addresses before the request, names in the resolver whose
//! answer is the one that is connected to, so that nothing can change between check and use.
//!
//! Not defended: through a proxy, names are resolved by the proxy; and a host that the user named may resolve to
//! anything, since reaching private servers is what a user may want. TLS still has to succeed for that name.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::Reach;
use crate::{config::AuthConfig, oauth::endpoint::Endpoint};

/// Decides which addresses the authorization requests of one MCP server may reach; cheap to clone.
///
/// What the user named (the MCP server, pinned endpoints) may be anywhere. What servers name may be as far inside as
/// the MCP server itself is and no further; link-local and reserved addresses never.
#[derive(Clone, Debug)]
pub struct AddressGuard(Option<Arc<Named>>);

#[derive(Debug)]
struct Named {
    /// The MCP server's host and the hosts of pinned endpoints.
    hosts: BTreeSet<String>,
    /// The MCP server's host, to be classified when it matters.
    server: Option<Host<String>>,
}

/// An address that a server named and may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is in a private network, where a public server must not send us")]
pub struct PrivateAddress {
    /// The host as named.
    pub host: String,
}

impl AddressGuard {
    /// No rule at all: for a user who allows it.
    pub fn open() -> Self {
        Self(None)
    }

    /// The rule for one server entry.
    pub fn of(server: &Url, auth: &AuthConfig) -> Self {
        let pinned = [
            &auth.authorization_endpoint,
            &auth.token_endpoint,
            &auth.device_authorization_endpoint,
            &auth.revocation_endpoint,
        ];
        let issuer = auth.issuer.as_ref().and_then(|issuer| issuer.to_url().ok());
        let hosts = pinned
            .into_iter()
            .flatten()
            .map(Endpoint::as_url)
            .chain(&issuer)
            .chain([server])
            .filter_map(|url| url.host_str().map(str::to_owned))
            .collect();
        let server = server.host().map(|host| host.to_owned());
        Self(Some(Arc::new(Named { hosts, server })))
    }

    /// Checks a URL whose host is an address or `localhost`; other names are checked when they are resolved.
    pub async fn admit(&self, url: &Url) -> Result<(), PrivateAddress> {
        let Some(named) = &self.0 else {
            return Ok(());
        };
        let host = url.host_str().unwrap_or_default();
        if named.hosts.contains(host) {
            return Ok(());
        }
        let reach = match url.host() {
            Some(Host::Domain(name)) if is_localhost(name) => Reach::Loopback,
            Some(Host::Ipv4(address)) => Reach::of(address.into()),
            Some(Host::Ipv6(address)) => Reach::of(address.into()),
            Some(Host::Domain(_)) | None => Reach::Public,
        };
        named.allow(reach, host).await
    }

    /// What is left of a name's addresses.
    async fn admitted(
        &self,
        host: &str,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, PrivateAddress> {
        let Some(named) = self.0.as_ref().filter(|named| !named.hosts.contains(host)) else {
            return Ok(addresses);
        };
        let reach = outermost(&addresses);
        named.allow(reach, host).await?;
        Ok(addresses
            .into_iter()
            .filter(|address| Reach::of(address.ip()) == reach)
            .collect())
    }
}

impl Named {
    async fn allow(&self, reach: Reach, host: &str) -> Result<(), PrivateAddress> {
        let allowed = match reach {
            Reach::Public => true,
            Reach::Private | Reach::Loopback => reach <= self.server_reach().await,
            Reach::Nowhere => false,
        };
        allowed.then_some(()).ok_or_else(|| PrivateAddress {
            host: host.to_owned(),
        })
    }

    /// How far inside the MCP server is; looked up only when something private was named.
    async fn server_reach(&self) -> Reach {
        match &self.server {
            None => Reach::Public,
            Some(Host::Ipv4(address)) => Reach::of(IpAddr::V4(*address)),
            Some(Host::Ipv6(address)) => Reach::of(IpAddr::V6(*address)),
            Some(Host::Domain(name)) if is_localhost(name) => Reach::Loopback,
            Some(Host::Domain(name)) => match look_up(name).await {
                Ok(addresses) => outermost(&addresses),
                Err(_) => Reach::Public,
            },
        }
    }
}

/// The resolver of a guarded client.
pub(super) struct GuardedResolver {
    guard: AddressGuard,
    /// Proxies are the user's own, wherever they are.
    proxies: Arc<BTreeSet<String>>,
}

impl GuardedResolver {
    pub(super) fn new(guard: AddressGuard, proxies: BTreeSet<String>) -> Self {
        Self {
            guard,
            proxies: Arc::new(proxies),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, proxies) = (self.guard.clone(), Arc::clone(&self.proxies));
        Box::pin(async move {
            let host = name.as_str();
            let mut addresses = look_up(host).await?;
            if !proxies.contains(host) {
                addresses = guard.admitted(host, addresses).await?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn look_up(host: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

fn outermost(addresses: &[SocketAddr]) -> Reach {
    let reaches = addresses.iter().map(|address| Reach::of(address.ip()));
    reaches.min().unwrap_or(Reach::Public)
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(server: &str, auth: &AuthConfig) -> AddressGuard {
        AddressGuard::of(&Url::parse(server).expect("a URL"), auth)
    }

    async fn admits(server: &str, url: &str) -> bool {
        let url = Url::parse(url).expect("a URL");
        guard(server, &AuthConfig::default()).admit(&url).await.is_ok()
    }

    #[tokio::test]
    async fn a_public_server_cannot_send_us_into_a_private_network() {
        for url in [
            "https://10.0.0.1/token",
            "https://192.168.1.1/token",
            "http://127.0.0.1:8080/token",
            "http://localhost:8080/token",
            "https://app.localhost./token",
            "https://169.254.169.254/latest/meta-data",
            "https://[::ffff:10.0.0.1]/token",
            "https://0x7f.1/token",
        ] {
            assert!(!admits("https://8.8.8.8/mcp", url).await, "{url}");
        }
        assert!(admits("https://8.8.8.8/mcp", "https://1.1.1.1/token").await);
        assert!(admits("https://8.8.8.8/mcp", "https://as.example/token").await);
    }

    #[tokio::test]
    async fn a_server_may_name_what_is_as_private_as_itself_and_nothing_nearer() {
        assert!(admits("http://127.0.0.1:9/mcp", "http://localhost:8/token").await);
        assert!(admits("http://localhost:9/mcp", "https://10.0.0.1/token").await);
        assert!(admits("https://10.0.0.2/mcp", "https://192.168.0.1/token").await);
        assert!(!admits("https://10.0.0.2/mcp", "http://127.0.0.1/token").await);
        assert!(!admits("http://127.0.0.1:9/mcp", "https://169.254.169.254/").await);
    }

    #[tokio::test]
    async fn what_the_user_named_may_be_anywhere() {
        let auth = AuthConfig {
            token_endpoint: Endpoint::parse("https://10.1.2.3/token").ok(),
            ..AuthConfig::default()
        };
        let guard = guard("https://8.8.8.8/mcp", &auth);
        let url = Url::parse("https://10.1.2.3/revoke").expect("a URL");
        assert_eq!(guard.admit(&url).await, Ok(()));
        let other = Url::parse("https://10.1.2.4/token").expect("a URL");
        assert!(guard.admit(&other).await.is_err());
        assert_eq!(AddressGuard::open().admit(&other).await, Ok(()));
    }

    #[tokio::test]
    async fn the_private_half_of_a_mixed_answer_is_not_connected_to() {
        let guard = guard("https://8.8.8.8/mcp", &AuthConfig::default());
        let addresses = ["10.0.0.1:0", "1.1.1.1:0"].map(|text| text.parse().expect("an address"));
        let left = guard.admitted("as.example", addresses.to_vec()).await;
        assert_eq!(left, Ok(vec![addresses[1]]));
        let refused = guard.admitted("as.example", vec![addresses[0]]).await;
        assert!(refused.is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_by_the_resolver() {
        let guard = guard("https://8.8.8.8/mcp", &AuthConfig::default());
        let resolver = GuardedResolver::new(guard.clone(), BTreeSet::new());
        let name = || "localhost".parse().expect("a name");
        assert!(resolver.resolve(name()).await.is_err());
        let proxied = GuardedResolver::new(guard, BTreeSet::from(["localhost".to_owned()]));
        assert!(proxied.resolve(name()).await.is_ok());
    }
}
