//! The gateway's face over HTTP, on this machine only.
//!
//! | file | owns |
//! |---|---|
//! | `server` | the port, the connections, their limits and their end |
//! | `crowd` | how many connections there may be, and which one goes when it is one too many |
//! | `guard` | who may ask at all: Host, Origin, key |
//! | `cors` | what a browser asks for before a page of this machine may |
//! | `router` | which path is what |
//! | `endpoint` | `/servers/{name}/mcp` |
//! | `forward` | a server over HTTP: what is asked and answered is passed on as it comes |
//! | `passage` | a stream of events on its way back, without answers that nobody waits for |
//! | `unfinished` | an answer that the server does not finish |
//! | `session`, `sessions` | any other server: its messages, as streamable HTTP |
//! | `newer` | any other server, for a client of the stateless era |
//! | `answers` | what comes for one request of either |
//! | `merged` | `/mcp`: all servers as one |
//! | `omlx` | oMLX's own API, and `/status` |

mod answers;
mod cors;
mod crowd;
mod endpoint;
mod forward;
mod guard;
mod holder;
mod informed;
mod merged;
mod newer;
mod omlx;
mod passage;
mod reply;
mod router;
mod server;
mod session;
mod sessions;
mod unfinished;

pub use server::{Gateway, GatewayError, Settings};
