//! What a person is told while a sign-in waits for them.

use omlx_mcp::{ConnectionStatus, ServerSnapshot, event::SignInPrompt};

use crate::{
    failure::Failure,
    output::{Output, face::Paint, qr, spinner::Spinner, text},
    words,
};

/// Who opens the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// A browser on this machine.
    Opens,
    /// The person, anywhere; the address is data.
    IsShown,
    /// The same where data is a document, and the address only a word.
    IsTold,
}

/// The line that says what is awaited, and what was said before it.
pub(super) struct Waiting {
    page: Page,
    prompt: Option<SignInPrompt>,
    spinner: Spinner,
}

impl Waiting {
    /// From before the server has said what it wants.
    pub(super) fn start(server: &ServerSnapshot, page: Page, output: &mut Output) -> Result<Self, Failure> {
        let asking = format!("Asking {} what it wants…", text::line(server.id.as_str()));
        Ok(Self {
            page,
            prompt: None,
            spinner: Spinner::start(output, &asking)?,
        })
    }

    /// Says what is new, if anything is.
    pub(super) fn follow(&mut self, server: &ServerSnapshot, output: &mut Output) -> Result<(), Failure> {
        let is_new = server.prompt.is_some() && server.prompt != self.prompt;
        let is_in = self.prompt.is_some() && server.connection == ConnectionStatus::Connecting;
        if is_new {
            self.clear(output)?;
            self.prompt.clone_from(&server.prompt);
            self.show(output)?;
            self.spinner = Spinner::start(output, &words::auth(server))?;
        } else if is_in {
            self.clear(output)?;
            self.prompt = None;
            self.spinner = Spinner::start(output, "Listing the tools…")?;
        }
        Ok(())
    }

    /// The next picture.
    pub(super) fn beat(&mut self, output: &mut Output) -> Result<(), Failure> {
        Ok(self.spinner.beat(output)?)
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self, output: &mut Output) -> Result<(), Failure> {
        Ok(self.spinner.clear(output)?)
    }

    /// What the person has to do now.
    fn show(&self, output: &mut Output) -> Result<(), Failure> {
        match &self.prompt {
            None => Ok(()),
            Some(SignInPrompt::Browser { url }) => self.show_page(&text::line(url), output),
            Some(SignInPrompt::DeviceCode {
                user_code,
                verification_uri,
                verification_uri_complete,
                ..
            }) => {
                let code = text::line(user_code);
                output.say(Paint::Plain, &format!("Enter the code {code} on any device, at:"))?;
                self.tell(&text::line(verification_uri), output)?;
                let scanned = verification_uri_complete.as_ref().unwrap_or(verification_uri);
                if let Some(code) = qr::lines(scanned, output.words_face()) {
                    output.say(Paint::Plain, "Or scan this with a phone:")?;
                    code.iter().try_for_each(|line| output.say(Paint::Plain, line))?;
                }
                if let Some(complete) = verification_uri_complete {
                    output.say(Paint::Plain, "Or open the page with the code filled in:")?;
                    output.say(Paint::Faint, &text::line(complete))?;
                }
                Ok(())
            }
        }
    }

    fn show_page(&self, url: &str, output: &mut Output) -> Result<(), Failure> {
        if self.page == Page::Opens {
            output.say(
                Paint::Plain,
                "Agree in the browser. If it did not open, the address is:",
            )?;
            return Ok(output.say(Paint::Faint, url)?);
        }
        output.say(Paint::Plain, "Open this address in a browser, on any machine:")?;
        self.tell(url, output)?;
        let paste = "If it ends at a page that cannot be reached, paste that page's address here.";
        Ok(output.say(Paint::Plain, paste)?)
    }

    fn tell(&self, address: &str, output: &mut Output) -> Result<(), Failure> {
        match self.page {
            Page::IsTold => output.say(Paint::Plain, address)?,
            Page::Opens | Page::IsShown => {
                output.data(address)?;
                output.flush()?;
            }
        }
        Ok(())
    }
}
