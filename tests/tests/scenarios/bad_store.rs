//! Keychain and disk on a bad day: nothing is lost, nothing is guessed, and it is said.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use omlx_demo::{DemoOptions, Era};
use omlx_mcp::{
    Action, AuthStatus, ConnectionStatus,
    config::{ConfigFile, Environment},
    recorded::recorded,
    store::{CredentialStoreError, Home, KeySource, Vault},
};
use omlx_tests::{Scene, TestResult, code_of, requests};

fn options() -> DemoOptions {
    DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    }
}

/// The files with that ending in the vault.
fn files(home: &Path, extension: &str) -> std::io::Result<Vec<PathBuf>> {
    let all = fs::read_dir(home.join("vault"))?
        .flatten()
        .map(|file| file.path());
    Ok(all
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect())
}

fn grant_file(scene: &Scene) -> Result<PathBuf, Box<dyn std::error::Error>> {
    files(&scene.desk.home_path(), "grant")?
        .pop()
        .ok_or_else(|| "no grant".into())
}

/// A server signed in to, by a process that has ended.
async fn left() -> Result<Scene, Box<dyn std::error::Error>> {
    let mut scene = Scene::signed_in(options()).await?;
    scene.core.clone().stop().await;
    scene.forget();
    Ok(scene)
}

#[tokio::test]
async fn a_locked_keychain_is_said_and_unlocking_it_is_enough() -> TestResult {
    let scene = left().await?;
    scene.desk.keychain.fail(Some(CredentialStoreError::Refused));
    let mut scene = scene.restart().await?;
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, code_of(&status)),
        (AuthStatus::Locked, Some("keychain_locked"))
    );
    assert_eq!(status.problem.map(|problem| problem.action), Some(Action::Unlock));
    assert_eq!(
        requests(&scene.demo),
        [""; 0],
        "without its token the server is not bothered"
    );
    assert_eq!(scene.attention(), ["keychain_locked"]);
    scene.desk.keychain.fail(None);
    scene.server.retry().await;
    let status = scene
        .until(|status| status.connection == ConnectionStatus::Connected)
        .await?;
    assert_eq!((status.auth, code_of(&status)), (AuthStatus::Authenticated, None));
    assert_eq!(scene.echo().await?, "hello");
    assert_eq!(scene.desk.browser.windows(), 1, "the one of the sign-in before");
    scene.end().await
}

#[tokio::test]
async fn signing_in_with_a_locked_keychain_fails_before_anything_is_asked_of_the_person() -> TestResult {
    let scene = Scene::new(options()).await?;
    scene.desk.keychain.fail(Some(CredentialStoreError::Refused));
    let problem = scene.sign_in().await.err().ok_or("it is locked")?.to_string();
    assert!(problem.starts_with("keychain_locked"), "{problem}");
    assert_eq!(
        (scene.desk.browser.windows(), scene.demo.count("POST /token")),
        (0, 0)
    );
    assert!(!scene.desk.home_path().join("key").exists());
    scene.desk.keychain.fail(None);
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    scene.end().await
}

#[tokio::test]
async fn a_machine_without_a_keychain_keeps_the_key_in_a_file_and_says_so() -> TestResult {
    let scene = Scene::prepared(options(), serde_json::json!({}), |_, desk| {
        desk.keychain.fail(Some(CredentialStoreError::Missing));
        Ok(())
    })
    .await?;
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    let vault = Vault::open(
        &Home::at(scene.desk.home_path()),
        std::sync::Arc::new(scene.desk.keychain.clone()),
    );
    assert_eq!(vault.key_source(), Some(KeySource::File));
    let scene = scene.restart().await?;
    assert_eq!(scene.server.snapshot().connection, ConnectionStatus::Connected);
    scene.end().await
}

