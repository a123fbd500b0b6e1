//! What each tool does. An `Err` is a sentence for the model, and the result says `isError`.

use std::{sync::PoisonError, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    super::methods::{Ask, Outlet},
    convert::convert,
    text,
};
use crate::secret::random_below;

const PICTURE: &[u8] = include_bytes!("picture.png");

const WORDS: [&str; 24] = [
    "amber", "basalt", "cedar", "delta", "ember", "fjord", "gable", "harbor", "indigo", "juniper", "kelp",
    "lantern", "meadow", "nickel", "orchard", "pebble", "quartz", "ripple", "saffron", "thicket", "umber",
    "velvet", "willow", "zephyr",
];

/// A new moon: 2000-01-06 18:14 UTC, in seconds since 1970.
const NEW_MOON: f64 = 947_182_440.0;

/// From one new moon to the next, in days.
const LUNATION: f64 = 29.530_588_853;

const PHASES: [&str; 8] = [
    "new moon",
    "waxing crescent",
    "first quarter",
    "waxing gibbous",
    "full moon",
    "waning gibbous",
    "last quarter",
    "waning crescent",
];

/// Runs a tool that exists.
pub(super) async fn run(ask: &Ask, name: &str, outlet: Option<&Outlet>) -> Result<Value, String> {
    let arguments = &ask.request.params["arguments"];
    match name {
        "add" => Ok(says(
            &(number(arguments, "a")? + number(arguments, "b")?).to_string(),
        )),
        "time" => time(ask, arguments),
        "roll_dice" => Ok(roll_dice(arguments)),
        "convert" => {
            let (from, to) = (string(arguments, "from")?, string(arguments, "to")?);
            convert(number(arguments, "value")?, from, to).map(|value| says(&format!("{value} {to}")))
        }
        "random_words" => Ok(random_words(arguments)),
        "countdown" => Ok(countdown(ask, arguments, outlet).await),
        "picture" => {
            let data = STANDARD.encode(PICTURE);
            Ok(json!({"content": [{"type": "image", "mimeType": "image/png", "data": data}]}))
        }
        "moon_phase" => Ok(moon_phase(ask)),
        "office_hours" => office_hours(arguments),
        "add_note" => add_note(ask, arguments),
        "list_notes" => Ok(list_notes(ask)),
        "always_fails" => Err("this tool always fails".to_owned()),
        "who_am_i" => Ok(who_am_i(ask)),
        _ => string(arguments, "text").map(says),
    }
}

fn says(words: &str) -> Value {
    json!({"content": [text(words)]})
}

fn structured(value: &Value) -> Value {
    json!({"content": [text(&value.to_string())], "structuredContent": value})
}

fn string<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, String> {
    arguments[name]
        .as_str()
        .ok_or_else(|| format!("{name} must be a string"))
}

fn number(arguments: &Value, name: &str) -> Result<f64, String> {
    arguments[name]
        .as_f64()
        .ok_or_else(|| format!("{name} must be a number"))
}

fn small(arguments: &Value, name: &str, default: u64) -> u64 {
    arguments[name].as_u64().unwrap_or(default)
}

fn time(ask: &Ask, arguments: &Value) -> Result<Value, String> {
    let offset = arguments["utc_offset_minutes"].as_i64().unwrap_or_default();
    let now = Timestamp::try_from(ask.world.now()).map_err(|_| "the clock is out of range".to_owned())?;
    let local = now
        .checked_add(offset.minutes())
        .map_err(|_| "the offset is out of range".to_owned())?;
    let clock = local.to_string();
    if offset == 0 {
        return Ok(says(&clock));
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
    Ok(says(&format!(
        "{}{sign}{hours:02}:{minutes:02}",
        clock.trim_end_matches('Z')
    )))
}

fn roll_dice(arguments: &Value) -> Value {
    let dice = small(arguments, "dice", 1).clamp(1, 100);
    let sides = small(arguments, "sides", 6).clamp(2, 1000);
    let rolls: Vec<u64> = (0..dice).map(|_| 1 + random_below(sides)).collect();
    says(&format!("{rolls:?}, {} in all", rolls.iter().sum::<u64>()))
}

fn random_words(arguments: &Value) -> Value {
    let count = small(arguments, "count", 5).clamp(1, 50);
    let word = |_| WORDS[usize::try_from(random_below(WORDS.len() as u64)).unwrap_or_default()];
    says(&(0..count).map(word).collect::<Vec<_>>().join(" "))
}

async fn countdown(ask: &Ask, arguments: &Value, outlet: Option<&Outlet>) -> Value {
    let from = small(arguments, "from", 5).clamp(1, 60);
    let pause = Duration::from_millis(small(arguments, "pause_ms", 200).min(10_000));
    for done in 1..=from {
        tokio::time::sleep(pause).await;
        let Some((outlet, token)) = outlet.zip(ask.progress_token()) else {
            continue;
        };
        let progress = json!({
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {
                "progressToken": token,
                "progress": done,
                "total": from,
                "message": format!("{} to go", from - done),
            },
        });
        // Whoever went away needs no progress.
        let _ = outlet.send(progress);
    }
    says("lift-off")
}

fn moon_phase(ask: &Ask) -> Value {
    let seconds =
        Timestamp::try_from(ask.world.now()).map_or(NEW_MOON, |now| now.as_duration().as_secs_f64());
    let age = ((seconds - NEW_MOON) / 86_400.0).rem_euclid(LUNATION);
    let illuminated = f64::midpoint(1.0, -(age / LUNATION * std::f64::consts::TAU).cos());
    let bounds = [1.85, 5.54, 9.23, 12.92, 16.61, 20.30, 23.99, 27.68];
    let phase = bounds.iter().filter(|bound| age >= **bound).count() % PHASES.len();
    let round = |value: f64| (value * 100.0).round() / 100.0;
    structured(&json!({
        "phase": PHASES[phase],
        "age_days": round(age),
        "illuminated": round(illuminated),
    }))
}

fn office_hours(arguments: &Value) -> Result<Value, String> {
    match string(arguments, "region")? {
        "eu" => Ok(says("Lisbon: Monday to Friday, 9 to 17 o'clock")),
        "us" => Ok(says("Denver: Monday to Friday, 8 to 16 o'clock")),
        "jp" => Ok(says("Kyoto: Monday to Friday, 9 to 18 o'clock")),
        other => Err(format!("there is no office in {other}")),
    }
}

fn author(ask: &Ask) -> String {
    ask.caller.subject().unwrap_or("anyone").to_owned()
}

fn add_note(ask: &Ask, arguments: &Value) -> Result<Value, String> {
    let note = string(arguments, "text")?.to_owned();
    let mut notes = ask.world.mcp.notes.lock().unwrap_or_else(PoisonError::into_inner);
    let own = notes.entry(author(ask)).or_default();
    own.push(note);
    Ok(says(&format!("note {} written", own.len())))
}

fn list_notes(ask: &Ask) -> Value {
    let notes = ask.world.mcp.notes.lock().unwrap_or_else(PoisonError::into_inner);
    match notes.get(&author(ask)) {
        Some(own) => says(&own.join("\n")),
        None => says("no notes yet"),
    }
}

fn who_am_i(ask: &Ask) -> Value {
    let caller = &ask.caller;
    let account = caller.account.as_ref();
    structured(&json!({
        "account": account.map(|account| &account.email),
        "name": account.map(|account| &account.name),
        "workspace": account.map(|account| &account.workspace),
        "client_id": caller.client_id,
        "scope": caller.scope.to_string(),
    }))
}
