//! Text → value, for both formats; the only place that knows JSON from YAML when reading.
//!
//! JSON may hold comments and trailing commas, which people write and other clients accept. oMLX does not, which
//! `omlx_rules` knows. An error names line and column and never repeats a piece of the file.

use std::path::Path;

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::Object,
    errors::{ParseError, ParseErrorKind},
};
use serde_json::{Map, Number, Value};

use super::flaw::Flaw;

/// How a config file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, with comments and trailing commas allowed.
    Json,
    /// YAML.
    Yaml,
}

impl Format {
    /// What oMLX goes by: the file's extension.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Json,
        }
    }
}

/// What a text says.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    /// The whole of it.
    pub(super) root: Value,
    /// Names that stand twice under a servers key; the value is that of the last one, as in Python.
    pub(super) duplicates: Vec<String>,
}

/// The JSON we read: oMLX's, plus comments and trailing commas.
pub(crate) fn json_options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        ..strict_json()
    }
}

/// The JSON that Python reads.
pub(super) fn strict_json() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The text without the mark some editors put in front of it.
pub(crate) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a text in either format.
pub(super) fn parse(text: &str, format: Format) -> Result<Document, Flaw> {
    let text = without_bom(text);
    if text.trim().is_empty() {
        return Err(Flaw::Empty);
    }
    match format {
        Format::Json => parse_json(text),
        Format::Yaml => parse_yaml(text),
    }
}

/// What a JSON text says, comments and trailing commas allowed; otherwise where it makes no sense, without a piece of it.
pub(crate) fn read_json(text: &str) -> Result<Value, String> {
    jsonc_parser::parse_to_serde_value(text, &json_options()).map_err(|error| json_flaw(&error).to_string())
}

fn parse_json(text: &str) -> Result<Document, Flaw> {
    let options = json_options();
    let ast =
        jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options).map_err(|e| json_flaw(&e))?;
    let root = jsonc_parser::parse_to_serde_value(text, &options).map_err(|e| json_flaw(&e))?;
    let object = ast.value.as_ref().and_then(|value| value.as_object());
    let duplicates = object.map(duplicate_servers).unwrap_or_default();
    Ok(Document { root, duplicates })
}

/// The names that stand more than once under one of the servers keys.
fn duplicate_servers(root: &Object<'_>) -> Vec<String> {
    let mut duplicates = Vec::new();
    for servers in super::parse::SERVERS_KEYS
        .iter()
        .filter_map(|key| root.get_object(key))
    {
        let names: Vec<_> = servers
            .properties
            .iter()
            .map(|property| property.name.as_str())
            .collect();
        for (position, name) in names.iter().enumerate() {
            if names[..position].contains(name) && !duplicates.iter().any(|known| known == name) {
                duplicates.push((*name).to_owned());
            }
        }
    }
    duplicates
}

/// What a JSON reader complained about, without the one detail that could be from the file.
pub(super) fn json_flaw(error: &ParseError) -> Flaw {
    let reason = match error.kind() {
        ParseErrorKind::String(_) => {
            "a string is not closed, or has an escape that JSON does not know".to_owned()
        }
        ParseErrorKind::Custom(_) => "not readable".to_owned(),
        kind => lower_case(&kind.to_string()),
    };
    Flaw::Syntax {
        line: error.line_display(),
        column: error.column_display(),
        reason,
    }
}

fn lower_case(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// More brackets within brackets than anyone writes by hand. The YAML reader takes time by the square of their number,
/// minutes for a megabyte, so they are counted first; those in strings count as well, and do not matter.
const MAX_BRACKETS: usize = 500;

fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_BRACKETS
    })
}

fn parse_yaml(text: &str) -> Result<Document, Flaw> {
    if is_too_deep(text) {
        return Err(Flaw::Unreadable("its brackets are nested too deeply"));
    }
    let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(|e| yaml_flaw(&e))?;
    // PyYAML follows `<<` wherever it stands; oMLX's files may rely on it.
    value
        .apply_merge()
        .map_err(|_| Flaw::Unreadable("a YAML merge key ('<<') names no dictionary"))?;
    Ok(Document {
        root: json_value(value),
        duplicates: Vec::new(),
    })
}

const NOT_YAML: &str = "this is not valid YAML, or a key stands twice";

/// Where a YAML reader stopped; its own sentence may quote the file.
fn yaml_flaw(error: &serde_yaml_ng::Error) -> Flaw {
    match error.location() {
        Some(at) => Flaw::Syntax {
            line: at.line(),
            column: at.column(),
            reason: NOT_YAML.to_owned(),
        },
        None => Flaw::Unreadable(NOT_YAML),
    }
}

