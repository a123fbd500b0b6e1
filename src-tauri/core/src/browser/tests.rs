//! Which commands are found, and that they are really run.

#![cfg(unix)]

use std::{ffi::OsString, fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::{command::candidates, *};

fn url() -> Url {
    Url::parse("https://as.example/authorize?a=1&b=$(reboot);'\"").expect("valid")
}

fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
}

fn environment(folder: &Path) -> Environment {
    Environment {
        path: OsString::from(folder),
        screen: true,
        ..Environment::default()
    }
}

fn lines(environment: &Environment) -> Vec<String> {
    candidates(environment, &Url::parse("https://as.example/a").expect("valid"))
        .into_iter()
        .map(|command| {
            let name = command
                .program
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            [vec![name], command.arguments].concat().join(" ")
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_desktop_opener_comes_first_and_only_what_exists_is_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "gio", "");
    program(folder.path(), "x-www-browser", "");
    let mut environment = environment(folder.path());
    assert_eq!(
        lines(&environment),
        [
            "gio open https://as.example/a",
            "x-www-browser https://as.example/a"
        ]
    );
    program(folder.path(), "wslview", "");
    environment.wsl = true;
    environment.screen = false;
    assert_eq!(lines(&environment)[0], "wslview https://as.example/a");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_screen_or_over_ssh_only_the_browser_variable_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "xdg-open", "");
    program(folder.path(), "forward", "");
    let mut headless = environment(folder.path());
    headless.screen = false;
    assert!(lines(&headless).is_empty());
    let mut remote = environment(folder.path());
    remote.remote = true;
    assert!(lines(&remote).is_empty());
    assert!(matches!(
        SystemBrowser::in_environment(remote.clone()).open(&url()),
        Err(BrowserError::Unavailable)
    ));
    remote.browser = Some("forward".to_owned());
    assert_eq!(lines(&remote), ["forward https://as.example/a"]);
}

#[test]
fn the_opener_is_told_without_starting_it() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "forward", "exit 1");
    let opener = |browser: &str| {
        let mut environment = environment(folder.path());
        environment.browser = Some(browser.to_owned());
        SystemBrowser::in_environment(environment).opener()
    };
    assert_eq!(opener("missing:forward"), Some(folder.path().join("forward")));
    assert_eq!(opener("none"), None);
}

#[test]
fn the_browser_variable_is_a_list_of_command_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "one", "");
    program(folder.path(), "two words", "");
    let mut environment = environment(folder.path());
    environment.screen = false;
    environment.browser = Some("missing:one --to=%s 100%% -x:'two words' --new:\"open".to_owned());
    assert_eq!(
        lines(&environment),
        [
            "one --to=https://as.example/a 100% -x",
            "two words --new https://as.example/a"
        ]
    );
    environment.browser = Some("none".to_owned());
    environment.screen = true;
    assert!(lines(&environment).is_empty());
}

#[test]
fn only_https_and_loopback_are_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    program(folder.path(), "b", "");
    let mut environment = environment(folder.path());
    environment.browser = Some("b".to_owned());
    let browser = SystemBrowser::in_environment(environment);
    for bad in [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://as.example/",
        "vbscript:x",
    ] {
        let refused = browser.open(&Url::parse(bad).expect("a URL"));
        assert!(matches!(refused, Err(BrowserError::Unsafe(_))), "{bad}");
    }
}

/// Reads what a child writes into a named pipe, so that nobody has to sleep until it has.
fn pipe(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .expect("mkfifo");
    assert!(made.success());
    path
}

#[test]
fn the_url_reaches_the_program_as_one_argument_that_no_shell_has_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = pipe(folder.path());
    program(
        folder.path(),
        "b",
        &format!("printf '%s|' \"$#\" \"$@\" > {}", pipe.display()),
    );
    let mut environment = environment(folder.path());
    environment.browser = Some("b".to_owned());
    SystemBrowser::in_environment(environment)
        .open(&url())
        .expect("started");
    let told = fs::read_to_string(pipe).expect("the child wrote");
    assert_eq!(told, format!("1|{}|", url()));
}

#[test]
fn an_opener_that_fails_at_once_hands_over_to_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = pipe(folder.path());
    program(folder.path(), "bad", "exit 3");
    program(folder.path(), "good", &format!("echo here > {}", pipe.display()));
    let mut environment = environment(folder.path());
    environment.browser = Some("bad:good".to_owned());
    SystemBrowser::in_environment(environment)
        .open(&url())
        .expect("started");
    assert_eq!(fs::read_to_string(pipe).expect("the child wrote"), "here\n");
}
