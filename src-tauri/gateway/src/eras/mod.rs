//! A client and a server of different eras, translated for each other.

mod older_client;

pub(crate) use older_client::OlderClient;
