use std::{net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use url::Url;

use super::*;

/// A server that answers each connection's requests with these, one after the other, and then closes it.
async fn serving(answers: &'static [&'static str]) -> (Url, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let (came, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = came.send(());
            tokio::spawn(async move {
                let mut asked = [0; 1024];
                for answer in answers {
                    if stream.read(&mut asked).await.unwrap_or_default() == 0 {
                        return;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    let url = format!("http://127.0.0.1:{port}/mcp?a=1").parse().expect("a URL");
    (url, connections)
}

fn nearby() -> Nearby {
    Nearby::new(HeaderValue::from_static("tests"), Duration::from_secs(10))
}

async fn sent(nearby: &Nearby, address: &Address) -> Result<reqwest::Response, Lost> {
    let head = (&Method::POST, HeaderMap::new());
    nearby.send(address, head, Bytes::from_static(b"{}")).await
}

async fn answered(nearby: &Nearby, address: &Address) -> Bytes {
    let answer = sent(nearby, address).await.expect("an answer");
    answer.bytes().await.expect("all of it")
}

#[test]
fn only_plain_http_to_this_machine_is_nearby() {
    let address = |url: &str| Address::of(&url.parse().expect("a URL"));
    let v6 = address("http://[::1]:8080/mcp?key=1#part").expect("nearby");
    assert_eq!(
        (v6.authority.as_bytes(), v6.target.to_string()),
        (&b"[::1]:8080"[..], "/mcp?key=1".to_owned())
    );
    let named = address("http://localhost").expect("nearby");
    assert_eq!(
        (named.authority.as_bytes(), named.places.len()),
        (&b"localhost"[..], 2)
    );
    for elsewhere in [
        "https://localhost/mcp",
        "http://mcp.example/mcp",
        "http://192.168.0.2/mcp",
    ] {
        assert!(address(elsewhere).is_none(), "{elsewhere}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_once_its_answer_was_read() {
    const SIZED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    const EMPTY: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
    let (url, mut connections) = serving(&[SIZED, CHUNKED, EMPTY, SIZED]).await;
    let (nearby, address) = (nearby(), Address::of(&url).expect("nearby"));
    for expected in ["ok", "ok", "", "ok"] {
        assert_eq!(answered(&nearby, &address).await, expected);
    }
    assert!(connections.recv().await.is_some());
    assert!(connections.try_recv().is_err(), "one connection served all four");
}

#[tokio::test]
async fn a_connection_that_its_server_has_closed_is_no_failed_request() {
    let (url, mut connections) = serving(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]).await;
    let (nearby, address) = (nearby(), Address::of(&url).expect("nearby"));
    for _ in 0..20 {
        assert_eq!(answered(&nearby, &address).await, "ok");
        assert!(connections.recv().await.is_some());
    }
}

#[tokio::test]
async fn the_connection_of_an_answer_that_nobody_reads_is_not_kept() {
    let (url, mut connections) = serving(&[
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno",
    ])
    .await;
    let (nearby, address) = (nearby(), Address::of(&url).expect("nearby"));
    for _ in 0..3 {
        drop(sent(&nearby, &address).await.expect("an answer"));
        assert!(connections.recv().await.is_some());
    }
    assert!(nearby.keeps_nothing());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_and_so_is_nobody_there() {
    let (url, _connections) = serving(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"]).await;
    let (nearby, address) = (nearby(), Address::of(&url).expect("nearby"));
    let answer = sent(&nearby, &address).await.expect("an answer");
    assert!(answer.bytes().await.is_err());
    let (url, _connections) = serving(&["nonsense\r\n\r\n"]).await;
    let address = Address::of(&url).expect("nearby");
    assert!(matches!(sent(&nearby, &address).await, Err(Lost::Interrupted(_))));
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = free.local_addr().expect("its address").port();
    drop(free);
    let address = Address::of(&format!("http://127.0.0.1:{port}").parse().expect("a URL")).expect("nearby");
    assert!(matches!(sent(&nearby, &address).await, Err(Lost::Unreached(_))));
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut asked = [0; 1024];
        assert!(stream.read(&mut asked).await.expect("a request") > 0);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        stream.write_all(answer).await.expect("written");
        stream.read(&mut asked).await
    });
    let url = format!("http://127.0.0.1:{port}/mcp").parse().expect("a URL");
    let nearby = nearby();
    assert_eq!(answered(&nearby, &Address::of(&url).expect("nearby")).await, "ok");
    tokio::time::pause();
    assert_eq!(serving.await.expect("served").expect("closed"), 0);
}

#[tokio::test]
async fn a_host_name_of_the_users_own_is_the_one_that_is_sent() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut asked = [0; 1024];
        let length = stream.read(&mut asked).await.expect("a request");
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    let url = format!("http://127.0.0.1:{port}/mcp").parse().expect("a URL");
    let fields = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("mcp.test"))]);
    let head = (&Method::POST, fields);
    let address = Address::of(&url).expect("nearby");
    let _ = nearby().send(&address, head, Bytes::new()).await;
    assert!(serving.await.expect("heard").contains("\r\nhost: mcp.test\r\n"));
}
