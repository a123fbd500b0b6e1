//! A server under another name: who was let in to it, and what they approved, goes with it.

use std::path::Path;

use super::{Access, Approvals, file, hash_of};
use crate::{
    ServerId,
    access::{AccessError, Client},
};

impl Access {
    /// Has every rule that names the server, and all that was approved of it, stand under its new name. A pattern that
    /// names it with `*` or `?` stays as it is: it says what the user meant by it.
    pub fn rename_server(&self, old: &ServerId, new: &ServerId) -> Result<(), AccessError> {
        self.rename_approvals(old, new)?;
        let prefixes = (format!("{old}__"), format!("{new}__"));
        if self.ledger()?.entries.is_empty() {
            return Ok(());
        }
        self.change(|ledger| {
            for entry in &mut ledger.entries {
                let mut rules = entry.client.rules().clone();
                rules
                    .servers
                    .replace(|pattern| (pattern == old.as_str()).then(|| new.to_string()));
                rules.tools.replace(|pattern| {
                    let tool = pattern.strip_prefix(&prefixes.0)?;
                    Some(format!("{}{tool}", prefixes.1))
                });
                let client = &entry.client;
                entry.client = Client::new(client.id().clone(), client.name().to_owned(), rules);
            }
            Ok(())
        })
    }

    fn rename_approvals(&self, old: &ServerId, new: &ServerId) -> Result<(), AccessError> {
        let (before, after) = (hash_of(old.as_str()), hash_of(new.as_str()));
        for path in self.approval_files()? {
            let Some(client) = client_of(&path, &before) else {
                continue;
            };
            if let Some(mut approvals) = Approvals::read(&path)? {
                approvals.server = new.clone();
                let moved = self.approvals_folder().join(format!("{client}.{after}.json"));
                file::update(&moved, |_| Ok((approvals.text(&moved)?, ())))?;
            }
            file::remove(&path)?;
        }
        Ok(())
    }
}

/// Whose approvals of this server a file holds; none when they are of another one.
fn client_of(path: &Path, server: &str) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let (client, of) = stem.split_once('.')?;
    (of == server).then(|| client.to_owned())
}
