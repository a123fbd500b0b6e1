//! What a server listed last. A list that comes again as it was is recognised by its digest, and not read again.

use std::sync::Arc;

use omlx_mcp::access::{ListDigest, Source, ToolSet};
use serde_json::value::RawValue;

/// How many pages of one server's list are kept; the one noted least lately gives way.
const PAGES: usize = 64;

/// Where a list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whence {
    /// The server has sent it, with all of its tools.
    Whole,
    /// The server has sent it, and there are others on another page.
    Part,
    /// It was sent to some process some time ago.
    Memory,
}

impl Whence {
    pub(crate) fn source(self) -> Source {
        match self {
            Self::Whole | Self::Part => Source::Server,
            Self::Memory => Source::Memory,
        }
    }
}

/// One list, or one page of it.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    digest: ListDigest,
    /// The tools that have a name, each once.
    pub(crate) set: Arc<ToolSet>,
    /// How many entries there are, of whatever kind.
    pub(crate) count: usize,
}

/// The tools of one server, as far as they were listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    /// The one noted last comes first.
    pages: Vec<Listing>,
    set: Arc<ToolSet>,
    /// What is remembered of another time; it counts until the server has listed any.
    remembered: Option<Listing>,
}

impl Listing {
    /// Reads the text of an array; none when it is none.
    pub(crate) fn read(text: &str, digest: ListDigest) -> Option<Self> {
        // One tool after the other: all of a large list at once, taken apart, is many times its text.
        let tools: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        Some(Self {
            digest,
            set: Arc::new(ToolSet::of(&tools)),
            count: tools.len(),
        })
    }
}

impl Listed {
    /// A list that was read before.
    pub(crate) fn find(&self, digest: ListDigest) -> Option<&Listing> {
        let mut all = self.pages.iter().chain(&self.remembered);
        all.find(|page| page.digest == digest)
    }

    /// Every tool known, each as it was listed last, and by whom; none when nothing is known.
    pub(crate) fn known(&self) -> Option<(Arc<ToolSet>, Source)> {
        if !self.pages.is_empty() {
            return Some((Arc::clone(&self.set), Source::Server));
        }
        let remembered = self.remembered.as_ref()?;
        Some((Arc::clone(&remembered.set), Source::Memory))
    }

    /// Takes note of what has just been listed.
    pub(crate) fn note(&mut self, listing: Listing, whence: Whence) {
        let newest = self.pages.first().map(|page| page.digest);
        let is_newest = newest == Some(listing.digest);
        match whence {
            Whence::Memory => {
                self.remembered = Some(listing);
                return;
            }
            Whence::Part if is_newest => return,
            Whence::Whole if is_newest && self.pages.len() == 1 => return,
            Whence::Whole => self.pages.clear(),
            Whence::Part => self.pages.retain(|page| page.digest != listing.digest),
        }
        self.pages.insert(0, listing);
        self.pages.truncate(PAGES);
        self.set = match self.pages.as_slice() {
            [whole] => Arc::clone(&whole.set),
            pages => {
                let all = pages
                    .iter()
                    .fold(ToolSet::default(), |set, page| set.or(&page.set));
                Arc::new(all)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn listing(tools: &Value) -> Listing {
        let text = tools.to_string();
        Listing::read(&text, ListDigest::of(&text)).expect("an array")
    }

    fn tool(name: &str, description: &str) -> Value {
        json!({ "name": name, "description": description })
    }

    fn known(listed: &Listed) -> String {
        format!("{:?}", listed.known())
    }

    #[test]
    fn a_whole_list_takes_the_place_of_all_that_was_known() {
        let mut listed = Listed::default();
        listed.note(listing(&json!([tool("a", "first")])), Whence::Part);
        listed.note(listing(&json!([tool("b", "second")])), Whence::Part);
        assert!(known(&listed).contains("first") && known(&listed).contains("second"));
        listed.note(listing(&json!([tool("b", "second")])), Whence::Whole);
        assert!(!known(&listed).contains("first") && known(&listed).contains("second"));
    }

    #[test]
    fn of_a_tool_on_two_pages_the_one_listed_last_is_known_and_a_first_page_alone_forgets_no_other() {
        let mut listed = Listed::default();
        let first = json!([tool("a", "first")]);
        for page in [
            &first,
            &json!([tool("b", "good")]),
            &first,
            &json!([tool("b", "evil")]),
            &first,
        ] {
            listed.note(listing(page), Whence::Part);
        }
        assert!(known(&listed).contains("first") && known(&listed).contains("evil"));
        assert!(!known(&listed).contains("good"));
    }

    #[test]
    fn what_was_listed_is_found_again_and_pages_without_end_are_not_kept() {
        let mut listed = Listed::default();
        for number in 0..2 * PAGES {
            listed.note(listing(&json!([tool(&format!("t{number}"), "")])), Whence::Part);
        }
        assert_eq!(listed.pages.len(), PAGES);
        let last = json!([tool(&format!("t{}", 2 * PAGES - 1), "")]).to_string();
        assert_eq!(listed.find(ListDigest::of(&last)).map(|page| page.count), Some(1));
        assert!(listed.find(ListDigest::of("[]")).is_none());
    }
}
