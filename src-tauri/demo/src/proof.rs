//! Proofs of possession (RFC 9449): checked as §4.3 says, every one of them once.

use std::sync::Arc;

use axum::response::Response;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderName;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

use crate::{
    incoming::Incoming,
    now::epoch_seconds,
    options::DpopBinding,
    reply::{OAuthError, with_header},
    secret::Digest,
    world::World,
};

/// The one algorithm accepted.
pub(crate) const ES256: &str = "ES256";

const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// How far a proof's `iat` may be from our clock, in seconds.
const LEEWAY: u64 = 60;

/// Why a proof is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// It is none, or none for this request.
    Invalid(&'static str),
    /// It lacks our nonce (§8, §9).
    UseNonce,
}

impl From<Unproven> for OAuthError {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Invalid(reason) => Self::new("invalid_dpop_proof", reason),
            Unproven::UseNonce => Self::new("use_dpop_nonce", "the proof needs the nonce of this answer"),
        }
    }
}

/// Whose nonce it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    AuthorizationServer,
    Resource,
}

impl Side {
    fn of(incoming: &Incoming) -> Self {
        match incoming.path.as_str() {
            "/token" => Self::AuthorizationServer,
            _ => Self::Resource,
        }
    }

    fn nonce(self, world: &World) -> String {
        let side = match self {
            Self::AuthorizationServer => "as",
            Self::Resource => "rs",
        };
        format!("{side}-nonce-{}", world.nonces())
    }
}

/// The thumbprint (RFC 7638) of the key that this request proves; none without a proof, or where keys mean nothing.
///
/// `token` is the access token that goes along (§7).
pub(crate) fn key(
    world: &World,
    incoming: &Incoming,
    token: Option<&str>,
) -> Result<Option<String>, Unproven> {
    let rules = world.options().dpop;
    if rules.binding == DpopBinding::Off || !incoming.headers.contains_key("dpop") {
        return Ok(None);
    }
    let field = incoming
        .header("dpop")
        .ok_or(Unproven::Invalid("more than one proof"))?;
    let (claims, thumbprint) = verified(field).ok_or(Unproven::Invalid("no proof signed with ES256"))?;
    check(world, incoming, &claims)?;
    let hash = token.map(|token| Digest::of(token).code_challenge());
    if claims["ath"].as_str() != hash.as_deref() {
        return Err(Unproven::Invalid("ath is not the hash of the token"));
    }
    let nonce = claims["nonce"].as_str();
    if rules.nonces && nonce != Some(&Side::of(incoming).nonce(world)) {
        return Err(Unproven::UseNonce);
    }
    Ok(Some(thumbprint))
}

fn check(world: &World, incoming: &Incoming, claims: &Value) -> Result<(), Unproven> {
    let jti = claims["jti"].as_str().filter(|jti| !jti.is_empty());
    let jti = jti.ok_or(Unproven::Invalid("jti is missing"))?;
    if !world.first_use(jti) {
        return Err(Unproven::Invalid("the proof was used before"));
    }
    if claims["htm"] != incoming.method.as_str() {
        return Err(Unproven::Invalid("htm is another method"));
    }
    if claims["htu"] != world.url(&incoming.path).as_str() {
        return Err(Unproven::Invalid("htu is another address"));
    }
    let iat = claims["iat"].as_u64().unwrap_or_default();
    if iat.abs_diff(epoch_seconds(world.now())) > LEEWAY {
        return Err(Unproven::Invalid("iat is not now"));
    }
    Ok(())
}

/// Claims and thumbprint of a proof that was signed with the key in its own header.
fn verified(proof: &str) -> Option<(Value, String)> {
    let (input, signature) = proof.rsplit_once('.')?;
    let (header, claims) = input.split_once('.')?;
    let part = |text: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
    let (header, claims) = (part(header)?, part(claims)?);
    let jwk = &header["jwk"];
    let fits = header["typ"] == "dpop+jwt" && header["alg"] == ES256 && jwk.get("d").is_none();
    if !fits || jwk["kty"] != "EC" || jwk["crv"] != "P-256" {
        return None;
    }
    let (x, y) = (jwk["x"].as_str()?, jwk["y"].as_str()?);
    let coordinate = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .filter(|bytes| bytes.len() == 32)
    };
    // SEC 1 §2.3.3: an uncompressed point.
    let point = [vec![4], coordinate(x)?, coordinate(y)?].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?)
        .ok()?;
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Some((claims, Digest::of(&members).code_challenge()))
}

/// Every answer carries the nonce to use next, where nonces are used (§8.2).
pub(crate) fn with_nonce(world: &Arc<World>, incoming: &Incoming, response: Response) -> Response {
    let policy = world.options().dpop;
    if policy.binding == DpopBinding::Off || !policy.nonces {
        return response;
    }
    with_header(response, &NONCE, &Side::of(incoming).nonce(world))
}
