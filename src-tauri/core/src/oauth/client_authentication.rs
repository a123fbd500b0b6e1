//! How a client proves itself at the token endpoint (RFC 6749 §2.3): exactly one way per request.
//!
//! The way was settled at registration and is part of [`ClientInformation`]; nothing here guesses, and nothing sends
//! credentials twice, because providers refuse a request that authenticates in two ways.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use oauth2::ClientSecret;

use super::{
    client::{ClientAuthMethod, ClientInformation},
    client_assertion::{self, ASSERTION_TYPE},
    endpoint::Endpoint,
    http::{Http, HttpRequest},
    secret_source::SecretError,
    signing_key::SigningKeyError,
    timeline::Stage,
};
use crate::{Action, Explain};

/// The client cannot authenticate; no request was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthenticationError {
    /// The method needs a secret and the client has none.
    #[error("the authorization server wants a client secret, and this client has none")]
    MissingSecret,
    /// `private_key_jwt` (RFC 7523 §2.2), for which this grant has no key.
    #[error("the authorization server wants a signed client assertion, and this client has no key")]
    MissingKey,
    /// The credentials cannot stand in a header field.
    #[error("the client's credentials cannot be sent in a header field")]
    Unsendable,
    /// The key cannot be read from where the config file says it is.
    #[error(transparent)]
    KeySource(#[from] SecretError),
    /// What was read is no key that can sign.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
}

impl Explain for ClientAuthenticationError {
    fn code(&self) -> &'static str {
        match self {
            Self::MissingSecret => "client_secret_missing",
            Self::MissingKey => "client_key_missing",
            Self::Unsendable => "client_secret_unusable",
            Self::KeySource(error) => error.code(),
            Self::Key(error) => error.code(),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::MissingSecret | Self::MissingKey | Self::Unsendable => Action::EnterClient,
            Self::KeySource(error) => error.action(),
            Self::Key(error) => error.action(),
        }
    }
}

/// A form request to one of the endpoints at which clients authenticate (token, revocation, introspection); built
/// anew for each attempt, since an assertion is good for one.
pub async fn authenticated_form(
    http: &Http,
    (endpoint, stage): (&Endpoint, Stage),
    client: &ClientInformation,
    parameters: &[(&str, &str)],
) -> Result<HttpRequest, ClientAuthenticationError> {
    let id = client.client_id.as_str();
    let form = |own: &[(&str, &str)]| HttpRequest::form(endpoint.clone(), stage, &[parameters, own].concat());
    match client.auth_method {
        ClientAuthMethod::None => Ok(form(&[("client_id", id)])),
        ClientAuthMethod::ClientSecretPost => {
            let secret = secret_of(client)?.secret();
            Ok(form(&[("client_id", id), ("client_secret", secret)]))
        }
        ClientAuthMethod::ClientSecretBasic => {
            let mut request = form(&[]);
            request
                .headers
                .insert(header::AUTHORIZATION, basic(id, secret_of(client)?)?);
            Ok(request)
        }
        ClientAuthMethod::PrivateKeyJwt => {
            let assertion = client_assertion::assertion(http, (client, stage)).await?;
            Ok(form(&[
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", &assertion),
            ]))
        }
    }
}

fn secret_of(client: &ClientInformation) -> Result<&ClientSecret, ClientAuthenticationError> {
    client
        .client_secret
        .as_ref()
        .ok_or(ClientAuthenticationError::MissingSecret)
}

/// RFC 6749 §2.3.1: both parts are form-encoded before they are joined, or a colon in either would split wrongly.
fn basic(id: &str, secret: &ClientSecret) -> Result<HeaderValue, ClientAuthenticationError> {
    let encoded = |part: &str| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    let credentials = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret.secret())));
    let mut value = HeaderValue::try_from(format!("Basic {credentials}"))
        .map_err(|_| ClientAuthenticationError::Unsendable)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use oauth2::ClientId;

    use super::*;
    use crate::{
        clock::Clock,
        oauth::{client::ClientRegistration, issuer::Issuer, testing::http},
    };

    fn client(auth_method: ClientAuthMethod, secret: Option<&str>) -> ClientInformation {
        ClientInformation {
            issuer: Issuer::parse("https://as.example").expect("valid"),
            registration: ClientRegistration::Preregistered,
            client_id: ClientId::new("id:1 ü".to_owned()),
            client_secret: secret.map(|secret| ClientSecret::new(secret.to_owned())),
            client_secret_expires_at: None,
            auth_method,
            key: None,
            redirect_uris: Vec::new(),
            scope: None,
            management: None,
        }
    }

    async fn request(client: &ClientInformation) -> Result<HttpRequest, ClientAuthenticationError> {
        let endpoint = Endpoint::parse("https://as.example/token").expect("valid");
        let http = http(&Clock::system());
        authenticated_form(&http, (&endpoint, Stage::Token), client, &[("grant_type", "x")]).await
    }

    fn body(request: &HttpRequest) -> &str {
        request.body.as_ref().map_or("", |(_, body)| body)
    }

    #[tokio::test]
    async fn a_public_client_sends_its_id_and_never_a_secret_it_may_have_been_given() {
        let request = request(&client(ClientAuthMethod::None, Some("s3cret")))
            .await
            .expect("authenticates");
        assert_eq!(body(&request), "grant_type=x&client_id=id%3A1+%C3%BC");
        assert!(!request.headers.contains_key(header::AUTHORIZATION));
    }

    #[tokio::test]
    async fn a_secret_in_the_body_is_not_repeated_in_a_header() {
        let request = request(&client(ClientAuthMethod::ClientSecretPost, Some("s&3")))
            .await
            .expect("authenticates");
        assert_eq!(
            body(&request),
            "grant_type=x&client_id=id%3A1+%C3%BC&client_secret=s%263"
        );
        assert!(!request.headers.contains_key(header::AUTHORIZATION));
    }

    #[tokio::test]
    async fn basic_credentials_are_form_encoded_first_and_appear_nowhere_else() {
        let request = request(&client(ClientAuthMethod::ClientSecretBasic, Some("a:b c%")))
            .await
            .expect("authenticates");
        let header = &request.headers[header::AUTHORIZATION];
        let encoded = header.to_str().expect("ascii").trim_start_matches("Basic ");
        let decoded = STANDARD.decode(encoded).expect("base64");
        assert_eq!(decoded, b"id%3A1+%C3%BC:a%3Ab+c%25");
        assert!(header.is_sensitive());
        assert_eq!(body(&request), "grant_type=x");
    }

    #[tokio::test]
    async fn a_method_without_its_credential_makes_no_request() {
        for method in [
            ClientAuthMethod::ClientSecretBasic,
            ClientAuthMethod::ClientSecretPost,
        ] {
            assert_eq!(
                request(&client(method, None)).await.err(),
                Some(ClientAuthenticationError::MissingSecret)
            );
        }
        assert_eq!(
            request(&client(ClientAuthMethod::PrivateKeyJwt, None))
                .await
                .err(),
            Some(ClientAuthenticationError::MissingKey)
        );
    }
}
