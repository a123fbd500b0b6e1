use super::*;

#[tokio::test]
async fn a_registration_says_what_kind_of_client_this_is_and_what_it_will_ask_for() {
    let fake = Fake::start().await;
    fake.json("/register", &json!({"client_id": "new"}));
    let client = obtained(&discovery(&fake), redirects(&[DEEP_LINK, LOOPBACK]))
        .await
        .unwrap();
    let sent: Value = serde_json::from_str(&fake.seen()[0].body).unwrap();
    assert_eq!(
        sent,
        json!({
            "client_name": "oMLX Connect",
            "application_type": "native",
            "token_endpoint_auth_method": "none",
            "software_id": "ai.omlx.connect",
            "software_version": env!("CARGO_PKG_VERSION"),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [DEEP_LINK, LOOPBACK],
            "scope": "read write",
        })
    );
    assert_eq!(fake.seen()[0].headers["content-type"], "application/json");
    assert_eq!(fake.lines(), ["POST /register"]);
    assert_eq!(client.registration, ClientRegistration::Dynamic);
    assert_eq!(client.issuer, fake.issuer(""));
    assert_eq!(client.auth_method, ClientAuthMethod::None);
    assert_eq!(client.redirect_uris, [DEEP_LINK, LOOPBACK]);
    assert!(client.scope.is_none() && client.management.is_none());
}

#[tokio::test]
async fn a_device_registers_without_a_redirect_and_without_an_empty_scope() {
    let fake = Fake::start().await;
    fake.json("/register", &json!({"client_id": "new"}));
    let auth = AuthConfig {
        grant: GrantType::DeviceCode,
        ..AuthConfig::default()
    };
    let mut discovery = discovery(&fake);
    discovery.scope = Scopes::default();
    obtain(&http(), &discovery, &auth, redirects(&[])).await.unwrap();
    let sent: Value = serde_json::from_str(&fake.seen()[0].body).unwrap();
    for absent in ["redirect_uris", "response_types", "scope"] {
        assert!(sent.get(absent).is_none(), "{absent}");
    }
    assert_eq!(
        sent["grant_types"],
        json!(["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"])
    );
}

#[tokio::test]
async fn the_example_of_rfc_7591_is_read_with_its_management() {
    // RFC 7591 §3.2.1 with the members of RFC 7592 §3
    let fake = Fake::start().await;
    fake.at(
        "/register",
        201,
        r#"{"client_id": "s6BhdRkqt3", "client_secret": "cf136dc3c1fc93f31185e5885805d",
            "client_id_issued_at": 2893256800, "client_secret_expires_at": 2893276800,
            "redirect_uris": ["http://127.0.0.1:49152/oauth/callback", "https://client.example.org/callback2"],
            "grant_types": ["authorization_code", "refresh_token"], "scope": "read",
            "token_endpoint_auth_method": "client_secret_basic",
            "registration_access_token": "this.is.an.access.token.value.ffx83",
            "registration_client_uri": "{origin}/register?client_id=s6BhdRkqt3"}"#,
    );
    let http = http();
    let client = obtained_by(&http, &discovery(&fake), redirects(&[LOOPBACK]))
        .await
        .unwrap();
    assert_eq!(client.client_id.as_str(), "s6BhdRkqt3");
    assert_eq!(
        client.client_secret_expires_at,
        Timestamp::from_second(2_893_276_800).ok()
    );
    assert_eq!(client.auth_method, ClientAuthMethod::ClientSecretBasic);
    assert_eq!(client.scope, Some(Scopes::parse("read write")));
    assert_eq!(client.redirect_uris.len(), 2);
    let told = format!(
        "{client:?} {}",
        serde_json::to_string(&http.timeline().steps()).unwrap()
    );
    assert!(!told.contains("cf136dc3") && !told.contains("ffx83"), "{told}");
    let management = client.management.unwrap();
    assert_eq!(
        management.uri.as_url(),
        &fake.url("/register?client_id=s6BhdRkqt3")
    );
}

#[tokio::test]
async fn the_response_settles_how_the_client_authenticates_then_the_metadata() {
    use ClientAuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
    let secret =
        |method: Value| json!({"client_id": "c", "client_secret": "s", "token_endpoint_auth_method": method});
    let cases = [
        (
            &["none"][..],
            secret(json!("client_secret_post")),
            ClientSecretPost,
        ),
        (
            &["client_secret_post"],
            secret(json!("client_secret_basic")),
            ClientSecretBasic,
        ),
        // hermes-agent#73141: a secret comes along with method none.
        (&["none"], secret(json!("none")), Public),
        // ruby_llm-mcp#137: a secret comes without a method.
        (&[], secret(json!(null)), ClientSecretBasic),
        (
            &["client_secret_post", "none"],
            secret(json!(null)),
            ClientSecretPost,
        ),
        (
            &["client_secret_post", "client_secret_basic"],
            secret(json!(null)),
            ClientSecretBasic,
        ),
        (&["client_secret_post"], secret(json!(null)), ClientSecretPost),
        // No secret, nothing to authenticate with.
        (&["client_secret_post"], json!({"client_id": "c"}), Public),
        (
            &[],
            json!({"client_id": "c", "token_endpoint_auth_method": "client_secret_post"}),
            Public,
        ),
    ];
    for (methods, body, expected) in cases {
        assert_eq!(settled(methods, &body).await, expected, "{methods:?} {body}");
    }
    let error = answered(
        201,
        r#"{"client_id": "c", "token_endpoint_auth_method": "tls_client_auth"}"#,
    )
    .await;
    assert_eq!(error.unwrap_err().code(), "client_auth_unsupported");
}

