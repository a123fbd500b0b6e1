//! What each client has called: one JSON object per line.
//!
//! Arguments are not in it unless the user asked for them: they are what people write to a model, and a log outlives
//! the conversation. Results are never in it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AccessError, Client, ClientId, file, stamp::Stamp};
use crate::{ServerId, config::atomic};

/// From here on a new file is begun; the one before is kept.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The most arguments take in a line, in bytes; longer ones are left out and say so.
const MAX_ARGUMENTS: usize = 8 * 1024;

/// The longest name of a tool in a line, in characters: clients may ask for anything.
const MAX_NAME: usize = 256;

/// One call, as the gateway tells of it when it is over.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Who called.
    pub client: &'a Client,
    /// What server.
    pub server: &'a ServerId,
    /// Its tool, without the server's name.
    pub tool: &'a str,
    /// How long the client waited.
    pub duration: Duration,
    /// `ok`, `tool_error` when the tool itself said so, or the code of the problem.
    pub outcome: &'a str,
    /// What was sent along; written only if the user asked for it.
    pub arguments: Option<&'a JsonObject>,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct LoggedCall {
    /// When it was over.
    #[cfg_attr(feature = "specta", specta(type = String))]
    pub at: Timestamp,
    /// Who called, by its present name; as it was named then, once it was revoked.
    pub client: String,
    /// Tells it from every other one; none in lines of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// What server.
    pub server: ServerId,
    /// Its tool.
    pub tool: String,
    /// How long the client waited, in milliseconds.
    #[cfg_attr(feature = "specta", specta(type = u32))]
    pub duration_ms: u64,
    /// `ok`, `tool_error`, or the code of the problem.
    pub outcome: String,
    /// What was sent along, if the user asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "specta", specta(type = Option<crate::json_value::JsonValue>))]
    pub arguments: Option<Value>,
}

/// The file, open for as long as it is the one under its name.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// With its number.
    open: Mutex<Option<(File, u64)>>,
}

/// A [`LoggedCall`] that is being written: many a second may be, and nothing is copied for them.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    at: &'a str,
    client: &'a str,
    client_id: &'a ClientId,
    server: &'a ServerId,
    tool: &'a str,
    duration_ms: u64,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Value>,
}

impl<'a> Line<'a> {
    /// The line of a call that was over at that instant (RFC 3339).
    pub(super) fn of(call: &Call<'a>, at: &'a str, arguments: Option<Value>) -> Self {
        Self {
            at,
            client: call.client.name(),
            client_id: call.client.id(),
            server: call.server,
            tool: beginning(call.tool),
            duration_ms: u64::try_from(call.duration.as_millis()).unwrap_or(u64::MAX),
            outcome: call.outcome,
            arguments,
        }
    }
}

fn beginning(tool: &str) -> &str {
    let end = tool.char_indices().nth(MAX_NAME);
    end.and_then(|(end, _)| tool.get(..end)).unwrap_or(tool)
}

/// Arguments fit for a line.
pub(super) fn bounded(arguments: &JsonObject) -> Value {
    let whole = Value::Object(arguments.clone());
    let length = whole.to_string().len();
    if length > MAX_ARGUMENTS {
        Value::String(format!("{length} bytes, left out"))
    } else {
        whole
    }
}

impl Log {
    pub(super) fn at(path: PathBuf) -> Self {
        Self {
            path,
            open: Mutex::default(),
        }
    }

    /// Appends lines in one write, so that those of several processes never mix. Not flushed to the disk: nobody waits
    /// for it.
    pub(super) fn append(&self, calls: &[Line<'_>]) -> io::Result<()> {
        let mut lines = Vec::new();
        for call in calls {
            serde_json::to_writer(&mut lines, call)?;
            lines.push(b'\n');
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = Stamp::of(&self.path);
        if now.is_some_and(|stamp| stamp.length() >= MAX_BYTES) {
            self.rotate()?;
            now = None;
        }
        let (mut file, number) = match (open.take(), now) {
            (Some((file, number)), Some(now)) if number == now.number() => (file, number),
            // Rotated or removed by someone else: what was open leads nowhere any more.
            _ => {
                let file = self.create()?;
                (file, Stamp::of(&self.path).map_or(0, Stamp::number))
            }
        };
        let written = file.write_all(&lines);
        *open = Some((file, number));
        written
    }

    /// Where the file goes when it is full.
    fn before(&self) -> PathBuf {
        self.path.with_extension("1.jsonl")
    }

    fn create(&self) -> io::Result<File> {
        atomic::make_folder(atomic::folder_of(&self.path))?;
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)
    }

    /// Two processes find it full at once, and only the first may move it.
    fn rotate(&self) -> io::Result<()> {
        let _lock = atomic::lock(atomic::folder_of(&self.path))?;
        if Stamp::of(&self.path).is_some_and(|stamp| stamp.length() >= MAX_BYTES) {
            fs::rename(&self.path, self.before())?;
        }
        Ok(())
    }

    /// The last calls of which `wanted` makes something, oldest first. A line that was cut off by a full disk is passed
    /// over.
    pub(super) fn last(
        &self,
        most: usize,
        wanted: &dyn Fn(LoggedCall) -> Option<LoggedCall>,
    ) -> Result<Vec<LoggedCall>, AccessError> {
        let mut calls = Vec::new();
        for path in [self.before(), self.path.clone()] {
            calls.extend(lines(&path)?.into_iter().filter_map(wanted));
        }
        let first = calls.len().saturating_sub(most);
        Ok(calls.split_off(first))
    }
}

fn lines(path: &Path) -> Result<Vec<LoggedCall>, AccessError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(file::failed(path, &error)),
    };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    Ok(lines
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect())
}
