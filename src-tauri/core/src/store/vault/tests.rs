use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::store::{
    CredentialStoreError, NoKeychain,
    fixtures::{FakeKeychain, PLANTED, client, grant, issuer, key},
};

mod damage;
mod keys;

/// A vault in a folder of its own, with a keychain to play with.
struct Desk {
    folder: TempDir,
    keychain: Arc<FakeKeychain>,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
            keychain: Arc::default(),
        }
    }

    fn home(&self) -> Home {
        Home::at(self.folder.path().join("home"))
    }

    /// Another process, as far as the vault is concerned.
    fn vault(&self) -> Vault {
        Vault::open(
            &self.home(),
            Arc::clone(&self.keychain) as Arc<dyn CredentialStore>,
        )
    }

    fn without_keychain(&self) -> Vault {
        Vault::open(&self.home(), Arc::new(NoKeychain))
    }

    fn file(&self, server: &str) -> PathBuf {
        self.home()
            .vault()
            .join(GrantName::from(&key(server)).file("grant"))
    }

    /// Changes the bytes of a stored grant.
    fn edit(&self, server: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.file(server)).expect("stored");
        change(&mut bytes);
        fs::write(self.file(server), bytes).expect("written");
    }

    async fn problem(&self, server: &str) -> VaultError {
        match self.vault().load(&key(server)).await {
            Err(error) => error,
            Ok(grant) => panic!("{server} gave {:?}", grant.map(|_| "a grant")),
        }
    }
}

/// What a grant says, secrets included.
fn text(grant: &Grant) -> String {
    serde_json::to_string(&GrantDto::from(grant)).expect("text")
}

