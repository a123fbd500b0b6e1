//! Device authorization (RFC 8628).

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::response::Response;
use serde_json::{Value, json};

use super::{
    authorization::requested_scope,
    client::Client,
    client_authentication::authenticate,
    consent,
    ledger::{Grant, Issued},
    page, resource,
    token::{DEVICE_CODE, check_form, failure, refreshable, terms},
};
use crate::{
    demo::Decision,
    incoming::Incoming,
    options::{Account, Consent},
    reply::{self, OAuthError},
    secret::{Digest, Kind, mint, random_below},
    world::World,
};

/// Letters that cannot be mistaken for one another, and spell nothing (§6.1).
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// How much longer a device must wait after each `slow_down` (§3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// A device that waits for a person.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) user_code: String,
    pub(crate) grant: Grant,
    pub(crate) client: Client,
    expires_at: SystemTime,
    interval: Duration,
    polled_at: Option<SystemTime>,
    answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    None,
    Allowed,
    Denied,
    Used,
}

/// `POST /device_authorization`
pub(crate) fn begin(world: &Arc<World>, incoming: &Incoming) -> Response {
    match begun(world, incoming) {
        Ok(document) => reply::json(200, &document),
        Err(error) => failure(incoming, error),
    }
}

fn begun(world: &World, incoming: &Incoming) -> Result<Value, OAuthError> {
    check_form(incoming)?;
    let client = authenticate(world, incoming)?;
    if !client.may_use(DEVICE_CODE) {
        return Err(OAuthError::new(
            "unauthorized_client",
            "not registered for device codes",
        ));
    }
    let policy = world.options().device;
    let (code, user_code) = (mint(Kind::DeviceCode), user_code());
    let device = Device {
        user_code: user_code.clone(),
        grant: Grant {
            client_id: client.id.clone(),
            account: None,
            scope: requested_scope(world, incoming.form.get("scope"), &client)?,
            resource: resource::requested(world, &incoming.form)?,
            key: None,
        },
        client,
        expires_at: world.now() + policy.lifetime,
        interval: policy.interval,
        polled_at: None,
        answer: Answer::None,
    };
    world.ledger().devices.insert(Digest::of(&code), device);
    let page = world.url("/device");
    Ok(json!({
        "device_code": code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": policy.lifetime.as_secs(),
        "interval": policy.interval.as_secs(),
    }))
}

fn user_code() -> String {
    let letter = || char::from(LETTERS[usize::try_from(random_below(LETTERS.len() as u64)).unwrap_or(0)]);
    let part = || (0..4).map(|_| letter()).collect::<String>();
    format!("{}-{}", part(), part())
}

/// One poll of the token endpoint (§3.4, §3.5).
pub(crate) fn poll(
    world: &World,
    incoming: &Incoming,
    client: &Client,
    key: Option<&str>,
) -> Result<Issued, OAuthError> {
    let code = incoming.form.get("device_code");
    let digest = Digest::of(code.ok_or(OAuthError::invalid_request("device_code is missing"))?);
    let terms = terms(world);
    let by_itself = world.options().consent;
    let account = world.options().accounts.first().cloned();
    let mut ledger = world.ledger();
    let device = ledger
        .devices
        .get_mut(&digest)
        .filter(|device| device.client.id == client.id)
        .ok_or(OAuthError::invalid_grant("unknown device code"))?;
    let answer = device.polled(terms.now, by_itself, account)?;
    if answer == Answer::None {
        return Err(OAuthError::new(
            "authorization_pending",
            "nobody has answered yet",
        ));
    }
    resource::unchanged(world, &incoming.form, &device.grant.resource)?;
    device.answer = Answer::Used;
    let grant = Grant {
        key: key.map(str::to_owned),
        ..device.grant.clone()
    };
    let family = ledger.open_family(grant);
    Ok(ledger.issue(family, terms, refreshable(client)))
}

impl Device {
    /// The state after one more poll. Where nobody is asked, the second poll finds an answer.
    fn polled(
        &mut self,
        now: SystemTime,
        by_itself: Consent,
        account: Option<Account>,
    ) -> Result<Answer, OAuthError> {
        if self.expires_at <= now {
            return Err(OAuthError::new("expired_token", "the device code has expired"));
        }
        let before = self.polled_at.replace(now);
        let hurried = before.is_some_and(|before| {
            now.duration_since(before)
                .is_ok_and(|since| since < self.interval)
        });
        if hurried {
            self.interval += SLOWER;
            return Err(OAuthError::new("slow_down", "polled too soon"));
        }
        if self.answer == Answer::None && before.is_some() {
            match by_itself {
                Consent::Ask => {}
                Consent::Grant => self.decided(Decision::Allow, account),
                Consent::Deny => self.decided(Decision::Deny, None),
            }
        }
        match self.answer {
            Answer::Denied => Err(OAuthError::new("access_denied", "the user did not agree")),
            Answer::Used => Err(OAuthError::invalid_grant("the device code was used before")),
            answer => Ok(answer),
        }
    }

    fn decided(&mut self, decision: Decision, account: Option<Account>) {
        self.answer = match decision {
            Decision::Allow => Answer::Allowed,
            Decision::Deny => Answer::Denied,
        };
        self.grant.account = account;
    }
}

/// `GET` and `POST /device`: the page a person enters the code on.
pub(crate) fn page(world: &Arc<World>, incoming: &Incoming) -> Response {
    let entered = incoming.query.get("user_code").or(incoming.form.get("user_code"));
    let Some(entered) = entered else {
        return page::enter_code(world, "");
    };
    let now = world.now();
    let waiting = {
        let ledger = world.ledger();
        let mut devices = ledger.devices.values();
        devices
            .find(|device| {
                device.is_named(entered) && device.answer == Answer::None && device.expires_at > now
            })
            .cloned()
    };
    match waiting {
        Some(device) => consent::ask_device(world, device),
        None => page::enter_code(world, "There is no such code, or it has been used."),
    }
}

/// Answers the device that shows `user_code`; false when there is none.
pub(crate) fn decide(world: &World, user_code: &str, decision: Decision, account: usize) -> bool {
    let account = world.options().accounts.get(account).cloned();
    let mut ledger = world.ledger();
    let mut devices = ledger.devices.values_mut();
    let waiting = devices.find(|device| device.is_named(user_code) && device.answer == Answer::None);
    waiting.map(|device| device.decided(decision, account)).is_some()
}

impl Device {
    /// Case, spaces and the hyphen do not count (§6.1).
    fn is_named(&self, entered: &str) -> bool {
        let plain = |text: &str| -> String {
            let letters = text.chars().filter(char::is_ascii_alphanumeric);
            letters.collect::<String>().to_ascii_uppercase()
        };
        plain(&self.user_code) == plain(entered)
    }
}
