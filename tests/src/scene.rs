//! A desk and a demo server that share one clock, moved by hand.

use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;
use omlx_demo::{Demo, DemoOptions, Era, Now};
use omlx_mcp::{
    Event, Problem, ServerSnapshot,
    clock::{Clock, ManualClock},
    connection::SignInOptions,
    handle::{Handle, Server},
};
use serde_json::{Map, Value, json};
use tokio::sync::broadcast;

use crate::{Desk, TestResult};

/// How long anything may take before a scenario is given up, in real time; nothing is waited for that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// One server, named `demo`, one machine, one running core.
#[derive(Debug)]
pub struct Scene {
    /// The server.
    pub demo: Demo,
    /// The machine.
    pub desk: Desk,
    /// The clock of both.
    pub hand: ManualClock,
    /// The core.
    pub core: Handle,
    /// Its side of the server.
    pub server: Server,
    news: broadcast::Receiver<Event>,
}

/// What the product said went wrong, as an error of a scenario.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({:?})", self.0.code, self.0.message, self.0.action)
    }
}

impl Error for Failure {}

impl Scene {
    /// A server with `options` that nobody ever signed in to, and a core that has had its first look at it.
    pub async fn new(options: DemoOptions) -> Result<Self, Box<dyn Error>> {
        Self::with_entry(options, json!({})).await
    }

    /// The same with more members in the server's entry of the config file.
    pub async fn with_entry(options: DemoOptions, entry: Value) -> Result<Self, Box<dyn Error>> {
        Self::prepared(options, entry, |_, _| Ok(())).await
    }

    /// The same with something done to server and machine before the core starts.
    pub async fn prepared(
        options: DemoOptions,
        entry: Value,
        prepare: impl FnOnce(&Demo, &mut Desk) -> TestResult,
    ) -> Result<Self, Box<dyn Error>> {
        let (demo, mut desk, hand) = set(options, entry).await?;
        prepare(&demo, &mut desk)?;
        Self::begin(demo, desk, hand).await
    }

    async fn begin(demo: Demo, desk: Desk, hand: ManualClock) -> Result<Self, Box<dyn Error>> {
        let core = desk.start()?;
        let news = core.events();
        let server = core.server("demo")?;
        in_time(server.settled()).await?;
        Ok(Self {
            demo,
            desk,
            hand,
            core,
            server,
            news,
        })
    }

    /// A server that was just signed in to, and whose news are being listened to; the requests of that are forgotten.
    pub async fn signed_in(options: DemoOptions) -> Result<Self, Box<dyn Error>> {
        let listening = match options.era {
            Era::Session => "GET /mcp status=200",
            Era::Both | Era::Stateless => "rpc=subscriptions/listen status=200",
        };
        let mut scene = Self::new(options).await?;
        scene.sign_in().await?;
        in_time(scene.demo.until(listening, 1)).await?;
        scene.forget();
        Ok(scene)
    }

    /// Signs in, a second after whatever came before.
    pub async fn sign_in(&self) -> Result<ServerSnapshot, Box<dyn Error>> {
        self.hand.advance(Duration::from_secs(1));
        let signed_in = in_time(self.server.sign_in(SignInOptions::default())).await?;
        Ok(signed_in.map_err(Failure)?.snapshot)
    }

    /// Calls `echo`; its answer, or the code of what went wrong.
    pub async fn echo(&self) -> Result<String, Box<dyn Error>> {
        echo(&self.server).await
    }

    /// The process ends and another one starts.
    pub async fn restart(self) -> Result<Self, Box<dyn Error>> {
        let Self {
            demo,
            desk,
            hand,
            core,
            ..
        } = self;
        in_time(core.stop()).await?;
        Self::begin(demo, desk, hand).await
    }

    /// The clock of both, for another server.
    pub fn now(&self) -> Now {
        now_of(&self.desk.clock)
    }

    /// Waits until the state is as said.
    pub async fn until(
        &self,
        is: impl Fn(&ServerSnapshot) -> bool,
    ) -> Result<ServerSnapshot, Box<dyn Error>> {
        until(&self.core, is).await
    }

