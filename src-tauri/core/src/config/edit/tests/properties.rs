//! Whatever the file looks like, an edit changes what it says it changes and keeps every other token in its place.

use jsonc_parser::{ParseOptions, cst::CstRootNode};
use proptest::prelude::*;

use super::*;
use crate::config::syntax;

/// A piece of space that JSON with comments allows anywhere.
fn space() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "",
        "",
        " ",
        "\n",
        "\n\n",
        "\t",
        "\r\n  ",
        " /* c */ ",
        " // l\n",
        "\n  /* a\n b */\n",
    ])
    .prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,2}",
        Just("é \\\"q\\\"".to_owned()),
        Just("\\u0041".to_owned())
    ]
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "1",
            "-0.50",
            "1e3",
            "true",
            "null",
            "\"\"",
            "\"a\\n\\u00e9\"",
            "[ ]",
            "{ }",
            "[1,\n2]"
        ])
        .prop_map(str::to_owned),
        "[a-z ]{0,6}".prop_map(|text| format!("\"{text}\"")),
    ]
}

/// `{…}` of some properties, with arbitrary space, comments and sometimes a trailing comma.
fn object(properties: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    let spaces = prop::collection::vec(space(), 32);
    (properties, spaces, any::<bool>()).prop_map(|(properties, spaces, trailing)| {
        let mut spaces = spaces.into_iter();
        let mut next = || spaces.next().unwrap_or_default();
        let mut text = "{".to_owned();
        let last = properties.len().saturating_sub(1);
        for (position, (key, value)) in properties.iter().enumerate() {
            let comma = if position < last || trailing { "," } else { "" };
            text += &[
                &next(),
                "\"",
                key,
                "\"",
                &next(),
                ":",
                &next(),
                value,
                &next(),
                comma,
            ]
            .concat();
        }
        text + &next() + "}"
    })
}

fn distinct(properties: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut seen = std::collections::HashSet::new();
    properties
        .into_iter()
        .filter(|(key, _)| seen.insert(key.clone()))
        .collect()
}

fn entry() -> impl Strategy<Value = String> {
    let extra = prop::collection::vec(("[x-z]{1,2}", scalar()), 0..3);
    object(extra.prop_map(|mut extra| {
        extra.insert(0, ("url".to_owned(), "\"https://a.example\"".to_owned()));
        distinct(extra)
    }))
}

fn servers() -> impl Strategy<Value = String> {
    object(prop::collection::vec((name(), entry()), 0..4).prop_map(distinct))
}

fn file() -> impl Strategy<Value = String> {
    let others = prop::collection::vec(("[p-s]{1,2}", scalar()), 0..3);
    let key = prop::sample::select(vec!["servers", "mcpServers"]);
    let root = (others, key, servers(), 0..3_usize).prop_map(|(mut others, key, servers, at)| {
        others.insert(at.min(others.len()), (key.to_owned(), servers));
        distinct(others)
    });
    (space(), object(root), space()).prop_map(|(before, root, after)| format!("{before}{root}{after}"))
}

/// Every token and comment, in order, as it is written; commas come and go with what they separate.
fn tokens(text: &str) -> Vec<String> {
    fn collect(node: &jsonc_parser::cst::CstNode, tokens: &mut Vec<String>) {
        let children = node.children();
        if children.is_empty() && !node.is_whitespace() && !node.is_newline() && !node.is_comma() {
            tokens.push(node.to_string());
        }
        for child in &children {
            collect(child, tokens);
        }
    }
    let root = CstRootNode::parse(text, &ParseOptions::default()).expect("JSON");
    let mut all = Vec::new();
    for child in &root.children() {
        collect(child, &mut all);
    }
    all
}

