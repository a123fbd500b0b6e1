//! The way from 401 to tools, told while it is gone.

use std::time::Duration;

use omlx_demo::Demo;
use omlx_mcp::{
    connection::{BrowserUse, SignInOptions},
    event::SignInPrompt,
    handle::{Handle, Server},
};
use rmcp::model::JsonObject;
use serde::Serialize;
use serde_json::json;

use super::{
    chapter::{self, Chapter},
    visitor::{Visit, Visitor},
};
use crate::{
    failure::Failure,
    output::{Output, face::Paint, text},
    words,
};

/// How often the demo is asked what it has seen.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a person has on the consent page.
const PATIENCE: Duration = Duration::from_mins(10);

/// The tool that is called; its answer is known.
const TOOL: &str = "add";

/// Where we are.
pub(super) struct Journey<'a> {
    demo: &'a Demo,
    visitor: &'a Visitor,
    output: &'a mut Output,
    silent: bool,
    chapter: Option<Chapter>,
    chapters: usize,
    /// How many of the demo's requests were told.
    told: usize,
    server: Option<omlx_mcp::ServerSnapshot>,
    answer: Option<String>,
}

/// `--json`: the requests as the demo has seen them.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    url: String,
    server: Option<omlx_mcp::ServerSnapshot>,
    answer: Option<String>,
    requests: Vec<Request>,
}

#[derive(Debug, Serialize)]
struct Request {
    method: String,
    path: String,
    rpc_method: Option<String>,
    tool: Option<String>,
    status: Option<u16>,
}

impl<'a> Journey<'a> {
    pub(super) fn new(demo: &'a Demo, visitor: &'a Visitor, output: &'a mut Output) -> Self {
        Self {
            demo,
            visitor,
            output,
            silent: false,
            chapter: None,
            chapters: 0,
            told: 0,
            server: None,
            answer: None,
        }
    }

    /// Tells nothing.
    pub(super) fn silently(self) -> Self {
        Self { silent: true, ..self }
    }

    /// From 401 to tools.
    pub(super) async fn sign_in(&mut self, handle: &Handle, server: &Server) -> Result<(), Failure> {
        self.tell(
            Paint::Plain,
            &format!(
                "An MCP server on this machine, with a sign-in of its own: {}",
                self.demo.mcp_url()
            ),
        )?;
        server.settled().await;
        let options = SignInOptions {
            browser: BrowserUse::Open,
            patience: PATIENCE,
        };
        let mut outcome = std::pin::pin!(server.sign_in(options));
        let mut board = handle.snapshot();
        let mut glances = tokio::time::interval(GLANCE);
        let mut asked = false;
        let signed_in = loop {
            tokio::select! {
                outcome = &mut outcome => break outcome.map_err(|problem| Failure::of(problem, Some(server.id())))?,
                Ok(()) = board.changed() => {}
                _ = glances.tick() => {}
            }
            self.catch_up()?;
            if let (false, Some(SignInPrompt::Browser { url })) = (asked, server.snapshot().prompt) {
                self.ask(&url)?;
                asked = true;
            }
        };
        self.catch_up()?;
        self.arrived(signed_in.snapshot)
    }

    fn ask(&mut self, url: &str) -> Result<(), Failure> {
        self.begin(Chapter::Consent)?;
        match self.visitor.visit() {
            Some(Visit::Person) => {
                self.tell(
                    Paint::Strong,
                    "   Agree in the browser. If it did not open, the address is:",
                )?;
                self.tell(Paint::Faint, &format!("   {}", text::line(url)))
            }
            Some(Visit::NoBrowser) => self.tell(
                Paint::Attention,
                "   No browser can be opened here, so the demo agrees by itself.",
            ),
            Some(Visit::NotAsked) | None => self.tell(
                Paint::Attention,
                "   No browser is wanted, so the demo agrees by itself.",
            ),
        }
    }

    fn arrived(&mut self, server: omlx_mcp::ServerSnapshot) -> Result<(), Failure> {
        let tools = server.tool_count.unwrap_or_default();
        self.tell(
            Paint::Good,
            &format!("   ✓ {} as {}", words::auth(&server), words::account(&server)),
        )?;
        self.tell(
            Paint::Good,
            &format!("   ✓ {}", text::counted(tools as usize, "tool")),
        )?;
        self.server = Some(server);
        Ok(())
    }

