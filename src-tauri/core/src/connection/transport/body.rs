//! Reading what an HTTP server answered: media types, bounded bodies, waits it asks for.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap,
    header::{CONTENT_TYPE, DATE, RETRY_AFTER},
};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

use crate::connection::fault::{HttpFault, host};

/// The largest JSON message or event accepted, in bytes.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// The longest wait a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What a body claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    EventStream,
    Html,
    Other,
}

impl Media {
    /// Reads `Content-Type` without case and parameters; structured suffixes count (RFC 6839 §3.1).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value
            .unwrap_or("")
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Self::Json,
            "text/event-stream" => Self::EventStream,
            "text/html" | "application/xhtml+xml" => Self::Html,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Bytes, HttpFault> {
    let url = response.url().clone();
    let too_large = || HttpFault::TooLarge {
        host: host(&url),
        limit,
    };
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| HttpFault::network(&error, &url))?
    {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads at most `limit` bytes of an error's body; what cannot be read is as good as empty.
pub(crate) async fn read_start(mut response: reqwest::Response, limit: usize) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= limit {
            body.truncate(limit);
            break;
        }
    }
    body.freeze()
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which is read against the server's own `Date` so that a
/// wrong clock here does not matter.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
        Duration::try_from(http_date(value)?.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn media_types_are_read_without_case_and_parameters() {
        for (value, media) in [
            ("Application/JSON; charset=utf-8", Media::Json),
            ("application/problem+json", Media::Json),
            ("text/event-stream;charset=UTF-8", Media::EventStream),
            ("text/html", Media::Html),
            ("text/plain", Media::Other),
        ] {
            assert_eq!(Media::of(&headers(&[(CONTENT_TYPE, value)])), media, "{value}");
        }
        assert_eq!(Media::of(&HeaderMap::new()), Media::Other);
    }

    #[test]
    fn a_wait_is_read_in_seconds_or_against_the_servers_own_clock() {
        assert_eq!(
            retry_after(&headers(&[(RETRY_AFTER, "120")])),
            Some(Duration::from_mins(2))
        );
        let dated = [
            (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (RETRY_AFTER, "Sun, 06 Nov 1994 08:50:07 GMT"),
        ];
        assert_eq!(retry_after(&headers(&dated)), Some(Duration::from_secs(30)));
        let past = [
            (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (RETRY_AFTER, "Sun, 06 Nov 1994 08:49:07 GMT"),
        ];
        assert_eq!(retry_after(&headers(&past)), Some(Duration::ZERO));
    }

    #[test]
    fn an_absurd_or_unreadable_wait_is_bounded_or_ignored() {
        assert_eq!(
            retry_after(&headers(&[(RETRY_AFTER, "99999999")])),
            Some(Duration::from_hours(1))
        );
        assert_eq!(retry_after(&headers(&[(RETRY_AFTER, "soon")])), None);
        assert_eq!(
            retry_after(&headers(&[(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT")])),
            None
        );
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
