//! A browser, several nuisances, and one real answer among them.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::oauth::testing::{discovery, pending, start};

async fn listener(redirect: &LoopbackRedirect) -> LoopbackListener {
    LoopbackListener::bind(redirect, &Clock::system())
        .await
        .expect("listens")
}

fn port(listener: &LoopbackListener) -> u16 {
    Url::parse(listener.redirect_uri())
        .expect("a URL")
        .port()
        .expect("a port")
}

/// Sends bytes and reads the whole answer.
async fn exchange(address: (&str, u16), request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    answer
}

async fn get(port: u16, target: &str) -> String {
    exchange(
        ("127.0.0.1", port),
        &format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"),
    )
    .await
}

fn title(answer: &str) -> &str {
    let (_, rest) = answer.split_once("<h1>").unwrap_or_default();
    rest.split_once("</h1>").unwrap_or_default().0
}

fn deadline() -> Timestamp {
    Clock::system().after(Duration::from_mins(5))
}

/// A listener that waits in a task of its own, its port, and the state it waits for.
async fn waiting() -> (
    tokio::task::JoinHandle<(LoopbackListener, AuthorizationResponse)>,
    u16,
    String,
) {
    let mut listener = listener(&LoopbackRedirect::default()).await;
    let port = port(&listener);
    let (pending, state) = pending(&discovery("https://as.example"));
    let task = tokio::spawn(async move {
        let response = listener.wait(&pending, deadline()).await.expect("arrives");
        pending.accept(response).expect("accepted");
        let response = AuthorizationResponse::parse("code=read&state=again").expect("parses");
        (listener, response)
    });
    (task, port, state)
}

