//! Names that are almost others. Readers that do not mind how a member of a JSON object is spelled (Go's encoding/json,
//! CVE-2026-27896) take one for the other, and what we have checked is not what they read.

/// Whether `name` is none of `names`, and some reader would take it for one: by folding its letters, or by ending it at a
/// NUL. A name with a NUL is never what it seems.
pub fn is_near_miss(name: &str, names: &[&str]) -> bool {
    !names.contains(&name) && (name.contains('\0') || names.iter().any(|other| reads_as(name, other)))
}

fn reads_as(name: &str, other: &str) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(other);
    }
    // The long s and the Kelvin sign, too.
    name.chars().map(folded).eq(other.chars().map(folded))
}

fn folded(letter: char) -> char {
    let lower = letter.to_uppercase().flat_map(char::to_lowercase).next();
    lower.unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_without_regard_to_case_takes_for_a_name_is_a_near_miss_and_the_name_itself_is_none() {
        let names = ["name", "params", "kind", "requestId"];
        for name in [
            "Name",
            "NAME",
            "param\u{17f}",
            "\u{212a}ind",
            "request\u{131}d",
            "requestid",
            "name\0",
            "name\0x",
            "\0",
        ] {
            assert!(is_near_miss(name, &names), "{name:?}");
        }
        for name in ["name", "requestId", "names", "na", "", "jsonrpc", "ñame", "na-me"] {
            assert!(!is_near_miss(name, &names), "{name:?}");
        }
    }
}
