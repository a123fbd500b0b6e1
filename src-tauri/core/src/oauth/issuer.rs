//! The issuer identifier of an authorization server (RFC 8414 §2).

use std::fmt;

use serde::Serialize;
use url::Url;

use super::endpoint::{Endpoint, EndpointError};

/// An issuer identifier, compared by its exact text.
///
/// RFC 8414 §3.3 and RFC 9207 §2.4 demand identity by simple string comparison, so the text is kept as received: a
/// lost trailing slash would make a mix-up attack look like a typo, and the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// Accepts an https (or loopback http) URL without query and fragment (RFC 8414 §2).
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Endpoint::parse(text)?;
        if url.as_url().query().is_some() || url.as_url().fragment().is_some() {
            return Err(EndpointError::NotAnIssuer);
        }
        Ok(Self(text.to_owned()))
    }

    /// The identifier exactly as received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier as a URL, to build the well-known URLs from.
    pub fn to_url(&self) -> Result<Url, EndpointError> {
        Endpoint::parse(&self.0).map(Endpoint::into_url)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_makes_another_issuer() {
        let with = Issuer::parse("https://as.example/").expect("valid");
        let without = Issuer::parse("https://as.example").expect("valid");
        assert_ne!(with, without);
        assert_eq!(with.as_str(), "https://as.example/");
    }

    #[test]
    fn an_issuer_has_neither_query_nor_fragment() {
        assert!(Issuer::parse("https://as.example/?tenant=1").is_err());
        assert!(Issuer::parse("https://as.example/#x").is_err());
    }
}
