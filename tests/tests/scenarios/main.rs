//! Every scenario, one module a capability; one executable, so that a change in the core is linked once.

mod access;
mod accounts;
mod bad_servers;
mod bad_store;
mod bridge;
mod command_line;
mod config_live;
mod documentation;
mod dpop;
mod eras;
mod forgotten_client;
mod gateway;
mod identity;
mod import;
mod interop;
mod killed;
#[cfg(unix)]
mod lending;
mod lent_on_bad_days;
mod many_processes;
mod mutants;
mod networks;
mod planted_secrets;
mod planted_secrets_lent;
mod providers;
mod real_clients;
mod recorded;
mod recurring_failures;
mod refresh;
mod sign_in;
mod sign_out;
mod step_up;
mod the_browsers_answer;
mod unattended;
mod use_in;
mod wanted;
