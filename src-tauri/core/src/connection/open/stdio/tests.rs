//! Servers here are shell scripts: `reply` answers the line just read, and each test fills in the methods.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use nix::{sys::signal::kill, unistd::Pid};
use rmcp::model::CallToolRequestParams;
use tempfile::TempDir;

use super::*;
use crate::{
    Explain,
    connection::{
        call::CallError,
        server_log::LogSource,
        test_kit::{context, entry, remembering},
        transport::stdio::Exit,
    },
};

const LIMIT: Duration = Duration::from_secs(10);

const SESSION: &str = r#"
  *'"method":"initialize"'*) reply '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"script","version":"1"}}' ;;
  *'"method":"tools/list"'*) reply '"result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}' ;;
  *'"method":"tools/call"'*) reply '"result":{"content":[]}' ;;
"#;

const NO_DISCOVER: &str = r#"
  *'"method":"server/discover"'*) reply '"error":{"code":-32601,"message":"unknown"}' ;;
"#;

const STATELESS: &str = r#"
  *'"method":"server/discover"'*) reply '"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}' ;;
  *'"method":"tools/list"'*) reply '"result":{"resultType":"complete","tools":[{"name":"echo","inputSchema":{"type":"object"}}],"ttlMs":0,"cacheScope":"private"}' ;;
  *'"method":"initialize"'*) reply '"error":{"code":-32601,"message":"unknown"}' ;;
"#;

/// A script that runs `before`, then answers each line by the `cases`.
fn server(before: &str, cases: &[&str]) -> ServerConfig {
    let script = format!(
        r#"reply() {{ printf '{{"jsonrpc":"2.0","id":%s,%s}}\n' "$id" "$1"; }}
{before}
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in {} esac
done"#,
        cases.concat()
    );
    sh(&script)
}

fn sh(script: &str) -> ServerConfig {
    command("sh", &["-c", script])
}

fn command(command: &str, args: &[&str]) -> ServerConfig {
    entry(Transport::Stdio {
        command: command.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: vec![],
        cwd: None,
    })
}

/// Counts the processes started, by a line in a file.
fn counting(folder: &TempDir) -> (String, impl Fn() -> usize) {
    let file = folder.path().join("starts");
    let before = format!("echo start >> '{}'", file.display());
    let count = move || fs::read_to_string(&file).unwrap_or_default().lines().count();
    (before, count)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

async fn usable(server: &ServerConfig, context: &OpenContext) -> Opened {
    let opened = open(server, context).await.expect("opened");
    assert_eq!(opened.tools(LIMIT).await.expect("listed").len(), 1);
    opened
}

#[tokio::test]
async fn a_session_server_is_probed_and_initialized_in_one_process() {
    let folder = folder();
    let (before, starts) = counting(&folder);
    let opened = usable(&server(&before, &[NO_DISCOVER, SESSION]), &context()).await;
    assert_eq!(opened.era, Era::Session);
    assert_eq!(opened.server.name.as_deref(), Some("script"));
    opened
        .call(CallToolRequestParams::new("echo"), LIMIT)
        .await
        .expect("called");
    assert_eq!(starts(), 1);
}

#[tokio::test]
async fn a_stateless_server_is_found_whatever_is_remembered() {
    let folder = folder();
    let (before, starts) = counting(&folder);
    let server = server(&before, &[STATELESS]);
    for (context, processes) in [
        (context(), 1),
        (remembering(Era::Stateless), 2),
        (remembering(Era::Session), 4),
    ] {
        assert_eq!(usable(&server, &context).await.era, Era::Stateless);
        assert_eq!(starts(), processes);
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_probe_is_initialized_after_a_while_and_its_late_answer_is_dropped() {
    let late = r#"
  *'"method":"server/discover"'*) late=$id ;;
  *'"method":"initialize"'*) now=$id; id=$late; reply '"error":{"code":-32601,"message":"late"}'; id=$now
    reply '"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"slow","version":"1"}}' ;;
"#;
    let mut server = server("", &[late, SESSION]);
    server.timeout = Duration::from_secs(2);
    assert_eq!(usable(&server, &context()).await.era, Era::Session);
}

#[tokio::test]
async fn a_server_that_exits_when_probed_gets_a_second_process_and_a_handshake() {
    let folder = folder();
    let (before, starts) = counting(&folder);
    let fragile = r#"
  *'"method":"server/discover"'*) exit 1 ;;
"#;
    let server = server(&before, &[fragile, SESSION]);
    assert_eq!(usable(&server, &context()).await.era, Era::Session);
    assert_eq!(starts(), 2);
    usable(&server, &remembering(Era::Session)).await;
    assert_eq!(starts(), 3, "once it is known, one process is enough");
}

