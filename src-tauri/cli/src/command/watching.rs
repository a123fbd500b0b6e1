//! `omlx mcp status --watch`: the state drawn anew whenever it changes.

use std::{sync::Arc, time::Duration};

use omlx_mcp::{Snapshot, handle::Handle, recorded::recorded};

use super::status::{Printer, Shown, StatusArguments, chosen, settings};
use crate::{
    context::Context,
    core::interrupted,
    failure::{Ending, Failure},
    output::{Output, redrawn::Redrawn},
};

/// How often "3 minutes ago" is looked at again.
const AGEING: Duration = Duration::from_secs(5);

/// Shows what this and other processes leave in the files.
pub(super) async fn files(
    arguments: &StatusArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let vault = context.vault()?;
    let mut config = context.config_file().watch();
    let mut grants = vault.changes();
    let mut settings = settings(context)?.watch();
    let mut screen = Screen::new(arguments, context);
    loop {
        let snapshot = recorded(&vault, &config.borrow_and_update().clone());
        let paused = settings.borrow_and_update().paused;
        screen.show((&snapshot, paused), output)?;
        tokio::select! {
            Ok(()) = config.changed() => {}
            Ok(()) = settings.changed() => {}
            Ok(()) = grants.changed() => {}
            () = tokio::time::sleep(AGEING) => {}
            interrupted = interrupted() => return Err(interrupted),
        }
    }
}

/// Shows what this process's own connections tell.
pub(super) async fn core(
    arguments: &StatusArguments,
    handle: &Handle,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    let mut board = handle.snapshot();
    let mut settings = settings(context)?.watch();
    let mut screen = Screen::new(arguments, context);
    loop {
        let snapshot = Arc::clone(&board.borrow_and_update());
        let paused = settings.borrow_and_update().paused;
        screen.show((&snapshot, paused), output)?;
        tokio::select! {
            Ok(()) = board.changed() => {}
            Ok(()) = settings.changed() => {}
            () = tokio::time::sleep(AGEING) => {}
        }
    }
}

struct Screen<'a> {
    printer: Printer<'a>,
    names: &'a [String],
    json: bool,
    shown: Option<Shown>,
    redrawn: Redrawn,
}

impl<'a> Screen<'a> {
    fn new(arguments: &'a StatusArguments, context: &'a Context) -> Self {
        Self {
            printer: Printer::new(arguments, context),
            names: &arguments.servers,
            json: context.global.json,
            shown: None,
            redrawn: Redrawn::default(),
        }
    }

    /// A terminal is drawn anew as time goes by; a file gets a new entry only for a change.
    fn show(&mut self, (snapshot, paused): (&Snapshot, bool), output: &mut Output) -> Result<(), Failure> {
        let snapshot = chosen(snapshot, self.names)?;
        let now = Shown { snapshot, paused };
        let changed = self.shown.as_ref() != Some(&now);
        if self.json && changed {
            output.json_line(&now)?;
        } else if !self.json && (changed || output.face().live) {
            let lines = self.printer.lines(&now, output);
            self.redrawn.draw(&lines, output)?;
        }
        self.shown = Some(now);
        Ok(())
    }
}
