//! Reading the file: bounded, patient with an editor that is still writing, and plain about what is in the way.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use super::{
    flaw::Flaw,
    locate::{ConfigFile, Readers},
    model::Config,
    omlx_rules, syntax,
};
use crate::{Action, Explain};

/// The largest config file read, in bytes; fifty servers take about twenty thousand.
pub const MAX_BYTES: usize = 1024 * 1024;

/// How often a file that someone may still be writing is looked at again, and how long in between.
const PATIENCE: (u32, Duration) = (4, Duration::from_millis(40));

/// How recently a file must have changed to be taken for half-written.
const FRESH: Duration = Duration::from_secs(1);

/// Why the file gave no text. What the text says is told by the notes of a [`Config`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is none yet.
    #[error("there is no config file at {}; `omlx mcp add` makes it", .0.display())]
    Missing(PathBuf),
    /// The path leads to a folder, a device or a pipe.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// The operating system refuses.
    #[error("{} may not be read by this user", .0.display())]
    Forbidden(PathBuf),
    /// It is larger than any config file.
    #[error("{} is larger than {MAX_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// It is not text.
    #[error("{} is not UTF-8 text: line {line}, column {column}", .path.display())]
    NotText {
        /// Which file.
        path: PathBuf,
        /// From one.
        line: usize,
        /// From one, in bytes.
        column: usize,
    },
    /// The operating system failed.
    #[error("{} cannot be read: {kind}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What kind of failure.
        kind: io::ErrorKind,
    },
}

impl Explain for ConfigError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "config_missing",
            Self::NotAFile(_) => "config_not_a_file",
            Self::Forbidden(_) => "config_forbidden",
            Self::TooLarge(_) => "config_too_large",
            Self::NotText { .. } => "config_not_text",
            Self::Unreadable { .. } => "config_unreadable",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Unreadable { .. } => Action::Retry,
            _ => Action::EditConfig,
        }
    }
}

impl ConfigFile {
    /// Reads the file. A text that makes no sense and is younger than a second is read again, since an editor may be
    /// in the middle of it; this takes at most a sixth of a second, on the calling thread.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let mut tries = PATIENCE.0;
        loop {
            let outcome = self.text();
            if tries == 0 || !self.may_be_half_written(&outcome) {
                return outcome.map(|text| self.parse(&text));
            }
            tries -= 1;
            thread::sleep(PATIENCE.1);
        }
    }

    /// The text as it is now.
    pub(super) fn text(&self) -> Result<String, ConfigError> {
        let bytes = read_bounded(&self.path, MAX_BYTES)?;
        text_of(bytes, &self.path)
    }

    /// What a text says, and what oMLX would say to it.
    pub(crate) fn parse(&self, text: &str) -> Config {
        let mut config = Config::parse(text, self.format, &self.env);
        if self.readers == Readers::OmlxToo && config.fatal().is_none() {
            let refusals = omlx_rules::refusals(text, self.format).into_iter();
            config
                .notes
                .extend(refusals.map(|refusal| Flaw::OmlxRefuses(refusal).warning()));
        }
        config
    }

    fn may_be_half_written(&self, outcome: &Result<String, ConfigError>) -> bool {
        let broken = match outcome {
            Ok(text) => syntax::parse(text, self.format).is_err(),
            Err(error) => matches!(error, ConfigError::NotText { .. }),
        };
        broken && age(&self.path).is_some_and(|age| age < FRESH)
    }
}

