//! The consent page: who asks, for what, for whom, and where the answer goes.
//!
//! A decision counts only with the token that was put into the page and the cookie that came with it, so that no other
//! page can make it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::response::Response;
use http::header;
use url::Url;

use super::{
    authorization::{self, AuthorizationRequest},
    client::Client,
    device::{self, Device},
    page::{self, Page, escaped, fill},
};
use crate::{
    demo::Decision,
    incoming::Incoming,
    options::Account,
    reply::with_header,
    scope::Scope,
    secret::{Digest, Kind, mint},
    world::World,
};

const CONSENT: &str = include_str!("pages/consent.html");
const ACCOUNT: &str = include_str!("pages/account.html");
const SCOPE: &str = include_str!("pages/scope.html");

/// How long a page waits for its answer.
const LIFETIME: Duration = Duration::from_mins(10);

/// A page that was shown and not answered.
#[derive(Debug)]
pub(crate) struct PendingConsent {
    subject: Subject,
    token: Digest,
    expires_at: SystemTime,
}

#[derive(Clone, Debug)]
enum Subject {
    Browser(Box<AuthorizationRequest>),
    Device(Box<Device>),
}

/// Shows the page for an authorization request.
pub(crate) fn ask(world: &Arc<World>, request: AuthorizationRequest) -> Response {
    show(world, Subject::Browser(Box::new(request)))
}

/// Shows the page for a device.
pub(crate) fn ask_device(world: &Arc<World>, device: Device) -> Response {
    show(world, Subject::Device(Box::new(device)))
}

fn show(world: &Arc<World>, subject: Subject) -> Response {
    let id = mint(Kind::Session);
    let token = mint(Kind::Consent);
    let body = body(world, &subject, &[("consent", &id), ("token", &token)]);
    let form_leads_to = subject.leads_to();
    let pending = PendingConsent {
        subject,
        token: Digest::of(&token),
        expires_at: world.now() + LIFETIME,
    };
    world.ledger().consents.insert(id.clone(), pending);
    let page = Page {
        status: 200,
        title: "Allow access?",
        body,
        form_leads_to: &form_leads_to,
    }
    .response();
    let cookie = format!("{id}={token}; Path=/consent; HttpOnly; SameSite=Strict");
    with_header(page, &header::SET_COOKIE, &cookie)
}

impl Subject {
    fn client(&self) -> &Client {
        match self {
            Self::Browser(request) => &request.client,
            Self::Device(device) => &device.client,
        }
    }

    fn scope(&self) -> &Scope {
        match self {
            Self::Browser(request) => &request.scope,
            Self::Device(device) => &device.grant.scope,
        }
    }

    fn resource(&self) -> &str {
        match self {
            Self::Browser(request) => &request.resource,
            Self::Device(device) => &device.grant.resource,
        }
    }

    /// Where the answer goes, in words.
    fn destination(&self) -> String {
        match self {
            Self::Browser(request) => request.back.redirect_uri.clone(),
            Self::Device(device) => format!("the device that shows {}", device.user_code),
        }
    }

    /// The source expression of the redirect URI for `form-action` (CSP Level 3 §2.3.1); empty for none.
    fn leads_to(&self) -> String {
        let Self::Browser(request) = self else {
            return String::new();
        };
        match Url::parse(&request.back.redirect_uri) {
            Ok(url) if url.has_host() => url.origin().ascii_serialization(),
            Ok(url) => format!("{}:", url.scheme()),
            Err(_) => String::new(),
        }
    }
}

fn body(world: &World, subject: &Subject, hidden: &[(&str, &str)]) -> String {
    let options = world.options();
    let accounts: String = options.accounts.iter().enumerate().map(account_choice).collect();
    let scopes: String = subject
        .scope()
        .words()
        .iter()
        .map(|word| scope_line(word))
        .collect();
    let client = subject.client();
    let values = [
        ("action", world.url("/consent")),
        ("client", escaped(client.title())),
        ("client_id", escaped(&client.id)),
        ("accounts", accounts),
        ("scopes", scopes),
        ("resource", escaped(subject.resource())),
        ("destination", escaped(&subject.destination())),
    ];
    let values = values.iter().map(|(name, value)| (*name, value.as_str()));
    fill(CONSENT, &values.chain(hidden.iter().copied()).collect::<Vec<_>>())
}

fn account_choice((place, account): (usize, &Account)) -> String {
    let initial: String = account.name.chars().take(1).collect();
    fill(
        ACCOUNT,
        &[
            ("value", &place.to_string()),
            ("checked", if place == 0 { "checked" } else { "" }),
            ("initial", &escaped(&initial)),
            ("name", &escaped(&account.name)),
            ("email", &escaped(&account.email)),
            ("workspace", &escaped(&account.workspace)),
        ],
    )
}

fn scope_line(word: &str) -> String {
    let meaning = match word {
        "mcp:tools" => "List and use its tools",
        "notes:write" => "Write notes in your name",
        "openid" => "Know which account you use",
        "profile" => "See your name",
        "email" => "See your mail address",
        "offline_access" => "Stay connected until you disconnect it",
        _ => "A permission without a description",
    };
    fill(SCOPE, &[("meaning", meaning), ("scope", &escaped(word))])
}

/// `POST /consent`: the answer, which is taken once.
pub(crate) fn decide(world: &Arc<World>, incoming: &Incoming) -> Response {
    let Some(subject) = answered(world, incoming) else {
        return page::problem(403, "This page is out of date. Start the sign-in again.");
    };
    let place = incoming
        .form
        .get("account")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0_usize);
    let account = world.options().accounts.get(place).cloned();
    let decision = match incoming.form.get("decision") {
        Some("allow") if account.is_some() => Decision::Allow,
        _ => Decision::Deny,
    };
    match (subject, decision) {
        (Subject::Browser(request), Decision::Allow) => {
            authorization::grant(world, incoming, *request, account)
        }
        (Subject::Browser(request), Decision::Deny) => authorization::deny(world, incoming, &request),
        (Subject::Device(waiting), decision) => {
            device::decide(world, &waiting.user_code, decision, place);
            page::done(match decision {
                Decision::Allow => "The device is connected",
                Decision::Deny => "The device was not connected",
            })
        }
    }
}

/// What was asked on the page this answer came from; none unless page and cookie both prove it.
fn answered(world: &World, incoming: &Incoming) -> Option<Subject> {
    let id = incoming.form.get("consent")?;
    let token = incoming.form.get("token")?;
    let now = world.now();
    let mut ledger = world.ledger();
    let pending = ledger.consents.get(id)?;
    let proven = pending.token.is_of(token)
        && cookie(incoming, id).is_some_and(|cookie| pending.token.is_of(cookie))
        && pending.expires_at > now;
    if !proven {
        return None;
    }
    ledger.consents.remove(id).map(|pending| pending.subject)
}

fn cookie<'a>(incoming: &'a Incoming, name: &str) -> Option<&'a str> {
    incoming
        .header(header::COOKIE.as_str())?
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value)
}