#[tokio::test]
async fn a_server_that_cannot_work_is_quoted_with_its_exit_code() {
    let error = open(
        &sh("echo starting >&2; echo 'API_KEY is not set' >&2; exit 3"),
        &context(),
    )
    .await;
    let error = error.expect_err("it exits");
    assert_eq!(error.to_string(), "`sh` exited with code 3: API_KEY is not set");
    assert_eq!(error.code(), "exited");
}

#[tokio::test]
async fn a_command_nobody_has_is_named_and_the_log_says_where_it_was_looked_for() {
    let mut missing = command("no-such-command-anywhere", &[]);
    if let Transport::Stdio { env, .. } = &mut missing.transport {
        env.push(("PATH".into(), "/opt/nothing:/here".into()));
    }
    let context = context();
    let error = open(&missing, &context).await.expect_err("there is none");
    let expected = "`no-such-command-anywhere` was not found";
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("command_not_found", expected)
    );
    let looked = context.log.last(LogSource::Stderr);
    assert_eq!(looked.as_deref(), Some("looked for in PATH: /opt/nothing:/here"));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_missing_interpreter_and_a_missing_folder_are_not_a_missing_command() {
    let folder = folder();
    let script = folder.path().join("tool");
    fs::write(&script, "#!/no/such/interpreter\n").expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    let error = open(&command(&script.to_string_lossy(), &[]), &context())
        .await
        .expect_err("no interpreter");
    assert_eq!(error.code(), "cannot_start");
    let mut lost = sh("");
    if let Transport::Stdio { cwd, .. } = &mut lost.transport {
        *cwd = Some("/no/such/folder".into());
    }
    let error = open(&lost, &context()).await.expect_err("no folder");
    assert_eq!(error.code(), "folder_not_found");
}

#[tokio::test]
async fn env_and_folder_reach_the_child_and_its_stderr_reaches_the_log() {
    let folder = folder();
    let mut config = server("echo \"$GREETING from $(pwd)\" >&2", &[NO_DISCOVER, SESSION]);
    if let Transport::Stdio { env, cwd, .. } = &mut config.transport {
        env.push(("GREETING".into(), "hello".into()));
        *cwd = Some(folder.path().to_owned());
    }
    let context = context();
    let opened = usable(&config, &context).await;
    opened.close().await;
    let line = context.log.last(LogSource::Stderr).expect("a line");
    let real = fs::canonicalize(folder.path()).expect("there");
    assert_eq!(line, format!("hello from {}", real.display()));
}

fn is_alive(file: &Path) -> bool {
    let pid = fs::read_to_string(file)
        .expect("a pid")
        .trim()
        .parse()
        .expect("a number");
    kill(Pid::from_raw(pid), None).is_ok()
}

#[tokio::test]
async fn what_the_child_started_ends_with_the_connection() {
    let folder = folder();
    let (child, grandchild) = (folder.path().join("child"), folder.path().join("grandchild"));
    let before = format!(
        "trap '' TERM; echo $$ > '{}'; sleep 1000 & echo $! > '{}'",
        child.display(),
        grandchild.display()
    );
    let opened = usable(&server(&before, &[NO_DISCOVER, SESSION]), &context()).await;
    assert!(is_alive(&child) && is_alive(&grandchild));
    opened.close().await;
    assert!(!is_alive(&child));
    let gone = async {
        while is_alive(&grandchild) {
            tokio::task::yield_now().await;
        }
    };
    // Whoever adopts it has to reap it first.
    let _ = tokio::time::timeout(Duration::from_secs(1), gone).await;
    let state = fs::read_to_string(format!(
        "/proc/{}/stat",
        fs::read_to_string(&grandchild).expect("a pid").trim()
    ));
    assert!(
        state.is_err() || state.is_ok_and(|state| state.contains(") Z ")),
        "killed, reaped or not"
    );
}

#[tokio::test]
async fn a_child_that_dies_ends_the_connection_and_says_how() {
    let dying = r#"
  *'"method":"tools/call"'*) echo 'out of memory' >&2; kill -9 $$ ;;
"#;
    let opened = usable(&server("", &[dying, NO_DISCOVER, SESSION]), &context()).await;
    let mut exit = opened.exit.clone().expect("a child");
    let call = opened.call(CallToolRequestParams::new("echo"), LIMIT).await;
    let fault = exit.ended().await.expect("it died");
    assert!(
        matches!(
            &fault,
            StdioFault::Exited {
                exit: Exit::Signal(9),
                ..
            }
        ),
        "{fault}"
    );
    assert_eq!(fault.to_string(), "`sh` was ended by signal 9: out of memory");
    assert!(
        matches!(call, Err(CallError::Stdio(_) | CallError::Closed)),
        "{call:?}"
    );
    opened.ended().wait().await;
}
