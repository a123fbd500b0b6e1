//! The `omlx` behind us on PATH: oMLX has a command of the same name, and everything but `mcp` is its business.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Command,
};

/// The name looked for.
const NAME: &str = "omlx";

/// The first `omlx` on PATH that is not this program, under whatever name or link it is found there.
pub(crate) fn find() -> Option<PathBuf> {
    let ourselves = env::current_exe().and_then(|path| path.canonicalize()).ok();
    let path = env::var_os("PATH")?;
    first_other(&path, ourselves.as_deref())
}

fn first_other(path: &OsString, ourselves: Option<&Path>) -> Option<PathBuf> {
    env::split_paths(path)
        // An empty or relative entry means the working directory, which is no place to take programs from unasked.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(NAME))
        .find(|candidate| is_program(candidate) && candidate.canonicalize().ok().as_deref() != ourselves)
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.with_extension(env::consts::EXE_EXTENSION).is_file()
}

/// Becomes that program; comes back only when that failed.
#[cfg(unix)]
pub(crate) fn become_it(program: &Path, words: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt;

    Command::new(program).args(words).exec()
}

/// Runs that program to its end.
#[cfg(not(unix))]
pub(crate) fn become_it(program: &Path, words: &[OsString]) -> io::Error {
    match Command::new(program).args(words).status() {
        Ok(status) => io::Error::other(format!("it ended with {status}")),
        Err(error) => error,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, os::unix::fs::symlink};

    use super::*;

    fn program(folder: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let file = folder.join(NAME);
        fs::write(&file, "#!/bin/sh\n")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        Ok(file)
    }

    #[test]
    fn we_are_skipped_under_every_link_and_so_is_what_cannot_be_run() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("canonical");
        let [ours, link, plain, other] = ["ours", "link", "plain", "other"].map(|name| root.join(name));
        let ourselves = program(&ours).expect("a program");
        fs::create_dir(&link).expect("created");
        symlink(&ourselves, link.join(NAME)).expect("linked");
        fs::create_dir(&plain).expect("created");
        fs::write(plain.join(NAME), "not a program").expect("written");
        let path = |folders: &[&Path]| env::join_paths(folders).expect("a PATH");

        let all = path(&[Path::new(""), &link, &ours, &plain, &other]);
        assert_eq!(first_other(&all, Some(&ourselves)), None);
        let theirs = program(&other).expect("a program");
        assert_eq!(first_other(&all, Some(&ourselves)), Some(theirs));
    }
}
