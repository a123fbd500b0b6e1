//! From a challenge to a stored grant: the one order in which the steps of a sign-in happen.
//!
//! Discovery, registration, the request in the browser, its response, the token, the vault. Each step is in the file
//! of its RFC; this one decides what follows what, and stores no grant until the token is there.

mod by_device;
mod error;
mod unattended;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use url::Url;

pub(crate) use self::error::SignInError;
use crate::{
    Action, Explain,
    browser::Browser,
    config::{AuthConfig, GrantType, RedirectChoice},
    event::SignInPrompt,
    oauth::{
        authorization::{AuthorizationRequest, AuthorizationResponse, PendingAuthorization},
        challenge::{self, BearerChallenge},
        client::{ClientInformation, ClientRegistration},
        device,
        discovery::{self, Discovery},
        dpop::{self, DpopError, Prover},
        grant::{Grant, GrantKey},
        http::Http,
        identity,
        redirect::{DEEP_LINK, LoopbackListener, LoopbackRedirect, RedirectError},
        refresh::Refresher,
        registration::{self, RegistrationRequest, registered_form},
        scope::Scopes,
        timeline::Stage,
        token::{self, TokenError},
    },
    store::{Vault, VaultError},
};

/// One sign-in, from beginning to end.
pub(crate) struct SignIn {
    pub(crate) key: GrantKey,
    pub(crate) auth: AuthConfig,
    pub(crate) vault: Vault,
    pub(crate) refresher: Refresher,
    pub(crate) http: Http,
    /// What the server said when it refused; without, it is asked first.
    pub(crate) challenge: Option<BearerChallenge>,
    /// Scopes asked for before, kept when more are asked for.
    pub(crate) held: Scopes,
    /// Opens the authorization URL; none where the user opens it.
    pub(crate) browser: Option<Arc<dyn Browser>>,
    /// Tells what the user has to do.
    pub(crate) prompt: Box<dyn Fn(SignInPrompt) + Send + Sync>,
    /// Answers that come by another way than the listener: pasted, or by deep link.
    pub(crate) responses: mpsc::Receiver<Offer>,
    pub(crate) deadline: Timestamp,
    /// How the client in use was obtained, so that another way can be taken when the server refuses it.
    pub(crate) used: Option<ClientRegistration>,
    pub(crate) links: Links,
}

/// Where links of our own scheme arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// In this process.
    Here,
    /// In the app, as far as this process can tell.
    InApp,
    /// This is the app, and they do not reach it.
    Nowhere,
}

/// An answer that came by another way than the listener, and who waits to hear whether it was ours.
pub(crate) struct Offer {
    pub(crate) response: AuthorizationResponse,
    pub(crate) reply: oneshot::Sender<bool>,
}

/// Which way a sign-in goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// RFC 6749 §4.1
    Browser,
    /// RFC 8628
    Device,
    /// RFC 6749 §4.4 and its like
    Unattended,
}

/// What is asked for, whom, and which way.
struct Asked<'a> {
    discovery: &'a Discovery,
    scope: &'a Scopes,
    way: Way,
}

impl SignIn {
    /// Signs in. Dropping the future gives the sign-in up and closes its listener.
    pub(crate) async fn run(mut self) -> Result<(), SignInError> {
        let challenge = match self.challenge.take() {
            Some(challenge) => Some(challenge),
            None => undisturbed(&mut self.responses, challenge::ask(&self.http, &self.key.url)).await,
        };
        let search = discovery::discover(&self.http, &self.key.url, &self.auth, challenge.as_ref());
        let mut discovery = undisturbed(&mut self.responses, search).await?;
        // A registration is made for all that is asked for: some servers hold a client to it.
        discovery.scope = self.held.union(&discovery.scope);
        let key = dpop::choose(&self.http, self.auth.dpop, &discovery)?;
        self.http = self.http.proving(key.as_ref());
        let stored = self.registration(&discovery).await?;
        let way = self.way(&discovery);
        let asked = Asked {
            discovery: &discovery,
            scope: &discovery.scope,
            way,
        };
        let grant = match self.ask(&asked, stored).await {
            Err(SignInError::Token(TokenError::InvalidClient { code, .. })) if self.may_become_another() => {
                let decision =
                    format!("the server does not know this client ({code}): once more, as a new one");
                self.http.note(Stage::Registration, decision, "RFC 6749 §5.2");
                self.vault
                    .remove_client(&self.key.server, &discovery.server.issuer)
                    .await?;
                self.ask(&asked, None).await?
            }
            outcome => outcome?,
        };
        if grant.dpop.is_none() && dpop::is_required(self.auth.dpop, &discovery) {
            let issuer = grant.issuer;
            return Err(DpopError::Unbound { issuer }.into());
        }
        self.store(grant, discovery.provider).await
    }

