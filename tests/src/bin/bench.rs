//! `make bench`: figures beside references measured in the same run, interleaved. Read the ratios; seconds are this machine's.
//!
//! `bench OMLX` takes the command line to measure. Nothing here passes or fails: time is never asserted.

#[path = "bench/many.rs"]
mod many;

use std::{
    error::Error,
    io::{self, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use omlx_demo::{Demo, DemoOptions, Era};
use omlx_tests::Desk;
use serde_json::json;

/// How often each thing is done; the median is shown.
const RUNS: usize = 21;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(omlx) = std::env::args().nth(1) else {
        let _ = writeln!(io::stderr(), "usage: bench OMLX");
        return ExitCode::from(2);
    };
    match measure(&omlx).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(omlx: &str) -> Outcome {
    status_of(omlx, (50, "50"))?;
    status_of(omlx, (1_000, "1,000"))?;
    start_to_tools(omlx).await?;
    requests_of_a_sign_in().await?;
    refresh_race().await?;
    many::bridges(omlx).await
}

/// `omlx mcp status` on 50 servers, beside the bare start of the same program.
/// `omlx mcp status` on so many servers, beside the bare start of the same program.
fn status_of(omlx: &str, (count, label): (usize, &str)) -> Outcome {
    let desk = Desk::new()?;
    let entry = |number: usize| {
        let url = format!("https://s{number}.example/mcp");
        (
            format!("server{number}"),
            json!({ "transport": "streamable-http", "url": url }),
        )
    };
    desk.configure(&(0..count).map(entry).collect::<serde_json::Map<_, _>>().into())?;
    let (mut status, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        bare.push(timed(omlx, &["--version"], &desk)?);
        status.push(timed(omlx, &["mcp", "status"], &desk)?);
    }
    let (status, bare) = (median(status), median(bare));
    say(
        &format!("status of {label} servers"),
        status,
        &format!("{:.1} × the bare start ({})", ratio(status, bare), millis(bare)),
    )
}

/// From start to the tools, grant in the vault, beside a direct client that has the token already.
async fn start_to_tools(omlx: &str) -> Outcome {
    for (era, name) in [(Era::Stateless, "stateless"), (Era::Session, "session")] {
        let demo = Demo::start(DemoOptions {
            era,
            ..DemoOptions::headless()
        })
        .await?;
        let desk = Desk::with_server(&demo.mcp_url())?;
        desk.sign_in().await?;
        let (mut tools, mut bare, mut requests) = (Vec::new(), Vec::new(), 0);
        for _ in 0..RUNS {
            let (program, desk_path) = (omlx.to_owned(), (desk.config_path(), desk.home_path()));
            bare.push(timed(omlx, &["--version"], &desk)?);
            demo.forget_calls();
            let took = tokio::task::spawn_blocking(move || {
                run(&program, &["mcp", "tools", "demo"], &desk_path.0, &desk_path.1)
                    .map_err(|error| error.to_string())
            });
            tools.push(took.await??);
            requests = demo.count("POST /mcp") - demo.count("POST /mcp rpc=subscriptions/listen");
        }
        let (tools, bare) = (median(tools), median(bare));
        let over = millis(tools.saturating_sub(bare));
        say(
            &format!("start to tools, {name} era"),
            tools,
            &format!("{over} over the bare start; {requests} requests"),
        )?;
    }
    Ok(())
}

/// The HTTP requests of a first sign-in, counted at the server.
async fn requests_of_a_sign_in() -> Outcome {
    for (era, name) in [(Era::Stateless, "stateless"), (Era::Session, "session")] {
        let demo = Demo::start(DemoOptions {
            era,
            ..DemoOptions::headless()
        })
        .await?;
        let desk = Desk::with_server(&demo.mcp_url())?;
        let begun = Instant::now();
        desk.sign_in().await?;
        let ours = demo
            .calls()
            .iter()
            .filter(|call| {
                call.path != "/authorize" && call.rpc_method.as_deref() != Some("subscriptions/listen")
            })
            .count();
        say(
            &format!("first sign-in, {name} era"),
            begun.elapsed(),
            &format!("{ours} requests by us"),
        )?;
    }
    Ok(())
}

/// Twelve processes with eight callers each, and one expired grant with a single-use refresh token.
async fn refresh_race() -> Outcome {
    let callers = std::env::current_exe()?.with_file_name("callers");
    let callers = callers
        .to_str()
        .ok_or("the path of `callers` is no text")?
        .to_owned();
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    desk.sign_in().await?;
    demo.expire_access_tokens();
    demo.forget_calls();
    let mut crowd: Vec<_> = (0..12)
        .map(|_| omlx_tests::Caller::start(&callers, &desk, 8, None))
        .collect::<Result<_, _>>()?;
    let begun = Instant::now();
    for caller in &mut crowd {
        caller.go()?;
    }
    let waiting = tokio::task::spawn_blocking(move || {
        crowd
            .into_iter()
            .map(|caller| caller.end().map_err(|error| error.to_string()))
            .collect::<Result<Vec<_>, _>>()
    });
    let ended = waiting.await??;
    let served = ended
        .iter()
        .flat_map(|process| &process.calls)
        .filter(|call| *call == "served")
        .count();
    let refreshes = demo.count("POST /token");
    say(
        "12 processes × 8 callers, expired",
        begun.elapsed(),
        &format!(
            "{served} of 96 served, {refreshes} token request, {} windows",
            desk.browser.windows() - 1
        ),
    )
}

fn timed(omlx: &str, arguments: &[&str], desk: &Desk) -> Outcome<Duration> {
    run(omlx, arguments, &desk.config_path(), &desk.home_path())
}

fn run(omlx: &str, arguments: &[&str], config: &Path, home: &Path) -> Outcome<Duration> {
    let begun = Instant::now();
    let done = Command::new(omlx)
        .args(arguments)
        .env("OMLX_MCP_CONFIG", config)
        .env("OMLX_CONNECT_HOME", home)
        .env("OMLX_CONNECT_KEYCHAIN", "off")
        .stdin(Stdio::null())
        .output()?;
    let took = begun.elapsed();
    if done.status.success() {
        Ok(took)
    } else {
        let words = String::from_utf8_lossy(&done.stderr);
        Err(format!("{omlx} {arguments:?}: {}: {words}", done.status).into())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn say(what: &str, time: Duration, remark: &str) -> Outcome {
    Ok(writeln!(
        io::stdout(),
        "{what:<36} {:>10}   {remark}",
        millis(time)
    )?)
}
