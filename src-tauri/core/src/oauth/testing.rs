//! What the tests of this folder share: a real loopback server, a client, a grant.

use std::{
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::Response};
use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use oauth2::{AccessToken, ClientId, ClientSecret, RefreshToken};
use tokio::{net::TcpListener, task::JoinSet};
use url::Url;

use super::{
    authorization::{AuthorizationRequest, PendingAuthorization},
    client::{ClientAuthMethod, ClientInformation, ClientRegistration},
    discovery::Discovery,
    dpop::Binding,
    endpoint::Endpoint,
    grant::{Grant, GrantEndpoints, GrantKey, Standing, TokenSet, TokenType},
    http::Http,
    identity::Identity,
    issuer::Issuer,
    resource_uri::ResourceUri,
    scope::Scopes,
    server_metadata::{AuthorizationServerMetadata, MetadataOrigin},
    timeline::Timeline,
};
use crate::{
    clock::Clock,
    config::AuthConfig,
    network::{Network, NetworkSettings},
    store::{Home, NoKeychain, Vault},
};

/// The instant at which every manual clock starts.
pub(crate) fn start() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("an instant")
}

pub(crate) fn http(clock: &Clock) -> Http {
    // Reading the system's trust store takes a moment.
    static NETWORK: LazyLock<Network> =
        LazyLock::new(|| Network::new(&NetworkSettings::default()).expect("a network"));
    let client = NETWORK.client().expect("a client");
    Http::new(client, clock.clone(), Timeline::default())
}

pub(crate) fn issuer() -> Issuer {
    Issuer::parse("https://as.example").expect("valid")
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    Endpoint::parse(text).expect("valid")
}

pub(crate) fn client() -> ClientInformation {
    ClientInformation {
        issuer: issuer(),
        registration: ClientRegistration::Dynamic,
        client_id: ClientId::new("client-1".to_owned()),
        client_secret: Some(ClientSecret::new("planted-client-secret".to_owned())),
        client_secret_expires_at: None,
        auth_method: ClientAuthMethod::None,
        key: None,
        redirect_uris: Vec::new(),
        scope: None,
        management: None,
    }
}

/// A grant that ends an hour after [`start`], every endpoint of which is at `server`.
pub(crate) fn grant(server: &str) -> Grant {
    let at = |path: &str| endpoint(&format!("{server}{path}"));
    Grant {
        key: GrantKey {
            server: "notion".parse().expect("a name"),
            url: Url::parse("https://mcp.example/mcp").expect("valid"),
            account: None,
        },
        issuer: issuer(),
        resource: Some(ResourceUri::parse("https://mcp.example/mcp").expect("valid")),
        requested_scope: Scopes::parse("read write"),
        tokens: TokenSet {
            access_token: AccessToken::new("planted-access-1".to_owned()),
            token_type: TokenType::Bearer,
            refresh_token: Some(RefreshToken::new("planted-refresh-1".to_owned())),
            id_token: None,
            received_at: start(),
            expires_at: Some(start() + std::time::Duration::from_hours(1)),
            scope: Scopes::parse("read"),
        },
        client: client(),
        endpoints: GrantEndpoints {
            token: at("/token"),
            revocation: Some(at("/revoke")),
            userinfo: Some(at("/userinfo")),
            introspection: Some(at("/introspect")),
            registration: None,
        },
        identity: Identity::default(),
        standing: Standing::Good,
        authenticated_at: start(),
        refreshed_at: None,
        dpop: None,
    }
}

/// What was discovered about [`issuer`], whose token endpoint is at `server`.
pub(crate) fn discovery(server: &str) -> Discovery {
    let at = |path: &str| Some(endpoint(&format!("{server}{path}")));
    Discovery {
        server: AuthorizationServerMetadata {
            authorization_endpoint: Some(endpoint("https://as.example/authorize")),
            token_endpoint: at("/token"),
            registration_endpoint: at("/register"),
            revocation_endpoint: at("/revoke"),
            introspection_endpoint: at("/introspect"),
            userinfo_endpoint: at("/userinfo"),
            ..AuthorizationServerMetadata::bare(issuer(), MetadataOrigin::Discovered)
        },
        resource: Some(ResourceUri::parse("https://mcp.example").expect("valid")),
        scope: Scopes::parse("read write"),
        provider: None,
        dpop: Binding::default(),
    }
}

/// A sign-in under way at [`discovery`], and the `state` it waits for.
pub(crate) fn pending(discovery: &Discovery) -> (PendingAuthorization, String) {
    let request = AuthorizationRequest {
        discovery,
        client: &client(),
        auth: &AuthConfig::default(),
        dpop: None,
        redirect_uri: "http://127.0.0.1:1/oauth/callback".to_owned(),
        scope: discovery.scope.clone(),
    };
    let (url, pending) = request.begin().expect("begins");
    let state = url
        .query_pairs()
        .find(|(name, _)| name == "state")
        .expect("a state")
        .1
        .into_owned();
    (pending, state)
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) form: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    /// The only value of a form parameter.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.form.iter().filter(|(own, _)| own == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} was sent twice");
        value
    }
}

type Answer = Arc<dyn Fn(Seen) -> BoxFuture<'static, Response> + Send + Sync>;

/// An authorization server on loopback that answers as it is told and keeps what it saw.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _task: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        Self::start_slow(move |seen| std::future::ready(answer(&seen)).boxed()).await
    }

    /// The same for answers that wait for something.
    pub(crate) async fn start_slow(
        answer: impl Fn(Seen) -> BoxFuture<'static, Response> + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::default();
        let app = Router::new()
            .fallback(note)
            .with_state((Arc::clone(&seen), Arc::new(answer) as Answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self {
            url,
            seen,
            _task: task,
        }
    }

    /// Everything asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn note(
    State((seen, answer)): State<(Arc<Mutex<Vec<Seen>>>, Answer)>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Seen {
        path: uri.path().to_owned(),
        form: url::form_urlencoded::parse(&body).into_owned().collect(),
        headers,
    };
    seen.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request.clone());
    answer(request).await
}

/// A JSON answer.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body.to_string().into())
        .expect("a response")
}

/// A vault in `folder`, with the key in a file beside it.
pub(crate) fn vault(folder: &Path) -> Vault {
    Vault::open(&Home::at(folder), Arc::new(NoKeychain))
}