#[tokio::test]
async fn what_is_stored_and_cannot_be_read_is_told_and_a_new_sign_in_mends_it() -> TestResult {
    type Spoil = fn(&mut Vec<u8>);
    let table: [(Spoil, &str); 4] = [
        (
            |bytes| {
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
            },
            "vault_corrupt",
        ),
        (|bytes| bytes.truncate(bytes.len() - 20), "vault_truncated"),
        (|bytes| *bytes = b"not ours\n".to_vec(), "vault_corrupt"),
        (Vec::clear, "vault_truncated"),
    ];
    for (spoil, code) in table {
        let scene = left().await?;
        let path = grant_file(&scene)?;
        let mut bytes = fs::read(&path)?;
        spoil(&mut bytes);
        fs::write(&path, &bytes)?;
        let mut scene = scene.restart().await?;
        let status = scene.server.snapshot();
        assert_eq!(
            (status.auth, code_of(&status)),
            (AuthStatus::RefreshFailed, Some(code))
        );
        assert_eq!(
            status.problem.map(|problem| problem.action),
            Some(Action::Reauthenticate)
        );
        assert_eq!(scene.attention(), [code]);
        assert_eq!(requests(&scene.demo), [""; 0]);
        assert_eq!(
            fs::read(&path)?,
            bytes,
            "nothing is deleted behind the user's back"
        );
        assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated, "{code}");
        assert_eq!(scene.echo().await?, "hello");
        let scene = scene.restart().await?;
        assert_eq!(scene.server.snapshot().connection, ConnectionStatus::Connected);
        scene.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_grant_of_a_newer_version_is_neither_used_nor_called_signed_out() -> TestResult {
    let scene = left().await?;
    let path = grant_file(&scene)?;
    let bytes = fs::read(&path)?;
    let line = bytes.iter().position(|byte| *byte == b'\n').ok_or("no line")?;
    let header = String::from_utf8(bytes[..line].to_vec())?.replace("\"version\":1", "\"version\":99");
    let mut file = fs::File::create(&path)?;
    file.write_all(header.as_bytes())?;
    file.write_all(&bytes[line..])?;
    let scene = scene.restart().await?;
    let status = scene.server.snapshot();
    assert_eq!(code_of(&status), Some("vault_newer"));
    assert_ne!(status.auth, AuthStatus::NotAuthenticated);
    assert_eq!(requests(&scene.demo), [""; 0]);
    scene.end().await
}

#[tokio::test]
async fn a_key_that_is_lost_is_told_and_a_new_sign_in_makes_another() -> TestResult {
    let scene = left().await?;
    omlx_mcp::store::CredentialStore::delete(&scene.desk.keychain)?;
    let scene = scene.restart().await?;
    let status = scene.server.snapshot();
    assert_eq!(
        (status.auth, code_of(&status)),
        (AuthStatus::RefreshFailed, Some("key_lost"))
    );
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(
        scene.demo.count("POST /register"),
        1,
        "the registration was sealed with the lost key too"
    );
    let scene = scene.restart().await?;
    assert_eq!(scene.server.snapshot().connection, ConnectionStatus::Connected);
    scene.end().await
}

#[tokio::test]
async fn a_registration_that_cannot_be_read_is_replaced_at_the_next_sign_in() -> TestResult {
    let scene = Scene::signed_in(options()).await?;
    let path = files(&scene.desk.home_path(), "client")?
        .pop()
        .ok_or("no registration")?;
    fs::write(&path, "not ours\n")?;
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    assert_eq!(scene.demo.count("POST /register"), 1);
    scene.end().await
}

#[tokio::test]
async fn a_vault_that_takes_nothing_fails_the_sign_in_with_the_path_and_nobody_is_signed_in() -> TestResult {
    let scene = Scene::new(options()).await?;
    let vault = scene.desk.home_path().join("vault");
    fs::remove_dir_all(&vault)?;
    fs::write(&vault, "in the way")?;
    let problem = scene
        .sign_in()
        .await
        .err()
        .ok_or("it cannot be saved")?
        .to_string();
    assert!(problem.contains("vault"), "{problem}");
    assert_eq!(scene.server.snapshot().auth, AuthStatus::NotAuthenticated);
    assert_eq!(
        scene.desk.browser.windows(),
        0,
        "nobody agrees to what cannot be kept"
    );
    fs::remove_file(&vault)?;
    assert_eq!(scene.sign_in().await?.auth, AuthStatus::Authenticated);
    scene.end().await
}

#[tokio::test]
async fn records_that_cannot_be_written_cost_nothing_but_memory() -> TestResult {
    let scene = Scene::new(options()).await?;
    // Records are written aside and moved into place: only of an ended process are they all there.
    scene.core.clone().stop().await;
    let records: Vec<_> = fs::read_dir(scene.desk.home_path().join("records"))?
        .flatten()
        .collect();
    assert!(!records.is_empty());
    for record in records {
        fs::remove_file(record.path())?;
        fs::create_dir(record.path())?;
    }
    let scene = scene.restart().await?;
    assert_eq!(scene.sign_in().await?.connection, ConnectionStatus::Connected);
    assert_eq!(scene.echo().await?, "hello");
    let scene = scene.restart().await?;
    assert_eq!(scene.server.snapshot().connection, ConnectionStatus::Connected);
    scene.end().await
}

#[tokio::test]
async fn a_status_without_any_process_says_what_the_last_one_left() -> TestResult {
    let scene = left().await?;
    scene.desk.keychain.fail(Some(CredentialStoreError::Refused));
    let config = ConfigFile::at(scene.desk.config_path(), &Environment::process()).watch();
    let vault = Vault::open(
        &Home::at(scene.desk.home_path()),
        std::sync::Arc::new(scene.desk.keychain.clone()),
    );
    let status = recorded(&vault, &config.borrow().clone());
    let server = &status.servers[0];
    assert_eq!(
        (server.auth, server.connection),
        (AuthStatus::Authenticated, ConnectionStatus::Idle)
    );
    assert_eq!(
        (server.tool_count, server.workspace.as_deref()),
        (Some(14), Some("Analytical Engines"))
    );
    assert!(server.expires_at.is_some() && server.problem.is_none());
    assert_eq!(requests(&scene.demo), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_stranger_who_copies_a_grant_to_another_name_gains_nothing() -> TestResult {
    let scene = left().await?;
    let path = grant_file(&scene)?;
    let bytes = fs::read(&path)?;
    let text = String::from_utf8_lossy(&bytes).replace("\"server\":\"demo\"", "\"server\":\"dem0\"");
    fs::write(&path, text.as_bytes())?;
    let scene = scene.restart().await?;
    let status = scene.server.snapshot();
    assert!(
        code_of(&status).is_some_and(|code| code.starts_with("vault_")),
        "{status:?}"
    );
    assert_eq!(requests(&scene.demo), [""; 0]);
    scene.end().await
}
