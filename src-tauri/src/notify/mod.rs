//! A notification when somebody is needed, with a button that does what is due; gone again when nobody is.
//!
//! The snapshot is what is gone by, not the news: a need that was there before anybody listened is one, too. Of the news,
//! only a client's call counts.

mod calls;
#[cfg(not(target_os = "macos"))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

use std::time::Instant;

use omlx_mcp::{Action, Event, ServerId, Snapshot};
use tauri::{AppHandle, Manager as _};
use tokio::{sync::broadcast::error::RecvError, time::sleep_until};

use self::calls::{Call, Calls, News};
#[cfg(not(target_os = "macos"))]
use self::linux::Notifier;
#[cfg(target_os = "macos")]
use self::macos::Notifier;
use crate::{
    desk::{Desk, Place},
    panel, tray, words,
};

/// Calls from now on, unless the user chose not to be called.
pub(crate) fn watch(app: &AppHandle) {
    tauri::async_runtime::spawn(listen(app.clone(), Notifier::begin(app)));
}

async fn listen(app: AppHandle, notifier: Notifier) {
    let mut board = app.state::<Desk>().handle.snapshot();
    let mut news = app.state::<Desk>().handle.events();
    let mut calls = Calls::default();
    loop {
        let needs = needs(&board.borrow_and_update());
        let News { over, told } = calls.heed(needs, Instant::now());
        for server in over {
            notifier.withdraw(&server);
        }
        let settings = *app.state::<Desk>().chosen.borrow();
        for call in told.into_iter().filter(|_| settings.notifications) {
            notifier.show(call, words::of(settings.language));
        }
        let next = calls.next();
        let ripe = async {
            match next {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = board.changed() => if changed.is_err() { return },
            event = news.recv() => match event {
                Ok(Event::Wanted { server }) => calls.remind(&server, Instant::now()),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            () = ripe => {}
        }
    }
}

/// What only a person can mend, and what they can do about it.
fn needs(snapshot: &Snapshot) -> Vec<Call> {
    let due = snapshot.servers.iter().filter(|server| tray::is_due(server));
    let calls = due.filter_map(|server| {
        Some(Call {
            server: server.id.clone(),
            problem: server
                .problem
                .clone()
                .filter(|problem| problem.action != Action::None)?,
        })
    });
    calls.collect()
}

/// What the person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The button.
    Act,
    /// The notification itself.
    Look,
}

fn answered(app: &AppHandle, server: &ServerId, answer: Answer) {
    match answer {
        Answer::Act => tray::do_what_is_due(app, server.as_str()),
        Answer::Look => panel::show(
            app,
            Some(Place::Server {
                server: server.clone(),
            }),
        ),
    }
}
