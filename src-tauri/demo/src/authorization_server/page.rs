//! The pages a person sees: self-contained, without scripts, and not to be framed (RFC 9700 §4.16).

use axum::response::Response;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::header;

use crate::{
    reply::{reply, with_header},
    secret::random,
    world::World,
};

const FRAME: &str = include_str!("pages/frame.html");
const STYLE: &str = include_str!("pages/style.css");
const PROBLEM: &str = include_str!("pages/problem.html");
const DEVICE: &str = include_str!("pages/device.html");
const WELCOME: &str = include_str!("pages/welcome.html");
const DONE: &str = include_str!("pages/done.html");

/// A page: its title, its body with every value escaped, and where its form may lead besides here.
pub(crate) struct Page<'a> {
    pub(crate) status: u16,
    pub(crate) title: &'a str,
    pub(crate) body: String,
    pub(crate) form_leads_to: &'a str,
}

impl Page<'_> {
    /// The page with the header fields that keep it from being framed, scripted or cached.
    pub(crate) fn response(&self) -> Response {
        let nonce = URL_SAFE_NO_PAD.encode(random::<16>());
        let title = escaped(self.title);
        let html = fill(
            FRAME,
            &[
                ("title", &title),
                ("nonce", &nonce),
                ("style", STYLE),
                ("body", &self.body),
            ],
        );
        // Browsers apply form-action to the redirect after the form too, so the redirect URI must be in it.
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self' {}; frame-ancestors 'none'; \
             base-uri 'none'",
            self.form_leads_to
        );
        let page = reply(self.status, "text/html; charset=utf-8", html);
        let page = with_header(page, &header::CONTENT_SECURITY_POLICY, &policy);
        let page = with_header(page, &header::X_FRAME_OPTIONS, "DENY");
        let page = with_header(page, &header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        // Not no-referrer: browsers would send `Origin: null` with the form then.
        with_header(page, &header::REFERRER_POLICY, "same-origin")
    }
}

/// A request that cannot be sent back to anyone.
pub(crate) fn problem(status: u16, sentence: &str) -> Response {
    Page {
        status,
        title: "This sign-in cannot go on",
        body: fill(PROBLEM, &[("sentence", &escaped(sentence))]),
        form_leads_to: "",
    }
    .response()
}

/// Where the code of a device is entered; `problem` says what was wrong with the last one.
pub(crate) fn enter_code(world: &World, problem: &str) -> Response {
    Page {
        status: 200,
        title: "Connect a device",
        body: fill(
            DEVICE,
            &[("action", &world.url("/device")), ("problem", &escaped(problem))],
        ),
        form_leads_to: "",
    }
    .response()
}

/// What someone sees who opens the server's address.
pub(crate) fn welcome(world: &World) -> Response {
    Page {
        status: 200,
        title: "Running",
        body: fill(
            WELCOME,
            &[("mcp", &world.url("/mcp")), ("sse", &world.url("/sse"))],
        ),
        form_leads_to: "",
    }
    .response()
}

/// The end of a sign-in that leads nowhere else.
pub(crate) fn done(title: &str) -> Response {
    Page {
        status: 200,
        title,
        body: fill(DONE, &[("title", &escaped(title))]),
        form_leads_to: "",
    }
    .response()
}

/// Replaces `{{name}}`, in one pass: what a value contains is never looked at.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, tail)) = after.split_once("}}") else {
            break;
        };
        let value = values.iter().find(|(own, _)| *own == name);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

/// A text that HTML takes as text, in content and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_taken_for_markup_or_for_a_placeholder() {
        let hostile = escaped("{{secret}}<script>\"'&");
        let page = fill("<p>{{name}}</p>", &[("name", &hostile), ("secret", "leaked")]);
        assert_eq!(page, "<p>{{secret}}&lt;script&gt;&quot;&#39;&amp;</p>");
    }
}
