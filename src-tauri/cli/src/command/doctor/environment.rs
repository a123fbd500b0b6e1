//! What surrounds the servers: the config file, the grants and their key, the network, the browser.

use std::{env, path::PathBuf};

use omlx_mcp::{
    Explain, Problem,
    browser::SystemBrowser,
    config::{Origin, Readers},
    network::{Network, NetworkSettings},
    store::{CredentialStoreError, KeySource},
};
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Ending, Failure},
    next_omlx,
    output::{
        face::{Face, Paint},
        text::{self, counted},
    },
};

/// How wide the names of the fields are, gap included.
const NAMES: usize = 14;

/// Variables that change what is done, named when they are set and never shown.
const VARIABLES: [&str; 15] = [
    "OMLX_MCP_CONFIG",
    "OMLX_CONNECT_HOME",
    "OMLX_CONNECT_KEYCHAIN",
    "OMLX_CONNECT_CA_FILE",
    "OMLX_CONNECT_CLIENT_CERTIFICATE",
    "OMLX_CONNECT_PRIVATE_ADDRESSES",
    "OMLX_LOG",
    "BROWSER",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
];

/// Everything but the servers.
#[derive(Debug, Serialize)]
pub(super) struct Environment {
    version: &'static str,
    platform: String,
    program: Option<PathBuf>,
    /// The `omlx` that gets every word but `mcp`.
    next_omlx: Option<PathBuf>,
    /// Names only: values may be credentials.
    variables: Vec<&'static str>,
    pub(super) config: ConfigFindings,
    grants: GrantFindings,
    network: NetworkFindings,
    /// What opens a sign-in page; none when addresses are only shown.
    browser: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
pub(super) struct ConfigFindings {
    path: PathBuf,
    found_by: &'static str,
    read_by_omlx: bool,
    looked_at: Vec<Place>,
    servers: usize,
    /// Why the file as a whole cannot be used.
    pub(super) problem: Option<Problem>,
    /// What is wrong with single entries, and what is odd.
    notes: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Place {
    path: PathBuf,
    exists: bool,
}

#[derive(Debug, Serialize)]
struct GrantFindings {
    folder: PathBuf,
    /// What keeps the key of the grants already stored.
    key: Option<KeySource>,
    keychain: KeychainAnswer,
    stored: usize,
}

/// What the keychain said when it was asked just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum KeychainAnswer {
    HoldsTheKey,
    HasNoKeyYet,
    Missing,
    Refused,
    Damaged,
}

#[derive(Debug, Serialize)]
struct NetworkFindings {
    ca_file: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    problem: Option<Problem>,
}

impl Environment {
    /// Looks at everything; the keychain may ask the user.
    pub(super) async fn look(context: &Context) -> Result<Self, Failure> {
        let set = |name: &&'static str| context.variable(name).is_some_and(|value| !value.is_empty());
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            platform: format!("{} {}", env::consts::OS, env::consts::ARCH),
            program: env::current_exe().ok(),
            next_omlx: next_omlx::find(),
            variables: VARIABLES.into_iter().filter(|name| set(name)).collect(),
            config: ConfigFindings::look(context),
            grants: GrantFindings::look(context).await?,
            network: NetworkFindings::look(&context.network()),
            browser: SystemBrowser::new().opener(),
        })
    }

    /// Whether something here keeps everything from working.
    pub(super) fn ending(&self) -> Ending {
        let problems = [&self.config.problem, &self.network.problem];
        let refused = matches!(
            self.grants.keychain,
            KeychainAnswer::Refused | KeychainAnswer::Damaged
        );
        let of_keychain = if refused { Ending::Failed } else { Ending::Done };
        problems
            .into_iter()
            .flatten()
            .map(Ending::of)
            .fold(of_keychain, Ending::and)
    }

    /// As text.
    pub(super) fn lines(&self, face: &Face) -> Vec<String> {
        let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let none = || "none".to_owned();
        let browser =
            shown(&self.browser).unwrap_or_else(|| "none can be opened here: addresses are shown".to_owned());
        let mut fields = vec![
            ("Version", format!("{} on {}", self.version, self.platform)),
            ("Program", shown(&self.program).unwrap_or_default()),
            ("Next omlx", shown(&self.next_omlx).unwrap_or_else(none)),
            ("Variables", self.variables.join(", ")),
        ];
        fields.extend(self.config.fields());
        fields.extend(self.grants.fields());
        fields.extend(self.network.fields());
        fields.push(("Browser", browser));
        let line = |(name, value): (&str, String)| {
            let name = face.paint(Paint::Faint, &format!("{name:<NAMES$}"));
            format!("{name}{}", face.glyphs(&text::line(&value)))
        };
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(line)
            .collect()
    }
}

