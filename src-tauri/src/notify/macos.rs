//! The notifications of macOS; none from an executable that is in no bundle.

use omlx_macos::{Answer as Pressed, Notice, Notices};
use omlx_mcp::ServerId;
use tauri::AppHandle;

use super::{Answer, Call, answered};
use crate::words::Words;

/// Shows and takes away.
#[derive(Debug)]
pub(super) struct Notifier(Option<Notices>);

impl Notifier {
    /// Hears what is answered from now on.
    pub(super) fn begin(app: &AppHandle) -> Self {
        let app = app.clone();
        let notices = Notices::begin(move |id, pressed| {
            let answer = match pressed {
                Pressed::Button => Answer::Act,
                Pressed::Itself => Answer::Look,
            };
            if let Ok(server) = id.parse::<ServerId>() {
                answered(&app, &server, answer);
            }
        });
        if notices.is_none() {
            tracing::info!("nobody is notified: macOS lets only a bundle do that");
        }
        Self(notices)
    }

    /// Shows it.
    pub(super) fn show(&self, call: Call, words: &Words) {
        if let Some(notices) = &self.0 {
            notices.show(Notice {
                title: call.title(words),
                text: call.text(),
                button: call.button(words).to_owned(),
                id: call.server.into(),
            });
        }
    }

    /// Takes away what was shown of a server.
    pub(super) fn withdraw(&self, server: &ServerId) {
        if let Some(notices) = &self.0 {
            notices.withdraw(server.as_str());
        }
    }
}
