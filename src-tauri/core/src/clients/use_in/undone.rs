//! A write taken back: byte for byte where nobody wrote since, else our entries alone.

use super::{Undone, UseIn};
use crate::{
    access::ClientId,
    clients::{
        ClientError,
        app::App,
        document::Document,
        file, ours,
        record::{Records, WriteId, Written, fingerprint},
    },
};

impl UseIn {
    /// Takes the last write into a client's file back, and the keys that were made for it.
    pub fn undo(&self, client: &str) -> Result<Undone, ClientError> {
        let app = App::named(client)?;
        let last = Records::of(&self.home).last(app.id)?;
        self.take_back(app, (&last.ok_or(ClientError::NothingToUndo(app.name))?, &[]))
    }

    /// Takes one write into a client's file back, whatever was written after it, and the keys that were made for it. Not
    /// where a later write has the same entry: that would be half undone.
    pub fn undo_write(&self, client: &str, write: &WriteId) -> Result<Undone, ClientError> {
        let app = App::named(client)?;
        let mut writes = Records::of(&self.home).all()?;
        writes.retain(|written| written.app == app.id);
        let mut ids = writes.iter().map(|written| written.id.as_ref());
        let at = ids
            .position(|id| id == Some(write))
            .ok_or(ClientError::UndoneAlready(app.name))?;
        let mut later = writes.split_off(at + 1);
        let written = writes.pop().ok_or(ClientError::UndoneAlready(app.name))?;
        later.retain(|later| later.path == written.path);
        let is_its = |entry| written.entries.contains(entry);
        if later.iter().flat_map(|later| &later.entries).any(is_its) {
            return Err(ClientError::UsedSince(app.name));
        }
        self.take_back(app, (&written, &later))
    }

    fn take_back(
        &self,
        app: &'static App,
        (written, later): (&Written, &[Written]),
    ) -> Result<Undone, ClientError> {
        let heirs = self.heirs(app, (written, later));
        let is_over = |id: &&ClientId| heirs.iter().all(|(kept, _)| kept != *id);
        // First of all: whatever becomes of the text, the key in it opens nothing any more.
        self.revoke(written.clients.iter().filter(is_over));
        for name in &written.keys {
            let _ = self.access.revoke(name);
        }
        let held = file::hold(&written.path)?;
        let now = file::read(held.path())?;
        let is_as_written = now.as_deref().map(fingerprint).as_deref() == Some(&written.after);
        let exact = is_as_written && restore(written, &held, now.as_deref())?;
        if !exact {
            take_out(app, written, &held)?;
        }
        Records::of(&self.home).remove(written, &heirs)?;
        Ok(Undone {
            client: app.id.to_owned(),
            path: written.path.clone(),
            exact,
        })
    }

    /// Those of its clients that a later write lets in, too, each with the first one that does; nobody where the file
    /// cannot be read.
    fn heirs<'a>(
        &self,
        app: &'static App,
        (written, later): (&Written, &'a [Written]),
    ) -> Vec<(ClientId, &'a Written)> {
        let text = file::text(&written.path).ok().flatten();
        let document = text.and_then(|text| Document::parse(app, &written.path, Some(text)).ok());
        let Some(document) = document else {
            return Vec::new();
        };
        let let_in = |later: &Written| {
            let entries = later.entries.iter().filter_map(|name| document.get(name));
            self.let_in(entries)
        };
        let heir = |client: &ClientId| {
            let mut later = later.iter();
            Some((
                client.clone(),
                later.find(|later| let_in(later).contains(client))?,
            ))
        };
        written.clients.iter().filter_map(heir).collect()
    }

    /// Takes keys back.
    pub(super) fn revoke<'a>(&self, clients: impl IntoIterator<Item = &'a ClientId>) {
        for client in clients {
            // One that somebody revoked meanwhile is gone, as it should be.
            let _ = self.access.revoke_id(client);
        }
    }
}

/// Puts back what stood there, byte for byte; false where nobody knows any more what that was.
fn restore(written: &Written, held: &file::Held, now: Option<&[u8]>) -> Result<bool, ClientError> {
    let Some(backup) = &written.backup else {
        held.remove()?;
        if let Some(folder) = &written.made_folder {
            held.remove_folders(folder);
        }
        return Ok(true);
    };
    let Some(before) = file::read(backup)? else {
        return Ok(false);
    };
    held.replace(now, &before)?;
    // It has done its work, and may hold credentials.
    let _ = std::fs::remove_file(backup);
    Ok(true)
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
