//! Gates: a request stopped at a chosen point until a test lets it go on, instead of a sleep.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::{pattern::Pattern, record::Call};

/// Where a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The request has arrived, and nothing was done about it.
    Request,
    /// Everything was done, and the reply was not sent.
    Reply,
}

/// Holds matching requests until it is released or dropped.
#[derive(Debug)]
pub struct Gate(Arc<Barrier>);

#[derive(Debug)]
struct Barrier {
    pattern: Pattern,
    stage: Stage,
    arrived: watch::Sender<usize>,
    standing: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// Waits until a request stands at the gate.
    pub async fn arrived(&self) {
        self.arrivals(1).await;
    }

    /// Waits until `count` requests stood at the gate.
    pub async fn arrivals(&self, count: usize) {
        // The sender lives in `self`, so the wait cannot end early.
        let _ = self.0.arrived.subscribe().wait_for(|seen| *seen >= count).await;
    }

    /// Waits until no request stands at the gate: all were released, or their clients went away.
    pub async fn empty(&self) {
        // The sender lives in `self`, so the wait cannot end early.
        let _ = self
            .0
            .standing
            .subscribe()
            .wait_for(|standing| *standing == 0)
            .await;
    }

    /// How many requests stood at the gate so far.
    pub fn held(&self) -> usize {
        *self.0.arrived.borrow()
    }

    /// Lets all of them go on, and stops no more.
    pub fn release(&self) {
        self.0.open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
    }
}

/// A request at a gate, which also leaves when its client goes away.
struct Standing<'a>(&'a Barrier);

impl<'a> Standing<'a> {
    fn at(barrier: &'a Barrier) -> Self {
        barrier.standing.send_modify(|standing| *standing += 1);
        Self(barrier)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.0.standing.send_modify(|standing| *standing -= 1);
    }
}

/// All gates of one demo.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<Vec<Arc<Barrier>>>);

impl Gates {
    pub(crate) fn hold(&self, pattern: Pattern, stage: Stage) -> Gate {
        let barrier = Arc::new(Barrier {
            pattern,
            stage,
            arrived: watch::Sender::new(0),
            standing: watch::Sender::new(0),
            open: watch::Sender::new(false),
        });
        let mut barriers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        barriers.retain(|barrier| !*barrier.open.borrow());
        barriers.push(Arc::clone(&barrier));
        Gate(barrier)
    }

    /// Waits at every closed gate that `call` meets at this stage.
    pub(crate) async fn pass(&self, call: &Call, stage: Stage) {
        let met: Vec<_> = {
            let barriers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            barriers
                .iter()
                .filter(|barrier| barrier.stage == stage && barrier.pattern.matches(call))
                .cloned()
                .collect()
        };
        for barrier in met {
            let mut open = barrier.open.subscribe();
            if *open.borrow() {
                continue;
            }
            let _standing = Standing::at(&barrier);
            barrier.arrived.send_modify(|seen| *seen += 1);
            let _ = open.wait_for(|open| *open).await;
        }
    }
}