    /// The registration on file. One that cannot be read any more is replaced, not mourned: the sign-in is what mends it.
    async fn registration(&self, discovery: &Discovery) -> Result<Option<ClientInformation>, VaultError> {
        let stored = self
            .vault
            .load_client(&self.key.server, &discovery.server.issuer)
            .await;
        match stored {
            Err(error) if error.action() == Action::Reauthenticate => {
                let decision = format!("the earlier registration is not used: {error}");
                self.http.note(Stage::Registration, decision, "RFC 7591 §3");
                Ok(None)
            }
            stored => stored,
        }
    }

    /// A client the user entered is the user's to correct.
    fn may_become_another(&self) -> bool {
        matches!(
            self.used,
            Some(ClientRegistration::Dynamic | ClientRegistration::MetadataDocument)
        )
    }

    /// The way of the config file; where that is the browser and there is none, a code where the server offers one.
    fn way(&self, discovery: &Discovery) -> Way {
        let without_browser = self
            .browser
            .as_ref()
            .is_some_and(|browser| !browser.is_available());
        match self.auth.grant {
            GrantType::DeviceCode => Way::Device,
            grant if grant.is_unattended() => Way::Unattended,
            _ if without_browser && device::is_offered(&discovery.server) => {
                let decision = "no browser can be opened here: a code is asked for";
                self.http.note(Stage::Authorization, decision, "RFC 8628 §1");
                Way::Device
            }
            _ => Way::Browser,
        }
    }

    async fn ask(
        &mut self,
        asked: &Asked<'_>,
        stored: Option<ClientInformation>,
    ) -> Result<Grant, SignInError> {
        match asked.way {
            Way::Browser => self.authorize(asked, stored).await,
            Way::Device => self.show_code(asked, stored).await,
            Way::Unattended => self.fetch(asked, stored).await,
        }
    }

    async fn authorize(
        &mut self,
        Asked { discovery, scope, .. }: &Asked<'_>,
        stored: Option<ClientInformation>,
    ) -> Result<Grant, SignInError> {
        let mut listener = self.listen(stored.as_ref()).await?;
        let redirect_uris = self.redirect_uris(&listener)?;
        let known = stored.as_ref().map(|client| client.client_id.clone());
        let client = self.client(discovery, redirect_uris, stored).await?;
        let reused =
            client.registration == ClientRegistration::Dynamic && known.as_ref() == Some(&client.client_id);
        let request = AuthorizationRequest {
            discovery,
            client: &client,
            auth: &self.auth,
            dpop: self.http.prover().map(Prover::key),
            redirect_uri: self.redirect_uri(&client, &listener),
            scope: Scopes::clone(scope),
        };
        let (url, pending) = request.begin()?;
        if reused {
            self.doubt(&client).await?;
        }
        self.show(&url);
        let response = self.answer(&mut listener, &pending).await;
        let response = response.map_err(|error| nobody_came(error, &client, listener.redirect_uri()))?;
        self.http.note(
            Stage::Authorization,
            "the browser came back with our state",
            "RFC 6749 §10.12",
        );
        if reused {
            self.vault.save_client(&self.key.server, &client).await?;
        }
        if discovery.server.iss_parameter_supported && self.auth.allow_missing_iss {
            let decision = "the config file allows an answer that does not say whose it is";
            self.http.note(Stage::Authorization, decision, "RFC 9207 §2.4");
        }
        let code = pending.accept(response).inspect_err(|error| {
            self.http
                .note(Stage::Authorization, error.to_string(), "RFC 9207 §2.4");
        })?;
        let redeemed = undisturbed(&mut self.responses, token::redeem(&self.http, code, &client)).await?;
        Ok(redeemed.into_grant(self.key.clone(), client))
    }

    /// Keeps no registration that the server may have forgotten: to such a client it shows an error page and sends
    /// nothing back (RFC 6749 §4.1.2.1), so that only the person learns of it. Whoever then gives up, or whose time
    /// runs out, becomes another client the next time; any answer that comes back proves that we are known.
    async fn doubt(&self, client: &ClientInformation) -> Result<(), VaultError> {
        self.vault.remove_client(&self.key.server, &client.issuer).await?;
        Ok(())
    }

    /// Listens where the stored registration says, if that port is free: many servers compare it although RFC 8252
    /// §7.3 tells them not to. Otherwise anywhere, and registration notices.
    async fn listen(&self, stored: Option<&ClientInformation>) -> Result<LoopbackListener, RedirectError> {
        let configured = LoopbackRedirect::from_config(&self.auth)?;
        if configured == LoopbackRedirect::default() {
            let known = stored.into_iter().flat_map(|client| &client.redirect_uris);
            for redirect in known.filter_map(|uri| LoopbackRedirect::parse(uri).ok()) {
                if let Ok(listener) = LoopbackListener::bind(&redirect, self.http.clock()).await {
                    return Ok(listener);
                }
            }
        }
        LoopbackListener::bind(&configured, self.http.clock()).await
    }

