//! What the browser shows when it comes back: constant texts, nothing loaded, nothing run, nothing repeated.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::PRODUCT;

/// A page, one for each way a request can turn out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The browser's part is done.
    Granted,
    /// The authorization server or our checks said no.
    Refused,
    /// Nobody waits for this answer.
    Foreign,
    /// The answer is already here.
    Again,
    /// Not the redirect URI.
    NotFound,
    /// Neither GET nor HEAD.
    MethodNotAllowed,
    /// Not HTTP.
    BadRequest,
}

const STYLE: &str = "\
:root{color-scheme:light dark;--back:#f5f5f7;--card:#fff;--text:#1d1d1f;--soft:#6e6e73;--good:#1a7f37;--bad:#b3261e}\
@media(prefers-color-scheme:dark){:root{--back:#161618;--card:#242427;--text:#f5f5f7;--soft:#a1a1a6;--good:#4ac26b;--bad:#ff8a80}}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--back);color:var(--text);\
font:17px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}\
main{max-width:26rem;margin:1.5rem;padding:2.5rem;border-radius:1rem;background:var(--card);text-align:center}\
svg{width:3.5rem;height:3.5rem;fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}\
.good{stroke:var(--good)}.bad{stroke:var(--bad)}.calm{stroke:var(--soft)}\
h1{margin:.75rem 0 .5rem;font-size:1.35rem}p{margin:0;color:var(--soft)}";

/// What stands on a page.
struct Words {
    status: &'static str,
    sign: &'static str,
    title: &'static str,
    text: &'static str,
}

const TICK: &str = r#"<svg class="good" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="m7.5 12.5 3 3 6-7"/></svg>"#;
const CROSS: &str = r#"<svg class="bad" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="m9 9 6 6m0-6-6 6"/></svg>"#;
const DASH: &str = r#"<svg class="calm" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="M8 12h8"/></svg>"#;

impl Page {
    /// The head and the body of the HTTP response.
    pub(super) fn response(self) -> (String, String) {
        let words = self.words();
        let html = html(&words);
        let allow = if self == Self::MethodNotAllowed {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let head = format!(
            "HTTP/1.1 {}\r\n\
             Content-Type: text/html; charset=utf-8\r\n\
             Content-Length: {}\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
             Cache-Control: no-store\r\n\
             Referrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\n\
             {allow}Connection: close\r\n\r\n",
            words.status,
            html.len(),
            STANDARD.encode(Sha256::digest(STYLE)),
        );
        (head, html)
    }

    fn words(self) -> Words {
        let words = |status, sign, title, text| Words {
            status,
            sign,
            title,
            text,
        };
        match self {
            Self::Granted => words(
                "200 OK",
                TICK,
                "You are all set in the browser",
                "The sign-in goes on by itself. You can close this window and go back to where you started it.",
            ),
            Self::Refused => words(
                "200 OK",
                CROSS,
                "The sign-in was not completed",
                "Nothing was changed. Close this window; the place where you started it says why, and lets you try again.",
            ),
            Self::Foreign => words(
                "400 Bad Request",
                DASH,
                "This answer belongs to another sign-in",
                "It may come from an older window. Close this one, and start the sign-in again if you still need it.",
            ),
            Self::Again => words(
                "200 OK",
                TICK,
                "This answer has already arrived",
                "There is nothing more to do here. You can close this window.",
            ),
            Self::NotFound => words(
                "404 Not Found",
                DASH,
                "There is nothing here",
                "You can close this window.",
            ),
            Self::MethodNotAllowed => words(
                "405 Method Not Allowed",
                DASH,
                "There is nothing to send here",
                "You can close this window.",
            ),
            Self::BadRequest => words(
                "400 Bad Request",
                DASH,
                "This request makes no sense",
                "You can close this window.",
            ),
        }
    }
}

fn html(words: &Words) -> String {
    let Words {
        sign, title, text, ..
    } = words;
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title} · {PRODUCT}</title><style>{STYLE}</style></head>\
         <body><main>{sign}<h1>{title}</h1><p>{text}</p></main></body></html>\n"
    )
}
