use super::*;

#[tokio::test]
async fn a_client_in_the_config_file_is_used_before_anything_else_and_without_a_request() {
    let fake = Fake::start().await;
    let mut discovery = listing(&fake, &["client_secret_post"]);
    discovery.server.client_id_metadata_document_supported = true;
    let public = AuthConfig {
        client_id: Some("mine".to_owned()),
        client_metadata_url: Endpoint::parse("https://h.example/client.json").ok(),
        ..AuthConfig::default()
    };
    let confidential = AuthConfig {
        client_secret: Some(NamedSecret {
            source: "client_secret".to_owned(),
            secret: ClientSecret::new("s3cret".to_owned()),
        }),
        ..public.clone()
    };
    let request = with_stored(stored(&fake.issuer(""), ClientRegistration::Dynamic));
    let client = obtain(&http(), &discovery, &public, request.clone())
        .await
        .unwrap();
    assert_eq!(client.client_id.as_str(), "mine");
    assert_eq!(client.registration, ClientRegistration::Preregistered);
    assert_eq!(client.auth_method, ClientAuthMethod::None);
    let client = obtain(&http(), &discovery, &confidential, request).await.unwrap();
    assert_eq!(client.auth_method, ClientAuthMethod::ClientSecretPost);
    assert_eq!(client.client_secret.unwrap().secret(), "s3cret");
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn a_client_entered_in_the_panel_is_used_at_its_own_issuer_only() {
    let fake = Fake::start().await;
    let own = with_stored(stored(&fake.issuer(""), ClientRegistration::Preregistered));
    assert_eq!(
        obtained(&discovery(&fake), own).await.unwrap().client_id.as_str(),
        "known"
    );
    let old = Issuer::parse("https://old.example").unwrap();
    let other = with_stored(stored(&old, ClientRegistration::Preregistered));
    let error = obtained(&discovery(&fake), other.clone()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.action()),
        ("client_issuer_changed", Action::EnterClient)
    );

    let mut auth = AuthConfig {
        client_id: Some("known".to_owned()),
        ..AuthConfig::default()
    };
    let error = obtain(&http(), &discovery(&fake), &auth, other.clone())
        .await
        .unwrap_err();
    assert_eq!(
        error.code(),
        "client_issuer_changed",
        "the same id at a new issuer"
    );
    auth.issuer = Some(fake.issuer(""));
    let client = obtain(&http(), &discovery(&fake), &auth, other.clone())
        .await
        .unwrap();
    assert_eq!(client.issuer, fake.issuer(""), "the user pinned the new issuer");
    auth = AuthConfig {
        client_id: Some("another".to_owned()),
        ..AuthConfig::default()
    };
    assert!(obtain(&http(), &discovery(&fake), &auth, other).await.is_ok());
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn an_earlier_registration_that_fits_makes_no_request() {
    let fake = Fake::start().await;
    let known = stored(&fake.issuer(""), ClientRegistration::Dynamic);
    let client = obtained(&discovery(&fake), with_stored(known)).await.unwrap();
    assert_eq!(client.client_id.as_str(), "known");
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn an_earlier_registration_that_does_not_fit_is_replaced() {
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    let fake = Fake::start().await;
    fake.json("/register", &json!({"client_id": "new"}));
    let known = || stored(&fake.issuer(""), ClientRegistration::Dynamic);
    let cases = [
        (
            ClientInformation {
                issuer: Issuer::parse("https://old.example").unwrap(),
                ..known()
            },
            "MCP: Authorization Server Binding",
        ),
        (
            ClientInformation {
                client_secret_expires_at: Some(start),
                ..known()
            },
            "RFC 7591 §3.2.1",
        ),
        (
            ClientInformation {
                redirect_uris: vec!["http://127.0.0.1:1/oauth/callback".to_owned()],
                ..known()
            },
            "RFC 6749 §3.1.2.3",
        ),
        (
            ClientInformation {
                scope: Some(Scopes::parse("read")),
                ..known()
            },
            "RFC 7591 §2",
        ),
    ];
    for (index, (client, rule)) in cases.into_iter().enumerate() {
        let http = http_at(Clock::manual(start).0);
        let new = obtained_by(&http, &discovery(&fake), with_stored(client)).await;
        assert_eq!(new.unwrap().client_id.as_str(), "new", "{rule}");
        assert!(noted(&http, rule), "{rule}");
        assert_eq!(fake.lines().len(), index + 1, "{rule}");
        assert!(
            !fake.seen()[index].body.contains("known"),
            "the old client is not shown"
        );
    }
    let forgotten = RegistrationRequest {
        failed: Some(ClientRegistration::Dynamic),
        ..with_stored(known())
    };
    let new = obtained(&discovery(&fake), forgotten).await.unwrap();
    assert_eq!(new.client_id.as_str(), "new");
}

#[tokio::test]
async fn a_metadata_document_of_the_users_is_preferred_to_a_registration() {
    let fake = Fake::start().await;
    fake.json("/register", &json!({"client_id": "new"}));
    let mut discovery = discovery(&fake);
    discovery.server.client_id_metadata_document_supported = true;
    let auth = AuthConfig {
        client_metadata_url: Endpoint::parse("https://conformance-test.local/client-metadata.json").ok(),
        ..AuthConfig::default()
    };
    let by = async |discovery: &Discovery, auth: &AuthConfig, request| {
        let client = obtain(&http(), discovery, auth, request).await.unwrap();
        (client.client_id.to_string(), client.registration)
    };
    let (id, way) = by(&discovery, &auth, redirects(&[LOOPBACK])).await;
    assert_eq!(id, "https://conformance-test.local/client-metadata.json");
    assert_eq!(way, ClientRegistration::MetadataDocument);
    assert!(fake.lines().is_empty(), "the document is for the server to fetch");

    let failed = RegistrationRequest {
        failed: Some(ClientRegistration::MetadataDocument),
        ..redirects(&[LOOPBACK])
    };
    assert_eq!(by(&discovery, &auth, failed).await.1, ClientRegistration::Dynamic);
    let unfit = AuthConfig {
        client_metadata_url: Endpoint::parse("http://localhost/client.json").ok(),
        ..AuthConfig::default()
    };
    assert_eq!(
        by(&discovery, &unfit, redirects(&[LOOPBACK])).await.1,
        ClientRegistration::Dynamic
    );
    discovery.server.client_id_metadata_document_supported = false;
    assert_eq!(
        by(&discovery, &auth, redirects(&[LOOPBACK])).await.1,
        ClientRegistration::Dynamic
    );
}

#[tokio::test]
async fn without_any_way_the_user_is_asked() {
    let fake = Fake::start().await;
    let mut nothing = discovery(&fake);
    nothing.server.registration_endpoint = None;
    nothing.server.client_id_metadata_document_supported = true;
    let error = obtained(&nothing, redirects(&[LOOPBACK])).await.unwrap_err();
    assert_eq!(
        (error.code(), error.action()),
        ("registration_unsupported", Action::EnterClient)
    );
    let machine = AuthConfig {
        grant: GrantType::ClientCredentials,
        ..AuthConfig::default()
    };
    let error = obtain(&http(), &discovery(&fake), &machine, redirects(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "registration_unsupported");
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn guessed_endpoints_that_are_not_there_mean_that_no_sign_in_is_offered() {
    let fake = Fake::start().await;
    let mut legacy = discovery(&fake);
    legacy.server.origin = MetadataOrigin::Legacy;
    let error = obtained(&legacy, redirects(&[LOOPBACK])).await.unwrap_err();
    assert_eq!(
        (error.code(), error.action()),
        ("no_sign_in_offered", Action::EditConfig)
    );
}
