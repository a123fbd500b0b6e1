//! What is worth knowing of a wish before and after it is done, and stops nothing.

use std::{
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Target, UseIn, Wish, plan::Plan};
use crate::{
    clients::{ClientError, file},
    config::{Readers, omlx_refusals},
};

/// How long the gateway is waited for; on this machine it answers at once or is not there.
const PATIENCE: Duration = Duration::from_millis(300);

/// One thing worth knowing. Whoever shows it has the words for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum UseInNote {
    /// oMLX looks there, but starts no server from it unless it is told to.
    OmlxLooksElsewhere {
        /// Which file.
        path: String,
    },
    /// One entry of somebody else's makes oMLX refuse all of them.
    OmlxRefusesFile {
        /// Which file.
        path: String,
        /// oMLX's own sentence.
        refusal: String,
    },
    /// The entry is good, and leads nowhere until a gateway runs.
    GatewayAway {
        /// Where nobody listens: scheme, host and port.
        address: String,
    },
    /// A key is written into it that other users of this machine can read.
    OthersCanRead {
        /// Which file.
        path: String,
    },
    /// It was given the servers there are, one by one.
    LaterServers {
        /// The client's own name.
        client: String,
    },
    /// It reads its configuration when it starts.
    RestartClient {
        /// The client's own name.
        client: String,
    },
}

impl UseInNote {
    /// What it is called wherever it is looked up.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OmlxLooksElsewhere { .. } => "omlx_looks_elsewhere",
            Self::OmlxRefusesFile { .. } => "omlx_refuses_file",
            Self::GatewayAway { .. } => "gateway_away",
            Self::OthersCanRead { .. } => "others_can_read",
            Self::LaterServers { .. } => "later_servers",
            Self::RestartClient { .. } => "restart_client",
        }
    }
}

impl UseIn {
    /// What is worth knowing of a plan, after which the file says `after`. Fails where oMLX would refuse it because of
    /// our entries.
    pub(super) fn notes(
        &self,
        wish: &Wish,
        plan: &Plan<'_>,
        after: &str,
    ) -> Result<Vec<UseInNote>, ClientError> {
        let mut notes = self.omlx_notes(plan, after)?;
        let client = || plan.app.name.to_owned();
        if plan.needs_gateway() && !listens(&self.gateway) {
            notes.push(UseInNote::GatewayAway {
                address: self.gateway.clone(),
            });
        }
        let path = plan.document.path();
        if plan.needs_gateway() && file::others_can_read(path) {
            let path = path.display().to_string();
            notes.push(UseInNote::OthersCanRead { path });
        }
        if matches!(wish.target, Target::All(_)) && !plan.needs_gateway() {
            notes.push(UseInNote::LaterServers { client: client() });
        }
        if !plan.is_present() {
            notes.push(UseInNote::RestartClient { client: client() });
        }
        Ok(notes)
    }

    fn omlx_notes(&self, plan: &Plan<'_>, after: &str) -> Result<Vec<UseInNote>, ClientError> {
        let mut notes = Vec::new();
        if let Some(locate) = plan.app.locate {
            let file = locate(&self.machine);
            let path = file.path().display().to_string();
            if file.read_by() != Readers::OmlxToo {
                notes.push(UseInNote::OmlxLooksElsewhere { path: path.clone() });
            }
            let before = plan.document.text();
            let was_fine = before.trim().is_empty() || omlx_refusals(before).is_empty();
            match omlx_refusals(after).into_iter().next() {
                Some(refusal) if was_fine => return Err(ClientError::DisablesOmlx(refusal)),
                Some(refusal) => notes.push(UseInNote::OmlxRefusesFile { path, refusal }),
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
