//! How a command ends, and what is said when it ends badly.

use std::{io, process::ExitCode};

use omlx_mcp::{Action, Explain, Problem, ServerId};
use serde::Serialize;

use crate::{
    mend::Mend,
    notice::{self, Notice, Tone},
    output::Output,
};

/// How a command ended; the exit codes are documented in `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// 0
    Done,
    /// 1
    Failed,
    /// 2
    Usage,
    /// 3
    SignInNeeded,
    /// 130: Ctrl-C
    Interrupted,
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The product says what is wrong, and what mends it.
    Told {
        /// What is wrong.
        problem: Problem,
        /// The server it is about.
        server: Option<ServerId>,
    },
    /// The command line makes no sense.
    Usage {
        /// What is wrong with it.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// Ctrl-C.
    Interrupted,
    /// A stream cannot be written.
    Output(io::Error),
}

/// A failure in `--json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    error: Error<'a>,
}

#[derive(Debug, Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    action: Action,
    server: Option<&'a ServerId>,
    hint: Option<String>,
}

impl Ending {
    /// The number a process exits with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::SignInNeeded => 3,
            Self::Interrupted => 130,
        }
    }

    /// How a problem ends a command.
    pub(crate) fn of(problem: &Problem) -> Self {
        match problem.action {
            Action::Connect | Action::Reauthenticate | Action::Allow => Self::SignInNeeded,
            _ => Self::Failed,
        }
    }

    /// The ending of two things done: what a person must do first wins over what merely failed.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        let weight = |ending| match ending {
            Self::Done => 0,
            Self::Failed => 1,
            Self::SignInNeeded => 2,
            Self::Usage => 3,
            Self::Interrupted => 4,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ending.code().into()
    }
}

impl Failure {
    /// A failure of the product as a whole.
    pub(crate) fn told(error: &impl Explain) -> Self {
        Self::of(error.problem(), None)
    }

    /// A failure of one server.
    pub(crate) fn of(problem: Problem, server: Option<&ServerId>) -> Self {
        Self::Told {
            problem,
            server: server.cloned(),
        }
    }

    /// A command line that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with what would be right.
    #[must_use]
    pub(crate) fn with_hint(self, right: impl Into<String>) -> Self {
        match self {
            Self::Usage { message, .. } => Self::Usage {
                message,
                hint: Some(right.into()),
            },
            other => other,
        }
    }

    /// How the process ends.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Told { problem, .. } => Ending::of(problem),
            Self::Usage { .. } => Ending::Usage,
            Self::Interrupted => Ending::Interrupted,
            // Whoever read us has seen enough: `omlx mcp tools | head`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ending::Done,
            Self::Output(_) => Ending::Failed,
        }
    }

    /// Says it.
    pub(crate) fn tell(&self, output: &mut Output, mend: &Mend) -> io::Result<()> {
        match self {
            Self::Told { problem, server } => {
                let server = server.as_ref();
                Notice {
                    problem,
                    server,
                    mend,
                }
                .tell(Tone::Error, output)
            }
            Self::Usage { message, hint } => {
                let problem = &usage_problem(message);
                let server = None;
                Notice {
                    problem,
                    server,
                    mend,
                }
                .tell(Tone::Error, output)?;
                notice::tell_hint(hint.as_deref(), output)
            }
            // Whatever was being drawn stands half-finished on the line.
            Self::Interrupted if output.words_face().live => output.draw("\n"),
            Self::Interrupted | Self::Output(_) => Ok(()),
        }
    }

    /// Says it as a document, where data was asked for as JSON.
    pub(crate) fn report(&self, output: &mut Output, mend: &Mend) -> io::Result<()> {
        match self {
            Self::Told { problem, server } => {
                let hint = mend.hint(problem, server.as_ref());
                report(output, (problem, server.as_ref(), hint))
            }
            Self::Usage { message, hint } => report(output, (&usage_problem(message), None, hint.clone())),
            Self::Interrupted | Self::Output(_) => Ok(()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn usage_problem(message: &str) -> Problem {
    Problem {
        code: "usage".into(),
        message: message.to_owned(),
        action: Action::None,
    }
}

fn report(
    output: &mut Output,
    (problem, server, hint): (&Problem, Option<&ServerId>, Option<String>),
) -> io::Result<()> {
    output.json(&Report {
        error: Error {
            code: &problem.code,
            message: &problem.message,
            action: problem.action,
            server,
            hint,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        output::Output,
        show::fixtures::{face, mend, notion, problem},
    };

    fn told(failure: &Failure) -> (String, String) {
        let (mut output, data, words) = Output::captured(&face(None));
        failure.report(&mut output, &mend()).expect("written");
        failure.tell(&mut output, &mend()).expect("written");
        (data.text(), words.text())
    }

    #[test]
    fn an_error_is_its_code_its_sentence_and_the_command_that_mends_it() {
        let asks = problem("sign_in_needed", "notion asks for a sign-in", Action::Connect);
        let failure = Failure::of(asks, Some(&notion().id));
        let (data, words) = told(&failure);
        assert_eq!(
            words,
            "error[sign_in_needed]: notion asks for a sign-in\n  hint: omlx mcp login notion\n"
        );
        let document: serde_json::Value = serde_json::from_str(&data).expect("JSON");
        assert_eq!(
            document,
            serde_json::json!({"error": {
                "code": "sign_in_needed", "message": "notion asks for a sign-in", "action": "connect",
                "server": "notion", "hint": "omlx mcp login notion",
            }})
        );
        assert_eq!(failure.ending(), Ending::SignInNeeded);
    }

    #[test]
    fn a_sentence_that_does_not_name_its_server_is_given_the_name() {
        let failure = Failure::of(
            problem("timed_out", "no answer within 30 s", Action::None),
            Some(&notion().id),
        );
        assert_eq!(
            told(&failure).1,
            "error[timed_out]: notion: no answer within 30 s\n"
        );
    }

    #[test]
    fn what_a_server_put_into_a_message_is_not_obeyed() {
        let hostile = "denied: \u{1b}]0;x\u{7}\u{1b}[31mno\r\nerror[fake]: x";
        let failure = Failure::of(problem("denied", hostile, Action::None), None);
        assert_eq!(told(&failure).1, "error[denied]: denied: no error[fake]: x\n");
    }

    #[test]
    fn what_a_person_must_do_wins_over_what_merely_failed() {
        let all = [Ending::Done, Ending::Failed, Ending::SignInNeeded, Ending::Failed];
        assert_eq!(
            all.into_iter().fold(Ending::Done, Ending::and),
            Ending::SignInNeeded
        );
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let closed = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.ending(), Ending::Done);
        assert_eq!(
            Failure::Output(io::ErrorKind::StorageFull.into()).ending(),
            Ending::Failed
        );
    }
}