/// The JSON value with the same meaning; keys that are no text are written out, tags are dropped.
fn json_value(value: serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => json_number(&number),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json_value).collect()),
        Yaml::Mapping(mapping) => {
            let pairs = mapping
                .into_iter()
                .filter_map(|(key, value)| Some((json_key(key)?, json_value(value))));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tagged) => json_value(tagged.value),
    }
}

fn json_number(number: &serde_yaml_ng::Number) -> Value {
    let integer = number
        .as_i64()
        .map(Number::from)
        .or_else(|| number.as_u64().map(Number::from));
    let number_or_float = integer.or_else(|| number.as_f64().and_then(Number::from_f64));
    // Infinity and NaN have no JSON number; as a text they fail every check for a number.
    number_or_float.map_or_else(|| Value::String(number.to_string()), Value::Number)
}

fn json_key(key: serde_yaml_ng::Value) -> Option<String> {
    match json_value(key) {
        Value::String(text) => Some(text),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json(text: &str) -> Result<Value, String> {
        parse(text, Format::Json)
            .map(|document| document.root)
            .map_err(|flaw| flaw.to_string())
    }

    fn yaml(text: &str) -> Result<Value, String> {
        parse(text, Format::Yaml)
            .map(|document| document.root)
            .map_err(|flaw| flaw.to_string())
    }

    #[test]
    fn comments_trailing_commas_and_a_byte_order_mark_do_no_harm() {
        let text = "\u{feff}{\n // why\n \"a\": [1, 2,], /* x */ \"b\": 0.5,\n}";
        assert_eq!(json(text), Ok(json!({"a": [1, 2], "b": 0.5})));
    }

    #[test]
    fn json5_beyond_that_is_refused() {
        for text in [
            "{a: 1}",
            "{'a': 1}",
            "{\"a\": 0x1}",
            "{\"a\": 1 \"b\": 2}",
            "{\"a\": .5}",
            "{\"a\": NaN}",
        ] {
            assert!(json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_names_line_and_column_and_quotes_nothing() {
        let secret = "{\n  \"servers\": {\n    \"a\": {\"headers\": {\"Authorization\": \"Bearer s3cret\" \"x\": 1}}\n  }\n}";
        insta::assert_snapshot!(json(secret).expect_err("refused"), @"line 3, column 55: expected comma");
        insta::assert_snapshot!(json("{\"a\": \"s3cret").expect_err("refused"), @"line 1, column 7: a string is not closed, or has an escape that JSON does not know");
        insta::assert_snapshot!(json("{\"a\": s3cret}").expect_err("refused"), @"line 1, column 7: unexpected token");
        insta::assert_snapshot!(yaml("a: [s3cret\nb: }").expect_err("refused"), @"line 2, column 2: this is not valid YAML, or a key stands twice");
        insta::assert_snapshot!(yaml("s3cret: 1\ns3cret: 2").expect_err("refused"), @"line 1, column 1: this is not valid YAML, or a key stands twice");
    }

    #[test]
    fn an_empty_file_is_told_from_a_broken_one() {
        for format in [Format::Json, Format::Yaml] {
            assert_eq!(parse(" \n\u{feff}".trim_start(), format), Err(Flaw::Empty));
        }
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_followed() {
        assert!(json(&"[".repeat(100_000)).is_err());
        assert!(yaml(&"{a: ".repeat(200_000)).is_err());
        assert!(yaml(&"- ".repeat(10_000)).is_err());
        assert!(yaml(&"{a: ".repeat(MAX_BRACKETS)).is_err());
    }

    #[test]
    fn yaml_means_what_it_means_to_pyyaml() {
        let text = "base: &base {timeout: 5}\nservers:\n  a:\n    <<: *base\n    url: x\n  1: {}\n";
        let value = yaml(text).expect("valid");
        assert_eq!(value["servers"]["a"], json!({"timeout": 5, "url": "x"}));
        assert_eq!(value["servers"]["1"], json!({}));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let level = |level: usize| {
            let alias = format!("*a{level},").repeat(9);
            format!("a{0}: &a{0} [{alias}]\n", level + 1)
        };
        let bomb: String = (0..12).map(level).collect();
        assert!(yaml(&format!("a0: &a0 [x,x,x,x,x,x,x,x,x]\n{bomb}")).is_err());
    }

    #[test]
    fn a_name_that_stands_twice_is_found_and_the_last_one_counts() {
        let text = r#"{"servers": {"a": {"url": "1"}, "b": {}, "a": {"url": "2"}, "a": {"url": "3"}}}"#;
        let document = parse(text, Format::Json).expect("valid");
        assert_eq!(document.duplicates, ["a"]);
        assert_eq!(document.root["servers"]["a"]["url"], "3");
    }
}
