//! What a request to the demo is about, and how it is told.

use omlx_demo::Call;

/// A part of the journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chapter {
    /// The server refuses.
    Refused,
    /// Metadata.
    Discovery,
    /// Becoming a client.
    Registration,
    /// The consent page.
    Consent,
    /// The token, and whose it is.
    Token,
    /// The tools, listed with the token.
    Tools,
    /// A tool, called.
    Call,
    /// An expired token, replaced.
    Refresh,
    /// Signing out.
    SignOut,
}

impl Chapter {
    /// The chapter a request opens on the way in; none for one that opens none.
    pub(super) fn on_the_way_in(call: &Call) -> Option<Self> {
        let path = call.path.as_str();
        Some(match path {
            _ if path.starts_with("/.well-known/") => Self::Discovery,
            "/register" => Self::Registration,
            "/authorize" | "/consent" => Self::Consent,
            "/token" | "/userinfo" | "/introspect" => Self::Token,
            _ if call.rpc_method.is_some() && call.scheme.is_some() => Self::Tools,
            _ if call.rpc_method.is_some() => Self::Refused,
            _ => return None,
        })
    }

    /// Its heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Refused => "A server that wants a sign-in",
            Self::Discovery => "Who can let us in?",
            Self::Registration => "Becoming a client",
            Self::Consent => "Asking you",
            Self::Token => "A code becomes a token",
            Self::Tools => "The tools",
            Self::Call => "A call",
            Self::Refresh => "The token expires, and nobody notices",
            Self::SignOut => "Signing out",
        }
    }

    /// What it is about, in a sentence or two.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Refused => {
                "The first request is answered 401. A client without OAuth ends here, with no tools."
            }
            Self::Discovery => {
                "The 401 names a document, which names the authorization server, which names its endpoints."
            }
            Self::Registration => {
                "The authorization server registers us on the spot. Nobody types a client id."
            }
            Self::Consent => "You agree on the server's own page; what you type there, it alone sees.",
            Self::Token => {
                "The browser has brought back a code. It is worth a token, once, and to us alone (PKCE)."
            }
            Self::Tools => "The first request again, now with the token.",
            Self::Call => "What a model does with them.",
            Self::Refresh => {
                "The call gets a 401, the token is renewed, the call goes through. No browser, no question."
            }
            Self::SignOut => "Tokens revoked, registration deleted, nothing left on this machine.",
        }
    }
}

/// A stream that only waits for news has no place in the tale, and no fixed time either.
pub(super) fn is_aside(call: &Call) -> bool {
    call.rpc_method.as_deref() == Some("subscriptions/listen")
}

/// `POST /mcp tools/call add → 200`
pub(super) fn line(call: &Call) -> String {
    let about = [call.rpc_method.as_deref(), call.tool.as_deref()];
    let words: Vec<&str> = [call.method.as_str(), call.path.as_str()]
        .into_iter()
        .chain(about.into_iter().flatten())
        .collect();
    let status = call
        .status
        .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    format!("{:<46} → {status}", words.join(" "))
}
