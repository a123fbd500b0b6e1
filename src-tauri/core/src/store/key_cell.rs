//! The key in this process: asked for once, on first need, and kept in memory.

use std::{sync::Arc, time::Instant};

use tokio::sync::Mutex;

use super::{
    CredentialStore, Home, blocking,
    custody::{Custody, Held, KeyError, KeySource},
    key::Fingerprint,
};

/// One key for all clones of a vault.
#[derive(Debug)]
pub(super) struct KeyCell {
    custody: Arc<Custody>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Arc<Held>>,
    failure: Option<(Instant, KeyError)>,
}

impl KeyCell {
    pub(super) fn new(home: Home, credentials: Arc<dyn CredentialStore>) -> Self {
        Self {
            custody: Arc::new(Custody::new(home, credentials)),
            state: Mutex::default(),
        }
    }

    pub(super) fn source(&self) -> Option<KeySource> {
        self.custody.source()
    }

    /// The key to open a file sealed with `wanted`; another one, or none, when that key is lost.
    pub(super) async fn to_open(&self, wanted: &Fingerprint) -> Result<Option<Arc<Held>>, KeyError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(held) = &state.held {
            let is_wanted = held.key.fingerprint() == wanted;
            // Another process may have made a new key after the old one was lost.
            if is_wanted || self.is_current(held).await? {
                return Ok(Some(Arc::clone(held)));
            }
        }
        state.failed_since(asked)?;
        let custody = Arc::clone(&self.custody);
        let found = blocking::patient(move || custody.find()).await?;
        state.settle(found)
    }

    /// The key to seal with: the one everybody uses, made now if there is none.
    pub(super) async fn to_seal(&self) -> Result<Arc<Held>, KeyError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(held) = &state.held
            && self.is_current(held).await?
        {
            return Ok(Arc::clone(held));
        }
        state.failed_since(asked)?;
        let custody = Arc::clone(&self.custody);
        let made = blocking::patient(move || custody.find_or_make().map(Some)).await?;
        // The answer is never "none" here.
        state.settle(made)?.ok_or(KeyError::NoRandomness)
    }

    async fn is_current(&self, held: &Arc<Held>) -> Result<bool, KeyError> {
        let (custody, held) = (Arc::clone(&self.custody), Arc::clone(held));
        Ok(blocking::brief(move || custody.is_current(&held.key)).await?)
    }
}

impl State {
    /// Whoever waited while the user said no has had the answer too: one prompt, not one per connection.
    fn failed_since(&self, asked: Instant) -> Result<(), KeyError> {
        match &self.failure {
            Some((at, error)) if *at >= asked => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, found: Result<Option<Held>, KeyError>) -> Result<Option<Arc<Held>>, KeyError> {
        match found {
            Ok(held) => {
                self.failure = None;
                self.held = held.map(Arc::new);
                Ok(self.held.clone())
            }
            Err(error) => {
                self.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::{CredentialStoreError, fixtures::FakeKeychain};

    #[tokio::test]
    async fn everyone_who_waited_while_the_user_said_no_has_had_the_answer() {
        let folder = TempDir::new().expect("a folder");
        let keychain = Arc::new(FakeKeychain::default());
        keychain.refuse_with(Some(CredentialStoreError::Refused));
        let cell = KeyCell::new(
            Home::at(folder.path()),
            Arc::clone(&keychain) as Arc<dyn CredentialStore>,
        );
        let prompt = keychain.prompt();
        let everyone = futures::future::join_all((0..20).map(|_| cell.to_seal()));
        tokio::pin!(everyone);
        tokio::select! {
            biased;
            _ = &mut everyone => panic!("the prompt is still open"),
            () = std::future::ready(()) => drop(prompt),
        }
        let refused = everyone.await;
        assert!(
            refused
                .iter()
                .all(|answer| matches!(answer, Err(KeyError::Locked)))
        );
        assert_eq!(keychain.calls(), 1);
        assert!(cell.to_seal().await.is_err());
        assert_eq!(keychain.calls(), 2, "whoever comes later asks again");
    }
}
