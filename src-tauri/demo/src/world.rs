//! Everything one demo knows, shared by all of its requests.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio::sync::watch;

use crate::{
    authorization_server::ledger::Ledger,
    connection::Wires,
    fault::{Fault, Faults},
    gate::Gates,
    incoming::Incoming,
    mcp::McpState,
    options::DemoOptions,
    record::Recorder,
};

/// The state behind the port.
pub(crate) struct World {
    /// `http://127.0.0.1:{port}`, or what the options say.
    pub(crate) origin: String,
    pub(crate) calls: Recorder,
    pub(crate) faults: Faults,
    pub(crate) gates: Gates,
    pub(crate) wires: Wires,
    pub(crate) mcp: McpState,
    /// True while the port is closed or closing; streams end.
    pub(crate) closing: watch::Sender<bool>,
    options: RwLock<DemoOptions>,
    ledger: Mutex<Ledger>,
    /// Whose authorization server guards our resources; none for our own.
    authority: RwLock<Option<Arc<World>>>,
    /// Resources of other demos that our authorization server guards.
    guests: RwLock<Vec<String>>,
    /// Every `jti` of a proof there was.
    proofs: Mutex<HashSet<String>>,
    /// Counts up when nonces change.
    nonces: AtomicU64,
}

impl World {
    pub(crate) fn new(origin: String, options: DemoOptions) -> Self {
        Self {
            origin,
            calls: Recorder::new(),
            faults: Faults::default(),
            gates: Gates::default(),
            wires: Wires::default(),
            mcp: McpState::default(),
            closing: watch::Sender::new(false),
            options: RwLock::new(options),
            ledger: Mutex::default(),
            authority: RwLock::default(),
            guests: RwLock::default(),
            proofs: Mutex::default(),
            nonces: AtomicU64::default(),
        }
    }

    pub(crate) fn options(&self) -> RwLockReadGuard<'_, DemoOptions> {
        self.options.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn options_mut(&self) -> RwLockWriteGuard<'_, DemoOptions> {
        self.options.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> SystemTime {
        let now = self.options().now.clone();
        now.now()
    }

    /// The issuer identifier, verbatim (RFC 8414 §2).
    pub(crate) fn issuer(&self) -> String {
        format!("{}{}", self.origin, self.options().discovery.issuer_path)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// A fault that is due for this request and wanted by `pick`.
    pub(crate) fn fault<T>(&self, incoming: &Incoming, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.faults.take(&incoming.call, pick)
    }

    /// The demo whose authorization server guards our resources.
    pub(crate) fn authority(self: &Arc<Self>) -> Arc<Self> {
        let authority = self.authority.read().unwrap_or_else(PoisonError::into_inner);
        authority.clone().unwrap_or_else(|| Arc::clone(self))
    }

    pub(crate) fn set_authority(&self, other: Arc<Self>) {
        *self.authority.write().unwrap_or_else(PoisonError::into_inner) = Some(other);
    }

    /// Whether no proof of this `jti` came before.
    pub(crate) fn first_use(&self, jti: &str) -> bool {
        let mut proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        proofs.insert(jti.to_owned())
    }

    /// How often nonces have changed.
    pub(crate) fn nonces(&self) -> u64 {
        self.nonces.load(Ordering::Relaxed)
    }

    pub(crate) fn change_nonces(&self) {
        self.nonces.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn guests(&self) -> Vec<String> {
        self.guests.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn welcome(&self, resources: Vec<String>) {
        let mut guests = self.guests.write().unwrap_or_else(PoisonError::into_inner);
        guests.extend(resources);
    }
}
