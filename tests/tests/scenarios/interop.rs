//! Against oidc-provider, a certified authorization server that knows nothing of this product.
//!
//! What the product says of its own grant is checked at the provider: by introspection, or by presenting it there.

use std::{collections::HashSet, error::Error, sync::Arc, time::Duration};

use jiff::Timestamp;
use omlx_mcp::{
    AuthStatus, ConnectionStatus, Event,
    clock::Clock,
    connection::SignInOptions,
    handle::{Handle, Server},
    oauth::grant::Grant,
    sign_out::SignOutStep,
    store::{Home, Vault},
};
use omlx_tests::{Desk, Provider, TestResult, Witness};
use serde_json::{Value, json};

/// Longer than an access token lives, shorter than a refresh token does.
const TWO_HOURS: Duration = Duration::from_hours(2);

struct Scene {
    provider: Provider,
    desk: Desk,
}

impl Scene {
    async fn new() -> Result<Self, Box<dyn Error>> {
        Self::before(Provider::start().await?)
    }

    fn before(provider: Provider) -> Result<Self, Box<dyn Error>> {
        let desk = Desk::with_server(provider.mcp_url())?;
        Ok(Self { provider, desk })
    }

    /// A running core that somebody has just signed in with.
    async fn signed_in(&self) -> Result<(Handle, Server), Box<dyn Error>> {
        let core = self.desk.start()?;
        let server = core.server("demo")?;
        let signed_in = server.sign_in(SignInOptions::default()).await;
        let snapshot = signed_in.map_err(|problem| problem.message)?.snapshot;
        assert_eq!(snapshot.auth, AuthStatus::Authenticated);
        assert_eq!(snapshot.connection, ConnectionStatus::Connected);
        Ok((core, server))
    }

    /// The grant as it is stored.
    async fn grant(&self) -> Result<Option<Grant>, Box<dyn Error>> {
        let home = Home::at(self.desk.home_path());
        let vault = Vault::open(&home, Arc::new(self.desk.keychain.clone()));
        let Some(stored) = vault.summaries().into_iter().next() else {
            return Ok(None);
        };
        Ok(vault.load(&stored).await?)
    }

    async fn introspect(&self, witness: &Witness, token: &str) -> Result<Value, Box<dyn Error>> {
        let form = [("token", token)];
        let (status, answer) = self
            .provider
            .ask("/token/introspection", &form, Some(witness))
            .await?;
        assert_eq!(status, 200);
        Ok(answer)
    }
}

fn refresh_token(grant: &Grant) -> &str {
    grant
        .tokens
        .refresh_token
        .as_ref()
        .map_or("", |token| token.secret().as_str())
}

async fn add(server: &Server) -> Result<String, String> {
    let arguments = json!({ "a": 2, "b": 40 })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let result = server.call("add", arguments).await;
    result
        .map(|result| format!("{:?}", result.content))
        .map_err(|problem| problem.code.into_owned())
}

