//! What mends a refusal, by the OAuth error code it came with: the same advice wherever the code was told
//! (RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2).

use crate::Action;

/// What the sentence about such a refusal goes on with; nothing where the code says it all.
pub(super) fn advice(code: &str) -> &'static str {
    match code {
        "invalid_target" => "; the config file's auth.resource leaves the parameter out or sets it",
        "invalid_scope" => "; the config file's auth.scopes says what to ask for",
        _ => "",
    }
}

/// What mends it, where asking again the same way cannot.
pub(super) fn action(code: &str) -> Option<Action> {
    match code {
        "invalid_target" | "invalid_scope" => Some(Action::EditConfig),
        "unauthorized_client" => Some(Action::EnterClient),
        "temporarily_unavailable" | "server_error" => Some(Action::Retry),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_the_config_file_can_mend_names_the_key() {
        for code in ["invalid_target", "invalid_scope"] {
            assert_eq!(action(code), Some(Action::EditConfig));
            assert!(advice(code).contains("auth."), "{code}");
        }
    }

    #[test]
    fn other_codes_are_left_to_the_error_they_came_with() {
        assert_eq!((advice("invalid_grant"), action("invalid_grant")), ("", None));
    }
}
