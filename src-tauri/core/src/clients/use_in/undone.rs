//! A write taken back: byte for byte where nobody wrote since, else our entries alone.

use super::{Undone, UseIn};
use crate::{
    access::ClientId,
    clients::{
        ClientError,
        app::App,
        document::Document,
        file, ours,
        record::{Records, Written, fingerprint},
    },
};

impl UseIn {
    /// Takes the last write into a client's file back, and the keys that were made for it.
    pub fn undo(&self, client: &str) -> Result<Undone, ClientError> {
        let app = App::named(client)?;
        let records = Records::of(&self.home);
        let written = records
            .last(app.id)?
            .ok_or(ClientError::NothingToUndo(app.name))?;
        // First of all: whatever becomes of the text, the key in it opens nothing any more.
        self.revoke(&written.clients);
        for name in &written.keys {
            let _ = self.access.revoke(name);
        }
        let held = file::hold(&written.path)?;
        let now = file::read(held.path())?;
        let exact = now.as_deref().map(fingerprint).as_deref() == Some(&written.after);
        if exact {
            restore(&written, &held, now.as_deref())?;
        } else {
            take_out(app, &written, &held)?;
        }
        records.remove(&written)?;
        Ok(Undone {
            client: app.id.to_owned(),
            path: written.path,
            exact,
        })
    }

    /// Takes keys back.
    pub(super) fn revoke(&self, clients: &[ClientId]) {
        for client in clients {
            // One that somebody revoked meanwhile is gone, as it should be.
            let _ = self.access.revoke_id(client);
        }
    }
}

/// Puts back what stood there, byte for byte.
fn restore(written: &Written, held: &file::Held, now: Option<&[u8]>) -> Result<(), ClientError> {
    let Some(backup) = &written.backup else {
        held.remove()?;
        if let Some(folder) = &written.made_folder {
            held.remove_folders(folder);
        }
        return Ok(());
    };
    let before = file::read(backup)?.ok_or_else(|| ClientError::Missing(backup.clone()))?;
    held.replace(now, &before)?;
    // It has done its work, and may hold credentials.
    let _ = std::fs::remove_file(backup);
    Ok(())
}

/// Takes our entries out of a file that has changed since; the copy stays for whoever wants it.
fn take_out(app: &'static App, written: &Written, held: &file::Held) -> Result<(), ClientError> {
    let Some(text) = file::text(held.path())? else {
        return Ok(());
    };
    let document = Document::parse(app, held.path(), Some(text))?;
    let is_ours = |name: &&str| document.get(name).is_some_and(ours::leads_back);
    let names: Vec<&str> = written
        .entries
        .iter()
        .map(String::as_str)
        .filter(is_ours)
        .collect();
    let after = document.without(&names)?;
    held.replace(Some(document.text().as_bytes()), after.as_bytes())
}
