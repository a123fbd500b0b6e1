//! Which commands would open a URL here, best first; decided without running any.

use std::path::PathBuf;

use url::Url;

use super::Environment;

/// A program and its arguments, the URL among them as one whole argument or inside one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// The value of `$BROWSER` by which many tools are told to open nothing.
const NOTHING: &str = "none";

/// Every command worth trying. Over SSH or without a screen only what `$BROWSER` names: the desktop's opener would
/// show the page to nobody, or a text browser would take the terminal.
pub(super) fn candidates(environment: &Environment, url: &Url) -> Vec<Command> {
    let chosen = environment.browser.as_deref().unwrap_or_default();
    if chosen.trim() == NOTHING {
        return Vec::new();
    }
    let mut commands: Vec<_> = chosen
        .split(':')
        .filter_map(|entry| from_browser_variable(environment, entry, url))
        .collect();
    let seen = environment.screen || environment.wsl;
    if seen && !environment.remote {
        commands.extend(openers(environment).filter_map(|line| from_opener(environment, line, url)));
    }
    commands
}

/// The desktop's openers. `xdg-open` asks the desktop; the others help where it is missing.
fn openers(environment: &Environment) -> impl Iterator<Item = &'static [&'static str]> {
    const MAC: &[&[&str]] = &[&["/usr/bin/open"]];
    const WSL: &[&[&str]] = &[&["wslview"]];
    const LINUX: &[&[&str]] = &[&["xdg-open"], &["gio", "open"], &["wslview"], &["x-www-browser"]];
    let (first, then) = match (cfg!(target_os = "macos"), environment.wsl) {
        (true, _) => (MAC, &[][..]),
        (false, true) => (WSL, LINUX),
        (false, false) => (LINUX, &[][..]),
    };
    first.iter().chain(then).copied()
}

fn from_opener(environment: &Environment, line: &[&str], url: &Url) -> Option<Command> {
    let (program, arguments) = line.split_first()?;
    let mut arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
    arguments.push(url.as_str().to_owned());
    Some(Command {
        program: environment.program(program)?,
        arguments,
    })
}

/// One entry of `$BROWSER`: words as a shell would split them, `%s` for the URL, `%%` for a percent sign, and the URL
/// at the end where no word asks for it.
fn from_browser_variable(environment: &Environment, entry: &str, url: &Url) -> Option<Command> {
    let words = shlex::split(entry)?;
    let (program, words) = words.split_first()?;
    let asked = words.iter().any(|word| word.replace("%%", "").contains("%s"));
    let mut arguments: Vec<_> = words.iter().map(|word| filled(word, url)).collect();
    if !asked {
        arguments.push(url.as_str().to_owned());
    }
    Some(Command {
        program: environment.program(program)?,
        arguments,
    })
}

fn filled(word: &str, url: &Url) -> String {
    word.split("%%")
        .map(|part| part.replace("%s", url.as_str()))
        .collect::<Vec<_>>()
        .join("%")
}