    /// One call.
    pub(super) async fn call(&mut self, server: &Server) -> Result<(), Failure> {
        self.begin(Chapter::Call)?;
        self.add(server).await
    }

    /// The same call with a token that is over.
    pub(super) async fn expire(&mut self, server: &Server) -> Result<(), Failure> {
        self.begin(Chapter::Refresh)?;
        self.demo.expire_access_tokens();
        self.add(server).await
    }

    async fn add(&mut self, server: &Server) -> Result<(), Failure> {
        let arguments = JsonObject::from_iter([("a".to_owned(), json!(2)), ("b".to_owned(), json!(40))]);
        let result = server.call(TOOL, arguments).await;
        self.catch_up()?;
        let result = result.map_err(|problem| Failure::of(problem, Some(server.id())))?;
        let answer = result
            .content
            .iter()
            .find_map(|block| block.as_text())
            .map(|block| text::line(&block.text));
        let shown = answer.clone().unwrap_or_default();
        self.answer = answer;
        self.tell(
            Paint::Good,
            &format!("   ✓ {}__{TOOL} a=2 b=40 gives {shown}", server.id()),
        )
    }

    /// Revokes everything.
    pub(super) async fn sign_out(&mut self, server: &Server) -> Result<(), Failure> {
        self.begin(Chapter::SignOut)?;
        let outcome = server.sign_out().await;
        self.catch_up()?;
        outcome
            .map(drop)
            .map_err(|problem| Failure::of(problem, Some(server.id())))
    }

    /// What comes next, by the words for our commands, and everything once more as data.
    pub(super) fn end(mut self, program: &str) -> Result<Summary, Failure> {
        self.tell(Paint::Plain, "")?;
        self.tell(
            Paint::Strong,
            "That is all there is to it. The same with a server of yours:",
        )?;
        self.tell(
            Paint::Command,
            &format!("  {program} add notion https://mcp.notion.com/mcp"),
        )?;
        self.tell(Paint::Command, &format!("  {program} login notion"))?;
        self.output.flush()?;
        Ok(Summary {
            url: self.demo.mcp_url(),
            server: self.server,
            answer: self.answer,
            requests: self.demo.calls().into_iter().map(Request::from).collect(),
        })
    }

    /// Tells what the demo has seen since the last look; a request under way is told when it is over.
    fn catch_up(&mut self) -> Result<(), Failure> {
        let calls = self.demo.calls();
        for call in calls
            .iter()
            .skip(self.told)
            .take_while(|call| call.status.is_some())
        {
            self.told += 1;
            let later = matches!(
                self.chapter,
                Some(Chapter::Call | Chapter::Refresh | Chapter::SignOut)
            );
            if let Some(chapter) = Chapter::on_the_way_in(call).filter(|_| !later) {
                self.begin(chapter)?;
            }
            if !chapter::is_aside(call) {
                self.tell(Paint::Faint, &format!("   {}", chapter::line(call)))?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, chapter: Chapter) -> Result<(), Failure> {
        if self.chapter == Some(chapter) {
            return Ok(());
        }
        self.chapter = Some(chapter);
        self.chapters += 1;
        self.tell(Paint::Plain, "")?;
        self.tell(Paint::Strong, &format!("{}. {}", self.chapters, chapter.title()))?;
        self.tell(Paint::Plain, &format!("   {}", chapter.sentence()))
    }

    fn tell(&mut self, paint: Paint, line: &str) -> Result<(), Failure> {
        if self.silent {
            return Ok(());
        }
        let painted = self.output.face().paint(paint, line);
        self.output.data(&painted)?;
        Ok(self.output.flush()?)
    }
}

impl From<omlx_demo::Call> for Request {
    fn from(call: omlx_demo::Call) -> Self {
        Self {
            method: call.method,
            path: call.path,
            rpc_method: call.rpc_method,
            tool: call.tool,
            status: call.status,
        }
    }
}
