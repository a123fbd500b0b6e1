use super::*;

#[tokio::test]
async fn a_registration_is_deleted_with_its_own_token() {
    let fake = Fake::start().await;
    let client = |path: &str| {
        let uri = Endpoint::try_from(fake.url(path)).unwrap();
        ClientInformation {
            management: Some(RegistrationManagement {
                uri,
                token: AccessToken::new("rat".to_owned()),
            }),
            ..stored(&fake.issuer(""), ClientRegistration::Dynamic)
        }
    };
    for (path, status, expected) in [
        ("/204", 204, Unregistered::Deleted),
        ("/200", 200, Unregistered::Deleted),
        ("/401", 401, Unregistered::AlreadyGone),
        ("/404", 404, Unregistered::AlreadyGone),
        ("/403", 403, Unregistered::Refused { status: 403 }),
        ("/405", 405, Unregistered::Refused { status: 405 }),
        ("/501", 501, Unregistered::Refused { status: 501 }),
    ] {
        fake.at(path, status, "");
        let outcome = unregister(&http(), &client(path)).await;
        assert_eq!(outcome, Ok(expected), "{status}");
    }
    let seen = fake.seen();
    assert_eq!(seen[0].line, "DELETE /204");
    assert_eq!(seen[0].headers["authorization"], "Bearer rat");
    fake.at("/503", 503, "");
    assert!(
        unregister(&http(), &client("/503"))
            .await
            .unwrap_err()
            .is_transient()
    );
    let unmanaged = stored(&fake.issuer(""), ClientRegistration::Dynamic);
    assert_eq!(
        unregister(&http(), &unmanaged).await,
        Ok(Unregistered::NotOffered)
    );
}
