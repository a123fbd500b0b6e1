//! What a process of ours was started for, the first one or a second.

use std::env;

use omlx_mcp::BUNDLE_ID;
use tauri::{AppHandle, Manager as _};

use crate::{desk::Desk, panel};

/// Starts without a window, as at the beginning of a session.
pub(crate) const BACKGROUND: &str = "--background";

/// Starts with the panel open.
const PANEL: &str = "--panel";

/// What a process was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launch {
    /// To be there.
    Background,
    /// By a person, who may want to see something.
    ByHand,
    /// To show the panel.
    Panel,
    /// By a link, which the deep-link plugin hands over by itself.
    Link,
}

impl Launch {
    /// What this process was started for.
    pub(crate) fn of_process() -> Self {
        let arguments: Vec<_> = env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        Self::of(&arguments)
    }

    /// What a process with these arguments was started for, the program's own name first.
    pub(crate) fn of(arguments: &[String]) -> Self {
        let is_link = |word: &String| {
            word.strip_prefix(BUNDLE_ID)
                .is_some_and(|rest| rest.starts_with(':'))
        };
        match arguments.get(1) {
            Some(word) if word == BACKGROUND => Self::Background,
            Some(word) if word == PANEL => Self::Panel,
            Some(word) if is_link(word) => Self::Link,
            _ => Self::ByHand,
        }
    }
}

/// What the first process does: somebody without a server has nothing to see in the menu.
pub(crate) fn begin(app: &AppHandle, launch: Launch) {
    let wanted = match launch {
        Launch::Background => false,
        Launch::ByHand => app.state::<Desk>().is_empty(),
        // Whoever waited for this link is gone; the panel tells how things are.
        Launch::Panel | Launch::Link => true,
    };
    if wanted {
        panel::show(app, None);
    }
}

/// What the running app does when it was started again.
pub(crate) fn follow(app: &AppHandle, launch: Launch) {
    match launch {
        Launch::ByHand | Launch::Panel => panel::show(app, None),
        Launch::Background | Launch::Link => {}
    }
}

/// Ends in order when the session or a terminal says so.
pub(crate) fn end_on_signals(app: &AppHandle) {
    #[cfg(unix)]
    {
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            use tokio::signal::unix::{SignalKind, signal};
            let kinds = [
                SignalKind::terminate(),
                SignalKind::interrupt(),
                SignalKind::hangup(),
            ];
            let [Ok(mut ended), Ok(mut interrupted), Ok(mut hung_up)] = kinds.map(signal) else {
                return;
            };
            tokio::select! {
                _ = ended.recv() => {}
                _ = interrupted.recv() => {}
                _ = hung_up.recv() => {}
            }
            app.exit(0);
        });
    }
    #[cfg(not(unix))]
    let _ = app;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Launch {
        let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
        Launch::of(&arguments)
    }

    #[test]
    fn a_process_is_told_by_its_first_word() {
        assert_eq!(of("omlx-connect"), Launch::ByHand);
        assert_eq!(of("omlx-connect --background"), Launch::Background);
        assert_eq!(of("omlx-connect --panel"), Launch::Panel);
        assert_eq!(
            of("omlx-connect ai.omlx.connect:/oauth/callback?code=a"),
            Launch::Link
        );
        assert_eq!(of("omlx-connect ai.omlx.connection:/x"), Launch::ByHand);
        assert_eq!(Launch::of(&[]), Launch::ByHand);
    }
}
