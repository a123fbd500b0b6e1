//! What was last observed of a server: shown before, and without, any connection. Plain files, no secrets.
//!
//! Losing one costs nothing but a look at the server, so what cannot be read counts as not observed.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    AuthStatus, Problem, access::Endpoint, connection::Era, event::TransportKind, oauth::scope::Scopes,
};

/// The last observation of one server; every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerRecord {
    /// When it was made.
    #[serde(deserialize_with = "tolerant")]
    pub observed_at: Option<Timestamp>,
    /// Whether the server wanted a sign-in, and what became of it.
    #[serde(deserialize_with = "tolerant")]
    pub auth: Option<AuthStatus>,
    /// The transport that worked.
    #[serde(deserialize_with = "tolerant")]
    pub transport: Option<TransportKind>,
    /// How it wants to be spoken to.
    #[serde(deserialize_with = "tolerant")]
    pub era: Option<Era>,
    /// Who runs the server, as far as it says.
    #[serde(deserialize_with = "tolerant")]
    pub provider: Option<String>,
    /// How many tools it listed.
    #[serde(deserialize_with = "tolerant")]
    pub tool_count: Option<u32>,
    /// Scopes it wanted on top of those granted.
    #[serde(deserialize_with = "tolerant")]
    pub missing_scopes: Scopes,
    /// What was wrong.
    #[serde(deserialize_with = "tolerant")]
    pub problem: Option<Problem>,
    /// What it was then: another program under the same name may well be there.
    #[serde(deserialize_with = "tolerant")]
    pub(crate) endpoint: Option<Endpoint>,
}

/// A field of another program version is a field not known.
fn tolerant<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