fn everything_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            found.extend(everything_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn key_of(server: &str) -> GrantName {
    GrantName::from(&key(server))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_grant_comes_back_whole_in_another_process() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    let loaded = desk.vault().load(&key("notion")).await.expect("loaded");
    assert_eq!(loaded.as_ref().map(text), Some(text(&grant("notion"))));
    assert_eq!(desk.vault().key_source(), Some(KeySource::Keychain));
}

#[tokio::test]
async fn nothing_stored_means_none_and_asks_no_keychain() {
    let desk = Desk::new();
    assert!(desk.vault().load(&key("notion")).await.expect("none").is_none());
    assert!(desk.vault().summary(&key("notion")).expect("none").is_none());
    assert!(!desk.vault().remove(&key("notion")).await.expect("none"));
    assert_eq!(desk.vault().key_source(), None);
    assert_eq!(desk.keychain.calls(), 0);
    assert!(!desk.home().data().exists());
}

#[tokio::test]
async fn a_summary_tells_everything_but_secrets_and_asks_no_keychain() {
    let desk = Desk::new();
    desk.vault().save(&grant("notion")).await.expect("saved");
    let asked = desk.keychain.calls();
    let vault = desk.vault();
    let summary = vault.summary(&key("notion")).expect("read").expect("stored");
    assert_eq!(vault.summaries(), std::slice::from_ref(&summary));
    assert_eq!(desk.keychain.calls(), asked);
    assert_eq!(summary.url, "https://mcp.example/mcp?token=…");
    assert_eq!(summary.server().as_str(), "notion");
    assert_eq!(summary.standing, grant("notion").standing);
    assert_eq!(summary.expires_at, grant("notion").tokens.expires_at);
    assert!(summary.refreshable);
    assert!(!format!("{summary:?}").contains(PLANTED));
    let loaded = vault.load(&summary).await.expect("loaded").expect("stored");
    assert_eq!(text(&loaded), text(&grant("notion")));
}

#[tokio::test]
async fn no_file_holds_a_secret_in_the_clear() {
    let desk = Desk::new();
    let vault = desk.vault();
    vault.save(&grant("notion")).await.expect("saved");
    vault
        .save_client(&key("notion").server, &client())
        .await
        .expect("saved");
    for path in everything_below(desk.home().data())
        .iter()
        .filter(|path| path.is_file())
    {
        let bytes = fs::read(path).expect("readable");
        assert!(!contains(&bytes, PLANTED), "{}", path.display());
        assert!(!contains(&bytes, "omlx-connect-key"), "{}", path.display());
    }
    assert!(!format!("{vault:?}").contains("omlx-connect-key"));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = Desk::new();
    let vault = desk.without_keychain();
    vault.save(&grant("notion")).await.expect("saved");
    vault
        .save_record(&key("notion"), &ServerRecord::default())
        .await
        .expect("saved");
    drop(vault.lock(&key("notion"), Duration::ZERO).await.expect("free"));
    let found = everything_below(desk.home().data());
    assert_eq!(found.len(), 9, "{found:?}");
    for path in found {
        let mode = fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_that_others_can_read_is_closed_to_them() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = Desk::new();
    desk.without_keychain()
        .save(&grant("notion"))
        .await
        .expect("saved");
    let file = desk.home().data().join("vault.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("opened");
    assert!(
        desk.without_keychain()
            .load(&key("notion"))
            .await
            .expect("loaded")
            .is_some()
    );
    let mode = fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_registration_is_found_by_server_and_issuer_only() {
    let desk = Desk::new();
    let (vault, server) = (desk.vault(), key("notion").server);
    vault.save_client(&server, &client()).await.expect("saved");
    let loaded = desk
        .vault()
        .load_client(&server, &issuer())
        .await
        .expect("loaded")
        .expect("stored");
    let text = |client| serde_json::to_string(&ClientDto::from(client)).expect("text");
    assert_eq!(text(&loaded), text(&client()));

    let other = Issuer::parse("https://as.example/").expect("valid");
    assert!(vault.load_client(&server, &other).await.expect("none").is_none());
    let neighbour = key("linear").server;
    assert!(
        vault
            .load_client(&neighbour, &issuer())
            .await
            .expect("none")
            .is_none()
    );
    assert!(vault.remove_client(&server, &issuer()).await.expect("removed"));
    assert!(
        vault
            .load_client(&server, &issuer())
            .await
            .expect("none")
            .is_none()
    );
}

#[tokio::test]
async fn a_registration_is_never_taken_for_a_grant() {
    let desk = Desk::new();
    let (vault, server) = (desk.vault(), key("notion").server);
    vault.save_client(&server, &client()).await.expect("saved");
    let stored = desk
        .home()
        .vault()
        .join(GrantName::of_client(&server, &issuer()).file("client"));
    fs::copy(stored, desk.file("notion")).expect("moved");
    assert!(matches!(
        desk.problem("notion").await,
        VaultError::Misplaced { .. }
    ));
}

#[tokio::test]
async fn another_folder_holds_the_grant_and_the_same_key_opens_it() {
    let desk = Desk::new();
    let elsewhere = desk.folder.path().join("elsewhere/deep");
    let vault = desk.vault().in_folder(elsewhere.clone());
    vault.save(&grant("notion")).await.expect("saved");
    assert!(desk.vault().load(&key("notion")).await.expect("none").is_none());
    let other = desk.vault().in_folder(elsewhere.clone());
    assert!(other.load(&key("notion")).await.expect("loaded").is_some());
    assert!(elsewhere.join(key_of("notion").file("grant")).exists());
}

#[tokio::test]
async fn a_wipe_leaves_no_sealed_file_and_needs_no_key() {
    let desk = Desk::new();
    let vault = desk.vault();
    vault.save(&grant("notion")).await.expect("saved");
    vault.save(&grant("linear")).await.expect("saved");
    vault
        .save_client(&key("notion").server, &client())
        .await
        .expect("saved");
    desk.edit("linear", Vec::clear);
    vault.save(&grant("linear")).await.expect("saved over it");
    desk.edit("notion", Vec::clear);
    desk.keychain.refuse_with(Some(CredentialStoreError::Refused));
    desk.vault().wipe().await.expect("wiped");
    assert_eq!(fs::read_dir(desk.home().vault()).expect("a folder").count(), 0);
    desk.without_keychain().wipe().await.expect("nothing to wipe");
}

#[tokio::test]
async fn a_record_survives_the_fields_of_another_version() {
    let desk = Desk::new();
    let (vault, server) = (desk.vault(), key("notion").server);
    assert_eq!(vault.load_record(&server), None);
    let record = ServerRecord {
        provider: Some("Notion".to_owned()),
        tool_count: Some(14),
        ..ServerRecord::default()
    };
    vault.save_record(&server, &record).await.expect("saved");
    assert_eq!(vault.load_record(&server), Some(record.clone()));

    let path = desk.home().records().join(RecordName::from(&server).file("json"));
    let later = r#"{"provider":"Notion","tool_count":14,"auth":"of_the_future","problem":7,"new":{}}"#;
    fs::write(&path, later).expect("written");
    assert_eq!(vault.load_record(&server), Some(record));
    fs::write(&path, "{").expect("written");
    assert_eq!(vault.load_record(&server), None);
}

#[tokio::test]
async fn tools_and_evidence_are_kept_apart_from_the_record() {
    let desk = Desk::new();
    let (vault, server) = (desk.vault(), key("notion").server);
    let tools = vec![serde_json::json!({"name": "search", "inputSchema": {"type": "object"}})];
    vault.save_tools(&server, &tools).await.expect("saved");
    vault.save_timeline(&server, &[]).await.expect("saved");
    assert_eq!(vault.load_tools(&server), Some(tools));
    assert_eq!(vault.load_timeline(&server), Some(Vec::new()));
    assert_eq!(vault.load_record(&server), None);
    vault.remove_record(&server).await.expect("forgotten");
    assert_eq!(vault.load_tools(&server), None);
}

#[tokio::test]
async fn a_change_made_elsewhere_is_noticed() {
    let desk = Desk::new();
    let mut seen = desk.vault().changes();
    let here = desk.vault();
    let mut changes = here.changes();
    assert_eq!(*seen.borrow_and_update(), Seen::default());

    let other = desk.vault();
    other.save(&grant("notion")).await.expect("signed in");
    changes.wait_for(|seen| seen.grants > 0).await.expect("noticed");
    let grants = changes.borrow_and_update().grants;
    other.remove(&key("notion")).await.expect("signed out");
    changes
        .wait_for(|seen| seen.grants > grants)
        .await
        .expect("noticed");
    assert_eq!(changes.borrow_and_update().records, 0);
    other
        .save_record(&key("notion"), &ServerRecord::default())
        .await
        .expect("observed");
    changes.wait_for(|seen| seen.records > 0).await.expect("noticed");
    drop(here);
    // One rename may be noticed twice: the vault is gone when no more comes.
    while changes.changed().await.is_ok() {}
}

#[tokio::test]
async fn a_lock_excludes_its_own_process_and_says_who_holds_it() {
    let desk = Desk::new();
    let held = desk
        .vault()
        .lock(&key("notion"), Duration::ZERO)
        .await
        .expect("free");
    let busy = desk
        .vault()
        .lock(&key("notion"), Duration::from_millis(10))
        .await
        .expect_err("held");
    let LockError::Held { holder: Some(holder) } = &busy else {
        panic!("{busy:?}");
    };
    assert_eq!(holder.pid, std::process::id());
    assert!(busy.to_string().contains(&holder.to_string()), "{busy}");
    desk.vault()
        .lock(&key("linear"), Duration::ZERO)
        .await
        .expect("another grant's lock is another lock");
    let waiting = tokio::spawn({
        let vault = desk.vault();
        async move { vault.lock(key_of("notion"), Duration::from_mins(1)).await }
    });
    drop(held);
    waiting.await.expect("no panic").expect("free at last");
}