#[tokio::test]
async fn only_our_state_ends_the_wait_and_everything_else_is_answered() {
    let (task, port, state) = waiting().await;
    assert_eq!(
        title(&get(port, "/oauth/callback?code=c&state=forged").await),
        "This answer belongs to another sign-in"
    );
    assert_eq!(
        title(&get(port, "/oauth/callback").await),
        "This answer belongs to another sign-in"
    );
    assert_eq!(
        title(&get(port, "/oauth/callback?code=a&code=b&state=x").await),
        "This answer belongs to another sign-in"
    );
    assert!(get(port, "/favicon.ico").await.starts_with("HTTP/1.1 404 "));
    assert!(
        get(port, "/oauth/callback/x?code=c")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
    let head = format!("HEAD /oauth/callback?code=c&state={state} HTTP/1.1\r\n\r\n");
    assert!(exchange(("127.0.0.1", port), &head).await.ends_with("\r\n\r\n"));
    let upload = format!("POST /oauth/callback?code=c&state={state} HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
    let refused = exchange(("127.0.0.1", port), &upload).await;
    assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("\r\nAllow: GET, HEAD\r\n"));
    assert!(
        exchange(("127.0.0.1", port), "\u{16}\u{3}\u{1} garbage\r\n")
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    assert!(!task.is_finished());
    let answer = get(port, &format!("/oauth/callback?code=c&state={state}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(title(&answer), "You are all set in the browser");
    task.await.expect("the wait ended");
}

#[tokio::test]
async fn a_second_redirect_is_told_that_the_first_one_arrived() {
    let (task, port, state) = waiting().await;
    let target = format!("/oauth/callback?code=c&state={state}");
    get(port, &target).await;
    let (listener, _) = task.await.expect("the wait ended");
    assert_eq!(
        title(&get(port, &target).await),
        "This answer has already arrived"
    );
    drop(listener);
}

#[tokio::test]
async fn a_refusal_shows_a_page_that_repeats_nothing_of_it() {
    let mut listener = listener(&LoopbackRedirect::default()).await;
    let port = port(&listener);
    let (pending, state) = pending(&discovery("https://as.example"));
    let target = format!(
        "/oauth/callback?error=planted_error&error_description=<script>planted</script>&state={state}"
    );
    let (answer, response) = tokio::join!(get(port, &target), listener.wait(&pending, deadline()));
    assert_eq!(title(&answer), "The sign-in was not completed");
    assert!(!answer.contains("planted") && !answer.contains(&state));
    pending.accept(response.expect("arrives")).expect_err("refused");
}

#[tokio::test]
async fn a_page_loads_nothing_and_may_not_be_kept_or_framed() {
    let listener = listener(&LoopbackRedirect::default()).await;
    let answer = get(port(&listener), "/").await;
    for field in [
        "Content-Security-Policy: default-src 'none'; style-src 'sha256-",
        "frame-ancestors 'none'",
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ] {
        assert!(answer.contains(field), "{field}");
    }
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
    assert!(!body.contains("http:") && !body.contains("https:") && !body.contains("<script"));
}

#[tokio::test]
async fn a_listener_that_nobody_asks_says_so_in_time() {
    let (clock, hand) = Clock::manual(start());
    let mut listener = LoopbackListener::bind(&LoopbackRedirect::default(), &clock)
        .await
        .expect("listens");
    let (pending, _) = pending(&discovery("https://as.example"));
    let waiter = tokio::spawn(async move {
        listener
            .wait(&pending, start() + Duration::from_mins(10))
            .await
            .map(drop)
    });
    hand.advance(Duration::from_mins(10));
    assert_eq!(waiter.await.expect("ends"), Err(RedirectError::TimedOut));
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_in_time() {
    let (clock, hand) = Clock::manual(start());
    let listener = LoopbackListener::bind(&LoopbackRedirect::default(), &clock)
        .await
        .expect("listens");
    let mut slow = TcpStream::connect(("127.0.0.1", port(&listener)))
        .await
        .expect("connects");
    slow.write_all(b"GET /oauth/call").await.expect("sends");
    let mut answer = Vec::new();
    let mut closing = Box::pin(slow.read_to_end(&mut answer));
    // The clock is moved until the listener has noticed the connection and given up on it.
    loop {
        tokio::select! {
            closed = &mut closing => break drop(closed),
            () = tokio::task::yield_now() => hand.advance(Duration::from_secs(6)),
        }
    }
    drop(closing);
    assert!(answer.is_empty());
}

#[tokio::test]
async fn idle_connections_cannot_keep_the_browser_out() {
    let (task, port, state) = waiting().await;
    let mut idle = Vec::new();
    for _ in 0..64 {
        idle.push(TcpStream::connect(("127.0.0.1", port)).await.expect("connects"));
    }
    get(port, &format!("/oauth/callback?code=c&state={state}")).await;
    task.await.expect("the wait ended");
    drop(idle);
}

#[tokio::test]
async fn an_endless_request_line_is_cut_off_and_long_cookies_are_not() {
    let (task, port, state) = waiting().await;
    let endless = format!("GET /oauth/callback?code={} HTTP/1.1\r\n\r\n", "x".repeat(10_000));
    assert!(
        exchange(("127.0.0.1", port), &endless)
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    let cookies = format!(
        "GET /oauth/callback?code=c&state={state} HTTP/1.1\r\nCookie: {}\r\n\r\n",
        "y".repeat(60_000)
    );
    assert!(
        exchange(("127.0.0.1", port), &cookies)
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    task.await.expect("the wait ended");
}

#[tokio::test]
async fn localhost_is_listened_at_in_both_address_families() {
    let redirect = LoopbackRedirect {
        host: "localhost".to_owned(),
        ..LoopbackRedirect::default()
    };
    let listener = listener(&redirect).await;
    let port = port(&listener);
    assert_eq!(
        listener.redirect_uri(),
        format!("http://localhost:{port}/oauth/callback")
    );
    for address in ["127.0.0.1", "::1"] {
        let has_family = TcpListener::bind((address, 0)).await.is_ok();
        if has_family {
            let answer = exchange((address, port), "GET / HTTP/1.1\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 404 "), "{address}");
        }
    }
}

#[tokio::test]
async fn a_fixed_port_that_is_taken_is_named() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = taken.local_addr().expect("an address").port();
    for host in ["127.0.0.1", "localhost"] {
        let redirect = LoopbackRedirect {
            host: host.to_owned(),
            port: Some(port),
            ..LoopbackRedirect::default()
        };
        let error = LoopbackListener::bind(&redirect, &Clock::system())
            .await
            .expect_err("busy");
        assert_eq!(error, RedirectError::PortBusy { port });
        assert!(error.to_string().contains(&port.to_string()));
    }
}

#[tokio::test]
async fn a_port_is_free_again_at_once() {
    let first = listener(&LoopbackRedirect::default()).await;
    let (port, uri) = (port(&first), first.redirect_uri().to_owned());
    get(port, "/").await;
    drop(first);
    let again = LoopbackRedirect::parse(&uri).expect("loopback");
    // The listener's task ends at its next await, which is not yet when `drop` returns.
    let second = loop {
        match LoopbackListener::bind(&again, &Clock::system()).await {
            Ok(listener) => break listener,
            Err(RedirectError::PortBusy { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(second.redirect_uri(), uri);
}

#[test]
fn the_config_file_decides_host_port_and_path() {
    let of = |redirect: RedirectChoice, host: Option<&str>, port| {
        LoopbackRedirect::from_config(&AuthConfig {
            redirect,
            redirect_host: host.map(str::to_owned),
            redirect_port: port,
            ..AuthConfig::default()
        })
        .map(|redirect| redirect.uri(redirect.port.unwrap_or(1)))
    };
    let auto = RedirectChoice::Auto;
    assert_eq!(
        of(auto.clone(), None, None).as_deref(),
        Ok("http://127.0.0.1:1/oauth/callback")
    );
    assert_eq!(
        of(auto.clone(), Some("localhost"), Some(80)).as_deref(),
        Ok("http://localhost:80/oauth/callback")
    );
    assert_eq!(
        of(auto.clone(), Some("::1"), None).as_deref(),
        Ok("http://[::1]:1/oauth/callback")
    );
    let exact = |uri: &str| of(RedirectChoice::Exact(uri.to_owned()), None, Some(9));
    for verbatim in [
        "http://localhost:3118/callback",
        "http://LOCALHOST/callback",
        "http://127.0.0.1:5",
    ] {
        assert_eq!(exact(verbatim).as_deref(), Ok(verbatim));
    }
    for refused in [
        "https://localhost:1/",
        "http://192.168.0.7:1/",
        "http://localhost.evil.example/",
        "nonsense",
        "http://localhost/cb?x=1",
    ] {
        assert_eq!(exact(refused), Err(RedirectError::NotLoopback), "{refused}");
    }
    assert_eq!(
        of(auto, Some("evil.example"), None),
        Err(RedirectError::NotLoopback)
    );
}

#[tokio::test]
async fn many_browsers_at_once_are_all_answered() {
    let (task, port, state) = waiting().await;
    let state = Arc::new(state);
    let mut tabs = tokio::task::JoinSet::new();
    for tab in 0..12 {
        let state = Arc::clone(&state);
        tabs.spawn(async move {
            let state = if tab == 6 { state.as_str() } else { "forged" };
            get(port, &format!("/oauth/callback?code=c&state={state}")).await
        });
    }
    let answers = tabs.join_all().await;
    assert!(answers.iter().all(|answer| !title(answer).is_empty()));
    task.await.expect("the wait ended");
}
