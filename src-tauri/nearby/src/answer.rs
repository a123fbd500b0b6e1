use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderValue;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::pool::{Nearby, Sender};

/// The body of an answer. Once it has been read to its end, its connection is kept; one that is not is closed.
pub(crate) struct Answer {
    body: Incoming,
    lent: Option<(Nearby, HeaderValue, Sender)>,
}

impl Answer {
    pub(crate) fn new(body: Incoming, lent: (Nearby, HeaderValue, Sender)) -> Self {
        let mut answer = Self {
            body,
            lent: Some(lent),
        };
        if answer.body.is_end_stream() {
            answer.give_back();
        }
        answer
    }

    fn give_back(&mut self) {
        if let Some((nearby, authority, sender)) = self.lent.take()
            && !sender.is_closed()
        {
            nearby.keep(authority, sender);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Err(_)) => self.lent = None,
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            _ => self.give_back(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
