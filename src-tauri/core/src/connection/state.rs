//! The states of one server and what leads from one to the next. No I/O, so the whole machine is a table test.
//!
//! Two words are kept apart on purpose: `auth` changes only on what a server said about authorization, `connection`
//! on everything else. An outage therefore cannot become "signed out".

use jiff::Timestamp;

use super::refused::Refused;
use crate::{
    Action, AuthStatus, ConnectionStatus, Explain, Problem, ServerId,
    config::ServerConfig,
    event::{ServerSnapshot, SignInPrompt},
    oauth::{endpoint::redacted, grant::Standing, refresh::GrantEnded, scope::Scopes},
    store::{GrantSummary, ServerRecord},
};

/// What one server is like, as its owner task knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) auth: AuthStatus,
    pub(crate) connection: ConnectionStatus,
    pub(crate) problem: Option<Problem>,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) tool_count: Option<u32>,
    pub(crate) provider: Option<String>,
    pub(crate) grant: Option<GrantSummary>,
    pub(crate) missing: Scopes,
    prompt: Option<SignInPrompt>,
    /// Where a sign-in that comes to nothing leads back to.
    before_sign_in: Option<(AuthStatus, Option<Problem>)>,
}

/// What happened to a server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// The entry was switched off.
    Disabled,
    /// A connection attempt began.
    Connecting,
    /// The transport answered; nothing is known about authorization yet.
    TransportConnected { provider: Option<String> },
    /// The tools were listed.
    Discovered { tool_count: u32 },
    /// It can be lent, and was asked nothing.
    Lent,
    /// It asked for authorization and there is no grant.
    Unauthorized(Problem),
    /// A grant there is, and it cannot go on without a person.
    RefreshRejected(Problem),
    /// 403 `insufficient_scope`.
    ScopeMissing { missing: Scopes, problem: Problem },
    /// 403 `insufficient_scope` whatever was allowed; the rest of the server works.
    ScopeRefused(Problem),
    /// The keychain exists and refuses.
    KeychainLocked(Problem),
    /// Network, server or authorization server are away; it is tried again.
    Unavailable {
        problem: Option<Problem>,
        retry_at: Timestamp,
    },
    /// Only a change by the user helps.
    Failed(Problem),
    /// A sign-in began.
    SignInStarted,
    /// The sign-in waits for a person.
    Prompted(SignInPrompt),
    /// The sign-in came to nothing; none when it was cancelled.
    SignInFailed(Option<Problem>),
    /// The stored grant was made, replaced or found.
    Granted(Box<GrantSummary>),
    /// The stored grant is gone.
    SignedOut,
}

impl Input {
    /// Whether the server itself led to it, or whoever signs in there: what a later process should know.
    pub(crate) fn is_observed(&self) -> bool {
        !matches!(self, Self::Disabled | Self::Lent)
    }
}

impl State {
    /// A server nothing is known about but its entry and its stored grant.
    pub(crate) fn new(grant: Option<GrantSummary>) -> Self {
        Self {
            auth: grant.as_ref().map_or(AuthStatus::Unknown, standing),
            connection: ConnectionStatus::Idle,
            problem: grant.as_ref().and_then(standing_problem),
            retry_at: None,
            tool_count: None,
            provider: None,
            grant,
            missing: Scopes::default(),
            prompt: None,
            before_sign_in: None,
        }
    }

    /// Takes over what an earlier process observed, until this one knows better.
    pub(crate) fn recall(&mut self, record: &ServerRecord) {
        let observed = record.auth.filter(|auth| {
            matches!(
                auth,
                AuthStatus::NotRequired | AuthStatus::NotAuthenticated | AuthStatus::InsufficientScope
            )
        });
        if self.grant.is_none() && observed != Some(AuthStatus::InsufficientScope) {
            self.auth = observed.unwrap_or(self.auth);
        } else if self.auth == AuthStatus::Authenticated && observed == Some(AuthStatus::InsufficientScope) {
            self.auth = AuthStatus::InsufficientScope;
            self.missing = record.missing_scopes.clone();
            self.problem.clone_from(&record.problem);
        }
        self.tool_count = record.tool_count;
        self.provider.clone_from(&record.provider);
    }

