//! The authorization server, one file per RFC.

pub(crate) mod authorization;
pub(crate) mod client;
pub(crate) mod client_authentication;
pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod introspection;
pub(crate) mod ledger;
pub(crate) mod page;
pub(crate) mod registration;
pub(crate) mod resource;
pub(crate) mod revocation;
pub(crate) mod server_metadata;
pub(crate) mod token;
pub(crate) mod userinfo;

use serde_json::Value;

/// A document after faults have put members in and taken members (null) out.
pub(crate) fn edited(mut document: Value, edits: Vec<(&'static str, Value)>) -> Value {
    if let Value::Object(members) = &mut document {
        for (name, value) in edits {
            if value.is_null() {
                members.shift_remove(name);
            } else {
                members.insert(name.to_owned(), value);
            }
        }
    }
    document
}
