//! The notifications of macOS; none from an executable that is in no bundle.

use omlx_macos::{Answer as Pressed, Notices};
use tauri::AppHandle;

use super::{Answer, Notice, Subject, answered};
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
            if let Some(subject) = Subject::of_id(id) {
                answered(&app, &subject, answer);
            }
        });
        if notices.is_none() {
            tracing::info!("nobody is notified: macOS lets only a bundle do that");
        }
        Self(notices)
    }

    /// Shows it.
    pub(super) fn show(&self, notice: Notice, _: &Words) {
        if let Some(notices) = &self.0 {
            notices.show(omlx_macos::Notice {
                id: notice.subject.id(),
                title: notice.title,
                text: notice.text,
                button: notice.button.to_owned(),
            });
        }
    }

    /// Takes away what was shown of a subject.
    pub(super) fn withdraw(&self, subject: &Subject) {
        if let Some(notices) = &self.0 {
            notices.withdraw(&subject.id());
        }
    }
}
