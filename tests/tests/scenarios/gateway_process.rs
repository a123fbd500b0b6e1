//! `omlx mcp serve` as a process: how it starts, and how it ends.
#![cfg(unix)]

use omlx_demo::Era;
use omlx_tests::{Desk, Omlx, TestResult};
use serde_json::json;

use crate::lending::{Lent, OMLX};

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_who_has_it_and_the_option_that_mends_it() -> TestResult {
    let desk = Desk::new()?;
    desk.configure(&json!({}))?;
    let holder = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = holder.local_addr()?.port().to_string();
    let ran = Omlx::on(&desk, OMLX, &["mcp", "serve", "--port", &port])
        .run()
        .await?;
    assert_eq!((ran.code, ran.data.as_str()), (Some(1), ""));
    for word in ["error[port_in_use]", &port, "--port N"] {
        assert!(ran.words.contains(word), "{word}: {}", ran.words);
    }
    if cfg!(target_os = "linux") {
        let process = format!("(process {})", std::process::id());
        assert!(ran.words.contains(&process), "{}", ran.words);
    }
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_is_there_already_is_told_as_ours() -> TestResult {
    let lent = Lent::new(Era::Session).await?;
    let port = lent.url.rsplit(':').next().unwrap_or_default();
    let ran = Omlx::on(&lent.desk, OMLX, &["mcp", "serve", "--port", port])
        .run()
        .await?;
    assert_eq!((ran.code, ran.data.as_str()), (Some(1), ""));
    let told = format!("error[lent_already]: oMLX Connect lends the servers on port {port} already");
    assert!(ran.words.starts_with(&told), "{}", ran.words);
    assert!(
        ran.words.contains("  hint: nothing is to be done"),
        "{}",
        ran.words
    );
    if cfg!(target_os = "linux") {
        assert!(ran.words.contains("omlx-under-test"), "{}", ran.words);
    }
    Ok(())
}

#[tokio::test]
async fn ctrl_c_ends_it_as_it_should() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    lent.process.interrupt().await?;
    let ended = lent.process.end().await?;
    assert_eq!(ended.code, Some(0), "{}", ended.words);
    assert!(!ended.words.contains(&lent.key), "no key in the log");
    Ok(())
}
