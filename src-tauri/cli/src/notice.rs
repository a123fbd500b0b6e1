//! A problem, its server and its mend, as two lines: the same everywhere in the terminal.

use std::io;

use omlx_mcp::{Action, Problem, ServerId};

use crate::{
    mend::Mend,
    output::{
        Output,
        face::{Face, Paint},
        text,
    },
};

/// Something to be told to a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice<'a> {
    /// What is wrong.
    pub(crate) problem: &'a Problem,
    /// The server it is about.
    pub(crate) server: Option<&'a ServerId>,
    /// What hints are made of.
    pub(crate) mend: &'a Mend,
}

/// How loud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The command did not do what it was asked to.
    Error,
    /// It did, and this is worth knowing.
    Warning,
}

impl Notice<'_> {
    /// What mends it.
    pub(crate) fn hint(&self) -> Option<String> {
        self.mend.hint(self.problem, self.server)
    }

    /// `error[code]: message`, and the mend on a line of its own, as words.
    pub(crate) fn tell(&self, tone: Tone, output: &mut Output) -> io::Result<()> {
        let (paint, label) = match tone {
            Tone::Error => (Paint::Bad, "error"),
            Tone::Warning => (Paint::Attention, "warning"),
        };
        let label = output.words_face().paint(paint, label);
        output.say(
            Paint::Plain,
            &format!("{label}[{}]: {}", self.problem.code, self.message()),
        )?;
        tell_hint(self.hint().as_deref(), output)
    }

    /// `! message [code]`, and the mend, as part of a picture.
    pub(crate) fn lines(&self, face: &Face) -> Vec<String> {
        let sign = face.paint(Paint::Attention, "!");
        let code = face.paint(Paint::Faint, &format!("[{}]", self.problem.code));
        let first = format!("{sign} {} {code}", face.glyphs(&self.message()));
        std::iter::once(first)
            .chain(self.hint().map(|hint| hint_line(&hint, face)))
            .collect()
    }

    /// The sentence, with the server it is about: some causes lie too deep to know it.
    fn message(&self) -> String {
        let message = text::line(&self.problem.message);
        match self.server.map(|server| text::line(server.as_str())) {
            Some(server) if !message.contains(&server) => format!("{server}: {message}"),
            _ => message,
        }
    }
}

/// A warning that is about no server, and that no action of the panel's mends.
pub(crate) fn warn(
    (code, message): (&'static str, String),
    (mend, output): (&Mend, &mut Output),
) -> io::Result<()> {
    let problem = &Problem {
        code: code.into(),
        message,
        action: Action::None,
    };
    let server = None;
    let notice = Notice {
        problem,
        server,
        mend,
    };
    notice.tell(Tone::Warning, output)
}

/// A hint of its own, where there is one.
pub(crate) fn tell_hint(hint: Option<&str>, output: &mut Output) -> io::Result<()> {
    let Some(hint) = hint else { return Ok(()) };
    let line = hint_line(hint, output.words_face());
    output.say(Paint::Plain, &line)
}

/// `  hint: …`
pub(crate) fn hint_line(hint: &str, face: &Face) -> String {
    format!("  {} {}", face.paint(Paint::Command, "hint:"), face.glyphs(hint))
}
