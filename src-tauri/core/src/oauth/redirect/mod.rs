//! Where the authorization response comes back on this machine: a loopback listener (RFC 8252 §7.3).
//!
//! Defended here: other programs and web pages that talk to the port (only a response with *our* `state` ends the
//! wait), slow and endless requests (a byte cap, a time-out, and a bounded number of connections of which the oldest
//! gives way), and pages that could repeat what a request said (the pages are constant texts). Not defended: a program
//! of the same user that took the fixed port first; it learns a code that is useless without the PKCE verifier.

use std::time::Duration;

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use url::{Host, Url};

use super::authorization::{AuthorizationResponse, PendingAuthorization, Verdict};
use crate::{
    Action, Explain,
    clock::Clock,
    config::{AuthConfig, RedirectChoice},
};

mod bind;
mod connection;
mod page;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use connection::query_of;

/// The path of the redirect URI unless the config file says otherwise.
pub const PATH: &str = "/oauth/callback";

/// The redirect URI of our own scheme (RFC 8252 §7.1), by which only the app is reached.
pub const DEEP_LINK: &str = "ai.omlx.connect:/oauth/callback";

/// The host unless the config file says otherwise: RFC 8252 §8.3 prefers the address to the name.
const HOST: &str = "127.0.0.1";

/// How long a sign-in waits for the browser unless its owner says otherwise.
pub const PATIENCE: Duration = Duration::from_mins(10);

/// Why the browser's answer does not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// Another program listens on the fixed port.
    #[error("port {port} for the redirect is in use by another program")]
    PortBusy {
        /// The port.
        port: u16,
    },
    /// This user may not listen on the fixed port.
    #[error("port {port} for the redirect may not be used by this user")]
    PortForbidden {
        /// The port.
        port: u16,
    },
    /// The listener could not be opened for another reason.
    #[error("the redirect listener could not be opened: {cause}")]
    Listen {
        /// The operating system's words.
        cause: String,
    },
    /// The redirect URI in the config file is no loopback URI.
    #[error(
        "the redirect URI in the config file must be http://localhost, http://127.0.0.1 or http://[::1], with an optional port and path"
    )]
    NotLoopback,
    /// The config file pins the redirect to the app's link, and this process is not the app.
    #[error("the config file sends the browser back to the app, so this sign-in has to be started there")]
    OnlyInApp,
    /// The config file pins the redirect to the app's link, and links do not reach the app on this desktop.
    #[error(
        "the config file sends the browser back by a link, and links of ours do not reach this app here; leave 'redirect' out to come back by loopback"
    )]
    NoLinks,
    /// Nobody came back from the browser in time.
    #[error("the browser did not come back in time")]
    TimedOut,
}

impl Explain for RedirectError {
    fn code(&self) -> &'static str {
        match self {
            Self::PortBusy { .. } => "redirect_port_busy",
            Self::PortForbidden { .. } => "redirect_port_forbidden",
            Self::Listen { .. } => "redirect_listener_failed",
            Self::NotLoopback => "redirect_not_loopback",
            Self::OnlyInApp => "redirect_only_in_app",
            Self::NoLinks => "redirect_no_links",
            Self::TimedOut => "browser_timeout",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::PortBusy { .. } | Self::Listen { .. } => Action::Retry,
            Self::PortForbidden { .. } | Self::NotLoopback | Self::OnlyInApp | Self::NoLinks => {
                Action::EditConfig
            }
            Self::TimedOut => Action::Connect,
        }
    }
}

/// A loopback redirect URI to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopbackRedirect {
    /// As it stands in the URI: `127.0.0.1`, `[::1]` or `localhost`.
    host: String,
    /// None for any free one.
    port: Option<u16>,
    path: String,
    /// The whole URI where it was given as a whole: authorization servers compare it byte by byte.
    verbatim: Option<String>,
}

impl Default for LoopbackRedirect {
    fn default() -> Self {
        Self {
            host: HOST.to_owned(),
            port: None,
            path: PATH.to_owned(),
            verbatim: None,
        }
    }
}

impl LoopbackRedirect {
    /// What `auth.redirect`, `redirect_host` and `redirect_port` ask for.
    pub fn from_config(auth: &AuthConfig) -> Result<Self, RedirectError> {
        if let RedirectChoice::Exact(uri) = &auth.redirect {
            return Self::parse(uri);
        }
        let host = auth.redirect_host.as_deref().unwrap_or(HOST);
        Ok(Self {
            host: loopback_host(host).ok_or(RedirectError::NotLoopback)?,
            port: auth.redirect_port,
            ..Self::default()
        })
    }

