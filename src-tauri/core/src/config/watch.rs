//! The file over time: every change is read, and the last config that made sense stays in force.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use super::{folders::FolderWatch, locate::ConfigFile, model::Config, read::ConfigError};
use crate::{Explain, Problem};

/// How long it must be quiet before a change is read; an editor's save is several events.
const QUIET: Duration = Duration::from_millis(50);

/// How long a change is put off at most, in a folder that is never quiet.
const LONGEST: Duration = Duration::from_millis(500);

/// How often the file is looked at although nothing was told; network folders tell nothing.
const SAFETY: Duration = Duration::from_secs(30);

/// The same, where no folder can be watched.
const UNWATCHED: Duration = Duration::from_secs(2);

/// The config in force, and what is wrong with the file as it stands now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigState {
    /// The last one that could be used as a whole.
    pub config: Config,
    /// What is wrong with the file now. When it cannot be used at all, `config` is older than this.
    pub problems: Vec<Problem>,
    /// What is odd in it and works all the same.
    pub advice: Vec<Problem>,
}

impl ConfigState {
    /// The state after another look at the file.
    fn after(&self, outcome: Result<Config, ConfigError>) -> Self {
        match outcome {
            Ok(config) => match config.fatal() {
                Some(problem) => self.with(problem.clone()),
                None => Self {
                    problems: config.problems(),
                    advice: config.advice(),
                    config,
                },
            },
            Err(error) => self.with(error.problem()),
        }
    }

    fn with(&self, problem: Problem) -> Self {
        Self {
            config: self.config.clone(),
            problems: vec![problem],
            advice: Vec::new(),
        }
    }
}

impl ConfigFile {
    /// Reads the file now and after every change, until the last receiver is dropped. Needs a Tokio runtime.
    pub fn watch(&self) -> watch::Receiver<Arc<ConfigState>> {
        let (signal, changes) = mpsc::channel(1);
        // A full channel means that a look is due already.
        let folders = FolderWatch::new(&self.path, move || {
            let _ = signal.try_send(());
        });
        let first = self.text().map(|text| self.parse(&text));
        let (sender, receiver) = watch::channel(Arc::new(ConfigState::default().after(first)));
        tokio::spawn(follow(self.clone(), folders, changes, sender));
        receiver
    }
}

async fn follow(
    file: ConfigFile,
    mut folders: FolderWatch,
    mut changes: mpsc::Receiver<()>,
    sender: watch::Sender<Arc<ConfigState>>,
) {
    let file = Arc::new(file);
    loop {
        let pause = if folders.tells() { SAFETY } else { UNWATCHED };
        tokio::select! {
            () = sender.closed() => return,
            Some(()) = changes.recv() => settle(&mut changes).await,
            () = sleep(pause) => {}
        }
        let file = Arc::clone(&file);
        let look = spawn_blocking(move || {
            folders.renew();
            let outcome = file.read();
            (folders, outcome)
        });
        let Ok((returned, outcome)) = look.await else {
            tracing::error!("the config file is no longer watched");
            return;
        };
        folders = returned;
        let next = sender.borrow().after(outcome);
        publish(&sender, next);
    }
}

/// Waits until nothing was told for a while.
pub(crate) async fn settle(changes: &mut mpsc::Receiver<()>) {
    let deadline = Instant::now() + LONGEST;
    while Instant::now() < deadline && timeout(QUIET, changes.recv()).await.is_ok() {}
}

fn publish(sender: &watch::Sender<Arc<ConfigState>>, next: ConfigState) {
    sender.send_if_modified(|state| {
        let changed = **state != next;
        if changed {
            *state = Arc::new(next);
        }
        changed
    });
}

#[cfg(test)]
mod tests;
