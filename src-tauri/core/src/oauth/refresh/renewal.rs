//! The requests of one transaction: one, or one more where the scope or the client was the trouble.

use oauth2::RefreshToken;

use super::{
    RefreshCause, Shop,
    verdict::{Verdict, is_about_scope, judge},
};
use crate::{
    config::{AuthConfig, RefreshScope},
    oauth::{
        client::{ClientInformation, ClientRegistration},
        discovery,
        grant::{Grant, Standing, TokenSet},
        http::Http,
        registration::{self, RegistrationRequest},
        timeline::Stage,
        token::{self, TokenError, TokenResponse},
    },
    store::fault,
};

/// Our own code for a client whose secret has ended (RFC 7591 §3.2.1) where there is no way to a new one.
const SECRET_EXPIRED: &str = "client_secret_expired";

/// One refresh token to be turned into new tokens.
pub(super) struct Renewal<'a> {
    pub(super) shop: &'a Shop,
    pub(super) auth: &'a AuthConfig,
    pub(super) grant: &'a Grant,
    pub(super) refresh_token: &'a RefreshToken,
}

/// New tokens, and the client they belong to.
pub(super) struct Renewed {
    pub(super) response: TokenResponse,
    pub(super) client: ClientInformation,
}

/// No new tokens.
pub(super) enum Failure {
    /// Nothing will come of this refresh token any more.
    Ended {
        /// The OAuth error code.
        code: String,
    },
    /// The refresh token is as good as before.
    Kept(RefreshCause),
    /// It may have been spent.
    Unknown(RefreshCause),
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        match (judge(&error), error) {
            (
                Verdict::Ended | Verdict::ClientLost,
                TokenError::Rejected { code, .. } | TokenError::InvalidClient { code, .. },
            ) => Self::Ended { code },
            (Verdict::Unknown, error) => Self::Unknown(error.into()),
            (_, error) => Self::Kept(error.into()),
        }
    }
}

/// Whether the requested scope goes along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Sent,
    Omitted,
}

