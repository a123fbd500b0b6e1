//! The server's side: opened where there is none, opened again where it was lost, and exchanged where the server's entry
//! has been changed.

use std::{
    sync::{Arc, PoisonError, RwLockReadGuard, atomic::Ordering},
    time::Duration,
};

use omlx_mcp::{
    Problem,
    connection::{Era, Link},
    handle::Server,
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{Failure, HURRY, PATIENCE, Relay};
use crate::{
    message,
    upstream::{
        Upstream,
        fault::Unanswered,
        http::{Ear, HttpWire, Session},
        legacy::LegacyWire,
        program::ProgramWire,
    },
};

/// What is lent, by its entry as it is now.
pub(super) struct Lent {
    pub(super) server: Server,
    pub(super) link: watch::Receiver<Option<Link>>,
}

impl Lent {
    pub(super) fn of(server: Server) -> Self {
        let link = server.link();
        Self { server, link }
    }
}

impl Relay {
    /// The server by its entry as it is now.
    pub(crate) fn server(&self) -> Server {
        self.lent().server.clone()
    }

    pub(super) fn lent(&self) -> RwLockReadGuard<'_, Lent> {
        self.0.lent.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what is open with an error: its server is not there any more.
    pub(crate) fn give_up(&self) {
        self.in_flight(|waiting| waiting.values().for_each(CancellationToken::cancel));
    }

    /// The server's side, opened where there is none, with the client's handshake made up for where it is owed.
    pub(super) async fn upstream(&self) -> Result<Upstream, Failure> {
        let link = self.link().await.map_err(Failure::Away)?;
        if let Some(upstream) = self.ready(&link) {
            return Ok(upstream);
        }
        self.within_limit(async {
            let _opening = self.0.opening.lock().await;
            match self.ready(&link) {
                Some(upstream) => Ok(upstream),
                None => self.opened(link).await,
            }
        })
        .await
    }

    /// What `work` comes to, unless the server says nothing for as long as it may.
    pub(super) async fn within_limit<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let limit = self.server().time_limit();
        let done = tokio::time::timeout(limit, work).await;
        done.unwrap_or_else(|_| Err(Unanswered::Mute.into()))
    }

    /// Whether the server's side is there already.
    pub(super) fn is_ready(&self) -> bool {
        let link = self.lent().link.borrow().clone();
        link.is_some_and(|link| self.ready(&link).is_some())
    }

    /// The server's side as it is there already.
    fn ready(&self, link: &Link) -> Option<Upstream> {
        let upstream = self.slot().clone().filter(|upstream| upstream.fits(link))?;
        upstream.go_by(link);
        self.greeting().is_settled().then_some(upstream)
    }

    /// The same opened, and greeted where the client has been; for whoever holds `opening`.
    pub(super) async fn opened(&self, link: Link) -> Result<Upstream, Failure> {
        let there = self.slot().clone();
        let upstream = match there {
            Some(upstream) if upstream.fits(&link) => upstream,
            gone => {
                if gone.is_some() {
                    self.owe_what_was_lost();
                }
                self.open(link).await?
            }
        };
        let upstream = self.make_up(upstream).await?;
        *self.slot() = Some(upstream.clone());
        Ok(upstream)
    }

    async fn open(&self, link: Link) -> Result<Upstream, Failure> {
        let (out, server) = (self.0.out.clone(), self.server());
        Ok(match link {
            Link::Http {
                http,
                era: Era::LegacySse,
            } => Upstream::Legacy(Arc::new(LegacyWire::open(http, out).await?)),
            Link::Http { http, .. } => Upstream::Http(Arc::new(HttpWire::new(http, out))),
            Link::Program => match server.start_program().await {
                Some(program) => Upstream::Program(Arc::new(ProgramWire::new(program?, out))),
                None => return Err(Failure::Away(server.obstacle())),
            },
        })
    }

    /// What requests go through, as soon as it is known whether there is anything.
    pub(super) async fn link(&self) -> Result<Link, Problem> {
        let (there, server) = {
            let lent = self.lent();
            let there = lent.link.borrow().clone();
            if let Some(link) = there {
                return Ok(link);
            }
            (lent.link.clone(), lent.server.clone())
        };
        // One that takes longer than this is told as what it is by then.
        let _ = tokio::time::timeout(PATIENCE, server.settled()).await;
        let link = there.borrow().clone();
        link.ok_or_else(|| server.obstacle())
    }

    /// How long somebody is kept waiting who can be told what was last known.
    pub(super) fn patience(&self) -> Duration {
        let server = self.server();
        if server.introduction().is_known() {
            HURRY
        } else {
            server.time_limit() + PATIENCE
        }
    }

    /// Begins to hear what the server says by itself, over HTTP; in other ways it comes unasked.
    pub(super) fn listen(&self) {
        let upstream = self.slot().clone();
        let wire = match upstream {
            Some(Upstream::Http(wire)) if wire.session() != Session::default() => wire,
            Some(Upstream::Older(client)) => return client.listen_again(),
            _ => return,
        };
        let mut listening = self.listening();
        if listening.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            let deaf = Arc::clone(&self.0.deaf);
            let heard = tokio::spawn(async move {
                if wire.listen().await == Ear::Deaf {
                    deaf.store(true, Ordering::Relaxed);
                }
            });
            *listening = Some(AbortOnDropHandle::new(heard));
        }
    }

    /// A request got through: what was not heard or told meanwhile is made up for.
    pub(super) async fn heard_from(&self) {
        if self.0.deaf.load(Ordering::Relaxed) && self.0.deaf.swap(false, Ordering::Relaxed) {
            self.listen();
        }
        if self.0.away.load(Ordering::Relaxed) && self.0.away.swap(false, Ordering::Relaxed) {
            self.tell_changes().await;
        }
    }

    /// Follows the server: until it is there again, and, where its entry is changed, to the one in its place.
    pub(super) async fn watch(&self) {
        let mut link = self.lent().link.clone();
        loop {
            let changed = tokio::select! {
                () = self.0.over.cancelled() => return,
                changed = link.changed() => changed,
            };
            if changed.is_err() {
                let Some(successor) = self.succeeded().await else {
                    return;
                };
                link = successor;
            }
            if link.borrow_and_update().is_none() {
                continue;
            }
            if self.0.away.swap(false, Ordering::Relaxed) {
                self.recovered().await;
            } else if self.greeting().initialized {
                self.listen();
            }
        }
    }

    /// The server's entry was changed or taken out: waits for the one in its place, and goes on with that.
    async fn succeeded(&self) -> Option<watch::Receiver<Option<Link>>> {
        self.give_up();
        *self.listening() = None;
        // Whoever opens it at this moment has given up, or does within its time limit.
        let opening = self.0.opening.lock().await;
        let upstream = self.slot().take();
        if upstream.is_some() {
            self.owe_what_was_lost();
        }
        drop(opening);
        self.0.away.store(true, Ordering::Relaxed);
        if let Some(upstream) = upstream {
            self.0.tasks.spawn(async move { upstream.end().await });
        }
        let server = self.server();
        let successor = tokio::select! {
            () = self.0.over.cancelled() => None,
            successor = server.successor() => successor,
        };
        let lent = Lent::of(successor?);
        let link = lent.link.clone();
        *self.0.lent.write().unwrap_or_else(PoisonError::into_inner) = lent;
        Some(link)
    }

    /// The server is there again: its side is opened, and the client told to look again.
    async fn recovered(&self) {
        let upstream = tokio::select! {
            upstream = self.upstream() => upstream,
            () = self.0.over.cancelled() => return,
        };
        if upstream.is_err() {
            self.0.away.store(true, Ordering::Relaxed);
            return;
        }
        self.listen();
        self.tell_changes().await;
    }

    /// From the first list of tools on, the client is told when it may see others: one was approved, or a rule changed.
    pub(super) fn keep_informed(&self) {
        if self.0.informed.swap(true, Ordering::Relaxed) {
            return;
        }
        let relay = self.clone();
        self.0.tasks.spawn(async move {
            let (mut rules, mut shown) = (relay.0.guest.changes(), relay.0.guest.sees(&relay.server()).await);
            loop {
                tokio::select! {
                    () = relay.0.over.cancelled() => return,
                    heard = rules.changed() => if heard.is_err() { return },
                }
                let visible = relay.0.guest.sees(&relay.server()).await;
                if visible != shown {
                    shown = visible;
                    let others = message::notification("notifications/tools/list_changed");
                    relay.tell(others).await;
                }
            }
        });
    }

    /// Tells the client that the lists are not what they were.
    async fn tell_changes(&self) {
        let said = self.server().introduction();
        for list in ["tools", "prompts", "resources"] {
            if list == "tools" || said.capabilities.get(list).is_some() {
                self.tell(message::notification(&format!(
                    "notifications/{list}/list_changed"
                )))
                .await;
            }
        }
    }
}
