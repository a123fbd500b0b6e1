//! A process killed at any step of a refresh: the next one goes on, or asks once; nobody loops.

use omlx_demo::{Demo, DemoOptions};
use omlx_mcp::store::fault::POINTS;
use omlx_tests::{Caller, Desk, Ended, TestResult};

const CALLERS: &str = env!("CARGO_BIN_EXE_callers");

async fn run(desk: &Desk, fault: Option<&str>) -> Result<Ended, Box<dyn std::error::Error>> {
    let mut caller = Caller::start(CALLERS, desk, 1, fault)?;
    caller.go()?;
    Ok(tokio::task::spawn_blocking(move || caller.end().map_err(|error| error.to_string())).await??)
}

/// Every point a refresh passes, in the order of the alphabet.
fn points() -> impl Iterator<Item = &'static str> {
    POINTS
        .iter()
        .copied()
        .filter(|point| point.starts_with("refresh.") || point.starts_with("grant."))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_of_a_refresh_the_next_start_goes_on_or_asks_once() -> TestResult {
    let mut reached = Vec::new();
    for point in points() {
        let demo = Demo::start(DemoOptions::headless()).await?;
        let desk = Desk::with_server(&demo.mcp_url())?;
        desk.sign_in().await?;
        demo.expire_access_tokens();
        demo.forget_calls();

        let killed = run(&desk, Some(point)).await?;
        if killed.status.success() {
            continue;
        }
        reached.push(point);
        let next = run(&desk, None).await?;
        let after = run(&desk, None).await?;
        // Counted last: what the server was asked by a process that died it may answer after that.
        let (requests, spent) = (demo.count("POST /token"), demo.count("POST /token status=200"));
        match next.calls.first().map(String::as_str) {
            Some("served") => assert_eq!(after.calls, ["served"], "{point}"),
            // The single-use token was spent and its successor lost with the process: a person is asked, once.
            Some("refresh_rejected") => {
                assert_eq!(spent, 1, "{point}");
                assert_eq!(
                    requests, 2,
                    "{point}: the stored token was tried once, and never again"
                );
            }
            other => panic!("{point}: {other:?}"),
        }
    }
    for point in [
        "refresh.request",
        "refresh.save",
        "grant.write",
        "grant.sync",
        "grant.rename",
    ] {
        assert!(reached.contains(&point), "{point} was passed by: {reached:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_during_a_refresh_serves_the_caller_and_loses_nothing_that_was_stored() -> TestResult {
    for fault in ["grant.write:full", "grant.create:read-only", "grant.rename:error"] {
        let demo = Demo::start(DemoOptions::headless()).await?;
        let desk = Desk::with_server(&demo.mcp_url())?;
        desk.sign_in().await?;
        demo.expire_access_tokens();
        let served = run(&desk, Some(fault)).await?;
        assert_eq!(
            served.calls,
            ["served"],
            "{fault}: the new token works although it could not be stored"
        );
    }
    Ok(())
}