impl ConfigFindings {
    fn look(context: &Context) -> Self {
        let file = context.config_file();
        let loaded = context.config();
        let fatal = loaded.fatal.clone();
        let notes = if fatal.is_some() {
            Vec::new()
        } else {
            [loaded.state.problems.as_slice(), &loaded.state.advice].concat()
        };
        Self {
            path: file.path().to_owned(),
            found_by: found_by(file.origin()),
            read_by_omlx: file.read_by() == Readers::OmlxToo,
            looked_at: places(context),
            servers: loaded.state.config.servers.len(),
            problem: fatal,
            notes,
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let readers = if self.read_by_omlx {
            "; oMLX reads it, too"
        } else {
            ""
        };
        let servers = match &self.problem {
            Some(problem) => format!("{} [{}]", problem.message, problem.code),
            None => counted(self.servers, "server"),
        };
        let mut fields = vec![
            (
                "Config",
                format!("{} ({}{readers})", self.path.display(), self.found_by),
            ),
            ("", servers),
        ];
        fields.extend(
            self.notes
                .iter()
                .map(|note| ("", format!("! {} [{}]", note.message, note.code))),
        );
        fields.extend(self.looked_at.iter().map(|place| {
            let there = if place.exists { "there" } else { "not there" };
            ("Looked at", format!("{}: {there}", place.path.display()))
        }));
        fields
    }
}

/// Each place once, in the order of the search.
fn places(context: &Context) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (_, path) in context.config_places() {
        if places.iter().all(|known| known.path != path) {
            places.push(Place {
                exists: path.exists(),
                path,
            });
        }
    }
    places
}

fn found_by(origin: Origin) -> &'static str {
    match origin {
        Origin::Explicit => "named by --config",
        Origin::Variable => "named by OMLX_MCP_CONFIG",
        Origin::OmlxSettings => "named in oMLX's settings",
        Origin::WorkingFolder => "in the working folder",
        Origin::Default => "the default place",
    }
}

impl GrantFindings {
    async fn look(context: &Context) -> Result<Self, Failure> {
        let vault = context.vault()?;
        let credentials = context.credentials();
        // The keychain may be asking the user, for as long as it likes.
        let answer = tokio::task::spawn_blocking(move || match credentials.read() {
            Ok(Some(_)) => KeychainAnswer::HoldsTheKey,
            Ok(None) => KeychainAnswer::HasNoKeyYet,
            Err(CredentialStoreError::Missing) => KeychainAnswer::Missing,
            Err(CredentialStoreError::Refused) => KeychainAnswer::Refused,
            Err(CredentialStoreError::Damaged) => KeychainAnswer::Damaged,
        });
        Ok(Self {
            folder: context.home()?.data().to_owned(),
            key: vault.key_source(),
            keychain: answer.await.unwrap_or(KeychainAnswer::Refused),
            stored: vault.summaries().len(),
        })
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let key = match self.key {
            Some(KeySource::Keychain) => "in the keychain",
            Some(KeySource::File) => "in a file that this user alone can read",
            None => "not made yet",
        };
        let keychain = match self.keychain {
            KeychainAnswer::HoldsTheKey => "answers, and holds our key",
            KeychainAnswer::HasNoKeyYet => "answers, and holds no key of ours",
            KeychainAnswer::Missing => "there is none on this machine",
            KeychainAnswer::Refused => "! locked, or it refuses",
            KeychainAnswer::Damaged => "! answers with something that is not our key",
        };
        vec![
            (
                "Grants",
                format!("{} ({} stored)", self.folder.display(), self.stored),
            ),
            ("Key", key.to_owned()),
            ("Keychain", keychain.to_owned()),
        ]
    }
}

impl NetworkFindings {
    fn look(settings: &NetworkSettings) -> Self {
        Self {
            ca_file: settings.ca_file.clone(),
            client_certificate: settings.client_certificate.clone(),
            problem: Network::new(settings).err().map(|error| error.problem()),
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let file = |what: &str, path: &Option<PathBuf>| {
            path.as_ref().map(|path| format!("{what} {}", path.display()))
        };
        let extra = [
            file("authorities of", &self.ca_file),
            file("client certificate", &self.client_certificate),
        ];
        let certificates =
            std::iter::once("the system's authorities".to_owned()).chain(extra.into_iter().flatten());
        let mut fields = vec![("Certificates", certificates.collect::<Vec<_>>().join(", "))];
        fields.extend(
            self.problem
                .iter()
                .map(|problem| ("", format!("! {} [{}]", problem.message, problem.code))),
        );
        fields
    }
}
