//! The keys of the grants in which no person takes part: what proves who we are, and where it is kept.

use std::{fmt, path::PathBuf};

use oauth2::ClientSecret;

use super::{
    auth::{endpoint, named, owned, unset, word},
    environment::Environment,
    fields::Fields,
    flaw::Flaw,
    model::{GrantType, NamedSecret},
    parse::Notes,
};
use crate::oauth::endpoint::Endpoint;

/// The keys of this part of the block.
pub(super) const KEYS: &[&str] = &[
    "private_key_file",
    "private_key_env",
    "signing_alg",
    "assertion_file",
    "assertion_env",
    "idp_token_url",
    "idp_client_id",
    "idp_client_secret_env",
    "id_token_file",
    "id_token_env",
];

const ALGORITHMS: &[(&str, SigningAlgorithm)] = &[
    ("ES256", SigningAlgorithm::Es256),
    ("RS256", SigningAlgorithm::Rs256),
    ("EdDSA", SigningAlgorithm::EdDsa),
];

/// What the grants without a person need beside client id and secret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnattendedConfig {
    /// `private_key_file` or `private_key_env`: PKCS #8 in PEM, for `private_key_jwt`.
    pub private_key: Option<SecretSource>,
    /// `signing_alg`; none leaves it to the key.
    pub signing_alg: Option<SigningAlgorithm>,
    /// `assertion_file` or `assertion_env`: the token the platform gives its workloads.
    pub assertion: Option<SecretSource>,
    /// `idp_token_url`
    pub idp_token_endpoint: Option<Endpoint>,
    /// `idp_client_id`
    pub idp_client_id: Option<String>,
    /// The value of the variable named by `idp_client_secret_env`.
    pub idp_client_secret: Option<NamedSecret>,
    /// `id_token_file` or `id_token_env`: what the identity provider says of the user.
    pub id_token: Option<SecretSource>,
}

/// `auth.signing_alg` (RFC 7518 §3.1, RFC 8037 §3.1)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256.
    Es256,
    /// RSASSA-PKCS1-v1_5.
    Rs256,
    /// Ed25519.
    EdDsa,
}

/// Where a secret is that others write and replace: read anew each time it is needed.
#[derive(Clone)]
pub enum SecretSource {
    /// A file.
    File(PathBuf),
    /// A variable's name, and its value at the time the config file was read.
    Variable(String, ClientSecret),
}

impl PartialEq for SecretSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(own), Self::File(other)) => own == other,
            (Self::Variable(own, value), Self::Variable(other, theirs)) => {
                own == other && value.secret() == theirs.secret()
            }
            _ => false,
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name, _) => f.write_str(name),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretSource({self})")
    }
}

/// Reads these keys, and says which are missing for `grant`.
pub(super) fn parse(
    fields: Fields<'_>,
    (env, grant): (&Environment, GrantType),
    notes: &mut Notes,
) -> Result<UnattendedConfig, Flaw> {
    complete(fields, grant)?;
    let mut source = |file, variable| source(fields, (env, file, variable), notes);
    let (private_key, assertion, id_token) = (
        source("private_key_file", "private_key_env")?,
        source("assertion_file", "assertion_env")?,
        source("id_token_file", "id_token_env")?,
    );
    let idp_client_secret = match variable(fields, (env, "idp_client_secret_env"), notes)? {
        Some(SecretSource::Variable(name, value)) => Some(named(&name, value.secret().clone())),
        _ => None,
    };
    Ok(UnattendedConfig {
        private_key,
        signing_alg: word(fields, "signing_alg", ALGORITHMS)?,
        assertion,
        idp_token_endpoint: endpoint(fields, "idp_token_url")?,
        idp_client_id: owned(fields, "idp_client_id")?,
        idp_client_secret,
        id_token,
    })
}

