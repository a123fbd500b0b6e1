//! Known secrets are planted everywhere, everything that can go wrong does, and nothing that is said repeats one.
#![cfg(unix)]

use std::{
    error::Error,
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use omlx_demo::{Demo, DemoOptions, Fault, KnownClient, Protection};
use omlx_mcp::{
    AuthStatus, Problem, ServerId, Snapshot,
    browser::{Browser, BrowserError},
    config::{ConfigFile, Environment, NewEndpoint, NewServer, NewTransport},
    connection::SignInOptions,
    handle::{Handle, Server},
    oauth::{authorization::AuthorizationResponse, grant::Grant, grant::GrantKey},
    store::{CredentialStore, Home, Vault},
};
use omlx_tests::{Desk, Haul, Omlx, Ran, TestResult, agreed, browser_script};
use serde_json::json;
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};
use url::Url;

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

const CLIENT_SECRET: &str = "planted-client-secret/8Zq1";
const HEADER: &str = "planted-header-value-77Aa";
const QUERY: &str = "planted-query-value-5Kx0";
const ENVIRONMENT: &str = "planted-environment-value-3Vb9";
const PLANTED: [&str; 4] = [CLIENT_SECRET, HEADER, QUERY, ENVIRONMENT];

/// The log of this process, at the most talkative level, of everyone.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

static LOG: OnceLock<Log> = OnceLock::new();

impl Log {
    fn captured() -> Self {
        let log = LOG.get_or_init(|| {
            let log = Self::default();
            tracing_subscriber::fmt()
                .with_max_level(LevelFilter::TRACE)
                .with_ansi(false)
                .with_writer(log.clone())
                .init();
            log
        });
        log.clone()
    }

    /// Without what rmcp itself says of each message and of its session; docs/security.md says so.
    fn text(&self) -> String {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = String::from_utf8_lossy(&log);
        let ours = lines
            .lines()
            .filter(|line| !line.contains("new event evt=PeerMessage("))
            .filter(|line| !(line.contains("rmcp::transport") && line.contains(" session_id=")));
        ours.collect::<Vec<_>>().join("\n")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A browser that lets a scenario know the code before it comes back.
#[derive(Clone)]
struct Witness(Arc<dyn Fn(&str) + Send + Sync>);

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness")
    }
}

impl Browser for Witness {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        let (url, witness) = (url.to_string(), self.clone());
        tokio::spawn(async move {
            let Ok(back) = agreed(&url).await.map_err(drop) else {
                return;
            };
            (witness.0)(&back);
            let _ = tokio::process::Command::new("curl")
                .args(["-s", "-o", "/dev/null", &back])
                .status()
                .await;
        });
        Ok(())
    }
}

/// The two servers: one where people sign in, and one with a credential in everything that can hold one.
struct Servers {
    guarded: Arc<Demo>,
    open: Demo,
}

impl Servers {
    async fn start() -> io::Result<Self> {
        let mut options = DemoOptions::headless();
        options.registration.auth_methods = vec!["client_secret_basic".to_owned()];
        options.registration.known = vec![KnownClient {
            id: "planted".to_owned(),
            secret: Some(CLIENT_SECRET.to_owned()),
            auth_method: "client_secret_basic".to_owned(),
            redirect_uris: vec!["http://127.0.0.1/oauth/callback".to_owned()],
            grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        }];
        let open = DemoOptions {
            protection: Protection::Header {
                name: "authorization".to_owned(),
                value: format!("Bearer {HEADER}"),
            },
            ..DemoOptions::headless()
        };
        Ok(Self {
            guarded: Arc::new(Demo::start(options).await?),
            open: Demo::start(open).await?,
        })
    }

    fn configure(&self, desk: &Desk) -> io::Result<()> {
        let headers = json!({ "Authorization": format!("Bearer {HEADER}") });
        let url = format!("{}?api_key={QUERY}", self.open.mcp_url());
        let away = format!("http://127.0.0.1:9/mcp?api_key={QUERY}");
        desk.configure(&json!({
            "demo": { "transport": "streamable-http", "url": self.guarded.mcp_url() },
            "known": {
                "transport": "streamable-http", "url": self.guarded.mcp_url(),
                "auth": { "type": "oauth2", "client_id": "planted", "client_secret": CLIENT_SECRET },
            },
            "static": { "transport": "streamable-http", "url": url, "headers": headers },
            "away": { "transport": "streamable-http", "url": away, "headers": headers },
            "legacy": { "transport": "sse", "url": away, "headers": headers },
            "local": { "transport": "stdio", "command": "/bin/false", "args": [QUERY], "env": { "KEY": ENVIRONMENT } },
            "broken": { "transport": "stdio", "url": url, "headers": { "X": HEADER }, "env": { "KEY": ENVIRONMENT } },
        }))
    }

