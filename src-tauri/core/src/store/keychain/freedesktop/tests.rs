//! Against the real thing where it is installed: a session bus of our own, and gnome-keyring on it.
//!
//! The bus is found through the environment, so whatever asks the keychain is a process of its own: this test program
//! again, told by a variable what to ask.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;
use zbus::blocking::{connection::Builder, fdo::DBusProxy};

use super::*;
use crate::store::{
    CredentialStore as _, Keychain,
    keychain::{Item, OurItem},
};

const WISH: &str = "OMLX_TEST_KEYCHAIN";
const SERVICE: &str = "org.freedesktop.secrets";
const POLICY: &str = r#"<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
    <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
    <allow own="*"/></policy></busconfig>"#;

/// Run by the tests below, in a process of its own; by itself it does nothing.
#[test]
fn child() {
    let Ok(wish) = std::env::var(WISH) else {
        return;
    };
    let keychain = Keychain::over(Arc::new(OurItem), Duration::from_secs(20));
    let answer = match wish.split_once(' ') {
        Some((_, secret)) => format!("{:?}", keychain.write(secret.as_bytes())),
        None if wish == "lock" => format!("{:?}", lock()),
        None if wish == "raw" => format!("{:?}", OurItem.get().is_err()),
        None => format!(
            "{:?}",
            keychain.read().map(|secret| secret.map(String::from_utf8))
        ),
    };
    println!("answer: {answer}");
}

#[test]
fn a_session_without_a_bus_or_without_a_service_has_no_keychain() {
    let nowhere = said(
        Command::new(this_program()).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus"),
        "read",
    );
    assert_eq!(nowhere, "Err(Missing)");
    let Some(bus) = Bus::start() else {
        eprintln!("dbus-daemon is not installed: the rest is not tested");
        return;
    };
    assert_eq!(bus.ask("read"), "Err(Missing)");
    assert_eq!(bus.ask("write one"), "Err(Missing)");
}

#[test]
fn a_locked_keychain_refuses_and_keeps_what_it_holds() {
    let Some((bus, keyring)) = Bus::start().and_then(|bus| bus.keyring().map(|keyring| (bus, keyring)))
    else {
        eprintln!("dbus-daemon or gnome-keyring is not installed: nothing is tested");
        return;
    };
    assert_eq!(bus.ask("read"), "Ok(None)");
    assert_eq!(bus.ask("write one"), "Ok(())");
    assert_eq!(bus.ask("read"), r#"Ok(Some(Ok("one")))"#);
    assert_eq!(bus.ask("lock"), "Ok(())");
    assert_eq!(bus.ask("read"), "Err(Refused)");
    assert_eq!(bus.ask("write two"), "Err(Refused)");
    drop(keyring);

    let _keyring = bus.keyring();
    assert_eq!(bus.ask("read"), r#"Ok(Some(Ok("one")))"#, "unlocked again");
}

/// A child process, stopped when the test ends however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A session bus that starts no services, with a folder for what runs on it.
struct Bus {
    folder: TempDir,
    address: String,
    _daemon: Running,
}

impl Bus {
    fn start() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let config = folder.path().join("bus.conf");
        std::fs::write(&config, POLICY).expect("written");
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address=1"])
            .arg(format!("--config-file={}", config.display()))
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let stdout = daemon.stdout.take().expect("piped");
        let daemon = Running(daemon);
        let address = BufReader::new(stdout).lines().next()?.ok()?;
        Some(Self {
            folder,
            address,
            _daemon: daemon,
        })
    }

    /// gnome-keyring with its login keyring unlocked, once it is on the bus.
    fn keyring(&self) -> Option<Running> {
        let connection = Builder::address(self.address.as_str())
            .and_then(Builder::build)
            .expect("a bus");
        let bus = DBusProxy::new(&connection).expect("a bus");
        let mut owners = bus
            .receive_name_owner_changed_with_args(&[(0, SERVICE)])
            .expect("a bus");
        let mut daemon = self
            .command(Path::new("gnome-keyring-daemon"))
            .args(["--unlock", "--components=secrets", "--foreground"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let mut stdin = daemon.stdin.take().expect("piped");
        stdin.write_all(b"password").expect("read");
        drop(stdin);
        owners.find(|change| change.args().is_ok_and(|args| args.new_owner.is_some()));
        Some(Running(daemon))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("XDG_DATA_HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env_remove("DISPLAY");
        command
    }

    fn ask(&self, wish: &str) -> String {
        said(&mut self.command(&this_program()), wish)
    }
}

fn this_program() -> std::path::PathBuf {
    std::env::current_exe().expect("this program")
}

fn said(command: &mut Command, wish: &str) -> String {
    let name = concat!(module_path!(), "::child");
    let (_, name) = name.split_once("::").expect("below the crate");
    let output = command
        .args(["--exact", name, "--nocapture"])
        .env(WISH, wish)
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer = text.split("answer: ").nth(1).unwrap_or(&text);
    answer.lines().next().unwrap_or_default().to_owned()
}

fn lock() -> std::result::Result<(), secret_service::Error> {
    let service = SecretService::connect(EncryptionType::Dh)?;
    service.get_default_collection()?.lock()
}