/// What cannot work is said before it is tried.
fn complete(fields: Fields<'_>, grant: GrantType) -> Result<(), Flaw> {
    let has = |keys: &[&str]| keys.iter().any(|key| fields.value(key).is_some());
    let needs: &[(&[&str], &str)] = match grant {
        GrantType::AuthorizationCode | GrantType::DeviceCode => {
            if let Some(key) = KEYS.iter().find(|key| has(&[key])) {
                let expected = "left out, or a grant be chosen in which no person takes part";
                return Err(fields.invalid(key, expected));
            }
            return Ok(());
        }
        GrantType::ClientCredentials => &[(
            &[
                "client_secret",
                "client_secret_env",
                "private_key_file",
                "private_key_env",
            ],
            "client_secret_env or private_key_file",
        )],
        GrantType::JwtBearer => &[(&["assertion_file", "assertion_env"], "assertion_file")],
        GrantType::Enterprise => &[
            (&["idp_token_url"], "idp_token_url"),
            (&["idp_client_id"], "idp_client_id"),
            (&["id_token_file", "id_token_env"], "id_token_file"),
        ],
    };
    let client: (&[&str], &str) = (&["client_id"], "client_id");
    let missing = std::iter::once(&client).chain(needs).find(|(keys, _)| !has(keys));
    missing.map_or(Ok(()), |(_, named)| {
        Err(fields.invalid("grant", format!("accompanied by {named}")))
    })
}

fn source(
    fields: Fields<'_>,
    (env, file, name): (&Environment, &str, &str),
    notes: &mut Notes,
) -> Result<Option<SecretSource>, Flaw> {
    match fields.non_empty(file)? {
        Some(path) => Ok(Some(SecretSource::File(env.path(path)))),
        None => variable(fields, (env, name), notes),
    }
}

fn variable(
    fields: Fields<'_>,
    (env, key): (&Environment, &str),
    notes: &mut Notes,
) -> Result<Option<SecretSource>, Flaw> {
    let Some(name) = fields.non_empty(key)? else {
        return Ok(None);
    };
    let value = env.non_empty(name);
    if value.is_none() {
        notes.warn(&unset(fields, key, name));
    }
    Ok(value.map(|value| SecretSource::Variable(name.to_owned(), ClientSecret::new(value))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::{AuthConfig, Config, Format};

    /// The block as it was read, and every note.
    fn parsed(auth: &Value) -> (Option<AuthConfig>, String) {
        let document = json!({"servers": {"s": {"url": "https://s.example/mcp", "auth": auth}}});
        let env = Environment::of([("TOKEN", "planted-token"), ("HOME", "/home/u")]);
        let config = Config::parse(&document.to_string(), Format::Json, &env);
        let auth = config.servers.values().next().map(|server| server.auth.clone());
        (auth, format!("{:?}", config.notes))
    }

    #[test]
    fn a_key_and_an_assertion_are_kept_by_where_they_are_and_never_shown() {
        let (auth, notes) = parsed(&json!({
            "grant": "client_credentials", "client_id": "x", "private_key_file": "~/key.pem", "signing_alg": "es256",
        }));
        let unattended = auth.expect("usable").unattended;
        assert_eq!(
            unattended.private_key,
            Some(SecretSource::File("/home/u/key.pem".into()))
        );
        assert_eq!(unattended.signing_alg, Some(SigningAlgorithm::Es256));
        assert_eq!(notes, "[]");
        let (auth, _) = parsed(&json!({"grant": "jwt_bearer", "client_id": "x", "assertion_env": "TOKEN"}));
        let auth = auth.expect("usable");
        assert!(
            matches!(&auth.unattended.assertion, Some(SecretSource::Variable(name, _)) if name == "TOKEN")
        );
        assert!(!format!("{auth:?}").contains("planted"), "{auth:?}");
    }

    #[test]
    fn what_is_missing_for_a_grant_is_named() {
        for (auth, missing) in [
            (
                json!({"grant": "client_credentials", "client_secret_env": "TOKEN"}),
                "client_id",
            ),
            (
                json!({"grant": "client_credentials", "client_id": "x"}),
                "private_key_file",
            ),
            (json!({"grant": "jwt_bearer", "client_id": "x"}), "assertion_file"),
            (json!({"grant": "enterprise", "client_id": "x"}), "idp_token_url"),
        ] {
            let (_, notes) = parsed(&auth);
            assert!(notes.contains(missing), "{auth}: {notes}");
        }
    }

    #[test]
    fn a_key_that_would_have_no_effect_is_an_error() {
        let (_, notes) = parsed(&json!({"private_key_file": "key.pem"}));
        assert!(notes.contains("private_key_file"), "{notes}");
    }

    #[test]
    fn a_variable_that_is_not_set_is_warned_about() {
        let (auth, notes) =
            parsed(&json!({"grant": "jwt_bearer", "client_id": "x", "assertion_env": "UNSET"}));
        assert_eq!(auth.expect("usable").unattended.assertion, None);
        assert!(notes.contains("UNSET"), "{notes}");
    }
}
