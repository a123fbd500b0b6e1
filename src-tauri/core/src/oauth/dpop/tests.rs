//! Proofs as a server checks them, the RFC's own vectors, and when a key is made at all.

use super::*;
use crate::oauth::{
    signing_key::tests::verified,
    testing::{discovery, http, start},
};

fn prover() -> Prover {
    Prover::new(DpopKey::generate().expect("a key"), Clock::manual(start()).0)
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("valid")
}

/// The claims of a proof, whose signature was verified with the key in its own header.
fn claims(prover: &Prover, proof: &HeaderValue) -> Value {
    assert!(proof.is_sensitive());
    let proof = proof.to_str().expect("ascii");
    let header = proof.split('.').next().expect("a header");
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON");
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("dpop+jwt"), &json!("ES256"))
    );
    let jwk = &header["jwk"];
    let coordinate = |name: &str| {
        URL_SAFE_NO_PAD
            .decode(jwk[name].as_str().expect("text"))
            .expect("base64url")
    };
    assert_eq!(
        jwk.as_object().expect("an object").len(),
        4,
        "the public members, and no other"
    );
    assert_eq!(
        thumbprint(jwk["x"].as_str().expect("text"), jwk["y"].as_str().expect("text")),
        prover.key().thumbprint()
    );
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    verified(proof, &point)
}

fn given(nonce: &str) -> HeaderMap {
    HeaderMap::from_iter([(DPOP_NONCE, HeaderValue::try_from(nonce).expect("a value"))])
}

#[test]
fn a_proof_is_for_one_method_one_address_and_one_instant() {
    let prover = prover();
    let address = url("https://user:word@mcp.example/a%20b/?token=x#part");
    let proof = prover.prove((&Method::DELETE, &address), None).expect("a proof");
    let claims = claims(&prover, &proof);
    assert_eq!(claims["htm"], "DELETE");
    assert_eq!(claims["htu"], "https://mcp.example/a%20b/");
    assert_eq!(claims["iat"], start().as_second());
    assert!(
        claims.get("ath").is_none() && claims.get("nonce").is_none(),
        "{claims}"
    );
}

#[test]
fn no_two_proofs_are_alike() {
    let prover = prover();
    let address = url("https://mcp.example/mcp");
    let jti = || {
        let proof = prover.prove((&Method::POST, &address), None).expect("a proof");
        claims(&prover, &proof)["jti"].clone()
    };
    assert_ne!(jti(), jti());
}

#[test]
fn the_hash_of_the_token_is_that_of_the_rfc() {
    let prover = prover();
    let token = AccessToken::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU".to_owned());
    let proof = prover.prove(
        (&Method::GET, &url("https://resource.example.org/")),
        Some(&token),
    );
    let claims = claims(&prover, &proof.expect("a proof"));
    assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
}

#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    let (x, y) = (
        "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    );
    assert_eq!(thumbprint(x, y), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn a_key_that_was_sealed_and_opened_is_the_same() {
    let key = DpopKey::generate().expect("a key");
    let opened = DpopKey::from_pkcs8(key.pkcs8()).expect("a key");
    assert_eq!(opened.thumbprint(), key.thumbprint());
    assert!(DpopKey::from_pkcs8(b"damaged").is_err());
    assert_eq!(format!("{key:?}"), "DpopKey([redacted])");
}

#[test]
fn the_last_nonce_goes_into_every_proof_and_what_is_none_is_ignored() {
    let prover = prover();
    let shared = prover.clone();
    assert!(prover.learn(&given("n-1")) && shared.learn(&given("n-2")));
    for nonsense in ["", "with space", "quo\"te", &"x".repeat(MAX_NONCE + 1)] {
        assert!(!prover.learn(&given(nonsense)), "{nonsense}");
    }
    assert!(!prover.learn(&HeaderMap::new()));
    let proof = prover.prove((&Method::POST, &url("https://as.example/token")), None);
    assert_eq!(claims(&prover, &proof.expect("a proof"))["nonce"], "n-2");
}

#[test]
fn only_a_401_with_that_very_error_is_a_wish_for_a_nonce() {
    let wish = |status: u16, field: &'static str| {
        let headers =
            HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, HeaderValue::from_static(field))]);
        is_nonce_challenge(StatusCode::from_u16(status).expect("a status"), &headers)
    };
    assert!(wish(401, r#"DPoP error="use_dpop_nonce", error_description="x""#));
    assert!(wish(401, r#"Bearer realm="x", DPoP error=use_dpop_nonce"#));
    assert!(!wish(403, r#"DPoP error="use_dpop_nonce""#));
    assert!(!wish(401, r#"DPoP error="invalid_token""#));
    assert!(!wish(401, r#"Bearer error="use_dpop_nonce""#));
}

fn chosen(choice: DpopChoice, binding: Binding, algorithms: Option<&[&str]>) -> Result<bool, DpopError> {
    let mut discovery = discovery("https://as.example");
    discovery.dpop = binding;
    discovery.server.dpop_signing_alg_values_supported =
        algorithms.map(|all| all.iter().map(|&algorithm| algorithm.to_owned()).collect());
    choose(&http(&Clock::system()), choice, &discovery).map(|key| key.is_some())
}

#[test]
fn a_key_is_made_where_the_server_asks_for_it_and_not_where_nobody_does() {
    use Binding::{Offered, Required, Unmentioned};
    use DpopChoice::{Auto, Off, Require};
    let ours: Option<&[&str]> = Some(&["RS256", "ES256"]);
    for (choice, binding, algorithms, made) in [
        (Auto, Unmentioned, ours, false),
        (Auto, Offered, ours, true),
        (Auto, Offered, None, false),
        (Auto, Offered, Some(&["RS256"][..]), false),
        (Auto, Required, ours, true),
        (Auto, Required, None, true),
        (Off, Required, ours, false),
        (Require, Unmentioned, None, true),
    ] {
        assert_eq!(
            chosen(choice, binding, algorithms),
            Ok(made),
            "{choice:?} {binding:?} {algorithms:?}"
        );
    }
    for (choice, binding) in [(Auto, Required), (Require, Unmentioned)] {
        let refused = chosen(choice, binding, Some(&["RS256"]));
        assert!(
            matches!(refused, Err(DpopError::Unsupported { .. })),
            "{refused:?}"
        );
    }
}
