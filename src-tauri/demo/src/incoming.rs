//! One request, read whole and written down.

use axum::{body::to_bytes, extract::Request};
use http::{HeaderMap, header};
use serde_json::Value;

use crate::{
    connection::Wire,
    record::{Arrival, Call, Recorder},
};

/// The largest body read, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// One request.
pub(crate) struct Incoming {
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Parameters,
    pub(crate) form: Parameters,
    /// The body, when it was JSON by its media type and text.
    pub(crate) json: Option<Value>,
    pub(crate) call: Call,
    pub(crate) wire: Wire,
}

/// Query or form parameters, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// A parameter's value; an empty one counts as omitted (RFC 6749 §3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(own, value)| own == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The first parameter that is there twice, which RFC 6749 §3.1 and §3.2 forbid.
    pub(crate) fn repeated(&self) -> Option<&str> {
        self.0.iter().enumerate().find_map(|(place, (name, _))| {
            self.0[..place]
                .iter()
                .any(|(other, _)| other == name)
                .then_some(name.as_str())
        })
    }
}

impl Incoming {
    /// Reads the body and writes the request down; none when the body is too large or broke off.
    pub(crate) async fn read(calls: &Recorder, wire: Wire, request: Request) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, MAX_BODY).await.ok()?;
        let query = Parameters::parse(head.uri.query().unwrap_or_default().as_bytes());
        let is = |media: &str| media_type(&head.headers).as_deref() == Some(media);
        let form = if is("application/x-www-form-urlencoded") {
            Parameters::parse(&body)
        } else {
            Parameters::default()
        };
        let json = is("application/json")
            .then(|| serde_json::from_slice(&body).ok())
            .flatten();
        let call = calls.arrived(&Arrival {
            method: head.method.as_str(),
            path: head.uri.path(),
            headers: &head.headers,
            parameters: &[query.0.as_slice(), &form.0].concat(),
            json: json.as_ref(),
        });
        Some(Self {
            path: head.uri.path().to_owned(),
            method: head.method,
            headers: head.headers,
            query,
            form,
            json,
            call,
            wire,
        })
    }

    /// A header field's value, when it is there exactly once and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(first)
    }

    /// The media type of the body, without parameters, lower case.
    pub(crate) fn media_type(&self) -> Option<String> {
        media_type(&self.headers)
    }

    /// Whether `Accept` lists this media type.
    pub(crate) fn accepts(&self, media: &str) -> bool {
        self.headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|range| range.split(';').next())
            .any(|range| range.trim().eq_ignore_ascii_case(media) || range.trim() == "*/*")
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}