    /// The ways back, the preferred one first.
    fn redirect_uris(&self, listener: &LoopbackListener) -> Result<Vec<String>, RedirectError> {
        let (link, loopback) = (DEEP_LINK.to_owned(), listener.redirect_uri().to_owned());
        match (&self.auth.redirect, self.links) {
            (RedirectChoice::DeepLink, Links::Here) => Ok(vec![link]),
            (RedirectChoice::DeepLink, Links::InApp) => Err(RedirectError::OnlyInApp),
            (RedirectChoice::DeepLink, Links::Nowhere) => Err(RedirectError::NoLinks),
            (RedirectChoice::Auto, Links::Here) if self.leaves_choice() => Ok(vec![link, loopback]),
            _ => Ok(vec![loopback]),
        }
    }

    /// A fixed host or port is a wish for loopback.
    fn leaves_choice(&self) -> bool {
        self.auth.redirect_host.is_none() && self.auth.redirect_port.is_none()
    }

    /// The way back that is asked for: the link where the server registered it, or the user did.
    fn redirect_uri(&self, client: &ClientInformation, listener: &LoopbackListener) -> String {
        let is_registered = client.redirect_uris.iter().any(|uri| uri == DEEP_LINK);
        let by_link = match &self.auth.redirect {
            RedirectChoice::DeepLink => true,
            RedirectChoice::Auto => self.links == Links::Here && self.leaves_choice() && is_registered,
            RedirectChoice::Loopback | RedirectChoice::Exact(_) => false,
        };
        if !by_link {
            return loopback_uri(client, listener);
        }
        let decision = "the answer comes back to the app by a link of its own";
        self.http.note(Stage::Authorization, decision, "RFC 8252 §7.1");
        DEEP_LINK.to_owned()
    }

    async fn client(
        &mut self,
        discovery: &Discovery,
        redirect_uris: Vec<String>,
        stored: Option<ClientInformation>,
    ) -> Result<ClientInformation, SignInError> {
        let failed = self
            .used
            .filter(|used| *used == ClientRegistration::MetadataDocument);
        let request = RegistrationRequest {
            redirect_uris,
            stored,
            failed,
        };
        let search = registration::obtain(&self.http, discovery, &self.auth, request);
        let client = undisturbed(&mut self.responses, search).await?;
        self.used = Some(client.registration);
        if client.registration == ClientRegistration::Dynamic {
            self.vault.save_client(&self.key.server, &client).await?;
        }
        Ok(client)
    }

    fn show(&self, url: &Url) {
        (self.prompt)(SignInPrompt::Browser { url: url.to_string() });
        let Some(browser) = &self.browser else { return };
        let opened = match browser.open(url) {
            Ok(()) => "the authorization request was opened in the browser".to_owned(),
            Err(error) => format!("{error}; the address can be copied"),
        };
        self.http.note(Stage::Authorization, opened, "RFC 8252 §4.1");
    }

    async fn answer(
        &mut self,
        listener: &mut LoopbackListener,
        pending: &PendingAuthorization,
    ) -> Result<AuthorizationResponse, SignInError> {
        let offered = async {
            while let Some(Offer { response, reply }) = self.responses.recv().await {
                let ours = pending.matches(&response);
                // Whoever offered it may have gone away; it counts all the same.
                let _ = reply.send(ours);
                if ours {
                    return response;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            response = listener.wait(pending, self.deadline) => Ok(response?),
            response = offered => Ok(response),
        }
    }

    async fn store(mut self, mut grant: Grant, provider: Option<String>) -> Result<(), SignInError> {
        // Nobody is waited for any more: whoever offers an answer hears so at once.
        self.responses.close();
        while self.responses.try_recv().is_ok() {}
        grant.identity.provider = provider;
        grant.identity = identity::identify(&self.http, &grant).await;
        self.refresher.keep(grant).await?;
        Ok(())
    }
}

/// Does `work`, in which no answer is waited for: one that is offered meanwhile came too early, or twice.
async fn undisturbed<T>(responses: &mut mpsc::Receiver<Offer>, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            // Dropping it tells whoever offered it.
            Some(_) = responses.recv() => {}
        }
    }
}

/// A client that was entered by hand may lack the redirect URI that was used: the provider then shows a page and
/// sends nothing back (RFC 6749 §4.1.2.1), so that nobody but us can name it.
fn nobody_came(error: SignInError, client: &ClientInformation, redirect_uri: &str) -> SignInError {
    match (error, client.registration) {
        (SignInError::Redirect(RedirectError::TimedOut), ClientRegistration::Preregistered) => {
            SignInError::NobodyCame {
                redirect_uri: redirect_uri.to_owned(),
            }
        }
        (error, _) => error,
    }
}

/// The loopback redirect URI in the form the authorization server knows it; a client without any leaves that to its
/// user.
fn loopback_uri(client: &ClientInformation, listener: &LoopbackListener) -> String {
    let own = listener.redirect_uri();
    registered_form(&client.redirect_uris, own).unwrap_or_else(|| own.to_owned())
}
