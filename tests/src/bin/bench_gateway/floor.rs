//! Forwarders that only copy bytes: what an extra hop costs when nothing at all is done there.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1 as client, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::Outcome;

type Sender = client::SendRequest<Full<Bytes>>;

/// Connections to the upstream that are kept.
#[derive(Clone)]
struct Pool(Arc<(String, Mutex<Vec<Sender>>)>);

impl Pool {
    fn new(url: &str) -> Outcome<Self> {
        let authority = url.parse::<Uri>()?.authority().ok_or("no host")?.to_string();
        Ok(Self(Arc::new((authority, Mutex::default()))))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Outcome<(Response<Incoming>, Sender)> {
        let kept = self.0.1.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut sender = match kept {
            Some(sender) => sender,
            None => connect(&self.0.0).await?,
        };
        sender.ready().await?;
        Ok((sender.send_request(request).await?, sender))
    }

    fn keep(&self, sender: Sender) {
        self.0
            .1
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sender);
    }
}

async fn connect(authority: &str) -> Outcome<Sender> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn post(url: &str, body: Bytes) -> Outcome<Request<Full<Bytes>>> {
    let uri: Uri = url.parse()?;
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    Ok(Request::post(uri.path())
        .header("host", host)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(Full::from(body))?)
}

/// HTTP in, HTTP out.
pub(crate) async fn proxy(url: &str) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut out = tokio::io::stdout();
    let line = format!("http://{}/mcp\n", listener.local_addr()?);
    out.write_all(line.as_bytes()).await?;
    out.flush().await?;
    let (pool, url) = (Pool::new(url)?, url.to_owned());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (pool, url) = (pool.clone(), url.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (pool, url) = (pool.clone(), url.clone());
            async move { Ok::<_, Infallible>(forward(&pool, &url, request).await.unwrap_or_default()) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn forward(pool: &Pool, url: &str, request: Request<Incoming>) -> Outcome<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await?.to_bytes();
    let (answer, sender) = pool.send(post(url, body)?).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    pool.keep(sender);
    let mut answer = Response::from_parts(head, Full::from(body));
    answer.headers_mut().remove("transfer-encoding");
    Ok(answer)
}

/// Lines in, HTTP out; side by side.
pub(crate) async fn bridge(url: &str) -> Outcome {
    let pool = Pool::new(url)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let out = Arc::new(tokio::sync::Mutex::new(tokio::io::stdout()));
    while let Some(line) = lines.next_line().await? {
        let (pool, out, url) = (pool.clone(), Arc::clone(&out), url.to_owned());
        tokio::spawn(async move {
            let (answer, sender) = pool.send(post(&url, Bytes::from(line))?).await?;
            let body = answer.into_body().collect().await?.to_bytes();
            pool.keep(sender);
            let text = match body.iter().position(|byte| *byte == b'{') {
                Some(at) => body.slice(at..),
                None => return Outcome::Ok(()),
            };
            let mut out = out.lock().await;
            out.write_all(text.trim_ascii_end()).await?;
            out.write_all(b"\n").await?;
            Ok(out.flush().await?)
        });
    }
    Ok(())
}
