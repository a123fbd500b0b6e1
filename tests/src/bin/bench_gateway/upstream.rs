//! The server that is measured through: it answers at once, and knows nothing but what is measured.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Outcome;

/// Starts it, and returns its URL.
pub(crate) async fn start() -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    Ok(url)
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() != http::Method::POST {
        return Ok(status(405));
    }
    let body = request.into_body().collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (id, params) = (&asked["id"], &asked["params"]);
    let result = match asked["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "bench", "version": "1" },
        }),
        Some("tools/list") => tools(),
        Some("tools/call") => {
            let size = params["arguments"]["size"].as_u64().unwrap_or_default();
            let text = "x".repeat(usize::try_from(size).unwrap_or_default().max(5));
            json!({ "content": [{ "type": "text", "text": text }] })
        }
        Some(_) if id.is_null() => return Ok(status(202)),
        _ => {
            let error = json!({ "code": -32601, "message": "no such method" });
            return Ok(document(&json!({ "jsonrpc": "2.0", "id": id, "error": error })));
        }
    };
    let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    if asked["method"] == "tools/call" && params["name"] != "plain" {
        return Ok(event(&answer));
    }
    Ok(document(&answer))
}

fn tools() -> Value {
    let tool = |number: usize| {
        json!({
            "name": format!("tool_{number:04}"),
            "description": "One of many, with a description of the usual length, so that the list has the usual size.",
            "inputSchema": { "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] },
        })
    };
    json!({ "tools": (0..1_000).map(tool).collect::<Vec<_>>() })
}

fn status(code: u16) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    answer
}

fn document(answer: &Value) -> Response<Full<Bytes>> {
    typed("application/json", answer.to_string())
}

fn event(answer: &Value) -> Response<Full<Bytes>> {
    typed("text/event-stream", format!("event: message\ndata: {answer}\n\n"))
}

fn typed(kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(text));
    let kind = http::HeaderValue::from_static(kind);
    answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    answer
}
