//! Whose business a command line is: ours, or that of the next `omlx` on PATH.

use std::{ffi::OsString, path::Path};

use crate::arguments::Program;

/// What the words ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A command of ours, without the words that lead to it.
    Mcp(Program, Vec<OsString>),
    /// Our help or version.
    About(Vec<OsString>),
    /// Anything else `omlx` is asked for.
    Foreign(Vec<OsString>),
}

impl Call {
    /// Sorts a whole command line, the program's own name first.
    pub(crate) fn sort(arguments: Vec<OsString>) -> Self {
        let mut words = arguments.into_iter();
        let program = words.next().unwrap_or_default();
        let mut words: Vec<OsString> = words.collect();
        if is_named(&program, "omlx-mcp") {
            return Self::Mcp(Program::OmlxMcp, words);
        }
        let first = |at: usize| words.get(at).and_then(|word| word.to_str());
        match (first(0), first(1)) {
            (Some("mcp"), _) => Self::Mcp(Program::Omlx, words.split_off(1)),
            (None, _) if words.is_empty() => Self::About(words),
            (Some("-h" | "--help" | "-V" | "--version"), _) | (Some("help"), None | Some("mcp")) => {
                Self::About(words)
            }
            _ => Self::Foreign(words),
        }
    }
}

/// Whether a process that can be app and command line was called as the command line.
///
/// It is when its name is `omlx` or `omlx-mcp` (links on PATH), or its first word is `mcp`.
pub fn is_command_line(arguments: &[OsString]) -> bool {
    let named = arguments
        .first()
        .is_some_and(|program| is_named(program, "omlx") || is_named(program, "omlx-mcp"));
    named || arguments.get(1).is_some_and(|word| word == "mcp")
}

fn is_named(program: &OsString, name: &str) -> bool {
    Path::new(program).file_stem().is_some_and(|stem| stem == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_mcp_and_questions_about_us_are_ours() {
        let mcp = |words_after: &str| Call::Mcp(Program::Omlx, words(words_after));
        assert_eq!(
            Call::sort(words("/bin/omlx mcp status --json")),
            mcp("status --json")
        );
        assert_eq!(
            Call::sort(words("omlx mcp")),
            Call::Mcp(Program::Omlx, Vec::new())
        );
        for about in [
            "omlx --help",
            "omlx -V",
            "omlx help",
            "omlx help mcp login",
            "omlx",
        ] {
            assert!(matches!(Call::sort(words(about)), Call::About(_)), "{about}");
        }
        for foreign in [
            "omlx serve --port 1",
            "omlx --port 1",
            "omlx help serve",
            "omlx mcpx",
        ] {
            assert!(
                matches!(Call::sort(words(foreign)), Call::Foreign(_)),
                "{foreign}"
            );
        }
    }

    #[test]
    fn called_as_omlx_mcp_the_words_are_commands() {
        assert_eq!(
            Call::sort(words("/usr/bin/omlx-mcp status")),
            Call::Mcp(Program::OmlxMcp, words("status"))
        );
    }

    #[test]
    fn the_app_is_no_command_line_unless_it_is_called_like_one() {
        assert!(is_command_line(&words("/usr/local/bin/omlx serve")));
        assert!(is_command_line(&words("/usr/local/bin/omlx-mcp")));
        assert!(is_command_line(&words("/opt/omlx-connect mcp status")));
        assert!(!is_command_line(&words("/opt/omlx-connect")));
        assert!(!is_command_line(&words(
            "/opt/omlx-connect ai.omlx.connect:/oauth/callback?code=x"
        )));
        assert!(!is_command_line(&[]));
    }
}
