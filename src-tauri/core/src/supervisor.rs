//! Starts and stops one owner task per configured server, and puts their states together into the one [`Snapshot`].
//!
//! The supervisor decides nothing about a server: it compares the config file with what runs.

use std::sync::Arc;

use indexmap::IndexMap;
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Event, Explain, Problem, ServerId, Snapshot,
    config::{Config, ConfigState, ServerConfig},
    connection::{Connection, Shared},
    network::NetworkError,
};

/// The running connections by name; read by every handle, written by the supervisor alone.
#[derive(Debug, Default)]
pub(crate) struct Roster(watch::Sender<IndexMap<ServerId, Arc<Connection>>>);

impl Roster {
    pub(crate) fn get(&self, id: &ServerId) -> Option<Arc<Connection>> {
        self.0.borrow().get(id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.0.borrow().values().cloned().collect()
    }

    /// Another connection under the name of this one, as soon as there is one.
    pub(crate) async fn successor(&self, of: &Arc<Connection>) -> Option<Arc<Connection>> {
        let another = |running: &IndexMap<ServerId, Arc<Connection>>| {
            let found = running.get(&of.config().id);
            found.filter(|found| !Arc::ptr_eq(found, of)).cloned()
        };
        let mut running = self.0.subscribe();
        let there = running.wait_for(|running| another(running).is_some());
        another(&*there.await.ok()?)
    }

    fn replace(&self, connections: IndexMap<ServerId, Arc<Connection>>) {
        self.0.send_replace(connections);
    }

    fn running(&self) -> IndexMap<ServerId, Arc<Connection>> {
        self.0.borrow().clone()
    }
}

/// Owns the owner tasks.
pub(crate) struct Supervisor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) board: watch::Sender<Arc<Snapshot>>,
    pub(crate) config: watch::Receiver<Arc<ConfigState>>,
    /// The only servers wanted; none for all.
    pub(crate) only: Option<Vec<ServerId>>,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Entries that could not even be started.
    pub(crate) unstarted: Vec<Problem>,
}

impl Supervisor {
    /// Brings the roster in line with the config file, for the first time.
    pub(crate) fn start(&mut self) {
        let config = self.config.borrow().config.clone();
        self.apply(&config);
        self.publish();
    }

    /// Follows the config file and the connections until stopped.
    pub(crate) async fn run(mut self) {
        let mut watched = true;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = self.config.changed(), if watched => match changed {
                    Ok(()) => self.reconfigure(),
                    // The watcher is gone: what runs keeps running.
                    Err(_) => watched = false,
                },
                () = self.shared.changed.notified() => self.publish(),
            }
        }
    }

    fn reconfigure(&mut self) {
        let state = Arc::clone(&self.config.borrow_and_update());
        self.apply(&state.config);
        self.publish();
        self.shared.tell(Event::ConfigChanged);
    }

    fn apply(&mut self, config: &Config) {
        self.unstarted.clear();
        let mut running = self.roster.running();
        let mut wanted = IndexMap::new();
        let only = self.only.clone();
        let wants = |id: &ServerId| only.as_ref().is_none_or(|only| only.contains(id));
        for (id, server) in config.servers.iter().filter(|(id, _)| wants(id)) {
            let connection = match running.shift_remove(id) {
                Some(connection) if *connection.config() == *server => Ok(connection),
                outdated => {
                    if let Some(connection) = &outdated {
                        connection.stop();
                    }
                    self.spawn(server)
                }
            };
            match connection {
                Ok(connection) => drop(wanted.insert(id.clone(), connection)),
                Err(error) => self.unstarted.push(error.problem()),
            }
        }
        for gone in running.into_values() {
            gone.stop();
        }
        self.roster.replace(wanted);
    }

    fn spawn(&self, server: &ServerConfig) -> Result<Arc<Connection>, NetworkError> {
        let (connection, owner) = Connection::new(&self.shared, server.clone(), self.stop.child_token())?;
        self.tracker.spawn(owner.run());
        Ok(Arc::new(connection))
    }

    fn publish(&self) {
        let state = Arc::clone(&self.config.borrow());
        let servers = self
            .roster
            .all()
            .iter()
            .map(|connection| connection.snapshot())
            .collect();
        let config_problems = state.problems.iter().chain(&self.unstarted).cloned().collect();
        self.board.send_replace(Arc::new(Snapshot {
            servers,
            config_problems,
            config_advice: state.advice.clone(),
        }));
    }
}

/// Says that some state changed; many changes in a row make one new snapshot.
#[derive(Debug, Default)]
pub(crate) struct Changed(Notify);

impl Changed {
    pub(crate) fn mark(&self) {
        self.0.notify_one();
    }

    pub(crate) async fn notified(&self) {
        self.0.notified().await;
    }
}
