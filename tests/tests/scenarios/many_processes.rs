//! Many real processes and one grant.

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{Caller, Desk, Ended, TestResult};

const CALLERS: &str = env!("CARGO_BIN_EXE_callers");

/// Runs so many processes at once, each with so many callers, and waits for all.
async fn crowd(
    desk: &Desk,
    processes: usize,
    callers: usize,
) -> Result<Vec<Ended>, Box<dyn std::error::Error>> {
    let mut crowd: Vec<_> = (0..processes)
        .map(|_| Caller::start(CALLERS, desk, callers, None))
        .collect::<Result<_, _>>()?;
    for caller in &mut crowd {
        caller.go()?;
    }
    let ended = tokio::task::spawn_blocking(move || {
        crowd
            .into_iter()
            .map(|caller| caller.end().map_err(|error| error.to_string()))
            .collect::<Result<Vec<_>, _>>()
    });
    Ok(ended.await??)
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_processes_with_eight_callers_each_need_one_refresh_of_one_expired_grant() -> TestResult {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    desk.sign_in().await?;
    demo.expire_access_tokens();
    demo.forget_calls();

    let ended = crowd(&desk, 12, 8).await?;

    assert!(
        ended.iter().all(|process| process.calls == ["served"; 8]),
        "{ended:?}"
    );
    assert_eq!(
        demo.count("POST /token"),
        1,
        "one request to the token endpoint, by one of them"
    );
    assert_eq!(desk.browser.windows(), 1, "the sign-in before, and none since");

    demo.expire_access_tokens();
    let again = crowd(&desk, 2, 2).await?;
    assert!(
        again.iter().all(|process| process.calls == ["served"; 2]),
        "the family is alive: {again:?}"
    );
    assert_eq!(demo.count("POST /token"), 2);
    Ok(())
}