    /// The state that follows.
    #[must_use]
    pub(crate) fn after(mut self, input: Input) -> Self {
        match input {
            Input::Disabled => self.settle(ConnectionStatus::Disabled, None),
            Input::Connecting => self.settle(ConnectionStatus::Connecting, None),
            Input::TransportConnected { provider } => self.provider = provider.or(self.provider),
            Input::Discovered { tool_count } => self.discovered(tool_count),
            Input::Lent => self.settle(ConnectionStatus::Connected, None),
            Input::Unauthorized(problem) => self.refused(AuthStatus::NotAuthenticated, problem),
            Input::RefreshRejected(problem) => self.refused(AuthStatus::RefreshFailed, problem),
            Input::ScopeMissing { missing, problem } => {
                self.missing = missing;
                // An attempt that was refused is over; an open connection stays, for whatever needs no more scope.
                if self.connection == ConnectionStatus::Connecting {
                    self.connection = ConnectionStatus::Idle;
                }
                self.authorization(AuthStatus::InsufficientScope, problem);
            }
            Input::ScopeRefused(problem) => self.scope_refused(problem),
            Input::KeychainLocked(problem) => self.refused(AuthStatus::Locked, problem),
            Input::Unavailable { problem, retry_at } => {
                self.settle(ConnectionStatus::Waiting, problem);
                self.retry_at = Some(retry_at);
            }
            Input::Failed(problem) => self.settle(ConnectionStatus::Failed, Some(problem)),
            Input::SignInStarted => self.sign_in_started(),
            Input::Prompted(prompt) => self.prompt = Some(prompt),
            Input::SignInFailed(problem) => self.sign_in_failed(problem),
            Input::Granted(grant) => self.granted(*grant),
            Input::SignedOut => self.signed_out(),
        }
        self
    }

    fn settle(&mut self, connection: ConnectionStatus, problem: Option<Problem>) {
        self.connection = connection;
        self.retry_at = None;
        if !self.needs_person() {
            self.problem = problem;
        }
    }

    /// What a person must mend stays on the screen until it is mended, whatever the network does meanwhile.
    fn needs_person(&self) -> bool {
        use AuthStatus::{InsufficientScope, Locked, NotAuthenticated, RefreshFailed};
        self.problem.is_some()
            && matches!(
                self.auth,
                NotAuthenticated | RefreshFailed | InsufficientScope | Locked
            )
    }

    /// What a person is needed for when a client calls: whoever has signed out is asked then, and not before.
    pub(crate) fn need(&self, server: &ServerId) -> Option<Problem> {
        if self.connection == ConnectionStatus::Disabled {
            return None;
        }
        match &self.problem {
            Some(problem) => (self.needs_person() && problem.action != Action::None).then(|| problem.clone()),
            None if self.auth == AuthStatus::NotAuthenticated => {
                let server = server.clone();
                Some(Refused::SignInNeeded { server }.problem())
            }
            None => None,
        }
    }

    fn discovered(&mut self, tool_count: u32) {
        self.tool_count = Some(tool_count);
        self.connection = ConnectionStatus::Connected;
        self.retry_at = None;
        if !matches!(
            self.auth,
            AuthStatus::Authenticating | AuthStatus::InsufficientScope
        ) {
            self.auth = if self.grant.is_some() {
                AuthStatus::Authenticated
            } else {
                AuthStatus::NotRequired
            };
            self.problem = None;
        }
    }

    /// There is nothing left to allow.
    fn scope_refused(&mut self, problem: Problem) {
        self.missing = Scopes::default();
        let auth = self.grant.as_ref().map_or(AuthStatus::NotRequired, standing);
        self.authorization(auth, problem);
    }

    /// Whether more scopes were asked for, before any sign-in that is under way for them.
    pub(crate) fn wants_more(&self) -> bool {
        let before = self.before_sign_in.as_ref().map_or(self.auth, |(auth, _)| *auth);
        before == AuthStatus::InsufficientScope
    }

