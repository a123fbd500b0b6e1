//! Test kit: the product as a person has it on their desk, in front of real servers on loopback.
//!
//! Three seams are faked and nothing else: the keychain, the clock, and who presses "Allow" in the browser. HTTP is real.

mod browser;
mod company;
mod crowd;
mod desk;
#[cfg(target_os = "linux")]
pub mod desktop;
mod errand;
mod node;
#[cfg(unix)]
mod omlx;
mod python;
mod requests;
mod scene;
mod search;

pub use browser::{HttpBrowser, NoBrowser};
pub use company::{Behind, Proxy, behind_tls, certificate};
pub use crowd::{Caller, Ended};
pub use desk::{Desk, Memory, TestResult};
pub use errand::{Errand, Redirect};
pub use node::{Provider, Witness, folder as interop_folder, node};
#[cfg(unix)]
pub use omlx::{Omlx, Ran, Running, agreed, browser_script, script};
pub use python::python;
pub use requests::{requests, requests_of};
pub use scene::{Failure, Scene, arguments, code_of, in_time, said, started, until, until_of};
pub use search::Haul;
