//! The access token as requests need it, and the seam behind which it is replaced.
//!
//! Nothing here refreshes: a [`TokenSource`] says which token to send now, and is told when one was rejected.

use std::{fmt, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use http::HeaderValue;
use oauth2::AccessToken;

use crate::{
    Problem,
    oauth::grant::{TokenSet, TokenType},
};

/// An access token with its `Authorization` header value, built once so that a request only clones a reference.
pub struct Bearer {
    access_token: AccessToken,
    token_type: TokenType,
    authorization: HeaderValue,
}

/// The authorization server issued a token that no header can carry (RFC 6750 §2.1 allows `b64token` only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token contains characters that no header can carry")]
pub struct UnusableToken;

impl Bearer {
    /// Builds the header value, marked sensitive.
    pub fn new(access_token: AccessToken, token_type: TokenType) -> Result<Self, UnusableToken> {
        let scheme = match token_type {
            TokenType::Bearer => "Bearer",
            TokenType::Dpop => "DPoP",
        };
        let text = format!("{scheme} {}", access_token.secret());
        let mut authorization = HeaderValue::try_from(text).map_err(|_| UnusableToken)?;
        authorization.set_sensitive(true);
        Ok(Self {
            access_token,
            token_type,
            authorization,
        })
    }

    /// The token, to name it in a refresh.
    pub fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// How it is presented.
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }

    /// The `Authorization` value, marked sensitive.
    pub fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

impl TryFrom<&TokenSet> for Bearer {
    type Error = UnusableToken;

    fn try_from(tokens: &TokenSet) -> Result<Self, Self::Error> {
        Self::new(tokens.access_token.clone(), tokens.token_type)
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer([redacted])")
    }
}

/// Where requests get their token from.
pub trait TokenSource: Send + Sync {
    /// The token to send now. On the path of every request, so no more than one atomic load.
    fn current(&self) -> Option<Arc<Bearer>>;

    /// The server answered 401 to `sent`: refresh, or find out that someone else did.
    fn rejected<'a>(&'a self, sent: &'a Arc<Bearer>) -> BoxFuture<'a, Verdict>;
}

/// What comes of a rejected token.
#[derive(Debug)]
pub enum Verdict {
    /// Send the request once more, with this token.
    Retry(Arc<Bearer>),
    /// There is none better; the 401 is the answer.
    GiveUp,
    /// Whether there is a better one cannot be found out now (authorization server away, keychain locked). The grant
    /// stands, and the 401 must not be read as signed out.
    Unavailable(Problem),
}

/// No grant: nothing is ever sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnonymousTokens;

impl TokenSource for AnonymousTokens {
    fn current(&self) -> Option<Arc<Bearer>> {
        None
    }

    fn rejected<'a>(&'a self, _sent: &'a Arc<Bearer>) -> BoxFuture<'a, Verdict> {
        std::future::ready(Verdict::GiveUp).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let bearer = Bearer::new(AccessToken::new("s3cret".into()), TokenType::Bearer).expect("usable");
        let bearer = Arc::new(bearer);
        let verdict = Verdict::Retry(Arc::clone(&bearer));
        let shown = format!("{bearer:?} {:?} {verdict:?}", bearer.authorization());
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_token_with_control_characters_never_becomes_a_header() {
        let token = AccessToken::new("a\r\nx-evil: 1".into());
        assert_eq!(Bearer::new(token, TokenType::Bearer).err(), Some(UnusableToken));
    }

    #[test]
    fn the_token_type_decides_the_scheme() {
        let value = |kind| {
            let bearer = Bearer::new(AccessToken::new("t".into()), kind).expect("usable");
            String::from_utf8_lossy(bearer.authorization().as_bytes()).into_owned()
        };
        assert_eq!(value(TokenType::Bearer), "Bearer t");
        assert_eq!(value(TokenType::Dpop), "DPoP t");
    }
}
