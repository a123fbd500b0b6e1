//! A client and a server of different eras, translated for each other.

mod calls;
mod newer_client;
mod older_client;

pub(crate) use newer_client::NewerClient;
pub(crate) use older_client::OlderClient;
