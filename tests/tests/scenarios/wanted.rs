//! A client calls a server that nobody is signed in to: whoever sits before the app is asked, once.
#![cfg(unix)]

use std::{error::Error, sync::Arc};

use omlx_demo::Era;
use omlx_mcp::{AuthStatus, Event, Problem, handle::Handle};
use omlx_tests::{Desk, NoBrowser, Omlx, TestResult, in_time, until};
use tokio::sync::broadcast::Receiver;

use crate::lending::{Client, DEMO, Lent, OMLX, text_of};

/// What a person before the app was told, in order.
struct App {
    core: Handle,
    news: Receiver<Event>,
}

impl App {
    async fn start(desk: &Desk) -> Result<Self, Box<dyn Error>> {
        let core = Desk::process(&desk.config_path(), &desk.home_path(), Arc::new(NoBrowser))?;
        let news = core.events();
        until(&core, |server| server.auth == AuthStatus::Authenticated).await?;
        Ok(Self { core, news })
    }

    /// Waits for the word that a client called.
    async fn called(&mut self) -> Result<Vec<Problem>, Box<dyn Error>> {
        let mut asked = Vec::new();
        loop {
            match in_time(self.news.recv()).await?? {
                Event::AttentionNeeded { problem, .. } => asked.push(problem),
                Event::Wanted { server } if server.as_str() == "demo" => return Ok(asked),
                _ => {}
            }
        }
    }

    /// How often a client's call was news since the last look.
    fn calls(&mut self) -> usize {
        let mut calls = 0;
        while let Ok(event) = self.news.try_recv() {
            calls += usize::from(matches!(event, Event::Wanted { .. }));
        }
        calls
    }
}

async fn signed_out(desk: &Desk, app: &App) -> TestResult {
    let ran = Omlx::on(desk, OMLX, &["mcp", "logout", "demo"]).run().await?;
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    until(&app.core, |server| server.auth == AuthStatus::NotAuthenticated).await?;
    Ok(())
}

#[tokio::test]
async fn a_call_to_a_signed_out_server_asks_whoever_sits_before_the_app_once_whichever_way_it_came()
-> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let mut app = App::start(&lent.desk).await?;
    signed_out(&lent.desk, &app).await?;
    assert_eq!(app.calls(), 0, "nobody has called");

    let (mut client, _) = Client::greeted(&lent.desk, &["demo"]).await?;
    let tools = client.ask("tools/list", serde_json::json!({})).await?;
    assert!(tools["result"]["tools"].is_array(), "{tools}");
    let call = client.echo("hello").await?;
    assert!(text_of(&call).contains("omlx mcp login demo"), "{call}");
    let asked = app.called().await?;
    let codes: Vec<_> = asked.iter().map(|problem| &*problem.code).collect();
    assert_eq!(codes, ["sign_in_needed"]);

    let (session, _) = lent.greet(DEMO).await?;
    let (mut other, _) = Client::greeted(&lent.desk, &["demo"]).await?;
    for _ in 0..3 {
        assert_eq!(lent.echo(DEMO, session.as_deref()).await?["isError"], true);
        assert_eq!(client.echo("hello").await?["isError"], true);
        assert_eq!(other.echo("hello").await?["isError"], true);
    }
    lent.desk.sign_in().await?;
    until(&app.core, |server| server.auth == AuthStatus::Authenticated).await?;
    assert_eq!(app.calls(), 0, "one need is one question");
    Ok(())
}

#[tokio::test]
async fn the_next_sign_out_is_another_need_and_a_call_through_the_gateway_asks_as_well() -> TestResult {
    let lent = Lent::ready(Era::Session).await?;
    let mut app = App::start(&lent.desk).await?;
    let (session, _) = lent.greet(DEMO).await?;
    for _ in 0..2 {
        signed_out(&lent.desk, &app).await?;
        lent.until_auth("not_authenticated").await?;
        assert_eq!(lent.echo(DEMO, session.as_deref()).await?["isError"], true);
        app.called().await?;
        lent.desk.sign_in().await?;
        until(&app.core, |server| server.auth == AuthStatus::Authenticated).await?;
        lent.until_auth("authenticated").await?;
    }
    Ok(())
}
