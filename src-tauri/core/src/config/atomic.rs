//! Replacing the file in one step: a reader sees the old text or the new one, never half of either.
//!
//! What is defended here: a crash in the middle, another process of ours (a lock), an editor that saved in the
//! meantime (compared right before the rename). What is not: an editor that saves within the microseconds between that
//! comparison and the rename; no operating system offers a rename that compares.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tempfile::NamedTempFile;

/// How long another process of ours may hold the lock; an edit takes milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// How often the lock is asked for.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// More links than any operating system follows.
const MAX_LINKS: usize = 40;

/// Why the file was not replaced; it is as it was.
#[derive(Debug)]
pub(crate) enum ReplaceError {
    /// It is not what it was when it was read.
    Changed,
    /// Its owner made it read-only.
    ReadOnly,
    /// The operating system failed.
    Io(io::Error),
}

impl From<io::Error> for ReplaceError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The file itself, with every link followed, even one to a file that is yet to be made.
pub(crate) fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match path.read_link() {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => break,
        }
    }
    path.canonicalize().unwrap_or(path)
}

/// The folder a path is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder that nobody else may look into, and those above it.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Keeps other processes of ours from editing in the same folder; released on drop.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "held for its lock")] Option<File>);

/// Locks a folder. Where folders cannot be locked, the comparison before the rename has to do.
pub(crate) fn lock(folder: &Path) -> io::Result<FolderLock> {
    let Ok(handle) = File::open(folder) else {
        return Ok(FolderLock(None));
    };
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match handle.try_lock() {
            Ok(()) => return Ok(FolderLock(Some(handle))),
            Err(TryLockError::Error(_)) => return Ok(FolderLock(None)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
        }
    }
}

/// Writes `bytes` in place of `expected`, which is none for a file that is to be made.
pub(crate) fn replace(path: &Path, expected: Option<&[u8]>, bytes: &[u8]) -> Result<(), ReplaceError> {
    let mut new = NamedTempFile::new_in(folder_of(path))?;
    new.write_all(bytes)?;
    if expected.is_some() {
        take_over(path, new.as_file())?;
    }
    new.as_file().sync_all()?;
    match expected {
        Some(expected) if fs::read(path)? == expected => new.persist(path).map_err(|error| error.error)?,
        Some(_) => return Err(ReplaceError::Changed),
        None => new
            .persist_noclobber(path)
            .map_err(|error| made_meanwhile(error.error))?,
    };
    // The text is safe by now; a folder that cannot be synced, as on Windows, only delays the name.
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

fn made_meanwhile(error: io::Error) -> ReplaceError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => ReplaceError::Changed,
        _ => ReplaceError::Io(error),
    }
}

/// Gives the new file the old one's owner and permissions.
fn take_over(path: &Path, new: &File) -> Result<(), ReplaceError> {
    let old = path.metadata()?;
    if old.permissions().readonly() {
        return Err(ReplaceError::ReadOnly);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Only root may give files away, and only root needs to: everyone else's file is their own.
        let _ = fchown(new, Some(old.uid()), Some(old.gid()));
    }
    Ok(new.set_permissions(old.permissions())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_in_the_meantime_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, "theirs").expect("written");
        for expected in [Some(b"ours".as_slice()), None] {
            let outcome = replace(&path, expected, b"new");
            assert!(matches!(outcome, Err(ReplaceError::Changed)), "{outcome:?}");
        }
        assert_eq!(fs::read(&path).expect("there"), b"theirs");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
    }

    #[test]
    fn one_editor_of_ours_waits_for_the_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = lock(folder.path()).expect("locked");
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let second = lock(folder.path());
                sender.send(second.is_ok()).expect("someone listens");
            });
            assert!(receiver.try_recv().is_err());
            drop(held);
            assert_eq!(receiver.recv(), Ok(true));
        });
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::{PermissionsExt, symlink};

        use super::*;

        fn mode(path: &Path) -> u32 {
            path.metadata().expect("there").permissions().mode() & 0o777
        }

        #[test]
        fn a_new_file_is_for_its_owner_alone_and_an_old_one_keeps_its_mode() {
            let folder = tempfile::tempdir().expect("a folder");
            let inner = folder.path().join("x/y");
            make_folder(&inner).expect("made");
            assert_eq!((mode(&inner), mode(&folder.path().join("x"))), (0o700, 0o700));
            let path = inner.join("a");
            replace(&path, None, b"1").expect("made");
            assert_eq!(mode(&path), 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
            replace(&path, Some(b"1"), b"2").expect("replaced");
            assert_eq!(
                (mode(&path), fs::read(&path).expect("there")),
                (0o644, b"2".to_vec())
            );
        }

        #[test]
        fn a_read_only_file_is_left_alone() {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("a");
            fs::write(&path, "1").expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("set");
            assert!(matches!(
                replace(&path, Some(b"1"), b"2"),
                Err(ReplaceError::ReadOnly)
            ));
        }

        #[test]
        fn links_are_followed_even_to_a_file_yet_to_be_made() {
            let folder = tempfile::tempdir().expect("a folder");
            let real = folder.path().canonicalize().expect("there");
            fs::create_dir(real.join("dots")).expect("made");
            symlink("dots/a", real.join("one")).expect("linked");
            symlink("one", real.join("two")).expect("linked");
            assert_eq!(followed(&real.join("two")), real.join("dots/a"));
            fs::write(real.join("dots/a"), "1").expect("written");
            assert_eq!(followed(&real.join("two")), real.join("dots/a"));
        }
    }
}