impl Renewal<'_> {
    /// Asks, and becomes a client again where the server has forgotten us.
    pub(super) async fn run(&self) -> Result<Renewed, Failure> {
        let grant = self.grant;
        if grant.client.issuer != grant.issuer {
            let (client, server) = (grant.client.issuer.clone(), grant.issuer.clone());
            return Err(TokenError::ForeignClient { client, server }.into());
        }
        if self.is_secret_over(&grant.client) && grant.client.registration == ClientRegistration::Dynamic {
            return self.as_new_client(SECRET_EXPIRED).await;
        }
        let client = grant.client.configured(self.auth);
        match self.ask(&client).await {
            Ok(response) => Ok(Renewed { response, client }),
            Err(TokenError::InvalidClient { code, .. })
                if client.registration != ClientRegistration::Preregistered =>
            {
                self.as_new_client(&code).await
            }
            // Entered by the user, and to be corrected by the user; the refresh token may be fine.
            Err(error @ TokenError::InvalidClient { .. }) => Err(Failure::Kept(error.into())),
            Err(error) => Err(error.into()),
        }
    }

    fn is_secret_over(&self, client: &ClientInformation) -> bool {
        let now = self.shop.http.clock().now();
        client.client_secret_expires_at.is_some_and(|at| at <= now)
    }

    /// One request, and one more the other way round when the scope was the trouble and the config leaves it to us.
    async fn ask(&self, client: &ClientInformation) -> Result<TokenResponse, TokenError> {
        let first = match self.auth.refresh_scope {
            RefreshScope::Send => Scope::Sent,
            RefreshScope::Auto | RefreshScope::Omit => Scope::Omitted,
        };
        let may_retry =
            self.auth.refresh_scope == RefreshScope::Auto && !self.grant.requested_scope.is_empty();
        match self.post(client, first).await {
            Err(error) if may_retry && is_about_scope(&error) => {
                self.note("the server wants the scope again: it is sent", "RFC 6749 §6");
                self.post(client, Scope::Sent).await
            }
            outcome => outcome,
        }
    }

    async fn post(&self, client: &ClientInformation, scope: Scope) -> Result<TokenResponse, TokenError> {
        let requested = self.grant.requested_scope.to_string();
        let mut parameters = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", self.refresh_token.secret().as_str()),
        ];
        if let Some(resource) = &self.grant.resource {
            parameters.push(("resource", resource.as_str()));
        }
        if scope == Scope::Sent && !requested.is_empty() {
            parameters.push(("scope", &requested));
        }
        let _ = fault::reach("refresh", "request");
        let endpoint = (&self.grant.endpoints.token, Stage::Refresh);
        let http = self.shop.http.proving(self.grant.dpop.as_ref());
        token::request(&http, endpoint, client, &parameters).await
    }

    /// The server does not know the client any more. Some servers let a new one go on with the old refresh token; where
    /// they don't, the grant has ended for the reason that was given first.
    async fn as_new_client(&self, code: &str) -> Result<Renewed, Failure> {
        let client = self.new_client(code).await?;
        match self.ask(&client).await {
            Ok(response) => Ok(Renewed { response, client }),
            Err(error) => Err(match error.into() {
                Failure::Ended { .. } => ended(code),
                failure => failure,
            }),
        }
    }

    /// The registration that was made since, else a new one, saved before it is used.
    async fn new_client(&self, code: &str) -> Result<ClientInformation, Failure> {
        let (vault, grant) = (&self.shop.vault, self.grant);
        let stored = vault
            .load_client(&grant.key.server, &grant.issuer)
            .await
            .ok()
            .flatten();
        if let Some(stored) = stored
            && stored.client_id != grant.client.client_id
            && !self.is_secret_over(&stored)
        {
            self.note(
                "the client is unknown; the registration made since is used",
                "RFC 7591 §3.2.1",
            );
            return Ok(stored);
        }
        let client = self.register(code).await?;
        match vault.save_client(&grant.key.server, &client).await {
            Ok(()) => Ok(client),
            Err(error) => Err(Failure::Kept(error.into())),
        }
    }

    async fn register(&self, code: &str) -> Result<ClientInformation, Failure> {
        let (http, grant) = (&self.shop.http, self.grant);
        self.note("the client is unknown: it is registered again", "RFC 7591 §3");
        let mut discovery = match discovery::discover(http, &grant.key.url, self.auth, None).await {
            Ok(discovery) if discovery.server.issuer == grant.issuer => discovery,
            Err(error) if error.is_transient() => return Err(Failure::Kept(RefreshCause::Discovery(error))),
            Ok(_) | Err(_) => return Err(ended(code)),
        };
        // Whoever holds a client to the scope it registered must hear of all that was granted.
        discovery.scope = grant.requested_scope.union(&discovery.scope);
        let request = RegistrationRequest {
            redirect_uris: grant.client.redirect_uris.clone(),
            stored: None,
            failed: Some(grant.client.registration),
        };
        let _ = fault::reach("refresh", "register");
        registration::obtain(http, &discovery, self.auth, request)
            .await
            .map_err(|error| {
                if error.is_transient() {
                    Failure::Kept(RefreshCause::Registration(error))
                } else {
                    ended(code)
                }
            })
    }

    fn note(&self, decision: &str, rule: &str) {
        self.shop.http.note(Stage::Refresh, decision, rule);
    }
}

fn ended(code: &str) -> Failure {
    Failure::Ended {
        code: code.to_owned(),
    }
}

impl Renewed {
    /// The grant with its new tokens; what the server left out is as it was (RFC 6749 §6, OpenID Connect Core §12.2).
    pub(super) fn into_grant(self, http: &Http, old: &Grant) -> Grant {
        let identity = self.response.identity.clone().or(old.identity.clone());
        let new = self.response.into_tokens(http, &old.tokens.scope);
        Grant {
            identity,
            client: self.client,
            standing: Standing::Good,
            refreshed_at: Some(new.received_at),
            tokens: TokenSet {
                refresh_token: new.refresh_token.or_else(|| old.tokens.refresh_token.clone()),
                id_token: new.id_token.or_else(|| old.tokens.id_token.clone()),
                ..new
            },
            ..old.clone()
        }
    }
}
