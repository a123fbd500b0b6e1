//! Who is signed in, as far as the provider says.

use serde::{Deserialize, Serialize};

/// What to show next to "Authenticated as"; nothing here authorizes anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// A name or mail address.
    pub account: Option<String>,
    /// A workspace, organisation, site or tenant.
    pub workspace: Option<String>,
    /// The provider's own name.
    pub provider: Option<String>,
    /// The provider's stable identifier of the account (`sub`), to tell two accounts apart.
    pub subject: Option<String>,
}
