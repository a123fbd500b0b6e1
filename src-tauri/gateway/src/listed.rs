//! What a server listed last. A list that comes again as it was is recognised by its digest, and not read again.

use std::sync::Arc;

use omlx_mcp::access::{ListDigest, ToolSet};
use serde_json::value::RawValue;

/// How many pages of one server's list are kept; the one noted least lately gives way.
const PAGES: usize = 64;

/// Whether a list has all of a server's tools, or there are others on another page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    Part,
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
        self.pages.iter().find(|page| page.digest == digest)
    }

    /// Every tool known, each as it was listed last.
    pub(crate) fn set(&self) -> &Arc<ToolSet> {
        &self.set
    }

    /// Takes note of what has just been listed.
    pub(crate) fn note(&mut self, listing: Listing, extent: Extent) {
        let newest = self.pages.first().map(|page| page.digest);
        if newest == Some(listing.digest) && (extent == Extent::Part || self.pages.len() == 1) {
            return;
        }
        match extent {
            Extent::Whole => self.pages.clear(),
            Extent::Part => self.pages.retain(|page| page.digest != listing.digest),
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
        format!("{:?}", listed.set())
    }

    #[test]
    fn a_whole_list_takes_the_place_of_all_that_was_known() {
        let mut listed = Listed::default();
        listed.note(listing(&json!([tool("a", "first")])), Extent::Part);
        listed.note(listing(&json!([tool("b", "second")])), Extent::Part);
        assert!(known(&listed).contains("first") && known(&listed).contains("second"));
        listed.note(listing(&json!([tool("b", "second")])), Extent::Whole);
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
            listed.note(listing(page), Extent::Part);
        }
        assert!(known(&listed).contains("first") && known(&listed).contains("evil"));
        assert!(!known(&listed).contains("good"));
    }

    #[test]
    fn what_was_listed_is_found_again_and_pages_without_end_are_not_kept() {
        let mut listed = Listed::default();
        for number in 0..2 * PAGES {
            listed.note(listing(&json!([tool(&format!("t{number}"), "")])), Extent::Part);
        }
        assert_eq!(listed.pages.len(), PAGES);
        let last = json!([tool(&format!("t{}", 2 * PAGES - 1), "")]).to_string();
        assert_eq!(listed.find(ListDigest::of(&last)).map(|page| page.count), Some(1));
        assert!(listed.find(ListDigest::of("[]")).is_none());
    }
}
