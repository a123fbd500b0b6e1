//! Presenting an access token (RFC 6750 §2.1), with a proof of its key where it is bound to one (RFC 9449 §7.1).

use std::fmt;

use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use oauth2::AccessToken;
use url::Url;

use super::{
    dpop::{DPOP, DpopError, Prover},
    grant::{Grant, TokenType},
};
use crate::clock::Clock;

/// An access token with its `Authorization` header value, built once so that a request only clones a reference.
pub struct Bearer {
    access_token: AccessToken,
    token_type: TokenType,
    authorization: HeaderValue,
    /// For a token that is bound to a key.
    prover: Option<Prover>,
}

/// The stored token cannot be presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableToken {
    /// RFC 6750 §2.1 allows `b64token` only.
    #[error("the access token contains characters that no header can carry")]
    Unsendable,
    /// The key it is bound to (RFC 9449) is not there.
    #[error("the access token is bound to a key that is not there")]
    KeyMissing,
}

impl Bearer {
    /// Builds the header value, marked sensitive.
    pub fn new(access_token: AccessToken, token_type: TokenType) -> Result<Self, UnusableToken> {
        let scheme = match token_type {
            TokenType::Bearer => "Bearer",
            TokenType::Dpop => "DPoP",
        };
        let text = format!("{scheme} {}", access_token.secret());
        let mut authorization = HeaderValue::try_from(text).map_err(|_| UnusableToken::Unsendable)?;
        authorization.set_sensitive(true);
        Ok(Self {
            access_token,
            token_type,
            authorization,
            prover: None,
        })
    }

    /// The token of a grant, with what proves the key it is bound to; `known` goes on with the nonce it has learned.
    pub fn of(grant: &Grant, known: Option<&Prover>, clock: &Clock) -> Result<Self, UnusableToken> {
        let tokens = &grant.tokens;
        let prover = match (tokens.token_type, &grant.dpop) {
            (TokenType::Bearer, _) => None,
            (TokenType::Dpop, None) => return Err(UnusableToken::KeyMissing),
            (TokenType::Dpop, Some(key)) => Some(
                known
                    .filter(|known| known.key().thumbprint() == key.thumbprint())
                    .cloned()
                    .unwrap_or_else(|| Prover::new(key.clone(), clock.clone())),
            ),
        };
        let bearer = Self::new(tokens.access_token.clone(), tokens.token_type)?;
        Ok(Self { prover, ..bearer })
    }

    /// What proves the key the token is bound to; none for a plain bearer token.
    pub fn prover(&self) -> Option<&Prover> {
        self.prover.as_ref()
    }

    /// Puts the token into a request, with a new proof where it is bound to a key (RFC 9449 §7.1).
    pub fn present(&self, headers: &mut HeaderMap, request: (&Method, &Url)) -> Result<(), DpopError> {
        if let Some(prover) = &self.prover {
            headers.insert(DPOP, prover.prove(request, Some(&self.access_token))?);
        }
        headers.insert(AUTHORIZATION, self.authorization.clone());
        Ok(())
    }

    /// The token, to name it in a refresh.
    pub fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// How it is presented.
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let bearer = Bearer::new(AccessToken::new("s3cret".into()), TokenType::Bearer).expect("usable");
        let mut headers = HeaderMap::new();
        let url = Url::parse("https://mcp.example/mcp").expect("valid");
        bearer
            .present(&mut headers, (&Method::POST, &url))
            .expect("nothing to prove");
        let shown = format!("{bearer:?} {headers:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_token_with_control_characters_never_becomes_a_header() {
        let token = AccessToken::new("a\r\nx-evil: 1".into());
        assert_eq!(
            Bearer::new(token, TokenType::Bearer).err(),
            Some(UnusableToken::Unsendable)
        );
    }

    #[test]
    fn the_token_type_decides_the_scheme() {
        let value = |kind| {
            let bearer = Bearer::new(AccessToken::new("t".into()), kind).expect("usable");
            String::from_utf8_lossy(bearer.authorization.as_bytes()).into_owned()
        };
        assert_eq!(value(TokenType::Bearer), "Bearer t");
        assert_eq!(value(TokenType::Dpop), "DPoP t");
    }
}
