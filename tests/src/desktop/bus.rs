//! A session bus that starts no services of this machine.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use zbus::{Connection, connection::Builder};

use super::process::{Resident, Session};

const POLICY: &str = r#"<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
    <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
    <allow own="*"/></policy></busconfig>"#;

/// A session bus, and this test's connection to it.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) connection: Connection,
    _daemon: Resident,
}

impl Bus {
    /// Starts it, and tells the session its address.
    pub(super) async fn start(session: &mut Session) -> Result<Self, Box<dyn Error>> {
        let config = session.log("bus.conf");
        fs::write(&config, POLICY)?;
        let mut command = session.command("dbus-daemon")?;
        command
            .args(["--nofork", "--print-address=1"])
            .arg(format!("--config-file={}", config.display()))
            .stdout(Stdio::piped());
        let mut daemon = Resident::start(&mut command)?;
        let output = daemon.child().stdout.take().ok_or("no standard output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address)?;
        session.set("DBUS_SESSION_BUS_ADDRESS", address.trim());
        Ok(Self {
            connection: Builder::address(address.trim())?.build().await?,
            _daemon: daemon,
        })
    }

    /// Whether someone owns `name`.
    pub(super) async fn has(&self, name: &str) -> bool {
        let Ok(proxy) = zbus::fdo::DBusProxy::new(&self.connection).await else {
            return false;
        };
        match name.try_into() {
            Ok(name) => proxy.name_has_owner(name).await.unwrap_or_default(),
            Err(_) => false,
        }
    }
}
