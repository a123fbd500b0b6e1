//! The system's proxy, with one difference: what is on this machine is never asked of another.

use std::collections::BTreeSet;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Proxy, Url};
use std::sync::Arc;

use super::ProxyChoice;
use crate::oauth::endpoint::is_loopback;

/// A host nobody exempts, to learn which proxy a scheme has.
const PROBE: &str = "proxy-probe.invalid";

/// The proxies of this process, at most one per scheme.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies(Vec<(String, Proxy)>);

impl Proxies {
    /// Reads the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), then the operating system.
    pub(super) fn new(choice: ProxyChoice) -> Self {
        match choice {
            ProxyChoice::Direct => Self::default(),
            ProxyChoice::System => Self::by(&Arc::new(Matcher::from_system())),
        }
    }

    fn by(matcher: &Arc<Matcher>) -> Self {
        Self(
            ["https", "http"]
                .into_iter()
                .filter_map(|scheme| for_scheme(matcher, scheme))
                .collect(),
        )
    }

    /// The proxies' hosts, which the user chose and which may therefore be private.
    pub(super) fn hosts(&self) -> BTreeSet<String> {
        self.0.iter().map(|(host, _)| host.clone()).collect()
    }

    pub(super) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        self.0.iter().fold(builder.no_proxy(), |builder, (_, proxy)| {
            builder.proxy(proxy.clone())
        })
    }
}

fn for_scheme(matcher: &Arc<Matcher>, scheme: &'static str) -> Option<(String, Proxy)> {
    let probe = format!("{scheme}://{PROBE}/").parse().ok()?;
    let found = matcher.intercept(&probe)?;
    let mut via = Url::parse(&found.uri().to_string()).ok()?;
    if let Some((user, password)) = found.raw_auth() {
        via.set_username(user).ok()?;
        via.set_password(Some(password)).ok()?;
    }
    let host = via.host_str()?.to_owned();
    let matcher = Arc::clone(matcher);
    let proxy = Proxy::custom(move |url| {
        let wanted = url.scheme() == scheme && !is_loopback(url) && is_proxied(&matcher, url);
        wanted.then(|| via.clone())
    });
    Some(match found.basic_auth() {
        Some(credentials) => (host, proxy.custom_http_auth(credentials.clone())),
        None => (host, proxy),
    })
}

fn is_proxied(matcher: &Matcher, url: &Url) -> bool {
    url.as_str()
        .parse()
        .is_ok_and(|uri| matcher.intercept(&uri).is_some())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, extract::Request, http::HeaderMap};

    use super::*;

    /// A proxy for plain http that counts, and remembers the credentials it was shown.
    async fn proxy() -> (
        std::net::SocketAddr,
        Arc<AtomicUsize>,
        Arc<Mutex<Option<HeaderMap>>>,
    ) {
        let (count, seen) = (
            Arc::<AtomicUsize>::default(),
            Arc::<Mutex<Option<HeaderMap>>>::default(),
        );
        let app = Router::new().fallback({
            let (count, seen) = (Arc::clone(&count), Arc::clone(&seen));
            move |request: Request| async move {
                count.fetch_add(1, Ordering::SeqCst);
                *seen.lock().unwrap() = Some(request.headers().clone());
                "proxied"
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        (address, count, seen)
    }

    fn client(matcher: Matcher) -> reqwest::Client {
        super::super::tls::install_provider();
        let proxies = Proxies::by(&Arc::new(matcher));
        proxies.apply(reqwest::Client::builder()).build().unwrap()
    }

    #[tokio::test]
    async fn a_request_goes_through_the_proxy_with_its_credentials() {
        let (address, count, seen) = proxy().await;
        let matcher = Matcher::builder()
            .http(format!("http://user:pw@{address}"))
            .build();
        let answer = client(matcher).get("http://as.example/x").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "proxied");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let headers = seen.lock().unwrap().take().unwrap();
        assert_eq!(headers["proxy-authorization"], "Basic dXNlcjpwdw==");
    }

    #[tokio::test]
    async fn exempted_hosts_and_this_machine_are_reached_directly() {
        let (address, count, _) = proxy().await;
        let matcher = Matcher::builder()
            .http(format!("http://{address}"))
            .no("exempt.invalid")
            .build();
        let client = client(matcher);
        assert!(client.get("http://exempt.invalid/").send().await.is_err());
        let direct = client.get(format!("http://{address}/")).send().await.unwrap();
        assert_eq!(direct.status(), 200);
        assert_eq!(count.load(Ordering::SeqCst), 1, "only the direct request arrived");
    }

    #[test]
    fn the_hosts_of_the_proxies_are_known() {
        let matcher = Matcher::builder().all("http://proxy.corp:3128").build();
        let hosts = Proxies::by(&Arc::new(matcher)).hosts();
        assert_eq!(hosts, BTreeSet::from(["proxy.corp".to_owned()]));
        assert!(Proxies::new(ProxyChoice::Direct).hosts().is_empty());
    }
}
