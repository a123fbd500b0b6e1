//! `${NAME}` and `${env:NAME}` in a text, as other clients write them; oMLX itself expands nothing.
//!
//! `${NAME:-fallback}` takes the fallback when the variable is unset or empty. What comes out is never expanded again,
//! so a variable's value cannot name another variable.

/// A text after expansion.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expansion {
    /// The text; references that could not be resolved stand there as written.
    pub(super) text: String,
    /// What could not be resolved, in order.
    pub(super) unresolved: Vec<Unresolved>,
}

/// A reference without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// The variable of that name is not set.
    Variable(String),
    /// VS Code's `${input:ID}`, for which only VS Code can ask.
    Input(String),
}

/// Replaces every reference that has a value.
pub(super) fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Expansion {
    let mut expansion = Expansion {
        text: String::with_capacity(text.len()),
        unresolved: Vec::new(),
    };
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        expansion.text.push_str(before);
        let Some(length) = reference.find('}') else {
            rest = reference;
            break;
        };
        expansion.resolve(&reference[..=length], env);
        rest = &reference[length + 1..];
    }
    expansion.text.push_str(rest);
    expansion
}

impl Expansion {
    /// Appends the value of `reference`, which is the whole of `${…}`.
    fn resolve(&mut self, reference: &str, env: &dyn Fn(&str) -> Option<String>) {
        let body = &reference[2..reference.len() - 1];
        if let Some(id) = body.strip_prefix("input:") {
            self.unresolved.push(Unresolved::Input(id.to_owned()));
            return self.text.push_str(reference);
        }
        let body = body.strip_prefix("env:").unwrap_or(body);
        let (name, fallback) = match body.split_once(":-") {
            Some((name, fallback)) => (name, Some(fallback)),
            None => (body, None),
        };
        if !is_name(name) {
            return self.text.push_str(reference);
        }
        let value = match fallback {
            Some(fallback) => env(name)
                .filter(|value| !value.is_empty())
                .or_else(|| Some(fallback.to_owned())),
            None => env(name),
        };
        if let Some(value) = value {
            self.text.push_str(&value);
        } else {
            self.unresolved.push(Unresolved::Variable(name.to_owned()));
            self.text.push_str(reference);
        }
    }
}

/// Whether POSIX would call it a variable's name; anything else between the braces is just text.
fn is_name(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c == '_' || c.is_ascii_alphabetic());
    rest.len() < text.len() && rest.bytes().all(|c| c == b'_' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("t0ken".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${TOKEN}".to_owned()),
            _ => None,
        }
    }

    fn text(text: &str) -> String {
        expand(text, &env).text
    }

    #[test]
    fn both_spellings_name_the_same_variable() {
        assert_eq!(text("Bearer ${env:TOKEN}, ${TOKEN}!"), "Bearer t0ken, t0ken!");
    }

    #[test]
    fn a_fallback_stands_in_for_an_unset_or_empty_variable() {
        assert_eq!(text("${NONE:-a}${EMPTY:-b}${env:TOKEN:-c}${EMPTY}"), "abt0ken");
    }

    #[test]
    fn a_value_is_never_expanded_again() {
        assert_eq!(text("${NESTED}"), "${TOKEN}");
    }

    #[test]
    fn what_is_no_reference_stays_as_written() {
        for plain in [
            "$TOKEN", "${", "${TOKEN", "${}", "${a b}", "${1A}", "$${x/y}", "%TOKEN%",
        ] {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn what_has_no_value_is_named_and_stays_as_written() {
        let expansion = expand("${NONE}-${input:key}", &env);
        assert_eq!(expansion.text, "${NONE}-${input:key}");
        let named = [
            Unresolved::Variable("NONE".to_owned()),
            Unresolved::Input("key".to_owned()),
        ];
        assert_eq!(expansion.unresolved, named);
    }

    proptest! {
        #[test]
        fn a_text_without_a_dollar_sign_comes_out_unchanged(plain in "[^$]*") {
            prop_assert_eq!(text(&plain), plain);
        }

        #[test]
        fn no_text_at_all_breaks_it(any in "[${}:a-z-]*") {
            expand(&any, &env);
        }
    }
}
