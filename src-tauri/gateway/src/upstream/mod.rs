//! The ways messages go to a server and come back, one for each way a server is reached. Nothing here parses what it
//! passes on further than its kind, its method and its id.

pub(crate) mod fault;
pub(crate) mod http;
pub(crate) mod legacy;
pub(crate) mod program;
mod waiting;
