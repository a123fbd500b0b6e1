//! When somebody is told of tools that changed: a pure function of what is held back and of the time.
//!
//! What is held back is told when it has been for a moment, all tools of a server at once and whoever they are held back
//! from. The same version of a tool is told once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use omlx_mcp::{ServerId, access::HeldMark};

use super::{
    Notice, Subject,
    calls::{LIMIT, SETTLE},
};
use crate::words::{Words, fill};

/// One version of one tool.
type Version = (ServerId, String, String);

/// What a server changed, to be reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Review {
    pub(super) server: ServerId,
    /// How many of its tools are held back.
    pub(super) tools: u32,
    /// From whom.
    pub(super) clients: Vec<String>,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReviewNews {
    /// Servers whose changes were told, and of which nothing is held back any more.
    pub(super) over: Vec<ServerId>,
    /// Changes to be told.
    pub(super) told: Vec<Review>,
}

/// What waits, and what was told.
#[derive(Debug, Default)]
pub(super) struct Reviews {
    waiting: BTreeMap<ServerId, Instant>,
    told: BTreeMap<Version, Instant>,
    shown: BTreeSet<ServerId>,
}

impl Reviews {
    /// Takes in everything that is held back at this moment.
    pub(super) fn heed(&mut self, held: &[HeldMark], now: Instant) -> ReviewNews {
        let there: BTreeSet<Version> = held.iter().map(version).collect();
        // One that comes and goes is not told each time it comes.
        self.told
            .retain(|told, at| there.contains(told) || now < *at + LIMIT);
        let news: BTreeSet<&ServerId> = there
            .iter()
            .filter(|version| !self.told.contains_key(*version))
            .map(|(server, ..)| server)
            .collect();
        self.waiting.retain(|server, _| news.contains(server));
        for server in news {
            self.waiting.entry(server.clone()).or_insert(now);
        }
        let ripe = self.waiting.extract_if(.., |_, since| now >= *since + SETTLE);
        let told: Vec<Review> = ripe.map(|(server, _)| Review::of(server, held)).collect();
        for review in &told {
            self.shown.insert(review.server.clone());
            let its = there.iter().filter(|(server, ..)| *server == review.server);
            self.told.extend(its.map(|version| (version.clone(), now)));
        }
        let is_over = |server: &ServerId| !held.iter().any(|mark| mark.server == *server);
        let over = self.shown.extract_if(.., is_over).collect();
        ReviewNews { over, told }
    }

    /// When to look again; none when nothing waits.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.values().map(|since| *since + SETTLE).min()
    }
}

fn version(mark: &HeldMark) -> Version {
    (mark.server.clone(), mark.tool.clone(), mark.version.clone())
}

impl Review {
    fn of(server: ServerId, held: &[HeldMark]) -> Self {
        let its = || held.iter().filter(|mark| mark.server == server);
        let tools: BTreeSet<&str> = its().map(|mark| mark.tool.as_str()).collect();
        let clients: BTreeSet<&str> = its().map(|mark| mark.client.as_str()).collect();
        Self {
            tools: u32::try_from(tools.len()).unwrap_or(u32::MAX),
            clients: clients.into_iter().map(str::to_owned).collect(),
            server,
        }
    }

    /// As it is shown.
    pub(super) fn notice(self, words: &Words) -> Notice {
        let title = words.notice_held.of(self.tools);
        Notice {
            title: fill(&title, "name", self.server.as_str()),
            text: fill(words.notice_held_text, "apps", &self.clients.join(", ")),
            button: words.notice_review,
            subject: Subject::Review(self.server),
        }
    }
}

#[cfg(test)]
mod tests {
    use omlx_mcp::settings::Language;

    use super::*;
    use crate::words;

    fn mark(client: &str, tool: &str, version: &str) -> HeldMark {
        HeldMark {
            client: client.to_owned(),
            server: "notion".parse().expect("a name"),
            tool: tool.to_owned(),
            version: version.to_owned(),
        }
    }

    fn told(reviews: &mut Reviews, held: &[HeldMark], at: Instant) -> Vec<Review> {
        reviews.heed(held, at);
        reviews.heed(held, at + SETTLE).told
    }

    #[test]
    fn a_change_is_told_once_for_all_apps_and_tools_once_it_has_lasted() {
        let (mut reviews, start) = (Reviews::default(), Instant::now());
        let held = [
            mark("Cursor", "search", "2"),
            mark("bridge", "search", "2"),
            mark("Cursor", "fetch", "2"),
        ];
        assert_eq!(reviews.heed(&held, start), ReviewNews::default());
        assert_eq!(reviews.next(), Some(start + SETTLE));
        let review = Review {
            server: "notion".parse().expect("a name"),
            tools: 2,
            clients: vec!["Cursor".to_owned(), "bridge".to_owned()],
        };
        assert_eq!(reviews.heed(&held, start + SETTLE).told, [review]);
        assert_eq!(reviews.heed(&held, start + 2 * LIMIT), ReviewNews::default());
        assert_eq!(reviews.next(), None);
    }

    #[test]
    fn another_app_that_comes_to_the_same_change_is_no_news_and_another_version_is() {
        let (mut reviews, start) = (Reviews::default(), Instant::now());
        assert_eq!(
            told(&mut reviews, &[mark("Cursor", "search", "2")], start).len(),
            1
        );
        let both = [mark("Cursor", "search", "2"), mark("Zed", "search", "2")];
        assert_eq!(told(&mut reviews, &both, start + LIMIT), []);
        let later = [mark("Cursor", "search", "3")];
        assert_eq!(told(&mut reviews, &later, start + LIMIT).len(), 1);
    }

    #[test]
    fn what_was_reviewed_is_over_once_and_what_is_left_of_it_is_not_told_again() {
        let (mut reviews, start) = (Reviews::default(), Instant::now());
        let held = [mark("Cursor", "search", "2"), mark("Cursor", "fetch", "2")];
        assert_eq!(told(&mut reviews, &held, start).len(), 1);
        assert_eq!(told(&mut reviews, &held[..1], start + LIMIT), []);
        assert_eq!(reviews.heed(&[], start + 2 * LIMIT).over.len(), 1);
        assert_eq!(reviews.heed(&[], start + 3 * LIMIT), ReviewNews::default());
    }

    #[test]
    fn a_tool_that_changes_to_and_fro_is_not_told_each_time() {
        let (mut reviews, start) = (Reviews::default(), Instant::now());
        let held = [mark("Cursor", "search", "2")];
        assert_eq!(told(&mut reviews, &held, start).len(), 1);
        reviews.heed(&[], start + 2 * SETTLE);
        assert_eq!(told(&mut reviews, &held, start + 3 * SETTLE), []);
        reviews.heed(&[], start + LIMIT + 2 * SETTLE);
        assert_eq!(told(&mut reviews, &held, start + 2 * LIMIT).len(), 1);
    }

    #[test]
    fn it_is_said_in_sentences() {
        let review = Review::of(
            "notion".parse().expect("a name"),
            &[mark("Cursor", "search", "2"), mark("Zed", "search", "2")],
        );
        let notice = review.notice(words::of(Language::English));
        assert_eq!(notice.title, "notion changed 1 tool");
        assert_eq!(
            notice.text,
            "Held back from Cursor, Zed until you have compared both versions."
        );
    }
}
