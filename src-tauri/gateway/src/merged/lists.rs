//! The prompts and the resources of all servers: each server that may have any is asked, side by side, and one that does not
//! answer in time is left out.

use futures::{StreamExt, stream};
use omlx_mcp::{ServerId, connection::Introduction, handle::Server};
use serde_json::{Map, Value, json, value::RawValue};

use super::{Merged, names, rewrite};
use crate::message;

/// How many servers are asked at once.
const AT_ONCE: usize = 16;

/// How many pages of one server's list are read.
const PAGES: usize = 64;

/// A list that no server is remembered for.
#[derive(Clone, Copy)]
pub(super) struct List {
    method: &'static str,
    capability: &'static str,
    member: &'static str,
}

const LISTS: [List; 3] = [
    List {
        method: "prompts/list",
        capability: "prompts",
        member: "prompts",
    },
    List {
        method: "resources/list",
        capability: "resources",
        member: "resources",
    },
    List {
        method: "resources/templates/list",
        capability: "resources",
        member: "resourceTemplates",
    },
];

impl List {
    /// The list that this method asks for.
    pub(super) fn of(method: &str) -> Option<Self> {
        LISTS.into_iter().find(|list| list.method == method)
    }
}

impl Merged {
    /// Answers with the whole list.
    pub(super) async fn list(&self, id: &RawValue, list: List) {
        let guest = self.guest();
        let servers = names::servers_of(&self.0.handle, &guest).into_iter();
        let able: Vec<Server> = servers
            .filter(|server| may_have(&server.introduction(), list))
            .collect();
        let asking = able.into_iter().map(|server| {
            let merged = self.clone();
            async move { merged.listed(&server, list).await }
        });
        let lists: Vec<Vec<Value>> = stream::iter(asking).buffered(AT_ONCE).collect().await;
        let mut result = Map::new();
        result.insert(list.member.to_owned(), lists.into_iter().flatten().collect());
        self.tell(message::result(id, &result)).await;
    }

    async fn listed(&self, server: &Server, list: List) -> Vec<Value> {
        let mut all = Vec::new();
        let reading = self.read_pages(server, list, &mut all);
        if tokio::time::timeout(server.time_limit(), reading).await.is_err() {
            tracing::debug!(server = %server.id(), "{} took too long", list.method);
        }
        all
    }

    async fn read_pages(&self, server: &Server, list: List, all: &mut Vec<Value>) {
        let back = self.back(server);
        if back.ready(self).await.is_err() || !back.can(list.capability) {
            return;
        }
        let mut params = json!({});
        for _ in 0..PAGES {
            let Ok(mut page) = back.ask(self, (list.method, &params)).await else {
                return;
            };
            let mut taken = |member: &str| page.get_mut(member).map(Value::take).unwrap_or_default();
            all.extend(entries(server.id(), taken(list.member)));
            let cursor = taken("nextCursor");
            if !cursor.is_string() {
                return;
            }
            params["cursor"] = cursor;
        }
    }
}

/// Whether it is worth asking: of a server that nothing is remembered of, nobody knows.
fn may_have(said: &Introduction, list: List) -> bool {
    said.capabilities.is_null() || said.capabilities.get(list.capability).is_some()
}

fn entries(server: &ServerId, page: Value) -> Vec<Value> {
    let Value::Array(page) = page else {
        return Vec::new();
    };
    page.into_iter()
        .filter_map(|entry| rewrite::entry(server, entry))
        .collect()
}
