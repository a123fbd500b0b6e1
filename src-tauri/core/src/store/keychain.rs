//! The operating system's keychain behind [`CredentialStore`]: one item, through the `keyring` facade.
//!
//! Two things the facade does not do: a call ends in bounded time, whatever a prompt does, and "no such item" is
//! believed only once the keychain is known to be unlocked.

#[cfg(all(unix, not(target_os = "macos")))]
mod freedesktop;
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod native;

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use keyring::{Entry, Error};
use zeroize::Zeroizing;

#[cfg(all(unix, not(target_os = "macos")))]
use freedesktop as platform;
#[cfg(not(all(unix, not(target_os = "macos"))))]
use native as platform;

use super::{CredentialStore, CredentialStoreError};
use crate::BUNDLE_ID;

/// The variable that, set to `off`, keeps us from the keychain: for machines that have one nobody can unlock.
pub const KEYCHAIN_VARIABLE: &str = "OMLX_CONNECT_KEYCHAIN";

/// The item's account name; its service is [`BUNDLE_ID`].
const ACCOUNT: &str = "vault key";

/// How long a person has to answer the keychain's prompt; a later answer counts for the next attempt.
const PROMPT_WAIT: Duration = Duration::from_secs(45);

/// The keychain of this machine.
#[derive(Clone)]
pub struct Keychain {
    item: Arc<dyn Item>,
    turn: Arc<Turn>,
    wait: Duration,
}

/// No keychain: the key file is used, visibly.
#[derive(Clone, Copy, Debug)]
pub struct NoKeychain;

/// One keychain item. Every call blocks, perhaps for ever.
trait Item: Send + Sync {
    fn get(&self) -> keyring::Result<Vec<u8>>;
    fn set(&self, secret: &[u8]) -> keyring::Result<()>;
    fn delete(&self) -> keyring::Result<()>;
    /// Makes sure that what the keychain says is the whole truth; fine when it already is.
    fn unlock(&self) -> keyring::Result<()>;
}

/// The keychain to use here: none when the user turned it off, else the machine's.
pub fn credentials(env: &dyn Fn(&str) -> Option<String>) -> Arc<dyn CredentialStore> {
    match env(KEYCHAIN_VARIABLE).as_deref() {
        Some("off") => Arc::new(NoKeychain),
        _ => Arc::new(Keychain::new()),
    }
}

/// What another program keeps in the keychain, if it is there and the user lets us have it. Blocks, for as long as a
/// prompt may stay open at most.
pub(crate) fn foreign_secret(service: &'static str, account: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (answer, answered) = mpsc::sync_channel(1);
    let account = account.to_owned();
    thread::Builder::new()
        .name("keychain".to_owned())
        .spawn(move || {
            let secret = platform::entry(service, &account).and_then(|entry| entry.get_secret());
            // Nobody listens any more when the prompt took too long.
            let _ = answer.send(secret.ok().map(Zeroizing::new));
        })
        .ok()?;
    answered.recv_timeout(PROMPT_WAIT).ok().flatten()
}

impl Keychain {
    /// Nothing is opened before the first call.
    pub fn new() -> Self {
        Self::over(Arc::new(OurItem), PROMPT_WAIT)
    }

    fn over(item: Arc<dyn Item>, wait: Duration) -> Self {
        Self {
            item,
            turn: Arc::default(),
            wait,
        }
    }

    /// Makes one call on a thread that may be left behind: at most one is, however often we are asked.
    fn bounded<T, F>(&self, call: F) -> Result<T, CredentialStoreError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Item) -> Result<T, CredentialStoreError> + Send + 'static,
    {
        let turn = self.turn.take(self.wait).ok_or(CredentialStoreError::Refused)?;
        let item = Arc::clone(&self.item);
        let (answer, answered) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("keychain".to_owned())
            .spawn(move || {
                let _turn = turn;
                // Nobody listens any more when the prompt took too long.
                let _ = answer.send(call(&*item));
            })
            .map_err(|_| CredentialStoreError::Refused)?;
        answered
            .recv_timeout(self.wait)
            .unwrap_or(Err(CredentialStoreError::Refused))
    }
}

impl Default for Keychain {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keychain")
    }
}

impl CredentialStore for Keychain {
    fn read(&self) -> Result<Option<Vec<u8>>, CredentialStoreError> {
        self.bounded(read)
    }