/// Whether `part` comes out of `whole` by leaving out one run of tokens.
fn is_whole_without_one_run(part: &[String], whole: &[String]) -> bool {
    let same_start = part.iter().zip(whole).take_while(|(a, b)| a == b).count();
    let same_end = part
        .iter()
        .rev()
        .zip(whole.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    part.len() <= whole.len() && same_start + same_end >= part.len()
}

/// A comment on the line of a removed entry goes with it.
fn without_comments(mut tokens: Vec<String>) -> Vec<String> {
    tokens.retain(|token| !token.starts_with("//") && !token.starts_with("/*"));
    tokens
}

/// A file as another program would print it: one property a line, in any indentation and with either line end.
fn printed() -> impl Strategy<Value = String> {
    let style = (
        prop::sample::select(vec!["  ", "    ", "\t"]),
        prop::sample::select(vec!["\n", "\r\n"]),
    );
    (prop::collection::vec("[a-c]{1,3}", 1..4), 0..3_u8, style).prop_map(|(names, others, (indent, end))| {
        let entry = json!({"url": "https://a.example", "zzz": {"a": [1, {"b": null}]}});
        let servers: Value = names.into_iter().map(|name| (name, entry.clone())).collect();
        let mut root = serde_json::Map::new();
        for other in 0..others {
            root.insert(format!("other{other}"), json!([other]));
        }
        root.insert("servers".to_owned(), servers);
        root.insert("last".to_owned(), json!("x"));
        let text = serde_json::to_string_pretty(&root).expect("JSON") + "\n";
        text.replace("  ", indent).replace('\n', end)
    })
}

/// Whether `long` is `short` with one run of lines put in, and at most one comma before it.
fn is_one_run_of_lines_apart(short: &str, long: &str) -> bool {
    let [short, long] = [short, long].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let start = short.iter().zip(&long).take_while(|(a, b)| a == b).count();
    let end = short[start..]
        .iter()
        .rev()
        .zip(long.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    match &short[start..short.len() - end] {
        [] => true,
        [line] => {
            let bare = line.trim_end();
            format!("{bare},{}", &line[bare.len()..]) == long[start]
        }
        _ => false,
    }
}

fn value(text: &str) -> Value {
    syntax::parse(text, Format::Json).expect("JSON").root
}

fn edited(text: &str, change: &Change) -> Result<String, EditError> {
    Place::json(text).file.preview(change).map(|edit| edit.text())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn adding_inserts_one_run_of_tokens_and_keeps_all_others(text in file()) {
        let after = edited(&text, &Change::Add(id("new"), Box::new(files()))).expect("possible");
        prop_assert!(is_whole_without_one_run(&tokens(&text), &tokens(&after)), "{after}");
        let config = Config::parse(&after, Format::Json, &Environment::of([]));
        let last = config.servers.keys().last().map(ServerId::as_str);
        prop_assert_eq!(last, Some("new"));
    }

    #[test]
    fn adding_and_removing_again_leaves_every_token(text in file()) {
        let added = edited(&text, &Change::Add(id("new"), Box::new(files()))).expect("possible");
        let removed = edited(&added, &Change::Remove(id("new"))).expect("possible");
        prop_assert_eq!(without_comments(tokens(&removed)), without_comments(tokens(&text)));
    }

    #[test]
    fn in_a_file_as_programs_write_it_every_other_line_stays_to_the_byte(text in printed(), kind in 0..4_usize) {
        let before = Config::parse(&text, Format::Json, &Environment::of([])).servers;
        let first = before.keys().next().expect("a server").clone();
        // The last one out leaves `{}` on one line.
        prop_assume!(kind < 3 || before.len() > 1);
        let change = match kind {
            0 => Change::Add(id("new"), Box::new(files())),
            1 => Change::Disable(first),
            2 => Change::SetAuth(first, client("c")),
            _ => Change::Remove(first),
        };
        let after = edited(&text, &change).expect("possible");
        let (short, long) = if kind == 3 { (&after, &text) } else { (&text, &after) };
        prop_assert!(is_one_run_of_lines_apart(short, long), "{after}");
    }

    #[test]
    fn removing_takes_out_one_run_of_tokens(text in file()) {
        let before = value(&text);
        let names: Vec<String> = ["servers", "mcpServers"].iter()
            .filter_map(|key| before[*key].as_object()).flat_map(|servers| servers.keys().cloned()).collect();
        for name in names {
            let after = edited(&text, &Change::Remove(id(&name))).expect("possible");
            prop_assert!(is_whole_without_one_run(&tokens(&after), &tokens(&text)), "{after}");
        }
    }

    #[test]
    fn other_servers_mean_the_same_after_any_change(text in file(), kind in 0..4_usize) {
        let env = Environment::of([]);
        let before = Config::parse(&text, Format::Json, &env).servers;
        for name in before.keys() {
            let change = match kind {
                0 => Change::Remove(name.clone()),
                1 => Change::Disable(name.clone()),
                2 => Change::SetAuth(name.clone(), client("c")),
                _ => Change::Enable(name.clone()),
            };
            let after = edited(&text, &change).expect("possible");
            let mut after = Config::parse(&after, Format::Json, &env).servers;
            for (other, server) in before.iter().filter(|(other, _)| *other != name) {
                prop_assert_eq!(after.get(other), Some(server));
            }
            let own = after.shift_remove(name);
            match kind {
                0 => prop_assert!(own.is_none()),
                1 => prop_assert!(own.is_some_and(|own| !own.enabled)),
                2 => prop_assert_eq!(own.and_then(|own| own.auth.client_id), Some("c".to_owned())),
                _ => prop_assert!(own.is_some_and(|own| own.enabled)),
            }
        }
    }

    #[test]
    fn no_text_breaks_an_edit(text in ".*", punctuation in "[\\[\\]{}:,\"'a/* \n0]*") {
        for text in [text, punctuation] {
            let _ = edited(&text, &Change::Add(id("new"), Box::new(files())));
            let _ = edited(&text, &Change::Remove(id("a")));
        }
    }
}
