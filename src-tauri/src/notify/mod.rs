//! A notification when somebody is needed, with a button that does what is due; gone again when nobody is.
//!
//! The snapshot is what is gone by, not the news: a need that was there before anybody listened is one, too. Of the news,
//! only a client's call counts.

mod calls;
#[cfg(not(target_os = "macos"))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod reviews;

use std::time::Instant;

use omlx_mcp::{Action, Event, ServerId, Snapshot};
use tauri::{AppHandle, Manager as _};
use tokio::{sync::broadcast::error::RecvError, time::sleep_until};

#[cfg(not(target_os = "macos"))]
use self::linux::Notifier;
#[cfg(target_os = "macos")]
use self::macos::Notifier;
use self::{
    calls::{Call, Calls, News},
    reviews::{Review, ReviewNews, Reviews},
};
use crate::{
    desk::{Desk, Place},
    panel, tray,
    words::{self, Words},
};

/// Calls from now on.
pub(crate) fn watch(app: &AppHandle) {
    tauri::async_runtime::spawn(listen(app.clone(), Notifier::begin(app)));
}

/// What a notification is about; of each, one is to be seen at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// A server needs somebody.
    Need(ServerId),
    /// A server's tools changed.
    Review(ServerId),
}

/// A notification as it is shown.
#[derive(Clone, Debug)]
struct Notice {
    subject: Subject,
    title: String,
    text: String,
    button: &'static str,
}

async fn listen(app: AppHandle, notifier: Notifier) {
    let mut board = app.state::<Desk>().handle.snapshot();
    let mut clients = app.state::<Desk>().clients.clone();
    let mut news = app.state::<Desk>().handle.events();
    let (mut calls, mut reviews) = (Calls::default(), Reviews::default());
    loop {
        let now = Instant::now();
        tell_needs(
            &app,
            &notifier,
            calls.heed(needs(&board.borrow_and_update()), now),
        );
        tell_reviews(
            &app,
            &notifier,
            reviews.heed(&clients.borrow_and_update().held, now),
        );
        let next = calls.next().into_iter().chain(reviews.next()).min();
        let ripe = async {
            match next {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = board.changed() => if changed.is_err() { return },
            changed = clients.changed() => if changed.is_err() { return },
            event = news.recv() => match event {
                Ok(Event::Wanted { server }) => calls.remind(&server, Instant::now()),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            () = ripe => {}
        }
    }
}

fn tell_needs(app: &AppHandle, notifier: &Notifier, News { over, told }: News) {
    for server in over {
        notifier.withdraw(&Subject::Need(server));
    }
    show(app, notifier, told, Call::notice);
}

fn tell_reviews(app: &AppHandle, notifier: &Notifier, ReviewNews { over, told }: ReviewNews) {
    for server in over {
        notifier.withdraw(&Subject::Review(server));
    }
    show(app, notifier, told, Review::notice);
}

/// Unless the user chose not to be called.
fn show<T>(app: &AppHandle, notifier: &Notifier, told: Vec<T>, notice: impl Fn(T, &Words) -> Notice) {
    let settings = *app.state::<Desk>().chosen.borrow();
    let words = words::of(settings.language);
    for each in told.into_iter().filter(|_| settings.notifications) {
        notifier.show(notice(each, words), words);
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

fn answered(app: &AppHandle, subject: &Subject, answer: Answer) {
    match (subject, answer) {
        (Subject::Need(server), Answer::Act) => tray::do_what_is_due(app, server.as_str()),
        (Subject::Need(server), Answer::Look) => {
            let server = server.clone();
            panel::show(app, Some(Place::Server { server }));
        }
        (Subject::Review(server), _) => {
            let server = server.clone();
            panel::show(app, Some(Place::Review { server }));
        }
    }
}

/// As the desktop keeps it between showing and answering.
#[cfg(target_os = "macos")]
impl Subject {
    fn id(&self) -> String {
        match self {
            Self::Need(server) => format!("need {server}"),
            Self::Review(server) => format!("review {server}"),
        }
    }

    fn of_id(id: &str) -> Option<Self> {
        let (kind, server) = id.split_once(' ')?;
        let server = server.parse().ok()?;
        match kind {
            "need" => Some(Self::Need(server)),
            "review" => Some(Self::Review(server)),
            _ => None,
        }
    }
}
