//! What is on the disk is not what was put there.

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn a_file_cut_anywhere_is_incomplete_and_never_a_grant() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    let whole = fs::read(desk.file("notion")).expect("stored");
    for length in (0..whole.len()).step_by(17).chain([whole.len() - 1]) {
        fs::write(desk.file("notion"), &whole[..length]).expect("written");
        let error = desk.problem("notion").await;
        assert!(matches!(error, VaultError::Truncated { .. }), "{length}: {error}");
    }
}

#[tokio::test]
async fn a_changed_line_makes_the_rest_unreadable() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    desk.edit("notion", |bytes| {
        let at = bytes
            .windows(3)
            .position(|window| window == b"Ada")
            .expect("the account");
        bytes[at..at + 3].copy_from_slice(b"Eve");
    });
    let error = desk.problem("notion").await;
    assert!(matches!(error, VaultError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_longer_file_and_one_that_is_something_else_are_damaged() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    desk.edit("notion", |bytes| bytes.push(0));
    assert!(matches!(desk.problem("notion").await, VaultError::Corrupt { .. }));
    for other in ["\0\0\0", "<html>\n", "{}\n", "[]\n"] {
        desk.edit("notion", |bytes| *bytes = other.into());
        let error = desk.problem("notion").await;
        assert!(matches!(error, VaultError::Corrupt { .. }), "{other:?}: {error}");
    }
}

#[tokio::test]
async fn two_files_that_were_swapped_are_noticed() {
    let desk = Desk::new();
    let vault = desk.vault();
    vault.save(&grant("notion")).await.expect("saved");
    vault.save(&grant("linear")).await.expect("saved");
    fs::copy(desk.file("linear"), desk.file("notion")).expect("swapped");
    let error = desk.problem("notion").await;
    assert!(matches!(error, VaultError::Misplaced { .. }), "{error}");
    assert!(matches!(
        vault.summary(&key("notion")),
        Err(VaultError::Misplaced { .. })
    ));
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_by_name_and_survives() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    let newer = br#"{"format":"omlx-connect-sealed","version":2,"kind":["other","shape"]}"#;
    desk.edit("notion", |bytes| *bytes = [newer, &b"\nwhatever"[..]].concat());
    let error = desk.problem("notion").await;
    assert!(matches!(error, VaultError::Newer { version: 2, .. }), "{error}");
    desk.vault()
        .save(&grant("notion"))
        .await
        .expect("signed in again");
    let aside = fs::read(disk::aside(&desk.file("notion"))).expect("kept aside");
    assert!(aside.starts_with(newer));
}

#[tokio::test]
async fn a_line_with_keys_of_a_later_version_is_read_all_the_same() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    desk.edit("notion", |bytes| {
        bytes.splice(1..1, br#""later":{"a":[1]},"#.iter().copied());
    });
    let summary = desk.vault().summary(&key("notion")).expect("read");
    assert_eq!(
        summary.map(|summary| summary.identity),
        Some(grant("notion").identity)
    );
}

#[tokio::test]
async fn a_damaged_file_is_kept_aside_only_when_a_new_sign_in_replaces_it() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    desk.edit("notion", |bytes| *bytes.last_mut().expect("some") ^= 1);
    let damaged = fs::read(desk.file("notion")).expect("stored");
    assert!(matches!(desk.problem("notion").await, VaultError::Corrupt { .. }));
    assert_eq!(fs::read(desk.file("notion")).expect("still there"), damaged);
    desk.vault()
        .save(&grant("notion"))
        .await
        .expect("signed in again");
    assert_eq!(
        fs::read(disk::aside(&desk.file("notion"))).expect("kept"),
        damaged
    );
    assert!(desk.vault().load(&key("notion")).await.expect("loaded").is_some());
    assert!(desk.vault().remove(&key("notion")).await.expect("signed out"));
    assert!(!disk::aside(&desk.file("notion")).exists());
}

#[tokio::test]
async fn a_good_file_that_is_replaced_leaves_nothing_behind() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    desk.vault().save(&grant("notion")).await.expect("saved again");
    let files = fs::read_dir(desk.home().vault()).expect("a folder").count();
    assert_eq!(files, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_with_any_byte_changed_never_gives_a_grant(at in any::<prop::sample::Index>(), with in 1_u8..) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let desk = Desk::new();
            desk.vault().save(&grant("notion")).await.expect("saved");
            desk.edit("notion", |bytes| {
                let at = at.index(bytes.len());
                bytes[at] ^= with;
            });
            // The summary may or may not be readable; it must only not panic.
            let _ = desk.vault().summary(&key("notion"));
            desk.vault().summaries();
            assert!(desk.vault().load(&key("notion")).await.is_err());
        });
    }
}
