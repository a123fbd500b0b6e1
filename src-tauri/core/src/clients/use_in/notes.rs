//! What is worth knowing of a wish before and after it is done, and stops nothing.

use std::{
    net::{TcpStream, ToSocketAddrs as _},
    path::PathBuf,
    time::Duration,
};

use url::Url;

use super::{Target, UseIn, Wish, plan::Plan};
use crate::{
    Action, Explain,
    clients::ClientError,
    config::{Readers, omlx_refusals},
};

/// How long the gateway is waited for; on this machine it answers at once or is not there.
const PATIENCE: Duration = Duration::from_millis(300);

/// One thing worth knowing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Note {
    /// oMLX looks there, but starts no server from it unless it is told to.
    #[error(
        "oMLX does not read {path} by itself; start it with `--mcp-config {path}`, or set `mcp.config_path` in \
         ~/.omlx/settings.json", path = .0.display()
    )]
    OmlxLooksElsewhere(PathBuf),
    /// One entry of somebody else's makes oMLX refuse all of them.
    #[error("oMLX refuses {}, and every server in it, until this is mended: {refusal}", .path.display())]
    OmlxRefuses {
        /// Which file.
        path: PathBuf,
        /// oMLX's own sentence.
        refusal: String,
    },
    /// The entry is good, and leads nowhere until a gateway runs.
    #[error("nobody listens at {0} now; start the app, or `omlx mcp serve`")]
    NobodyListens(String),
    /// It was given the servers there are, one by one.
    #[error("{0} starts programs only: a server that is added later is not there until this is done again")]
    LaterServers(&'static str),
    /// It reads its configuration when it starts.
    #[error("restart {0} to see it")]
    Restart(&'static str),
}

impl Explain for Note {
    fn code(&self) -> &'static str {
        match self {
            Self::OmlxLooksElsewhere(_) => "omlx_looks_elsewhere",
            Self::OmlxRefuses { .. } => "omlx_refuses_file",
            Self::NobodyListens(_) => "gateway_away",
            Self::LaterServers(_) => "later_servers",
            Self::Restart(_) => "restart_client",
        }
    }

    fn action(&self) -> Action {
        Action::None
    }
}

impl UseIn {
    /// What is worth knowing of a plan, after which the file says `after`. Fails where oMLX would refuse it because of
    /// our entries.
    pub(super) fn notes(&self, wish: &Wish, plan: &Plan<'_>, after: &str) -> Result<Vec<Note>, ClientError> {
        let mut notes = self.omlx_notes(plan, after)?;
        if plan.needs_gateway() && !listens(&self.gateway) {
            notes.push(Note::NobodyListens(self.gateway.clone()));
        }
        if matches!(wish.target, Target::All(_)) && !plan.needs_gateway() {
            notes.push(Note::LaterServers(plan.app.name));
        }
        if !plan.is_present() {
            notes.push(Note::Restart(plan.app.name));
        }
        Ok(notes)
    }

    fn omlx_notes(&self, plan: &Plan<'_>, after: &str) -> Result<Vec<Note>, ClientError> {
        let mut notes = Vec::new();
        if let Some(locate) = plan.app.locate {
            let file = locate(&self.machine);
            let path = file.path().to_owned();
            if file.read_by() != Readers::OmlxToo {
                notes.push(Note::OmlxLooksElsewhere(path.clone()));
            }
            let before = plan.document.text();
            let was_fine = before.trim().is_empty() || omlx_refusals(before).is_empty();
            match omlx_refusals(after).into_iter().next() {
                Some(refusal) if was_fine => return Err(ClientError::DisablesOmlx(refusal)),
                Some(refusal) => notes.push(Note::OmlxRefuses { path, refusal }),
                None => {}
            }
        }
        Ok(notes)
    }
}

/// Whether anyone takes a connection there. Nothing is sent.
fn listens(gateway: &str) -> bool {
    let address = Url::parse(gateway).ok().and_then(|url| {
        let (host, port) = (url.host_str()?.to_owned(), url.port_or_known_default()?);
        (host.trim_matches(['[', ']']), port)
            .to_socket_addrs()
            .ok()?
            .next()
    });
    address.is_some_and(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}
