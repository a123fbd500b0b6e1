//! What a URL turns out to be, before anything is written down: what it wants, and whether we can give it.
//!
//! The same steps as a first connection and the first half of a sign-in. Nothing is registered anywhere, nothing is
//! stored, no browser is opened, and whatever was connected is closed again.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Explain, Problem,
    clock::Clock,
    config::{AuthConfig, NewEndpoint, NewTransport, ServerConfig, Suggestion, SuggestionError, Transport},
    connection::{
        authorized_http::Refusal,
        call::CallError,
        client_handler::Handler,
        open::{OpenContext, OpenError, open},
        server_log::ServerLog,
        token_source::AnonymousTokens,
    },
    network::{AddressGuard, Network},
    oauth::{
        challenge::BearerChallenge,
        discovery::{self, Discovery},
        http::Http,
        registration,
        timeline::Timeline,
    },
};

/// How long one step may take; someone is looking at the screen.
const STEP: Duration = Duration::from_secs(10);

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The redirect URI to enter with a provider that registers nobody by itself (RFC 8252 §7.3: any port will do).
pub const REDIRECT_URI: &str = "http://127.0.0.1/oauth/callback";

/// What a URL turned out to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Probe {
    /// It wants a sign-in, and we can become its client.
    NeedsSignIn {
        /// Who runs it, as far as it says.
        provider: Option<String>,
        /// The issuer identifier of the authorization server (RFC 8414 §2).
        issuer: String,
        /// What would be asked for; empty leaves it to the server.
        scopes: Vec<String>,
    },
    /// It answers without credentials.
    Open {
        /// Who runs it, as far as it says.
        provider: Option<String>,
        /// How many tools it lists; none when it would not say.
        tool_count: Option<u32>,
    },
    /// It wants a sign-in, and its authorization server registers nobody by itself.
    NeedsClient {
        /// Who runs it, as far as it says.
        provider: Option<String>,
        /// The issuer identifier of the authorization server.
        issuer: String,
        /// What to enter as redirect URI where the client is registered.
        redirect_uri: String,
    },
    /// It cannot be used as it is.
    Unreachable {
        /// Why, and what mends it.
        problem: Problem,
    },
}

impl Probe {
    fn failed(error: &impl Explain) -> Self {
        Self::Unreachable {
            problem: error.problem(),
        }
    }
}

/// Asks a URL what it is; `https://` may be left out.
pub async fn probe(network: &Network, url: &str) -> Probe {
    let server = match entry(url) {
        Ok(server) => server,
        Err(error) => return Probe::failed(&error),
    };
    match tokio::time::timeout(LIMIT, probed(network, &server)).await {
        Ok(probe) => probe,
        Err(_) => Probe::failed(&OpenError::TimedOut { after: LIMIT }),
    }
}

/// An entry with nothing in it but the URL.
fn entry(url: &str) -> Result<ServerConfig, SuggestionError> {
    let suggestion = Suggestion::of_url(url)?;
    let parsed = |endpoint: &NewEndpoint| Url::parse(&endpoint.url).map_err(|_| SuggestionError::NotAUrl);
    let headers = HeaderMap::new();
    let transport = match &suggestion.server.transport {
        NewTransport::Sse(endpoint) => Transport::Sse {
            url: parsed(endpoint)?,
            headers,
        },
        NewTransport::StreamableHttp(endpoint) => Transport::StreamableHttp {
            url: parsed(endpoint)?,
            headers,
        },
        NewTransport::Stdio { .. } => return Err(SuggestionError::NotAUrl),
    };
    Ok(ServerConfig {
        id: suggestion.name,
        transport,
        enabled: true,
        paused: false,
        timeout: STEP,
        auth: AuthConfig::default(),
    })
}

async fn probed(network: &Network, server: &ServerConfig) -> Probe {
    let client = match network.client() {
        Ok(client) => client.into(),
        Err(error) => return Probe::failed(&error),
    };
    let log = ServerLog::new(Clock::system());
    let context = OpenContext {
        client,
        tokens: Arc::new(AnonymousTokens),
        remembered_era: None,
        log: log.clone(),
        handler: Handler::new(log, None),
        login_path: None,
    };
    let opened = match open(server, &context).await {
        Ok(opened) => opened,
        Err(error) => return refused(network, server, &error).await,
    };
    let listed = opened.tools(STEP).await;
    let provider = opened.server.display_name().map(str::to_owned);
    // A server that is slow to let go is not waited for by a person.
    let _ = tokio::time::timeout(STEP, opened.close()).await;
    // Some let everyone in and ask at the first question.
    if let Some(refusal) = listed.as_ref().err().and_then(CallError::refusal) {
        return sign_in(network, server, refusal).await;
    }
    Probe::Open {
        provider,
        tool_count: listed.ok().and_then(|tools| u32::try_from(tools.len()).ok()),
    }
}