#[tokio::test]
async fn a_stranger_registers_proves_itself_and_gets_a_token_for_this_server_alone() -> TestResult {
    let scene = Scene::new().await?;
    let witness = scene.provider.witness().await?;
    let (core, server) = scene.signed_in().await?;
    assert!(add(&server).await?.contains("42"));
    assert_eq!(server.tools().await.map_err(|problem| problem.message)?.len(), 2);

    let redeemed = scene.provider.token_requests("authorization_code").await?;
    assert_eq!(redeemed.len(), 1);
    assert_eq!(redeemed[0]["resource"], scene.provider.mcp_url());
    let grant = scene.grant().await?.ok_or("no grant")?;
    assert_eq!(grant.issuer.as_str(), scene.provider.issuer());
    let token = scene
        .introspect(&witness, grant.tokens.access_token.secret())
        .await?;
    assert_eq!(token["active"], true);
    assert_eq!(token["aud"], scene.provider.mcp_url());
    assert_eq!(token["client_id"], grant.client.client_id.as_str());
    assert_eq!(token["scope"], "notes:read notes:write");
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_over_is_replaced_and_the_call_goes_through() -> TestResult {
    let scene = Scene::new().await?;
    let (core, server) = scene.signed_in().await?;
    for rotation in 1..=3 {
        scene.provider.forward(TWO_HOURS).await?;
        assert!(add(&server).await?.contains("42"));
        let refreshes = scene.provider.token_requests("refresh_token").await?;
        assert_eq!(refreshes.len(), rotation);
        assert_eq!(refreshes[rotation - 1]["resource"], scene.provider.mcp_url());
        let used: HashSet<_> = refreshes
            .iter()
            .map(|request| request["refresh"].as_str())
            .collect();
        assert_eq!(used.len(), rotation, "each refresh token is used once");
    }
    assert_eq!(scene.desk.browser.windows(), 1);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_known_to_be_over_is_replaced_before_it_is_sent() -> TestResult {
    let mut scene = Scene::new().await?;
    let (clock, hands) = Clock::manual(Timestamp::now());
    scene.desk.clock = clock;
    let (core, _) = scene.signed_in().await?;
    core.stop().await;
    let before = scene.provider.calls().await?.len();
    scene.provider.forward(TWO_HOURS).await?;
    hands.advance(TWO_HOURS);
    let core = scene.desk.start()?;
    assert!(add(&core.server("demo")?).await?.contains("42"));
    let calls = scene.provider.calls().await?;
    let refused = |call: &&Value| call["authorized"] == false;
    assert_eq!(calls[before..].iter().filter(refused).count(), 0);
    assert_eq!(scene.provider.token_requests("refresh_token").await?.len(), 1);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_replayed_refresh_token_ends_the_family_and_the_person_is_asked_once() -> TestResult {
    let scene = Scene::new().await?;
    let (core, server) = scene.signed_in().await?;
    let stolen = scene.grant().await?.ok_or("no grant")?;
    scene.provider.forward(TWO_HOURS).await?;
    assert!(add(&server).await?.contains("42"));
    let replay = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token(&stolen)),
        ("client_id", stolen.client.client_id.as_str()),
    ];
    let (status, answer) = scene.provider.ask("/token", &replay, None).await?;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));

    let mut events = core.events();
    for _ in 0..3 {
        assert!(add(&server).await.is_err());
    }
    let mut board = core.snapshot();
    board
        .wait_for(|all| all.servers[0].auth == AuthStatus::RefreshFailed)
        .await?;
    let problem = server.snapshot().problem.ok_or("no problem")?;
    assert_eq!(problem.code, "refresh_rejected");
    let mut asked = 0;
    while let Ok(event) = events.try_recv() {
        asked += usize::from(matches!(event, Event::AttentionNeeded { .. }));
    }
    assert_eq!(asked, 1);
    let refreshes = scene.provider.token_requests("refresh_token").await?;
    assert_eq!(
        refreshes.len(),
        3,
        "one that worked, the thief's, one that was rejected"
    );
    assert_eq!(scene.desk.browser.windows(), 1);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_restart_keeps_the_sign_in() -> TestResult {
    let scene = Scene::new().await?;
    let (core, _) = scene.signed_in().await?;
    core.stop().await;
    let before = scene.provider.calls().await?.len();
    let core = scene.desk.start()?;
    let server = core.server("demo")?;
    assert_eq!(server.settled().await.auth, AuthStatus::Authenticated);
    assert!(add(&server).await?.contains("42"));
    let calls = scene.provider.calls().await?;
    let asked = |call: &&Value| call["at"] == "authorization server";
    assert_eq!(calls[before..].iter().filter(asked).count(), 0);
    assert_eq!(scene.desk.browser.windows(), 1);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_tokens_and_registration_at_the_provider_too() -> TestResult {
    let scene = Scene::new().await?;
    let witness = scene.provider.witness().await?;
    let (core, server) = scene.signed_in().await?;
    let grant = scene.grant().await?.ok_or("no grant")?;
    let report = server.sign_out().await.map_err(|problem| problem.message)?;
    assert_eq!(report.refresh_token, SignOutStep::Done);
    assert_eq!(report.access_token, SignOutStep::Done);
    assert_eq!(report.registration, SignOutStep::Done);
    assert!(report.wiped);

    for token in [refresh_token(&grant), grant.tokens.access_token.secret()] {
        assert_eq!(scene.introspect(&witness, token).await?["active"], false);
    }
    let again = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token(&grant)),
        ("client_id", grant.client.client_id.as_str()),
    ];
    let (_, answer) = scene.provider.ask("/token", &again, None).await?;
    assert_eq!(answer["error"], "invalid_client", "the registration is gone");
    assert!(scene.grant().await?.is_none());
    assert_eq!(server.snapshot().auth, AuthStatus::NotAuthenticated);
    core.stop().await;
    Ok(())
}

#[tokio::test]
async fn two_processes_with_one_expired_grant_refresh_it_once() -> TestResult {
    let scene = Scene::new().await?;
    let (core, _) = scene.signed_in().await?;
    core.stop().await;
    scene.provider.forward(TWO_HOURS).await?;
    let (one, other) = (scene.desk.start()?, scene.desk.start()?);
    let (first, second) = (one.server("demo")?, other.server("demo")?);
    let (first_sum, second_sum) = tokio::join!(add(&first), add(&second));
    assert!(first_sum?.contains("42") && second_sum?.contains("42"));
    assert_eq!(scene.provider.token_requests("refresh_token").await?.len(), 1);

    // The family is alive: the next refresh works too.
    scene.provider.forward(TWO_HOURS).await?;
    assert!(add(&first).await?.contains("42"));
    assert_eq!(scene.provider.token_requests("refresh_token").await?.len(), 2);
    one.stop().await;
    other.stop().await;
    Ok(())
}

#[tokio::test]
async fn tokens_are_bound_to_a_key_that_is_proven_anew_to_both_servers() -> TestResult {
    let scene = Scene::before(Provider::start_binding().await?)?;
    let witness = scene.provider.witness().await?;
    let (core, server) = scene.signed_in().await?;
    assert!(add(&server).await?.contains("42"));
    let grant = scene.grant().await?.ok_or("no grant")?;
    let key = grant.dpop.as_ref().ok_or("no key")?.thumbprint();
    let token = scene
        .introspect(&witness, grant.tokens.access_token.secret())
        .await?;
    assert_eq!(token["cnf"]["jkt"], key);

    scene.provider.forward(TWO_HOURS).await?;
    core.stop().await;
    let core = scene.desk.start()?;
    assert!(add(&core.server("demo")?).await?.contains("42"));
    assert_eq!(scene.desk.browser.windows(), 1);

    let calls = scene.provider.calls().await?;
    let proofs: Vec<_> = calls.iter().filter_map(|call| call["proof"].as_str()).collect();
    let distinct: HashSet<_> = proofs.iter().collect();
    assert!(proofs.len() > 6 && distinct.len() == proofs.len(), "{proofs:?}");
    core.stop().await;
    Ok(())
}