    fn calls(&self) -> Vec<omlx_demo::Call> {
        [self.guarded.calls(), self.open.calls()].concat()
    }
}

/// Tells on itself: the whole state of one server, as every surface could show it.
async fn everything(haul: &mut Haul, core: &Handle) -> TestResult {
    haul.debug("the handle", core);
    let snapshot = core.snapshot().borrow().clone();
    haul.debug("the snapshot", &snapshot);
    haul.json("the snapshot", &snapshot);
    for id in ["demo", "known", "static", "away", "legacy", "local"] {
        let server = core.server(id)?;
        server.settled().await;
        haul.debug(id, &server);
        haul.json("a timeline", &server.timeline());
        haul.json("a log", &server.log());
    }
    Ok(())
}

fn problem(haul: &mut Haul, place: &str, problem: &Problem) {
    haul.debug(place, problem);
    haul.json(place, problem);
}

async fn sign_in(haul: &mut Haul, server: &Server) -> Option<Problem> {
    let options = SignInOptions {
        patience: Duration::from_secs(20),
        ..SignInOptions::default()
    };
    let outcome = server.sign_in(options).await;
    haul.debug("a sign-in", &outcome);
    haul.json("a timeline", &server.timeline());
    outcome.err()
}

async fn call(haul: &mut Haul, server: &Server, tool: &str) -> Option<Problem> {
    let arguments = json!({ "text": "hello" })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let outcome = server.call(tool, arguments).await;
    haul.debug("a call", &outcome);
    haul.json("a timeline", &server.timeline());
    if let Err(failed) = &outcome {
        problem(haul, "a call", failed);
    }
    outcome.err()
}

fn vault(desk: &Desk) -> Vault {
    Vault::open(&Home::at(desk.home_path()), Arc::new(desk.keychain.clone()))
}

async fn grant(desk: &Desk, id: &str) -> Result<Grant, Box<dyn Error>> {
    let config = ConfigFile::at(desk.config_path(), &Environment::process()).read()?;
    let server = config.servers.get(&id.parse::<ServerId>()?).ok_or("no entry")?;
    let key = GrantKey::of(server).ok_or("no URL")?;
    Ok(vault(desk).load(&key).await?.ok_or("no grant")?)
}

