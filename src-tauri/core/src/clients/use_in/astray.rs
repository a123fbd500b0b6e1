//! Entries of ours that lead to where the gateway was before another port was chosen.

use super::{Target, UseIn, Way, Wish};
use crate::clients::{ClientApp, ClientError, app::App, apps::APPS, file};

impl UseIn {
    /// The clients whose entry for all servers leads to another address than the gateway's. Writing it anew keeps its key.
    pub fn astray(&self) -> Vec<ClientApp> {
        // A file that cannot be read leads nowhere that we know of.
        let apps = APPS.iter().filter(|app| self.is_astray(app).unwrap_or_default());
        apps.map(|app| app.listed(&self.machine)).collect()
    }

    fn is_astray(&self, app: &'static App) -> Result<bool, ClientError> {
        let path = (app.file)(&self.machine);
        let text = file::text(&path)?.filter(|_| app.remote.is_some());
        if text.is_none() {
            return Ok(false);
        }
        let wish = Wish {
            client: app.id.to_owned(),
            target: Target::All(Vec::new()),
            way: Some(Way::Gateway),
        };
        let plan = self.plan(app, (&path, text), &wish)?;
        Ok(plan.has_key() && !plan.is_present())
    }
}

#[cfg(test)]
mod tests {
    use crate::clients::{
        app::App,
        test_kit::{Desk, wish},
    };

    #[test]
    fn whoever_looks_for_a_gateway_that_moved_is_named_until_the_entry_is_written_anew() {
        let desk = Desk::full();
        let (mut use_in, app) = (desk.use_in(), App::named("cursor").expect("known"));
        use_in.apply(&wish(app, None)).expect("written");
        assert_eq!(use_in.astray(), []);
        "http://127.0.0.1:9000".clone_into(&mut use_in.gateway);
        let astray = use_in.astray();
        assert_eq!(
            astray.iter().map(|app| app.id.as_str()).collect::<Vec<_>>(),
            ["cursor"]
        );
        use_in.apply(&wish(app, None)).expect("written anew");
        assert_eq!(use_in.astray(), []);
        assert_eq!(
            use_in.access.clients().expect("read").len(),
            1,
            "the key stays the same"
        );
    }
}
