use super::*;
use crate::clock::Clock;

fn start<'a>(command: &'a str, args: &'a [String]) -> (StdioTransport, ExitWatch) {
    let command = StdioCommand {
        command,
        args,
        env: &[],
        cwd: None,
        path: None,
    };
    StdioTransport::start(&command, &ServerLog::new(Clock::system())).expect("started")
}

#[tokio::test]
async fn a_child_that_ends_with_its_input_is_not_killed() {
    let (mut transport, exit) = start("cat", &[]);
    assert_eq!(exit.fault(), None);
    transport.close().await.expect("closed");
    assert_eq!(*transport.exit.borrow(), Some(Exit::Code(0)));
    assert_eq!(
        exit.fault().map(|fault| fault.to_string()).as_deref(),
        Some("`cat` exited with code 0")
    );
}

#[tokio::test]
async fn a_child_that_closes_its_output_and_goes_on_is_noticed() {
    let args = ["-c".to_owned(), "exec 1>&- 2>&-; read -r wait".to_owned()];
    let (mut transport, exit) = start("sh", &args);
    assert!(transport.receive().await.is_none());
    let fault = exit.fault().expect("noticed");
    assert_eq!(fault.to_string(), "`sh` closed its output");
    transport.close().await.expect("closed");
}

#[tokio::test]
async fn lines_that_are_no_messages_are_skipped() {
    let script =
        r#"echo 'Listening…'; echo '{"a":1}'; echo '{"jsonrpc":"2.0","method":"notifications/x"}'; cat"#;
    let (mut transport, _exit) = start("sh", &["-c".to_owned(), script.to_owned()]);
    let message = transport.receive().await.expect("a message");
    assert!(
        matches!(message, ServerJsonRpcMessage::Notification(_)),
        "{message:?}"
    );
}

#[tokio::test]
async fn path_given_by_the_login_shell_is_used_to_find_the_command() {
    let command = StdioCommand {
        command: "sh",
        args: &[],
        env: &[],
        cwd: None,
        path: Some("/nowhere".into()),
    };
    let log = ServerLog::new(Clock::system());
    let fault = StdioTransport::start(&command, &log)
        .map(drop)
        .expect_err("not there");
    assert_eq!(fault.to_string(), "`sh` was not found");
    let told = log.last(LogSource::Stderr);
    assert_eq!(told.as_deref(), Some("looked for in PATH: /nowhere"));
}
