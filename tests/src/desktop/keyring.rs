//! A real Secret Service, which can be locked and unlocked.

use std::{error::Error, io::Write as _, process::Stdio};

use zbus::zvariant::{ObjectPath, OwnedObjectPath};

use super::{
    bus::Bus,
    process::{Resident, Session},
    waiting::eventually,
};

const SERVICE: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const INTERFACE: &str = "org.freedesktop.Secret.Service";
const PASSWORD: &[u8] = b"password";

/// gnome-keyring with one unlocked keyring.
#[derive(Debug)]
pub(super) struct Keyring(#[expect(dead_code, reason = "held so that it ends with the desktop")] Resident);

impl Keyring {
    pub(super) async fn start(session: &Session, bus: &Bus) -> Result<Self, Box<dyn Error>> {
        let daemon = unlocking(session, &["--unlock", "--components=secrets", "--foreground"])?;
        eventually("a Secret Service on the bus", async || {
            bus.has(SERVICE).await.then_some(())
        })
        .await?;
        let keyring = Self(daemon);
        eventually("an unlocked keyring", async || {
            Self::default_collection(bus).await.ok().map(drop)
        })
        .await?;
        Ok(keyring)
    }

    /// Locks it, as leaving the computer alone would.
    pub(super) async fn lock(bus: &Bus) -> Result<(), Box<dyn Error>> {
        let collection = Self::default_collection(bus).await?;
        bus.connection
            .call_method(Some(SERVICE), PATH, Some(INTERFACE), "Lock", &(vec![collection],))
            .await?;
        Ok(())
    }

    /// Unlocks it, as its person would with the password.
    pub(super) fn unlock(session: &Session) -> Result<(), Box<dyn Error>> {
        unlocking(session, &["--unlock"])?.child().wait()?;
        Ok(())
    }

    async fn default_collection(bus: &Bus) -> Result<OwnedObjectPath, Box<dyn Error>> {
        let answer = bus
            .connection
            .call_method(Some(SERVICE), PATH, Some(INTERFACE), "ReadAlias", &("default",))
            .await?;
        let collection: OwnedObjectPath = answer.body().deserialize()?;
        if *collection == ObjectPath::try_from("/")? {
            return Err("there is no default keyring".into());
        }
        Ok(collection)
    }
}

fn unlocking(session: &Session, arguments: &[&str]) -> Result<Resident, Box<dyn Error>> {
    let mut command = session.command("gnome-keyring-daemon")?;
    // It asks for the password on a screen when there is one.
    command
        .args(arguments)
        .env_remove("DISPLAY")
        .stdin(Stdio::piped());
    let mut daemon = Resident::start(&mut command)?;
    let mut input = daemon.child().stdin.take().ok_or("no standard input")?;
    input.write_all(PASSWORD)?;
    Ok(daemon)
}
