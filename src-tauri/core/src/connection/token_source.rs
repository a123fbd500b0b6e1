//! The seam behind which an access token is replaced.
//!
//! Nothing here refreshes: a [`TokenSource`] says which token to send now, and is told when one was rejected.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};

use crate::{Problem, oauth::bearer::Bearer};

/// Where requests get their token from.
pub trait TokenSource: Send + Sync {
    /// The token to send now. On the path of every request, so no more than one atomic load.
    fn current(&self) -> Option<Arc<Bearer>>;

    /// The server answered 401 to `sent`: refresh, or find out that someone else did.
    fn rejected<'a>(&'a self, sent: &'a Arc<Bearer>) -> BoxFuture<'a, Verdict>;
}

/// What comes of a rejected token.
#[derive(Debug)]
pub enum Verdict {
    /// Send the request once more, with this token.
    Retry(Arc<Bearer>),
    /// There is none better; the 401 is the answer.
    GiveUp,
    /// Whether there is a better one cannot be found out now (authorization server away, keychain locked). The grant
    /// stands, and the 401 must not be read as signed out.
    Unavailable(Problem),
}

/// No grant: nothing is ever sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnonymousTokens;

impl TokenSource for AnonymousTokens {
    fn current(&self) -> Option<Arc<Bearer>> {
        None
    }

    fn rejected<'a>(&'a self, _sent: &'a Arc<Bearer>) -> BoxFuture<'a, Verdict> {
        std::future::ready(Verdict::GiveUp).boxed()
    }
}