    /// A redirect URI registered before; it is listened at and sent verbatim. Without a port it means port 80.
    pub fn parse(uri: &str) -> Result<Self, RedirectError> {
        let url = Url::parse(uri).map_err(|_| RedirectError::NotLoopback)?;
        let plain = url.scheme() == "http" && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().and_then(loopback_host);
        match (plain, host) {
            (true, Some(host)) => Ok(Self {
                host,
                port: url.port_or_known_default(),
                path: url.path().to_owned(),
                verbatim: Some(uri.to_owned()),
            }),
            _ => Err(RedirectError::NotLoopback),
        }
    }

    fn uri(&self, port: u16) -> String {
        self.verbatim
            .clone()
            .unwrap_or_else(|| format!("http://{}:{port}{}", self.host, self.path))
    }
}

/// The host as it stands in a URI, if it surely is this machine.
fn loopback_host(host: &str) -> Option<String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let in_uri = if bare.contains(':') {
        format!("[{bare}]")
    } else {
        bare.to_owned()
    };
    match Host::parse(&in_uri).ok()? {
        Host::Domain(name) => (name == "localhost").then_some(name),
        Host::Ipv4(address) => address.is_loopback().then(|| address.to_string()),
        Host::Ipv6(address) => address.is_loopback().then_some(in_uri),
    }
}

/// Listens until it is dropped; a browser that comes a second time is still answered kindly.
#[derive(Debug)]
pub struct LoopbackListener {
    uri: String,
    arrivals: mpsc::Receiver<Arrival>,
    clock: Clock,
    _doors: JoinSet<()>,
}

/// A response that arrived, and who waits to hear what to show.
#[derive(Debug)]
struct Arrival {
    response: AuthorizationResponse,
    answer: oneshot::Sender<Answer>,
}

/// What to show; dropped when it was shown.
#[derive(Debug)]
struct Answer {
    verdict: Verdict,
    _shown: oneshot::Sender<()>,
}

impl LoopbackListener {
    /// Opens the port: on `127.0.0.1` and `::1` both when the host is `localhost`, which may mean either.
    pub async fn bind(redirect: &LoopbackRedirect, clock: &Clock) -> Result<Self, RedirectError> {
        let (port, listeners) = bind::open(&redirect.host, redirect.port).await?;
        let (arrived, arrivals) = mpsc::channel(1);
        let mut doors = JoinSet::new();
        for listener in listeners {
            let door = connection::Door {
                path: redirect.path.clone(),
                arrived: arrived.clone(),
                clock: clock.clone(),
            };
            doors.spawn(connection::welcome(listener, door));
        }
        Ok(Self {
            uri: redirect.uri(port),
            arrivals,
            clock: clock.clone(),
            _doors: doors,
        })
    }

    /// The redirect URI to register and to send, verbatim.
    pub fn redirect_uri(&self) -> &str {
        &self.uri
    }

    /// Waits for the response to `pending` until `deadline`; everything else is answered and forgotten.
    ///
    /// Returns when the browser has been shown its page. Keep the listener until the sign-in is over, so that a
    /// reload of that page finds somebody.
    pub async fn wait(
        &mut self,
        pending: &PendingAuthorization,
        deadline: Timestamp,
    ) -> Result<AuthorizationResponse, RedirectError> {
        let clock = self.clock.clone();
        tokio::select! {
            response = self.awaited(pending) => response.ok_or(RedirectError::TimedOut),
            () = clock.sleep_until(deadline) => Err(RedirectError::TimedOut),
        }
    }

    async fn awaited(&mut self, pending: &PendingAuthorization) -> Option<AuthorizationResponse> {
        loop {
            let Arrival { response, answer } = self.arrivals.recv().await?;
            let verdict = pending.verdict(&response);
            let (shown, page_shown) = oneshot::channel();
            // A browser that is gone already is no reason to drop its answer.
            let _ = answer.send(Answer {
                verdict,
                _shown: shown,
            });
            if verdict != Verdict::Foreign {
                self.arrivals.close();
                let _ = page_shown.await;
                return Some(response);
            }
        }
    }
}

#[cfg(test)]
mod tests;
