//! What a refused refresh means for the grant.
//!
//! Only a sure "this refresh token is no good" ends a grant. Everything else (the network, a 5xx, a page of a captive
//! portal, a complaint about some parameter) leaves it as it is, because a grant that was given up by mistake costs a
//! person a sign-in.

use crate::oauth::{http::HttpError, token::TokenError};

/// `invalid_grant` (RFC 6749 §5.2) and what is said in its place: Slack, GitHub, Entra and others.
const ENDED: &[&str] = &[
    "invalid_grant",
    "invalid_refresh_token",
    "bad_refresh_token",
    "refresh_token_expired",
    "refresh_token_invalid",
    "refresh_token_not_found",
    "refresh_token_revoked",
    "refresh_token_reused",
    "expired_refresh_token",
    "expired_token",
    "token_expired",
    "token_revoked",
    "token_inactive",
    "invalid_token",
    "account_inactive",
    "access_denied",
    "login_required",
    "consent_required",
    "interaction_required",
    // The server does not refresh at all, so only a person can go on.
    "unsupported_grant_type",
];

/// Codes that are only about the scope when their description says so.
const MAYBE_SCOPE: &[&str] = &[
    "invalid_request",
    "invalid_target",
    "invalid_resource",
    "invalid_grant",
];

/// What is to be done after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The refresh token is no good: a person is needed.
    Ended,
    /// The client is unknown: become one again.
    ClientLost,
    /// Nothing is lost: try later, or mend what the error names.
    Kept,
    /// The refresh token may have been spent.
    Unknown,
}

/// Judges a failed request.
pub(super) fn judge(error: &TokenError) -> Verdict {
    match error {
        TokenError::Rejected { code, .. } if ENDED.contains(&code.as_str()) => Verdict::Ended,
        TokenError::InvalidClient { .. } => Verdict::ClientLost,
        // An answer of success that could not be read: the server thinks it has rotated.
        TokenError::Unreadable { status: 200..300, .. } => Verdict::Unknown,
        TokenError::Unanswered(HttpError::Interrupted { .. } | HttpError::TooLarge { .. }) => {
            Verdict::Unknown
        }
        _ => Verdict::Kept,
    }
}

/// Whether the refusal is about the scope parameter, sent or missing.
///
/// The one place that looks into a description: Entra has no code of its own for it (AADSTS90009, AADSTS70011). All
/// that follows is one more request.
pub(super) fn is_about_scope(error: &TokenError) -> bool {
    match error {
        TokenError::Rejected { code, .. } if code == "invalid_scope" => true,
        TokenError::Rejected { code, description } if MAYBE_SCOPE.contains(&code.as_str()) => {
            let text = description.as_deref().unwrap_or_default();
            text.to_ascii_lowercase().contains("scope")
                || text.contains("AADSTS90009")
                || text.contains("AADSTS70011")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(code: &str, description: &str) -> TokenError {
        TokenError::Rejected {
            code: code.to_owned(),
            description: Some(description.to_owned()),
        }
    }

    #[test]
    fn only_a_sure_no_ends_a_grant() {
        for code in ENDED {
            assert_eq!(judge(&rejected(code, "")), Verdict::Ended, "{code}");
        }
        for code in [
            "invalid_request",
            "invalid_scope",
            "invalid_target",
            "something_new",
        ] {
            assert_eq!(judge(&rejected(code, "")), Verdict::Kept, "{code}");
        }
        let page = |status| TokenError::Unreadable {
            status,
            reason: "with neither JSON nor a form",
        };
        assert_eq!(judge(&page(404)), Verdict::Kept);
        assert_eq!(judge(&page(200)), Verdict::Unknown);
        let busy = TokenError::Unavailable {
            status: 503,
            retry_after: None,
        };
        assert_eq!(judge(&busy), Verdict::Kept);
    }

    #[test]
    fn an_answer_that_got_lost_may_have_spent_the_token_and_one_never_asked_for_has_not() {
        let url = || "https://as.example/token".to_owned();
        let cause = || "x".to_owned();
        let lost = HttpError::Interrupted {
            url: url(),
            cause: cause(),
        };
        let never = HttpError::Unreachable {
            url: url(),
            cause: cause(),
        };
        assert_eq!(judge(&TokenError::Unanswered(lost)), Verdict::Unknown);
        assert_eq!(
            judge(&TokenError::Unanswered(HttpError::TooLarge { url: url() })),
            Verdict::Unknown
        );
        assert_eq!(judge(&TokenError::Unanswered(never)), Verdict::Kept);
    }

    #[test]
    fn a_complaint_about_the_scope_is_recognised() {
        assert!(is_about_scope(&rejected("invalid_scope", "")));
        assert!(is_about_scope(&rejected(
            "invalid_request",
            "AADSTS90009: Application is requesting a token for itself"
        )));
        assert!(is_about_scope(&rejected(
            "invalid_request",
            "The parameter Scope is missing"
        )));
        assert!(!is_about_scope(&rejected(
            "invalid_request",
            "refresh_token is malformed"
        )));
        assert!(!is_about_scope(&rejected("invalid_grant", "token was revoked")));
    }
}