    /// The server answered, so the connection is not what is wrong.
    fn refused(&mut self, auth: AuthStatus, problem: Problem) {
        self.connection = ConnectionStatus::Idle;
        self.retry_at = None;
        self.authorization(auth, problem);
    }

    fn authorization(&mut self, auth: AuthStatus, problem: Problem) {
        if self.auth == AuthStatus::Authenticating {
            self.before_sign_in = Some((auth, Some(problem)));
        } else {
            self.auth = auth;
            self.problem = Some(problem);
        }
    }

    fn sign_in_started(&mut self) {
        if self.auth != AuthStatus::Authenticating {
            self.before_sign_in = Some((self.auth, self.problem.take()));
            self.auth = AuthStatus::Authenticating;
        }
    }

    fn sign_in_failed(&mut self, problem: Option<Problem>) {
        self.prompt = None;
        if let Some((auth, before)) = self.before_sign_in.take() {
            self.auth = auth;
            self.problem = problem.or(before);
        }
    }

    fn granted(&mut self, grant: GrantSummary) {
        let signing_in = self.auth == AuthStatus::Authenticating && self.before_sign_in.is_some();
        self.auth = standing(&grant);
        self.problem = standing_problem(&grant);
        self.grant = Some(grant);
        self.prompt = None;
        self.missing = Scopes::default();
        if signing_in {
            self.before_sign_in = None;
        }
    }

    fn signed_out(&mut self) {
        self.grant = None;
        self.prompt = None;
        self.problem = None;
        self.missing = Scopes::default();
        self.before_sign_in = None;
        self.auth = AuthStatus::NotAuthenticated;
        if self.connection != ConnectionStatus::Disabled {
            self.connection = ConnectionStatus::Idle;
        }
    }

    /// The public projection.
    pub(crate) fn snapshot(&self, config: &ServerConfig) -> ServerSnapshot {
        let grant = self.grant.as_ref();
        let identity = grant.map(|grant| &grant.identity);
        ServerSnapshot {
            id: config.id.clone(),
            transport: config.transport.kind(),
            url: config.transport.url().map(redacted),
            auth: self.auth,
            connection: self.connection,
            provider: identity
                .and_then(|identity| identity.provider.clone())
                .or_else(|| self.provider.clone()),
            account: identity.and_then(|identity| identity.account.clone()),
            workspace: identity.and_then(|identity| identity.workspace.clone()),
            issuer: grant.map(|grant| grant.issuer.clone()),
            scopes: words(grant.map(|grant| &grant.scopes)),
            missing_scopes: words(Some(&self.missing)),
            expires_at: grant.and_then(|grant| grant.expires_at),
            authenticated_at: grant.map(|grant| grant.authenticated_at),
            refreshed_at: grant.and_then(|grant| grant.refreshed_at),
            retry_at: self.retry_at,
            tool_count: self.tool_count,
            prompt: self.prompt.clone(),
            problem: self.problem.clone(),
        }
    }
}

fn words(scopes: Option<&Scopes>) -> Vec<String> {
    scopes
        .into_iter()
        .flat_map(Scopes::iter)
        .map(str::to_owned)
        .collect()
}

/// What a stored grant says by itself, before any request.
pub(crate) fn standing(grant: &GrantSummary) -> AuthStatus {
    match grant.standing {
        Standing::Good => AuthStatus::Authenticated,
        Standing::Rejected { .. } => AuthStatus::RefreshFailed,
    }
}

fn standing_problem(grant: &GrantSummary) -> Option<Problem> {
    match &grant.standing {
        Standing::Good => None,
        Standing::Rejected { code, .. } => Some(GrantEnded::new(grant.server().as_str(), code).problem()),
    }
}

/// The news in going from one state to the next: a person is needed who was not needed before, or for another reason.
pub(crate) fn attention(before: &State, after: &State) -> Option<Problem> {
    let problem = after.problem.as_ref().filter(|_| after.needs_person())?;
    let known = before.auth == after.auth
        && before
            .problem
            .as_ref()
            .is_some_and(|old| old.code == problem.code);
    (!known && problem.action != Action::None).then(|| problem.clone())
}

#[cfg(test)]
mod tests;