#[tokio::test]
async fn a_secret_is_asked_for_only_where_public_clients_are_not_listed() {
    for (methods, expected) in [
        (&["client_secret_basic", "none"][..], "none"),
        (
            &["client_secret_basic", "client_secret_post"],
            "client_secret_basic",
        ),
        (&["client_secret_post"], "client_secret_post"),
        (&["private_key_jwt"], "none"),
        (&[], "none"),
    ] {
        let fake = Fake::start().await;
        fake.json("/register", &json!({"client_id": "c"}));
        obtained(&listing(&fake, methods), redirects(&[LOOPBACK]))
            .await
            .unwrap();
        let sent: Value = serde_json::from_str(&fake.seen()[0].body).unwrap();
        assert_eq!(sent["token_endpoint_auth_method"], expected, "{methods:?}");
    }
}

#[tokio::test]
async fn a_secret_that_never_ends_has_no_end() {
    for never in [json!(0), json!("0"), json!(null), json!("soon")] {
        let body = json!({"client_id": "c", "client_secret": "s", "client_secret_expires_at": never});
        let client = answered(201, &body.to_string()).await.unwrap();
        assert_eq!(client.client_secret_expires_at, None, "{never}");
    }
    let body = json!({"client_id": "c", "client_secret": "s", "client_secret_expires_at": "2893276800"});
    assert!(
        answered(200, &body.to_string())
            .await
            .unwrap()
            .client_secret_expires_at
            .is_some()
    );
}

#[tokio::test]
async fn every_refusal_has_its_code_and_its_mend() {
    let cases = [
        (403, "Forbidden", "registration_not_approved", Action::EnterClient),
        (401, "", "registration_not_approved", Action::EnterClient),
        (
            400,
            r#"{"error": "invalid_redirect_uri"}"#,
            "redirect_rejected",
            Action::EditConfig,
        ),
        (
            200,
            r#"{"error": "invalid_redirect_uri"}"#,
            "redirect_rejected",
            Action::EditConfig,
        ),
        (
            400,
            r#"{"error": "invalid_client_metadata"}"#,
            "registration_rejected",
            Action::EnterClient,
        ),
        (422, "unprocessable", "registration_rejected", Action::EnterClient),
        (404, "<html>", "registration_unsupported", Action::EnterClient),
        (405, "", "registration_unsupported", Action::EnterClient),
        (302, "", "registration_unsupported", Action::EnterClient),
        (
            200,
            "<!doctype html>",
            "registration_unsupported",
            Action::EnterClient,
        ),
        (201, "{}", "registration_unreadable", Action::AskProvider),
        (
            201,
            r#"{"client_id": 7}"#,
            "registration_unreadable",
            Action::AskProvider,
        ),
        (429, "", "registration_unavailable", Action::Retry),
        (500, "", "registration_unavailable", Action::Retry),
        (
            503,
            r#"{"error": "invalid_redirect_uri"}"#,
            "registration_unavailable",
            Action::Retry,
        ),
    ];
    for (status, body, code, action) in cases {
        let error = answered(status, body).await.unwrap_err();
        assert_eq!(
            (error.code(), error.action()),
            (code, action),
            "{status} {body}: {error}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words_cut_to_size() {
    let body = json!({"error": "invalid_client_metadata", "error_description": format!("no\u{7} {}", "x".repeat(900))});
    let error = answered(400, &body.to_string()).await.unwrap_err();
    let RegistrationError::Rejected {
        code, description, ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(code, "invalid_client_metadata");
    let description = description.unwrap();
    assert!(description.starts_with("no x") && description.chars().count() <= 301);
}

#[tokio::test]
async fn a_rejected_deep_link_is_registered_again_without_it_once() {
    let fake = Fake::start().await;
    fake.at(
        "/register",
        400,
        r#"{"error": "invalid_redirect_uri", "error_description": "https only"}"#,
    )
    .at("/register", 201, r#"{"client_id": "c"}"#);
    let client = obtained(&discovery(&fake), redirects(&[DEEP_LINK, LOOPBACK]))
        .await
        .unwrap();
    assert_eq!(client.redirect_uris, [LOOPBACK]);
    let sent: Value = serde_json::from_str(&fake.seen()[1].body).unwrap();
    assert_eq!(sent["redirect_uris"], json!([LOOPBACK]));

    let fake = Fake::start().await;
    fake.at(
        "/register",
        400,
        r#"{"error": "invalid_redirect_uri", "error_description": "https only"}"#,
    );
    let error = obtained(&discovery(&fake), redirects(&[DEEP_LINK, LOOPBACK]))
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("https only"), "{error}");
    assert_eq!(fake.lines().len(), 2);
    let error = obtained(&discovery(&fake), redirects(&[LOOPBACK]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "redirect_rejected");
    assert_eq!(fake.lines().len(), 3, "nothing narrower to try");
}

#[tokio::test]
async fn mcporter_354_rewritten_redirect_uris_are_noticed() {
    let fake = Fake::start().await;
    fake.json(
        "/register",
        &json!({"client_id": "c", "redirect_uris": ["http://127.0.0.1/oauth/callback"]}),
    );
    let http = http();
    let client = obtained_by(&http, &discovery(&fake), redirects(&[LOOPBACK]))
        .await
        .unwrap();
    assert!(noted(&http, "RFC 7591 §3.2.1"));
    assert_eq!(
        registered_form(&client.redirect_uris, LOOPBACK).as_deref(),
        Some(LOOPBACK)
    );

    let body = json!({"client_id": "c", "redirect_uris": ["https://app.example/callback"]});
    let error = answered(201, &body.to_string()).await.unwrap_err();
    assert_eq!(error.code(), "redirect_rejected");
}
