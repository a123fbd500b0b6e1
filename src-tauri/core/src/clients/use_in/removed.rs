//! Entries of ours taken out of a client's file, whenever they were written.

use serde_json::Value;

use super::{Done, UseIn, Wish};
use crate::{
    access::ClientId,
    clients::{
        ClientError,
        app::App,
        document::Document,
        file, ours,
        record::{Records, fingerprint},
    },
};

impl UseIn {
    /// Takes out what a wish would write, and the keys that were made for it. Other entries of ours stay.
    pub fn remove(&self, wish: &Wish) -> Result<Done, ClientError> {
        let app = App::named(&wish.client)?;
        let held = file::hold(&(app.file)(&self.machine))?;
        let path = held.path().to_owned();
        let plan = self.plan(app, (&path, file::text(&path)?), wish)?;
        let names = plan.names_there();
        if names.is_empty() {
            return Err(ClientError::NothingToUndo(app.name));
        }
        let after = plan.document.without(&names)?;
        let entries = names.iter().filter_map(|name| plan.document.get(name));
        let left = Document::parse(app, &path, Some(after.clone()))?;
        let needed = self.let_in(left.servers().map(|(_, entry)| entry));
        let records = Records::of(&self.home);
        let made = records
            .all()?
            .into_iter()
            .flat_map(|written| written.clients)
            .collect::<Vec<_>>();
        // First of all: whatever becomes of the text, the key in it opens nothing any more. One that was given out by hand
        // may be in use elsewhere, and stays.
        let is_over = |id: &ClientId| made.contains(id) && !needed.contains(id);
        let over: Vec<ClientId> = self.let_in(entries).into_iter().filter(is_over).collect();
        self.revoke(&over);
        let before = plan.document.text();
        held.replace(Some(before.as_bytes()), after.as_bytes())?;
        let (before, after) = (fingerprint(before.as_bytes()), fingerprint(after.as_bytes()));
        records.rewritten(&path, (&before, after))?;
        Ok(Done {
            client: app.id.to_owned(),
            changed: true,
            write: None,
            entries: names.into_iter().map(str::to_owned).collect(),
            backup: None,
            notes: Vec::new(),
            path: path.clone(),
        })
    }

    /// The clients that entries of ours let in.
    pub(super) fn let_in<'a>(&self, entries: impl Iterator<Item = &'a Value>) -> Vec<ClientId> {
        let by_key = |entry| {
            let client = self.access.authenticate(ours::key(entry)?)?;
            Some(client.id().clone())
        };
        entries
            .filter_map(|entry| ours::client_of(entry).or_else(|| by_key(entry)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::clients::{
        ClientError,
        app::App,
        test_kit::{Desk, fixture, wish},
    };

    #[test]
    fn what_was_written_is_taken_out_with_its_key_and_the_rest_stays() {
        let desk = Desk::full();
        let (use_in, app) = (desk.use_in(), App::named("cursor").expect("known"));
        use_in.apply(&wish(app, Some("notion"))).expect("written");
        let one = desk.text(app);
        use_in.apply(&wish(app, None)).expect("written");
        let clients = || use_in.access.clients().expect("read").len();
        assert_eq!(clients(), 2, "one for the program, one with a key");
        use_in.remove(&wish(app, None)).expect("taken out");
        assert_eq!(desk.text(app), one);
        assert_eq!(clients(), 1);
        use_in
            .remove(&wish(app, Some("notion")))
            .expect("taken out, whenever it was written");
        assert_eq!(desk.text(app), fixture(app));
        assert_eq!(clients(), 0);
        use_in.apply(&wish(app, Some("notion"))).expect("written");
        use_in.apply(&wish(app, Some("linear"))).expect("written");
        use_in.remove(&wish(app, Some("notion"))).expect("taken out");
        assert_eq!(clients(), 1, "the other program is let in by the same id");
        let again = use_in.remove(&wish(app, None)).expect_err("nothing is there");
        assert!(matches!(again, ClientError::NothingToUndo(_)), "{again}");
    }
}
