//! A page of this machine as a client of the gateway, such as a local inspector: what its browser asks first, what the
//! page may read, and how little a page of any other host gets.
#![cfg(unix)]

use omlx_demo::Era;
use omlx_tests::TestResult;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::json;

use crate::lending::{DEMO, Lent, echo};

const PAGE: &str = "http://localhost:6274";

fn preflight(lent: &Lent, path: &str, origin: &str) -> RequestBuilder {
    let asked = lent.http.request(Method::OPTIONS, format!("{}{path}", lent.url));
    asked
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization, content-type, mcp-param-query",
        )
}

fn field<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_page_of_this_machine_may_ask_before_it_has_shown_a_key_and_may_read_what_is_answered() -> TestResult
{
    let lent = Lent::ready(Era::Session).await?;
    for path in [DEMO, "/mcp"] {
        let asked = preflight(&lent, path, PAGE).send().await?;
        assert_eq!(asked.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(field(&asked, "access-control-allow-origin"), PAGE);
        assert_eq!(field(&asked, "access-control-allow-methods"), "GET, POST, DELETE");
        assert!(field(&asked, "access-control-allow-headers").contains("mcp-param-query"));

        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "page", "version": "1" } });
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello });
        let sent = lent.to(path).header("origin", PAGE).body(hello.to_string());
        let answer = sent.send().await?;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(field(&answer, "access-control-allow-origin"), PAGE, "{path}");
        assert!(
            field(&answer, "access-control-expose-headers").contains("Mcp-Session-Id"),
            "{path}"
        );
        assert!(!field(&answer, "mcp-session-id").is_empty(), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn without_its_key_a_page_reads_why_and_nothing_else() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let asked = lent
        .http
        .post(format!("{}{DEMO}", lent.url))
        .header("origin", PAGE);
    let answer = asked.body("{}").send().await?;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(field(&answer, "access-control-allow-origin"), PAGE);
    Ok(())
}

#[tokio::test]
async fn a_page_of_another_host_is_refused_before_anything_and_may_not_read_it() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    for origin in ["https://evil.example", "null"] {
        let asked = preflight(&lent, DEMO, origin).send().await?;
        assert_eq!(asked.status(), StatusCode::FORBIDDEN, "{origin}");
        assert!(
            !asked.headers().contains_key("access-control-allow-origin"),
            "{origin}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_hides_its_tool_from_the_rules_never_reaches_the_server() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let session = session.unwrap_or_default();
    lent.demo.forget_calls();
    for params in [
        r#"{"name":"echo","arguments":{"text":"x"},"uri":1}"#,
        r#"{"name":"add","name":"echo","arguments":{"text":"x"}}"#,
    ] {
        let call = format!(r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{params}}}"#);
        let sent = lent.to(DEMO).header("mcp-session-id", &session).body(call);
        let answer = sent.send().await?;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{params}");
        let said = answer.text().await?;
        assert!(said.contains("\"id\":5") && said.contains("-32602"), "{said}");
    }
    assert_eq!(lent.demo.count("POST /mcp"), 0);
    let call = json!({ "jsonrpc": "2.0", "id": 6, "method": "tools/call", "params": echo("x") });
    assert!(
        lent.message(DEMO, Some(&session), call)
            .await?
            .status()
            .is_success()
    );
    Ok(())
}
