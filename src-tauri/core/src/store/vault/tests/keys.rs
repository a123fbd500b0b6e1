//! The key is locked, lost, replaced, or out of reach.

use super::*;

#[tokio::test]
async fn a_locked_keychain_is_an_error_and_never_a_file() {
    let desk = Desk::new();
    desk.keychain.refuse_with(Some(CredentialStoreError::Refused));
    let vault = desk.vault();
    let error = vault.save(&grant("notion")).await.expect_err("locked");
    assert!(matches!(error, VaultError::Locked), "{error}");
    assert_eq!(vault.key_source(), None);
    desk.keychain.refuse_with(None);
    vault.save(&grant("notion")).await.expect("unlocked");
    assert_eq!(vault.key_source(), Some(KeySource::Keychain));

    desk.keychain.refuse_with(Some(CredentialStoreError::Refused));
    assert!(matches!(desk.problem("notion").await, VaultError::Locked));
    assert!(
        vault.load(&key("notion")).await.expect("in memory").is_some(),
        "this process has the key already"
    );
}

#[tokio::test]
async fn a_key_in_a_keychain_that_went_away_is_out_of_reach_and_not_replaced() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    let elsewhere = desk.without_keychain();
    let load = elsewhere.load(&key("notion")).await;
    assert!(matches!(load, Err(VaultError::OutOfReach { .. })));
    let save = elsewhere.save(&grant("linear")).await;
    assert!(matches!(save, Err(VaultError::OutOfReach { .. })));
    assert!(!desk.home().data().join("vault.key").exists());
}

#[tokio::test]
async fn a_keychain_that_appears_later_does_not_replace_the_key_file() {
    let desk = Desk::new();
    desk.without_keychain()
        .save(&grant("notion"))
        .await
        .expect("saved");
    let vault = desk.vault();
    assert_eq!(vault.key_source(), Some(KeySource::File));
    assert!(vault.load(&key("notion")).await.expect("loaded").is_some());
    vault.save(&grant("linear")).await.expect("saved");
    assert_eq!(desk.keychain.item(), None);
    assert!(
        desk.without_keychain()
            .load(&key("linear"))
            .await
            .expect("loaded")
            .is_some()
    );
}

#[tokio::test]
async fn a_lost_key_is_said_to_be_lost_and_a_new_sign_in_makes_a_new_one() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    desk.vault().save(&grant("linear")).await.expect("saved");
    desk.keychain.put(None);
    assert!(matches!(desk.problem("notion").await, VaultError::KeyLost { .. }));
    let running = desk.vault();
    running.save(&grant("notion")).await.expect("signed in again");
    assert!(desk.vault().load(&key("notion")).await.expect("loaded").is_some());
    assert!(matches!(desk.problem("linear").await, VaultError::KeyLost { .. }));
    assert!(disk::aside(&desk.file("notion")).exists());
}

#[tokio::test]
async fn a_process_that_still_has_the_old_key_takes_the_new_one() {
    let desk = Desk::new();
    let old = desk.vault();
    old.save(&grant("notion")).await.expect("saved");
    desk.keychain.put(None);
    desk.vault()
        .save(&grant("linear"))
        .await
        .expect("signed in with a new key");
    assert!(old.load(&key("linear")).await.expect("loaded").is_some());
    old.save(&grant("sentry")).await.expect("saved");
    assert!(desk.vault().load(&key("sentry")).await.expect("loaded").is_some());
}

#[tokio::test]
async fn a_lost_or_damaged_key_file_is_mended_by_signing_in() {
    let desk = Desk::new();
    desk.without_keychain()
        .save(&grant("notion"))
        .await
        .expect("saved");
    let file = desk.home().data().join("vault.key");
    fs::remove_file(&file).expect("lost");
    let lost = desk.without_keychain().load(&key("notion")).await;
    assert!(matches!(lost, Err(VaultError::KeyLost { .. })));
    fs::write(&file, "something else").expect("damaged");
    let damaged = desk.without_keychain().load(&key("notion")).await;
    assert!(matches!(damaged, Err(VaultError::KeyDamaged { .. })));
    desk.without_keychain()
        .save(&grant("notion"))
        .await
        .expect("signed in again");
    assert!(
        desk.without_keychain()
            .load(&key("notion"))
            .await
            .expect("loaded")
            .is_some()
    );
    assert_eq!(
        fs::read(disk::aside(&file)).expect("kept aside"),
        b"something else"
    );
}

#[tokio::test]
async fn a_process_that_died_between_key_and_marker_leaves_a_usable_key() {
    for has_keychain in [true, false] {
        let desk = Desk::new();
        let vault = || {
            if has_keychain {
                desk.vault()
            } else {
                desk.without_keychain()
            }
        };
        vault().save(&grant("notion")).await.expect("saved");
        fs::remove_file(desk.home().data().join("key.json")).expect("never written");
        assert!(vault().load(&key("notion")).await.expect("loaded").is_some());
        vault().save(&grant("linear")).await.expect("saved");
        assert!(vault().load(&key("notion")).await.expect("loaded").is_some());
        assert!(desk.home().data().join("key.json").exists());
    }
}
