//! One process of many: several callers that each call a tool of the server `demo`, as soon as they are told to.
//!
//! `callers CONFIG HOME COUNT` prints `ready`, waits for a line, makes the calls side by side, and prints how many were
//! served, and the codes of the others.

use std::{
    error::Error,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use omlx_mcp::handle::Server;
use omlx_tests::{Desk, NoBrowser};
use serde_json::json;
use std::sync::Arc;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "callers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Vec<String>) -> Result<(), Box<dyn Error>> {
    let [config, home, count] = arguments.as_slice() else {
        return Err("usage: callers CONFIG HOME COUNT".into());
    };
    say("ready")?;
    io::stdin().read_line(&mut String::new())?;
    let core = Desk::process(Path::new(config), Path::new(home), Arc::new(NoBrowser))?;
    let server = core.server("demo")?;
    let calls: Vec<_> = (0..count.parse()?)
        .map(|number| tokio::spawn(call(server.clone(), number)))
        .collect();
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await?);
    }
    core.stop().await;
    outcomes.sort();
    say(&outcomes.join(" "))
}

/// `served`, or the code of what went wrong.
async fn call(server: Server, number: usize) -> String {
    let arguments = json!({ "text": format!("caller {number}") });
    match server
        .call("echo", arguments.as_object().cloned().unwrap_or_default())
        .await
    {
        Ok(_) => "served".to_owned(),
        Err(problem) => problem.code.into_owned(),
    }
}

fn say(line: &str) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