    /// The news since the last look.
    pub fn news(&mut self) -> Vec<Event> {
        let mut news = Vec::new();
        while let Ok(event) = self.news.try_recv() {
            news.push(event);
        }
        news
    }

    /// How often a person was asked since the last look at the news, and why.
    pub fn attention(&mut self) -> Vec<String> {
        let asked = |event| match event {
            Event::AttentionNeeded { problem, .. } => Some(problem.code.into_owned()),
            _ => None,
        };
        self.news().into_iter().filter_map(asked).collect()
    }

    /// Forgets the requests and the news so far.
    pub fn forget(&mut self) {
        self.demo.forget_calls();
        self.news();
    }

    /// Ends the process.
    pub async fn end(self) -> TestResult {
        in_time(self.core.stop()).await?;
        Ok(())
    }
}

async fn set(mut options: DemoOptions, entry: Value) -> Result<(Demo, Desk, ManualClock), Box<dyn Error>> {
    let (clock, hand) = Clock::manual(started());
    options.now = now_of(&clock);
    let demo = Demo::start(options).await?;
    let mut desk = Desk::new()?;
    desk.clock = clock;
    let mut server = json!({ "transport": "streamable-http", "url": demo.mcp_url() });
    if let (Some(server), Value::Object(more)) = (server.as_object_mut(), entry) {
        server.extend(more);
    }
    desk.configure(&json!({ "demo": server }))?;
    Ok((demo, desk, hand))
}

fn now_of(clock: &Clock) -> Now {
    let clock = clock.clone();
    Now::from_fn(move || since_1970(clock.now()))
}

fn since_1970(instant: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::try_from(instant.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
}

/// The instant at which every scene begins.
pub fn started() -> Timestamp {
    Timestamp::from_second(1_795_176_000).unwrap_or_default()
}

/// Calls `echo`; its answer, or the code of what went wrong.
pub(crate) async fn echo(server: &Server) -> Result<String, Box<dyn Error>> {
    match in_time(server.call("echo", arguments(&json!({ "text": "hello" })))).await? {
        Ok(result) if format!("{result:?}").contains("hello") => Ok("hello".to_owned()),
        Ok(result) => Err(format!("{result:?}").into()),
        Err(problem) => Ok(problem.code.into_owned()),
    }
}

/// Waits until the state of `demo` is as said.
pub async fn until(
    core: &Handle,
    is: impl Fn(&ServerSnapshot) -> bool,
) -> Result<ServerSnapshot, Box<dyn Error>> {
    until_of(core, "demo", is).await
}

/// The same for another server.
pub async fn until_of(
    core: &Handle,
    id: &str,
    is: impl Fn(&ServerSnapshot) -> bool,
) -> Result<ServerSnapshot, Box<dyn Error>> {
    let mut board = core.snapshot();
    let found = |snapshot: &Arc<omlx_mcp::Snapshot>| {
        snapshot
            .servers
            .iter()
            .find(|server| server.id.as_str() == id)
            .cloned()
    };
    let waited = in_time(board.wait_for(|snapshot| found(snapshot).is_some_and(|server| is(&server)))).await;
    match waited {
        Ok(snapshot) => found(&*snapshot?).ok_or_else(|| "no such server".into()),
        Err(_) => Err(format!("never came to be so: {:#?}", found(&core.snapshot().borrow())).into()),
    }
}

/// What `work` comes to, unless it never does.
pub async fn in_time<F: Future>(work: F) -> Result<F::Output, Box<dyn Error>> {
    Ok(tokio::time::timeout(PATIENCE, work).await?)
}

/// The code of what is wrong with a server.
pub fn code_of(server: &ServerSnapshot) -> Option<&str> {
    server.problem.as_ref().map(|problem| &*problem.code)
}

/// What went wrong, as code and action; an error when all went well.
pub fn said<T>(outcome: Result<T, Problem>) -> Result<(String, omlx_mcp::Action), Box<dyn Error>> {
    match outcome {
        Ok(_) => Err("it went well".into()),
        Err(problem) => Ok((problem.code.into_owned(), problem.action)),
    }
}

/// The arguments of a call.
pub fn arguments(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
