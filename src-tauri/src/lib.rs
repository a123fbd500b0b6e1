//! The menu bar app: a shell over the `omlx-mcp` core, and nothing but the shell.
//!
//! ```text
//! launch    → what this process, or a second one, was started for
//! desk      → the running core and what belongs to it, for everything below
//! tray      → snapshot → labels (pure) → one native menu, mutated in place
//! panel     → the one window: made on demand, destroyed on close
//! commands  → what the panel may call, each a delegation
//! events    → the core's news → tray and panel
//! deep_link → a redirect by link → the core, which alone knows whose it is
//! notify    → who is called, when (pure), and by what
//! words     → the panel's words, in the language it speaks
//! browser   → the one place that opens a page; clipboard, the one that copies for the user
//! ```
//!
//! It decides nothing about sign-ins and holds no token.

mod autostart;
mod browser;
mod clipboard;
mod commands;
mod deep_link;
mod desk;
mod events;
mod launch;
mod lending;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod notify;
mod panel;
mod tray;
mod words;

use std::process::ExitCode;

use tauri::{App, AppHandle, Manager as _, RunEvent};

use crate::{desk::Desk, launch::Launch};

/// Runs the app to its end.
#[expect(
    clippy::exit,
    reason = "Tauri's own macro ends a process that was built wrong"
)]
pub fn run() -> ExitCode {
    omlx_cli::log_warnings();
    // The first plugin: a second process hands over what it was started for and ends before anything else begins.
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, arguments, _| {
            launch::follow(app, Launch::of(&arguments));
        }))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_shell::init())
        .plugin(autostart::plugin())
        .invoke_handler(commands::bindings().invoke_handler())
        .setup(|app| {
            set_up(app);
            Ok(())
        })
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            let code = app.run_return(on_event);
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }
        Err(error) => {
            tracing::error!(%error, "the app could not be started");
            ExitCode::FAILURE
        }
    }
}

fn set_up(app: &App) {
    let started = Desk::start(app.handle()).and_then(|desk| {
        app.manage(desk);
        tray::build(app.handle())
    });
    if let Err(error) = started {
        tracing::error!(%error, "the app could not be started");
        app.handle().exit(1);
        return;
    }
    events::forward(app.handle());
    deep_link::listen(app.handle());
    #[cfg(unix)]
    notify::watch(app.handle());
    launch::end_on_signals(app.handle());
    #[cfg(target_os = "macos")]
    macos::settle(app.handle());
    launch::begin(app.handle(), Launch::of_process());
}

fn on_event(app: &AppHandle, event: RunEvent) {
    match event {
        // Without a code the last window was closed, and the tray stays.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::Exit => desk::end(app),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => panel::show(app, None),
        _ => {}
    }
}