    fn write(&self, secret: &[u8]) -> Result<(), CredentialStoreError> {
        let secret = Zeroizing::new(secret.to_vec());
        self.bounded(move |item| write(item, &secret))
    }

    fn delete(&self) -> Result<(), CredentialStoreError> {
        self.bounded(|item| match item.delete() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(classified(&error)),
        })
    }
}

impl CredentialStore for NoKeychain {
    fn read(&self) -> Result<Option<Vec<u8>>, CredentialStoreError> {
        Err(CredentialStoreError::Missing)
    }

    fn write(&self, _secret: &[u8]) -> Result<(), CredentialStoreError> {
        Err(CredentialStoreError::Missing)
    }

    fn delete(&self) -> Result<(), CredentialStoreError> {
        Ok(())
    }
}

/// A locked Secret Service says "no such item", so that answer counts only when it is given unlocked.
fn read(item: &dyn Item) -> Result<Option<Vec<u8>>, CredentialStoreError> {
    if let Some(secret) = get(item)? {
        return Ok(Some(secret));
    }
    item.unlock().map_err(|error| classified(&error))?;
    get(item)
}

/// Unlocks first: what is written into a keychain that opens only then would replace an item nobody could see.
fn write(item: &dyn Item, secret: &[u8]) -> Result<(), CredentialStoreError> {
    item.unlock().map_err(|error| classified(&error))?;
    item.set(secret).map_err(|error| classified(&error))?;
    let stored = get(item)?.map(Zeroizing::new);
    if stored.as_ref().is_some_and(|stored| stored.as_slice() == secret) {
        Ok(())
    } else {
        Err(CredentialStoreError::Damaged)
    }
}

fn get(item: &dyn Item) -> Result<Option<Vec<u8>>, CredentialStoreError> {
    match item.get() {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(classified(&error)),
    }
}

/// Keeps the kind and drops the error itself: some variants hold the secret's bytes.
fn classified(error: &Error) -> CredentialStoreError {
    match error {
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) | Error::Ambiguous(_) => {
            CredentialStoreError::Damaged
        }
        error if platform::is_absent(error) => CredentialStoreError::Missing,
        _ => CredentialStoreError::Refused,
    }
}

/// Our item in the machine's keychain, looked up anew each time: a service that was not there may be there now.
struct OurItem;

impl Item for OurItem {
    fn get(&self) -> keyring::Result<Vec<u8>> {
        entry()?.get_secret()
    }

    fn set(&self, secret: &[u8]) -> keyring::Result<()> {
        entry()?.set_secret(secret)
    }

    fn delete(&self) -> keyring::Result<()> {
        entry()?.delete_credential()
    }

    fn unlock(&self) -> keyring::Result<()> {
        platform::unlock()
    }
}

fn entry() -> keyring::Result<Entry> {
    platform::entry(BUNDLE_ID, ACCOUNT)
}

/// Whose turn it is: a prompt left unanswered must not be joined by a second one.
#[derive(Default)]
struct Turn {
    taken: Mutex<bool>,
    free: Condvar,
}

/// Gives the turn back, also when the thread panics.
struct Taken(Arc<Turn>);

