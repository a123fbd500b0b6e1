//! `omlx mcp enable` and `disable`, and what every change of the config file has in common.

use std::path::PathBuf;

use omlx_mcp::{
    Explain, Problem, ServerId,
    config::{Change, ConfigFile},
};
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Ending, Failure},
    mend::Mend,
    notice::{Notice, Tone},
    output::{Output, face::Paint, text},
};

/// The servers a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct NamesArguments {
    /// Their names in the config file
    #[arg(value_name = "SERVER", required = true)]
    pub(super) servers: Vec<String>,
}

/// What oMLX's own opinion of the file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Regard {
    /// What would make oMLX refuse the file is not written.
    ForOmlx,
    /// The user was told.
    Despite,
}

/// Changes of one command, made one by one; also its `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    config: PathBuf,
    #[serde(rename = "changes")]
    made: Vec<Made>,
    #[serde(skip)]
    file: ConfigFile,
    #[serde(skip)]
    mend: Mend,
}

#[derive(Debug, Serialize)]
struct Made {
    server: ServerId,
    /// False when the file said so already.
    changed: bool,
    notes: Vec<Problem>,
}

impl Changes {
    /// None yet.
    pub(super) fn new(context: &Context) -> Self {
        let file = context.config_file();
        Self {
            config: file.path().to_owned(),
            made: Vec::new(),
            file,
            mend: context.mend(),
        }
    }

    /// The file, to be named.
    pub(super) fn path(&self) -> String {
        self.config.display().to_string()
    }

    /// Makes one, and says what is worth knowing about it; false when the file said so already.
    pub(super) fn make(
        &mut self,
        change: &Change,
        regard: Regard,
        output: &mut Output,
    ) -> Result<bool, Failure> {
        let edit = match regard {
            Regard::ForOmlx => self.file.edit(change),
            Regard::Despite => self.file.edit_despite_omlx(change),
        };
        let edit = edit.map_err(|error| Failure::of(error.problem(), Some(change.server())))?;
        self.made.push(Made {
            server: change.server().clone(),
            changed: edit.is_change(),
            notes: Vec::new(),
        });
        self.note(edit.notes.clone(), output)?;
        Ok(edit.is_change())
    }

    /// Says what else is worth knowing about the last one.
    pub(super) fn note(&mut self, notes: Vec<Problem>, output: &mut Output) -> Result<(), Failure> {
        let Some(made) = self.made.last_mut() else {
            return Ok(());
        };
        for problem in &notes {
            let notice = Notice {
                problem,
                server: Some(&made.server),
                mend: &self.mend,
            };
            notice.tell(Tone::Warning, output)?;
        }
        made.notes.extend(notes);
        Ok(())
    }

    /// The end of a command that changed the file.
    pub(super) fn report(self, context: &Context, output: &mut Output) -> Result<Ending, Failure> {
        if context.global.json {
            output.json(&self)?;
        }
        Ok(Ending::Done)
    }
}

/// Lets servers be used.
pub(super) fn enable(
    arguments: &NamesArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    each(arguments, (Change::Enable, "Enabled"), (context, output))
}

/// Keeps servers without using them.
pub(super) fn disable(
    arguments: &NamesArguments,
    context: &Context,
    output: &mut Output,
) -> Result<Ending, Failure> {
    each(arguments, (Change::Disable, "Disabled"), (context, output))
}

fn each(
    arguments: &NamesArguments,
    (change, done): (fn(ServerId) -> Change, &str),
    (context, output): (&Context, &mut Output),
) -> Result<Ending, Failure> {
    let mut changes = Changes::new(context);
    for name in &arguments.servers {
        let is_new = changes.make(&change(server_id(name)?), Regard::ForOmlx, output)?;
        let already = if is_new { "" } else { " already" };
        output.say(Paint::Good, &format!("✓ {done}{already}: {}", text::line(name)))?;
    }
    changes.report(context, output)
}

/// A name as it may stand in the config file.
pub(super) fn server_id(name: &str) -> Result<ServerId, Failure> {
    name.parse::<ServerId>()
        .map_err(|error| Failure::usage(error.to_string()))
}
