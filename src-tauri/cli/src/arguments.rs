//! The words of the command line, and the help that explains them.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    command::{
        access::AccessArguments,
        add::AddArguments,
        bridge::BridgeArguments,
        call::CallArguments,
        completions::CompletionsArguments,
        demo::DemoArguments,
        doctor::DoctorArguments,
        edit::NamesArguments,
        import::ImportArguments,
        login::LoginArguments,
        logout::LogoutArguments,
        pause::{PauseArguments, ResumeArguments},
        remove::RemoveArguments,
        serve::ServeArguments,
        status::StatusArguments,
        tools::ToolsArguments,
        use_in::UseArguments,
    },
    output::face::ColorChoice,
};

/// MCP servers: signed in once, used from every client.
#[derive(Debug, Parser)]
#[command(
    name = "mcp",
    version,
    after_help = AFTER_HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
)]
pub(crate) struct Mcp {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
The servers are those of oMLX's own mcp.json. Who is signed in here is signed in for the oMLX Connect app, too, and the \
other way round: both read the same file and the same sealed grants.

A first sign-in:
  omlx mcp add notion https://mcp.notion.com/mcp
  omlx mcp login notion
  omlx mcp tools notion
  omlx mcp call notion__search query='meeting notes'

New here? `omlx mcp demo` shows all of it against a server of its own, with no account anywhere.

Data goes to standard output, words to standard error.
Exit codes: 0 done, 1 failed, 2 usage, 3 a sign-in is needed, 130 interrupted.

Environment:
  OMLX_MCP_CONFIG    the config file, unless --config names one
  OMLX_CONNECT_HOME  where grants are kept, unless --home names a folder
  OMLX_LOG           what is logged to standard error, such as `omlx_mcp=debug`
  BROWSER            the program that opens a sign-in page
  NO_COLOR           no colours when set";

/// What every command understands.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Read this config file, and no other
    #[arg(long, value_name = "FILE", global = true, value_hint = clap::ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Keep grants in this folder instead of the user's own
    #[arg(long, value_name = "FOLDER", global = true, value_hint = clap::ValueHint::DirPath)]
    pub(crate) home: Option<PathBuf>,
    /// Print one JSON document (described in docs/cli.md) instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        hide_possible_values = true,
        help = "When to use colours: auto, always or never"
    )]
    pub(crate) color: ColorChoice,
    /// Log to standard error what happens; -vv logs more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(StatusArguments),
    Login(LoginArguments),
    Logout(LogoutArguments),
    Tools(ToolsArguments),
    Call(CallArguments),
    Bridge(BridgeArguments),
    Serve(ServeArguments),
    Add(AddArguments),
    Remove(RemoveArguments),
    Import(ImportArguments),
    Use(UseArguments),
    Access(AccessArguments),
    /// Use servers again that were disabled
    Enable(NamesArguments),
    /// Leave servers alone without forgetting them
    Disable(NamesArguments),
    Pause(PauseArguments),
    Resume(ResumeArguments),
    Doctor(DoctorArguments),
    Demo(DemoArguments),
    Completions(CompletionsArguments),
}

/// The program called `omlx`; knows no word but `mcp`.
#[derive(Debug, Parser)]
#[command(
    name = "omlx",
    version,
    about = "MCP servers: signed in once, used from every client",
    after_help = "Every other first word is handed to the next `omlx` on PATH, such as oMLX's own.",
    max_term_width = 100
)]
struct Omlx {
    #[command(subcommand)]
    word: Option<Word>,
}

#[derive(Debug, Subcommand)]
enum Word {
    Mcp(Mcp),
}

/// How this program was called, which is how hints and usage lines call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// `omlx mcp …`
    Omlx,
    /// `omlx-mcp …`
    OmlxMcp,
}

impl Program {
    /// As typed in a shell.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Omlx => "omlx mcp",
            Self::OmlxMcp => "omlx-mcp",
        }
    }

    /// The whole grammar, for shell completions.
    pub(crate) fn grammar(self) -> clap::Command {
        match self {
            Self::Omlx => Omlx::command(),
            Self::OmlxMcp => Mcp::command().name("omlx-mcp").bin_name("omlx-mcp"),
        }
    }
}

/// Reads the words after `mcp`.
pub(crate) fn parse(program: Program, words: Vec<OsString>) -> Result<Mcp, clap::Error> {
    let name = program.words();
    let mut grammar = Mcp::command().name("mcp").bin_name(name);
    let matches = grammar.try_get_matches_from_mut([OsString::from(name)].into_iter().chain(words))?;
    Mcp::from_arg_matches(&matches).map_err(|error| error.format(&mut grammar))
}

/// What `omlx` says about itself: its help or its version.
pub(crate) fn about(words: &[OsString]) -> clap::Error {
    let mut grammar = Omlx::command().arg_required_else_help(true);
    match grammar.try_get_matches_from_mut([OsString::from("omlx")].iter().chain(words)) {
        Err(error) => error,
        Ok(_) => grammar.error(
            clap::error::ErrorKind::MissingSubcommand,
            "there is nothing to do",
        ),
    }
}