impl Turn {
    fn take(self: &Arc<Self>, wait: Duration) -> Option<Taken> {
        let (mut taken, waited) = self
            .free
            .wait_timeout_while(self.lock(), wait, |taken| *taken)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        *taken = true;
        drop(taken);
        Some(Taken(Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::atomic::AtomicUsize, sync::atomic::Ordering};

    use super::*;

    /// Answers each call with the next line of a script.
    #[derive(Default)]
    struct Script {
        gets: Mutex<VecDeque<keyring::Result<Vec<u8>>>>,
        is_locked: bool,
        sets: AtomicUsize,
        started: AtomicUsize,
        hang: Mutex<Option<mpsc::Receiver<()>>>,
    }

    impl Script {
        fn of(gets: impl IntoIterator<Item = keyring::Result<Vec<u8>>>) -> Self {
            Self {
                gets: Mutex::new(gets.into_iter().collect()),
                ..Self::default()
            }
        }
    }

    impl Item for Script {
        fn get(&self) -> keyring::Result<Vec<u8>> {
            self.started.fetch_add(1, Ordering::SeqCst);
            let hang = self.hang.lock().expect("no panic").take();
            if let Some(prompt) = hang {
                let _ = prompt.recv();
            }
            let next = self.gets.lock().expect("no panic").pop_front();
            next.unwrap_or(Err(Error::NoEntry))
        }

        fn set(&self, _secret: &[u8]) -> keyring::Result<()> {
            self.sets.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }

        fn delete(&self) -> keyring::Result<()> {
            Err(Error::NoEntry)
        }

        fn unlock(&self) -> keyring::Result<()> {
            if self.is_locked {
                return Err(Error::NoStorageAccess("dismissed".into()));
            }
            Ok(())
        }
    }

    fn keychain(script: Script) -> (Keychain, Arc<Script>) {
        let script = Arc::new(script);
        let item = Arc::clone(&script) as Arc<dyn Item>;
        (Keychain::over(item, Duration::from_secs(30)), script)
    }

    #[test]
    fn no_such_item_counts_only_when_it_is_said_unlocked() {
        let (locked, _) = keychain(Script {
            is_locked: true,
            ..Script::default()
        });
        assert_eq!(locked.read(), Err(CredentialStoreError::Refused));
        let (empty, _) = keychain(Script::default());
        assert_eq!(empty.read(), Ok(None));
        let (opened, _) = keychain(Script::of([Err(Error::NoEntry), Ok(b"key".to_vec())]));
        assert_eq!(opened.read(), Ok(Some(b"key".to_vec())));
    }

    #[test]
    fn nothing_is_written_into_a_keychain_that_stays_locked() {
        let (locked, script) = keychain(Script {
            is_locked: true,
            ..Script::default()
        });
        assert_eq!(locked.write(b"key"), Err(CredentialStoreError::Refused));
        assert_eq!(script.sets.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (good, _) = keychain(Script::of([Ok(b"key".to_vec())]));
        assert_eq!(good.write(b"key"), Ok(()));
        let (pretending, _) = keychain(Script::default());
        assert_eq!(pretending.write(b"key"), Err(CredentialStoreError::Damaged));
    }

    #[test]
    fn an_error_keeps_its_kind_and_loses_what_it_carries() {
        let damaged = [
            Error::BadEncoding(b"secret".to_vec()),
            Error::BadDataFormat(b"secret".to_vec(), "secret".into()),
            Error::Ambiguous(Vec::new()),
        ];
        for error in damaged {
            assert_eq!(classified(&error), CredentialStoreError::Damaged);
        }
        for error in [Error::PlatformFailure("secret".into()), Error::NoDefaultStore] {
            assert_eq!(classified(&error), CredentialStoreError::Refused);
        }
        assert!(!format!("{:?}", CredentialStoreError::Damaged).contains("secret"));
    }

    #[test]
    fn a_prompt_nobody_answers_is_a_refusal_and_is_not_joined_by_another() {
        let (answer, prompt) = mpsc::channel();
        let script = Arc::new(Script {
            hang: Mutex::new(Some(prompt)),
            ..Script::of([Ok(b"key".to_vec()), Ok(b"key".to_vec())])
        });
        let item = Arc::clone(&script) as Arc<dyn Item>;
        let keychain = Keychain::over(item, Duration::from_millis(20));
        assert_eq!(keychain.read(), Err(CredentialStoreError::Refused));
        assert_eq!(keychain.read(), Err(CredentialStoreError::Refused));
        assert_eq!(script.started.load(Ordering::SeqCst), 1, "one prompt, left open");

        drop(answer);
        let patient = Keychain {
            wait: Duration::from_secs(30),
            ..keychain
        };
        assert_eq!(patient.read(), Ok(Some(b"key".to_vec())), "answered late");
    }

    #[test]
    fn deleting_what_is_not_there_is_fine() {
        let (empty, _) = keychain(Script::default());
        assert_eq!(empty.delete(), Ok(()));
        assert_eq!(NoKeychain.delete(), Ok(()));
    }

    #[test]
    fn the_keychain_can_be_turned_off() {
        let off = credentials(&|name| (name == KEYCHAIN_VARIABLE).then(|| "off".to_owned()));
        assert_eq!(off.read(), Err(CredentialStoreError::Missing));
        assert_eq!(off.write(b"key"), Err(CredentialStoreError::Missing));
        assert_eq!(format!("{:?}", credentials(&|_| None)), "Keychain");
    }
}
