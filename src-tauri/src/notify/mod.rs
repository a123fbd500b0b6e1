//! A notification when somebody is needed, with a button that does what is due.

mod calls;
mod linux;

use std::time::Instant;

use omlx_mcp::{Event, ServerId};
use tauri::{AppHandle, Manager as _};
use tokio::{sync::broadcast::error::RecvError, time::sleep_until};

use self::calls::{Call, Calls};
use crate::{
    desk::{Desk, Place},
    panel, tray,
};

/// Calls from now on, unless the user chose not to be called.
pub(crate) fn watch(app: &AppHandle) {
    let events = app.state::<Desk>().handle.events();
    tauri::async_runtime::spawn(listen(app.clone(), events));
}

async fn listen(app: AppHandle, mut events: tokio::sync::broadcast::Receiver<Event>) {
    let mut calls = Calls::default();
    loop {
        let next = calls.next();
        let ripe = async {
            match next {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.recv() => match event {
                Ok(Event::AttentionNeeded { server, problem }) => calls.hear(server, problem, Instant::now()),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            () = ripe => {}
        }
        for call in calls.ripe(Instant::now(), |server| is_due(&app, server)) {
            if app.state::<Desk>().chosen.borrow().notifications {
                linux::show(&app, call);
            }
        }
    }
}

fn is_due(app: &AppHandle, server: &ServerId) -> bool {
    let board = app.state::<Desk>().handle.snapshot();
    let snapshot = board.borrow();
    snapshot.server(server).is_some_and(tray::is_due)
}

/// What the person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The button.
    Act,
    /// The notification itself.
    Look,
}

fn answered(app: &AppHandle, call: &Call, answer: Answer) {
    match answer {
        Answer::Act => tray::do_what_is_due(app, call.server.as_str()),
        Answer::Look => panel::show(
            app,
            Some(Place::Server {
                server: call.server.clone(),
            }),
        ),
    }
}
