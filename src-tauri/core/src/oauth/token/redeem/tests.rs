//! One code, one request, one grant.

use std::time::Duration;

use axum::response::Response;
use serde_json::json;

use super::*;
use crate::{
    clock::Clock,
    oauth::{
        authorization::AuthorizationResponse,
        client::ClientAuthMethod,
        testing::{Server, client, discovery, grant, http, json as answer, pending, start},
    },
};

fn redeemable(server: &Server) -> RedeemableCode {
    let (pending, state) = pending(&discovery(&server.url));
    let response = AuthorizationResponse::parse(&format!("code=the+code&state={state}")).expect("parses");
    pending.accept(response).expect("accepted")
}

#[tokio::test]
async fn a_code_is_redeemed_with_verifier_redirect_uri_and_resource_and_becomes_a_grant() {
    let server = Server::start(|_| {
        answer(
            200,
            &json!({"access_token": "t", "expires_in": 60, "workspace_name": "Acme"}),
        )
    })
    .await;
    let (clock, _hand) = Clock::manual(start());
    let code = redeemable(&server);
    let verifier = code.verifier.secret().clone();
    let redeemed = redeem(&http(&clock), code, &client()).await.expect("redeemed");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, "/token");
    assert_eq!(seen[0].headers["accept"], "application/json");
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "the code"),
        ("redirect_uri", "http://127.0.0.1:1/oauth/callback"),
        ("code_verifier", verifier.as_str()),
        ("resource", "https://mcp.example"),
        ("client_id", "client-1"),
    ] {
        assert_eq!(seen[0].value(name), Some(value), "{name}");
    }
    assert_eq!(seen[0].value("client_secret"), None);
    let grant = redeemed.into_grant(grant(&server.url).key, client());
    assert_eq!(grant.tokens.expires_at, Some(start() + Duration::from_mins(1)));
    assert_eq!(grant.tokens.scope, Scopes::parse("read write"));
    assert_eq!(grant.requested_scope, Scopes::parse("read write"));
    assert_eq!(
        grant.resource.map(|resource| resource.to_string()).as_deref(),
        Some("https://mcp.example")
    );
    assert_eq!(grant.identity.workspace.as_deref(), Some("Acme"));
    assert_eq!(grant.standing, Standing::Good);
    assert_eq!(grant.authenticated_at, start());
}

#[tokio::test]
async fn a_client_of_another_issuer_is_never_shown_to_this_one() {
    let server = Server::start(|_| answer(200, &json!({"access_token": "t"}))).await;
    let mut foreign = client();
    foreign.issuer = Issuer::parse("https://other.example").expect("valid");
    let refused = redeem(&http(&Clock::system()), redeemable(&server), &foreign).await;
    assert!(matches!(refused, Err(TokenError::ForeignClient { .. })));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let server = Server::start(|_| {
        let moved = Response::builder().status(307).header("location", "/elsewhere");
        moved.body("".into()).expect("a response")
    })
    .await;
    let outcome = redeem(&http(&Clock::system()), redeemable(&server), &client()).await;
    assert!(matches!(outcome, Err(TokenError::Unreadable { status: 307, .. })));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_client_that_cannot_authenticate_makes_no_request() {
    let server = Server::start(|_| answer(200, &json!({"access_token": "t"}))).await;
    let mut client = client();
    client.auth_method = ClientAuthMethod::ClientSecretBasic;
    client.client_secret = None;
    let outcome = redeem(&http(&Clock::system()), redeemable(&server), &client).await;
    assert!(matches!(outcome, Err(TokenError::Client(_))));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_unreachable_server_is_no_rejection() {
    let closed = Server::start(|_| answer(200, &json!({}))).await;
    let code = redeemable(&closed);
    drop(closed);
    let outcome = redeem(&http(&Clock::system()), code, &client()).await;
    assert!(matches!(outcome, Err(TokenError::Unanswered(_))), "{outcome:?}");
}