fn age(path: &Path) -> Option<Duration> {
    let modified = path.metadata().ok()?.modified().ok()?;
    // A file from the future is as fresh as can be.
    Some(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// Reads a regular file of at most `limit` bytes.
pub(super) fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, ConfigError> {
    let failed = |error: io::Error| io_error(path, &error);
    // Asked before opening: opening a pipe nobody writes to would wait for ever.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(ConfigError::NotAFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > limit {
        return Err(ConfigError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// What the operating system said, in our words.
fn io_error(path: &Path, error: &io::Error) -> ConfigError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ConfigError::Missing(path),
        io::ErrorKind::PermissionDenied => ConfigError::Forbidden(path),
        io::ErrorKind::IsADirectory => ConfigError::NotAFile(path),
        kind => ConfigError::Unreadable { path, kind },
    }
}

/// The bytes as text, or where they stop being text.
pub(super) fn text_of(bytes: Vec<u8>, path: &Path) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line_start = good
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        ConfigError::NotText {
            path: path.to_owned(),
            line: good.split(|byte| *byte == b'\n').count(),
            column: good.len() - line_start + 1,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Barrier};

    use tempfile::TempDir;

    use super::*;
    use crate::config::Environment;

    fn folder() -> (TempDir, ConfigFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ConfigFile::at(folder.path().join("mcp.json"), &Environment::of([]));
        (folder, file)
    }

    /// The code and the sentence of what reading `bytes` fails with; the folder's name is left out.
    fn failure(bytes: &[u8]) -> String {
        let (folder, file) = folder();
        fs::write(file.path(), bytes).expect("written");
        told(&folder, &file)
    }

    fn told(folder: &TempDir, file: &ConfigFile) -> String {
        let problem = file.read().expect_err("refused").problem();
        let text = format!("{}: {}", problem.code, problem.message);
        text.replace(&folder.path().display().to_string(), "…")
    }

    #[test]
    fn what_is_in_the_way_is_told_plainly() {
        let (dir, file) = folder();
        insta::assert_snapshot!(told(&dir, &file), @"config_missing: there is no config file at …/mcp.json; `omlx mcp add` makes it");
        fs::create_dir(file.path()).expect("a folder");
        insta::assert_snapshot!(told(&dir, &file), @"config_not_a_file: …/mcp.json is not a file");
        insta::assert_snapshot!(failure(&vec![b' '; 5 * MAX_BYTES]), @"config_too_large: …/mcp.json is larger than 1048576 bytes");
        insta::assert_snapshot!(failure(b"{\n  \"a\": \"\xff\xfe\"}"), @"config_not_text: …/mcp.json is not UTF-8 text: line 2, column 9");
    }

    #[test]
    fn a_file_below_a_file_is_just_missing() {
        let (_folder, file) = folder();
        fs::write(file.path(), "{}").expect("written");
        let below = ConfigFile::at(file.path().join("mcp.json"), &Environment::of([]));
        assert!(matches!(below.read(), Err(ConfigError::Missing(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_refusal_of_the_operating_system_is_told_apart() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(
            io_error(Path::new("/x"), &error),
            ConfigError::Forbidden("/x".into())
        );
        let error = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(io_error(Path::new("/x"), &error).code(), "config_unreadable");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let (_folder, _) = folder();
        let file = ConfigFile::at("/dev/null", &Environment::of([]));
        assert!(matches!(file.read(), Err(ConfigError::NotAFile(_))));
    }

    #[test]
    fn an_empty_file_is_a_config_that_says_so() {
        let (_folder, file) = folder();
        fs::write(file.path(), "").expect("written");
        let config = file.read().expect("read");
        assert_eq!(
            config.fatal().map(|problem| problem.code.as_ref()),
            Some("config_empty")
        );
    }

    #[test]
    fn a_half_written_file_is_read_again() {
        let (_folder, file) = folder();
        fs::write(file.path(), "{\"servers\": {").expect("written");
        let barrier = Barrier::new(2);
        let config = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                barrier.wait();
                file.read()
            });
            barrier.wait();
            fs::write(file.path(), "{\"servers\": {\"a\": {\"command\": \"x\"}}}").expect("written");
            reader.join().expect("no panic").expect("read")
        });
        assert_eq!(config.servers.len(), 1);
    }

    #[test]
    fn an_old_broken_file_is_not_waited_for() {
        let (_folder, file) = folder();
        fs::write(file.path(), "{").expect("written");
        let old = SystemTime::now() - Duration::from_mins(1);
        File::options()
            .write(true)
            .open(file.path())
            .and_then(|file| file.set_modified(old))
            .expect("set");
        assert!(!file.may_be_half_written(&file.text()));
    }

    #[test]
    fn a_file_that_omlx_reads_says_what_omlx_would_refuse() {
        let (_folder, mut file) = folder();
        let text = r#"{"servers": {"x": {"transport": "sse", "url": "https://a.example", "auth": {}}}}"#;
        fs::write(file.path(), text).expect("written");
        assert_eq!(file.read().expect("read").notes, []);
        file.readers = Readers::OmlxToo;
        let config = file.read().expect("read");
        assert_eq!(config.servers.len(), 1);
        insta::assert_snapshot!(config.notes[0].problem.message, @"oMLX would disable MCP because of this file: Invalid config for server 'x': got an unexpected keyword argument 'auth'");
    }
}