/// Every way a server can repeat `secret` where an error is expected.
fn parrots(secret: &str) -> Vec<Fault> {
    let reply = |status, content_type: &str, body: String| Fault::Reply {
        status,
        content_type: content_type.to_owned(),
        body,
    };
    let html = format!("<!doctype html><title>{secret}</title><p>No: {secret}");
    let refused = |code: &str| json!({ "error": code, "error_description": format!("'{secret}' is no good"), "error_uri": secret });
    vec![
        Fault::Status(503),
        reply(500, "text/html", html.clone()),
        reply(200, "text/html", html),
        reply(
            200,
            "application/json",
            format!("{{\"refresh_token\": \"{secret}\""),
        ),
        reply(
            200,
            "application/json",
            json!({ "refresh_token": secret }).to_string(),
        ),
        reply(200, "text/plain", secret.to_owned()),
        reply(400, "application/json", refused("invalid_request").to_string()),
        reply(400, "application/json", json!({ "error": secret }).to_string()),
        reply(401, "application/json", refused("invalid_client").to_string()),
        Fault::Redirect(format!("https://elsewhere.example/{secret}?token={secret}")),
        Fault::CutBody,
        Fault::DropBefore,
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one life, told in order")]
async fn a_whole_life_at_the_most_talkative_log_level_repeats_no_secret() -> TestResult {
    let log = Log::captured();
    let (servers, desk, mut haul) = (Servers::start().await?, Desk::new()?, Haul::default());
    servers.configure(&desk)?;
    let core = desk.start_with(Arc::new(Witness(Arc::new(|_| {}))))?;
    let mut news = core.events();
    everything(&mut haul, &core).await?;

    let (demo, known) = (core.server("demo")?, core.server("known")?);
    assert_eq!(
        sign_in(&mut haul, &known).await.map(|problem| problem.message),
        None
    );
    assert_eq!(
        sign_in(&mut haul, &demo).await.map(|problem| problem.message),
        None
    );
    everything(&mut haul, &core).await?;
    call(&mut haul, &demo, "echo").await;
    assert!(
        call(&mut haul, &demo, "add_note").await.is_some(),
        "a scope is missing"
    );
    let is_told = |snapshot: &Arc<Snapshot>| {
        let demo = snapshot.server(demo.id());
        demo.is_some_and(|server| server.auth == AuthStatus::InsufficientScope)
    };
    core.snapshot().wait_for(is_told).await?;
    assert_eq!(
        sign_in(&mut haul, &demo).await.map(|problem| problem.message),
        None
    );

    let guarded = &servers.guarded;
    for fault in parrots(grant(&desk, "demo").await?.tokens.access_token.secret()) {
        guarded.set(fault.at("POST /mcp").times(2));
        call(&mut haul, &demo, "echo").await;
        guarded.clear_faults();
        demo.retry().await;
        demo.settled().await;
    }
    let stored = grant(&desk, "demo").await?;
    let token = stored.tokens.access_token.secret();
    guarded.set(
        Fault::RpcError {
            code: -32000,
            message: format!("{token} may not"),
        }
        .at("rpc=tools/call")
        .once(),
    );
    call(&mut haul, &demo, "echo").await;
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{token} has ended\"");
    guarded.set(Fault::Challenges(vec![challenge]));
    guarded.set(Fault::RejectToken.at("POST /mcp").times(2));
    call(&mut haul, &demo, "echo").await;
    guarded.clear_faults();

    haul.debug("a grant", &stored);
    for (server, id) in [(&demo, "demo"), (&known, "known")] {
        assert_eq!(
            sign_in(&mut haul, server).await.map(|problem| problem.message),
            None
        );
        for fault in parrots(
            grant(&desk, id)
                .await?
                .tokens
                .refresh_token
                .ok_or("no refresh token")?
                .secret(),
        ) {
            guarded.expire_access_tokens();
            guarded.set(fault.at("POST /token").once());
            call(&mut haul, server, "echo").await;
            guarded.clear_faults();
            if server.snapshot().auth != AuthStatus::Authenticated {
                sign_in(&mut haul, server).await;
            }
        }
    }
    everything(&mut haul, &core).await?;

    let client = stored
        .client
        .client_secret
        .as_ref()
        .ok_or("no secret")?
        .secret()
        .clone();
    guarded.set(Fault::oauth_error(400, &stored.tokens.access_token.secret().clone()).at("POST /revoke"));
    haul.debug("a sign-out", &demo.sign_out().await);
    guarded.clear_faults();
    haul.debug("a sign-out", &known.sign_out().await);
    while let Ok(event) = news.try_recv() {
        haul.debug("an event", &event);
        haul.json("an event", &event);
    }
    core.stop().await;
    haul.files(&desk.home_path())?;
    let key = desk.keychain.read()?.ok_or("no key")?;
    haul.without_authorization_urls();
    haul.text("log", log.text());
    assert!(
        haul.contains("hyper") && haul.contains("rmcp"),
        "everyone's log is there"
    );
    assert!(client.starts_with(omlx_demo::SECRET_MARK));
    none(&haul, &servers, &key)
}

/// Looks for every secret there is.
fn none(haul: &Haul, servers: &Servers, key: &[u8]) -> TestResult {
    let key = std::str::from_utf8(key)?;
    let bare = key.rsplit('.').next().ok_or("no key")?;
    let leaks = haul.leaks(&[PLANTED.as_slice(), &[bare]].concat(), &servers.calls());
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_repeats_the_code_in_its_refusal_does_not_get_it_shown() -> TestResult {
    let log = Log::captured();
    let (servers, desk, mut haul) = (Servers::start().await?, Desk::new()?, Haul::default());
    servers.configure(&desk)?;
    for which in 0..parrots("").len() {
        let demo = Arc::clone(&servers.guarded);
        let browser = Witness(Arc::new(move |back: &str| {
            let back = Url::parse(back).expect("a redirect");
            let code = back
                .query_pairs()
                .find(|(name, _)| name == "code")
                .expect("a code")
                .1;
            demo.set(parrots(&code).swap_remove(which).at("POST /token").once());
        }));
        let core = desk.start_with(Arc::new(browser))?;
        let mut news = core.events();
        let failed = sign_in(&mut haul, &core.server("known")?)
            .await
            .ok_or("signed in")?;
        problem(&mut haul, "a sign-in", &failed);
        everything(&mut haul, &core).await?;
        while let Ok(event) = news.try_recv() {
            haul.json("an event", &event);
        }
        core.stop().await;
        servers.guarded.clear_faults();
    }
    haul.files(&desk.home_path())?;
    haul.without_authorization_urls();
    haul.text("log", log.text());
    none(&haul, &servers, b"there.is-no-key-yet-in-this-scenario")
}

#[tokio::test]
async fn what_holds_a_secret_does_not_show_it_when_it_is_printed() -> TestResult {
    let (servers, desk, mut haul) = (Servers::start().await?, Desk::new()?, Haul::default());
    servers.configure(&desk)?;
    let file = ConfigFile::at(desk.config_path(), &Environment::process());
    let config = file.read()?;
    haul.debug("the config", &config);
    for server in config.servers.values() {
        haul.debug("an entry's key", &GrantKey::of(server));
    }
    for note in &config.notes {
        problem(&mut haul, "a note", &note.problem);
    }
    let endpoint = NewEndpoint {
        url: format!("https://h.example/?key={QUERY}"),
        headers: vec![("Authorization".to_owned(), HEADER.to_owned())],
    };
    haul.debug("an endpoint", &endpoint);
    haul.debug(
        "a server",
        &NewServer::new(NewTransport::StreamableHttp(endpoint)),
    );
    haul.debug(
        "a server",
        &NewServer::new(NewTransport::Stdio {
            command: "run".to_owned(),
            args: vec![QUERY.to_owned()],
            env: vec![("KEY".to_owned(), ENVIRONMENT.to_owned())],
            cwd: None,
        }),
    );
    for text in [
        format!("http://127.0.0.1/?code={QUERY}&state={HEADER}"),
        format!("http://127.0.0.1/?error=access_denied&error_description={QUERY}"),
        QUERY.to_owned(),
    ] {
        if let Err(error) = AuthorizationResponse::parse(&text) {
            haul.error("a response", &error);
        }
    }
    for text in [
        format!("{{\"servers\": {{\"a\": {{\"url\": \"{QUERY}\", \"headers\": \"{HEADER}\"}}}}}}"),
        format!(
            "{{\"servers\": {{\"a\": {{\"url\": \"https://x/?k={QUERY}\", \"headers\": {{\"X\": [\"{HEADER}\"]}}"
        ),
        format!("{{\"servers\": {{\"a\": {{\"command\": [\"{QUERY}\"], \"env\": \"{ENVIRONMENT}\"}}}}}}"),
        format!("{{\"servers\": {{\"a\": {{\"url\": \"ftp://{HEADER}:{QUERY}@h/\"}}}}}}"),
        format!(
            "{{\"servers\": {{\"a\": {{\"url\": \"https://h/\", \"headers\": {{\"X\": \"{HEADER}\\n\"}}}}}}}}"
        ),
        format!(
            "{{\"servers\": {{\"a\": {{\"url\": \"https://h/\", \"auth\": {{\"client_secret\": [\"{CLIENT_SECRET}\"]}}}}}}}}"
        ),
        format!("{QUERY}: {HEADER}"),
    ] {
        std::fs::write(desk.config_path(), text)?;
        match file.read() {
            Ok(config) => haul.debug("a bad config", &config),
            Err(error) => haul.error("a bad config", &error),
        }
    }
    none(&haul, &servers, b"there.is-no-key-yet-in-this-scenario")
}

fn ran(haul: &mut Haul, words: &[&str], ran: Ran) {
    let command = words.join(" ");
    haul.text(&format!("stdout of {command}"), ran.data);
    haul.text(&format!("stderr of {command}"), ran.words);
}

async fn command(haul: &mut Haul, desk: &Desk, words: &[&str]) -> Result<Option<i32>, Box<dyn Error>> {
    let browser = browser_script(desk)?;
    let done = Omlx::on(desk, OMLX, words)
        .with("OMLX_LOG", "trace")
        .with("RUST_BACKTRACE", "full")
        .with("BROWSER", browser);
    let done = done.run().await?;
    let code = done.code;
    ran(haul, words, done);
    Ok(code)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_repeats_no_secret_in_data_words_log_or_crash() -> TestResult {
    let (servers, desk, mut haul) = (Servers::start().await?, Desk::new()?, Haul::default());
    servers.configure(&desk)?;
    command(&mut haul, &desk, &["mcp", "status"]).await?;

    let words = ["mcp", "login", "known", "--no-browser"];
    let mut login = Omlx::on(&desk, OMLX, &words).with("OMLX_LOG", "trace").start()?;
    let back = agreed(&login.line().await?).await?;
    login
        .type_in(&format!(
            "http://127.0.0.1:1/oauth/callback?code={QUERY}&state={HEADER}"
        ))
        .await?;
    login.type_in(QUERY).await?;
    login.type_in(&back).await?;
    let done = login.end().await?;
    assert_eq!(done.code, Some(0), "{done:?}");
    ran(&mut haul, &words, done);

    assert_eq!(
        command(&mut haul, &desk, &["mcp", "login", "demo", "--json"]).await?,
        Some(0)
    );
    assert_eq!(
        command(&mut haul, &desk, &["mcp", "call", "demo__echo", "text=hi", "-vv"]).await?,
        Some(0)
    );
    servers.guarded.expire_access_tokens();
    for words in [
        ["mcp", "tools"].as_slice(),
        &["mcp", "tools", "--json"],
        &["mcp", "status", "--json"],
        &["mcp", "status", "--check", "-vvv"],
        &["mcp", "doctor"],
        &["mcp", "doctor", "--json"],
    ] {
        command(&mut haul, &desk, words).await?;
    }
    for point in ["refresh.save", "grant.write", "grant.rename"] {
        servers.guarded.expire_access_tokens();
        let words = ["mcp", "call", "demo__echo", "text=hi"];
        let crashed = Omlx::on(&desk, OMLX, &words)
            .with("OMLX_LOG", "trace")
            .with("RUST_BACKTRACE", "full")
            .with("OMLX_FAULT", point);
        let crashed = crashed.run().await?;
        assert_eq!(crashed.code, None, "{point} was passed: {crashed:?}");
        ran(&mut haul, &words, crashed);
        haul.files(&desk.home_path())?;
        command(&mut haul, &desk, &["mcp", "login", "demo"]).await?;
    }
    haul.files(&desk.home_path())?;
    let key = std::fs::read(desk.home_path().join("vault.key"))?;
    command(&mut haul, &desk, &["mcp", "logout", "known", "--json"]).await?;
    command(&mut haul, &desk, &["mcp", "logout", "--all"]).await?;
    haul.files(&desk.home_path())?;
    haul.without_authorization_urls();
    assert!(
        haul.contains("rmcp::") && haul.contains("Signed in"),
        "everything is there"
    );
    none(&haul, &servers, key.trim_ascii())
}

#[tokio::test]
async fn the_locks_of_a_vault_say_who_holds_them_and_nothing_else() -> TestResult {
    let (servers, desk, mut haul) = (Servers::start().await?, Desk::new()?, Haul::default());
    servers.configure(&desk)?;
    let config = ConfigFile::at(desk.config_path(), &Environment::process()).read()?;
    let vault = vault(&desk);
    for server in config.servers.values() {
        let Some(key) = GrantKey::of(server) else { continue };
        let held = vault.lock(&key, Duration::from_secs(1)).await?;
        held.mark();
        haul.debug("a lock", &held);
        let refused = vault.lock(&key, Duration::ZERO).await;
        haul.error("a lock", &refused.err().ok_or("two holders")?);
        haul.files(&desk.home_path())?;
    }
    haul.debug("the vault", &vault);
    none(&haul, &servers, b"there.is-no-key-yet-in-this-scenario")
}