async fn refused(network: &Network, server: &ServerConfig, error: &OpenError) -> Probe {
    match error {
        OpenError::Unauthorized(refusal) => sign_in(network, server, refusal).await,
        error => Probe::failed(error),
    }
}

/// What a sign-in would need, found out without beginning one.
async fn sign_in(network: &Network, server: &ServerConfig, refusal: &Refusal) -> Probe {
    let Some(url) = server.transport.url() else {
        return Probe::failed(&SuggestionError::NotAUrl);
    };
    let guard = AddressGuard::of(url, &server.auth);
    let http = match network.http(guard, Clock::system(), Timeline::default()) {
        Ok(http) => http,
        Err(error) => return Probe::failed(&error),
    };
    let challenge = BearerChallenge::from_headers(&refusal.challenges);
    match discovery::discover(&http, url, &server.auth, challenge.as_ref()).await {
        Ok(discovery) => of_discovery(&http, discovery),
        Err(error) => Probe::failed(&error),
    }
}

fn of_discovery(http: &Http, discovery: Discovery) -> Probe {
    let issuer = discovery.server.issuer.to_string();
    if registration::is_possible(http, &discovery.server) {
        return Probe::NeedsSignIn {
            provider: discovery.provider,
            issuer,
            scopes: discovery.scope.iter().map(str::to_owned).collect(),
        };
    }
    Probe::NeedsClient {
        provider: discovery.provider,
        issuer,
        redirect_uri: REDIRECT_URI.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use omlx_demo::{Demo, DemoOptions, Era, Fault, Protection};

    use super::*;
    use crate::{
        connection::test_kit::{self, Server},
        network::NetworkSettings,
    };

    async fn probed(url: &str) -> Probe {
        let network = Network::new(&NetworkSettings::default()).expect("a network");
        probe(&network, url).await
    }

    async fn demo(protection: Protection) -> Demo {
        let mut options = DemoOptions::headless();
        options.protection = protection;
        Demo::start(options).await.expect("a port")
    }

    #[tokio::test]
    async fn a_protected_server_names_its_issuer_and_scopes_and_hears_of_no_client() {
        let demo = demo(Protection::OAuth).await;
        let Probe::NeedsSignIn { issuer, scopes, .. } = probed(&demo.mcp_url()).await else {
            panic!("a sign-in is needed");
        };
        assert!(demo.mcp_url().starts_with(&issuer), "{issuer}");
        assert_eq!(scopes, ["mcp:tools", "offline_access"]);
        for nothing in ["POST /register", "/authorize", "POST /token"] {
            assert_eq!(demo.count(nothing), 0, "{nothing}");
        }
    }

    #[tokio::test]
    async fn without_registration_a_client_has_to_be_entered() {
        let demo = demo(Protection::OAuth).await;
        demo.set(Fault::no_registration());
        let Probe::NeedsClient { redirect_uri, .. } = probed(&demo.mcp_url()).await else {
            panic!("a client is needed");
        };
        assert_eq!(redirect_uri, REDIRECT_URI);
    }

    #[tokio::test]
    async fn an_open_server_tells_its_tools_in_either_era() {
        for era in [Era::Stateless, Era::Session] {
            let mut options = DemoOptions::headless();
            (options.protection, options.era) = (Protection::Open, era);
            let demo = Demo::start(options).await.expect("a port");
            let Probe::Open { provider, tool_count } = probed(&demo.mcp_url()).await else {
                panic!("open");
            };
            assert!(
                provider.is_some() && tool_count.is_some_and(|count| count > 3),
                "{provider:?} {tool_count:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_legacy_event_stream_is_found_behind_a_plain_url() {
        let server = Server::start(test_kit::legacy()).await;
        let probe = probed(server.url().as_str()).await;
        assert!(
            matches!(
                probe,
                Probe::Open {
                    tool_count: Some(1),
                    ..
                }
            ),
            "{probe:?}"
        );
    }

    #[tokio::test]
    async fn what_is_no_server_says_why() {
        let page = Server::start(|_| test_kit::reply(200, &[("content-type", "text/html")], "<html>")).await;
        let nobody = "http://127.0.0.1:9/mcp";
        for (url, code) in [
            ("not a url", "add_not_a_url"),
            ("ftp://a.example/mcp", "add_not_a_url"),
            (nobody, "unreachable"),
            (page.url().as_str(), "not_mcp"),
        ] {
            let Probe::Unreachable { problem } = probed(url).await else {
                panic!("{url} is no server");
            };
            assert_eq!(problem.code, code, "{url}");
        }
    }

    #[test]
    fn it_is_written_as_the_panel_reads_it() {
        let probe = Probe::NeedsSignIn {
            provider: None,
            issuer: "https://a.example".to_owned(),
            scopes: vec!["read".to_owned()],
        };
        assert_eq!(
            serde_json::to_string(&probe).expect("JSON"),
            r#"{"result":"needs_sign_in","provider":null,"issuer":"https://a.example","scopes":["read"]}"#
        );
    }
}
