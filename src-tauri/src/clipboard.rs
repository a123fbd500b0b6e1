//! The clipboard, for what a person asked to be copied where the webview may not.

use omlx_mcp::{Action, Explain};
use tauri::AppHandle;

/// Nothing was copied.
#[derive(Debug, thiserror::Error)]
#[error("the link could not be copied")]
pub(crate) struct ClipboardError;

impl Explain for ClipboardError {
    fn code(&self) -> &'static str {
        "clipboard_unavailable"
    }

    fn action(&self) -> Action {
        Action::Retry
    }
}

/// Puts a text there. The desktop's own clipboard is the main thread's.
pub(crate) fn put(app: &AppHandle, text: String) -> Result<(), ClipboardError> {
    app.run_on_main_thread(move || put_now(&text))
        .map_err(|_| ClipboardError)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn put_now(text: &str) {
    gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD).set_text(text);
}

#[cfg(target_os = "macos")]
fn put_now(text: &str) {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    let copied = Command::new("/usr/bin/pbcopy").stdin(Stdio::piped()).spawn();
    let written = copied.and_then(|mut program| {
        if let Some(mut input) = program.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        program.wait()
    });
    if let Err(error) = written {
        tracing::warn!(%error, "the link could not be copied");
    }
}
