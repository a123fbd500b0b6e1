//! A real Secret Service, which can be locked and unlocked.

use std::{error::Error, fs, io::Write as _, process::Stdio};

use zbus::zvariant::{ObjectPath, OwnedObjectPath};

use super::{
    bus::Bus,
    process::{Resident, Session},
    waiting::eventually,
};

const SERVICE: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const INTERFACE: &str = "org.freedesktop.Secret.Service";
const PASSWORD: &str = "password";

/// Who shows the dialog that asks for the password; the bus of the tests starts nobody by itself.
const PROMPTER: &str = "org.gnome.keyring.SystemPrompter";
const PROMPTER_FILE: &str = "/usr/share/dbus-1/services/org.gnome.keyring.SystemPrompter.service";

/// gnome-keyring with one unlocked keyring.
#[derive(Debug)]
pub(super) struct Keyring {
    prompter: Option<Resident>,
    _daemon: Resident,
}

impl Keyring {
    pub(super) async fn start(session: &Session, bus: &Bus) -> Result<Self, Box<dyn Error>> {
        let daemon = begin(session)?;
        eventually("a Secret Service on the bus", async || {
            bus.has(SERVICE).await.then_some(())
        })
        .await?;
        let keyring = Self {
            prompter: None,
            _daemon: daemon,
        };
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

    /// From now on somebody is asked for the password when a program wants it unlocked; before, nobody is.
    pub(super) async fn ask(&mut self, session: &Session, bus: &Bus) -> Result<(), Box<dyn Error>> {
        let service = fs::read_to_string(PROMPTER_FILE)
            .map_err(|error| format!("{PROMPTER_FILE}: {error}: `scripts/setup.sh e2e` installs it"))?;
        let program = service.lines().find_map(|line| line.strip_prefix("Exec="));
        let mut command = session.command(program.ok_or("no program")?)?;
        self.prompter = Some(Resident::start(&mut command)?);
        eventually("somebody who asks for the password", async || {
            bus.has(PROMPTER).await.then_some(())
        })
        .await
    }

    /// Types the password into the dialog, as soon as that has the keyboard.
    pub(super) async fn answer(session: &Session) -> Result<(), Box<dyn Error>> {
        let xdotool = |words: &[&str]| -> Option<String> {
            let mut command = session.command("xdotool").ok()?;
            let said = command.args(words).stdout(Stdio::piped()).output().ok()?;
            let said = said.status.success().then_some(said.stdout)?;
            Some(String::from_utf8_lossy(&said).trim().to_owned())
        };
        eventually("a dialog that asks for the password", async || {
            let focus = xdotool(&["getwindowfocus"])?;
            let dialogs = xdotool(&["search", "--onlyvisible", "--class", "gcr-prompter"])?;
            dialogs.lines().any(|dialog| dialog == focus).then_some(())
        })
        .await?;
        xdotool(&["type", "--delay", "20", PASSWORD]).ok_or("nothing was typed")?;
        xdotool(&["key", "Return"]).ok_or("nothing was typed")?;
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

/// A daemon whose login keyring is made, and open, with the password it reads.
fn begin(session: &Session) -> Result<Resident, Box<dyn Error>> {
    let mut command = session.command("gnome-keyring-daemon")?;
    // It asks for the password on a screen when there is one.
    command
        .args(["--unlock", "--components=secrets", "--foreground"])
        .env_remove("DISPLAY")
        .stdin(Stdio::piped());
    let mut daemon = Resident::start(&mut command)?;
    let mut input = daemon.child().stdin.take().ok_or("no standard input")?;
    input.write_all(PASSWORD.as_bytes())?;
    Ok(daemon)
}
