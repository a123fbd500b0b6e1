//! The same of what lends: keys of clients, tokens of servers and what calls carry are repeated by no log, answer or
//! report, whatever a client or a server does; nor is what other clients' files hold by `use` and `import`.
#![cfg(unix)]

use std::{error::Error, fs, sync::Arc};

use omlx_demo::{Call, Demo, DemoOptions, Fault, Protection};
use omlx_mcp::{
    ServerId,
    config::{ConfigFile, Environment},
    oauth::grant::GrantKey,
    store::{Home, NoKeychain, Vault},
};
use omlx_tests::{Desk, Haul, Omlx, TestResult};
use reqwest::Response;
use serde_json::{Value, json};

use crate::lending::{Client, DEMO, Lent, OMLX};

const HEADER: &str = "planted-header-value-77Aa";
const QUERY: &str = "planted-query-value-5Kx0";
const ENVIRONMENT: &str = "planted-environment-value-3Vb9";
const ARGUMENT: &str = "planted-argument-value-9Pt4";
const WRONG_KEY: &str = "omlx_planted-key-of-nobody-2Wc6";
const PLANTED: [&str; 5] = [HEADER, QUERY, ENVIRONMENT, ARGUMENT, WRONG_KEY];

/// One server where people sign in, and one with a credential in its entry.
struct Servers {
    guarded: Demo,
    open: Demo,
}

impl Servers {
    async fn start(desk: &Desk) -> Result<Self, Box<dyn Error>> {
        let guarded = Demo::start(DemoOptions::headless()).await?;
        let protection = Protection::Header {
            name: "authorization".to_owned(),
            value: format!("Bearer {HEADER}"),
        };
        let open = Demo::start(DemoOptions {
            protection,
            ..DemoOptions::headless()
        })
        .await?;
        desk.configure(&json!({
            "demo": { "transport": "streamable-http", "url": guarded.mcp_url() },
            "static": {
                "transport": "streamable-http", "url": format!("{}?api_key={QUERY}", open.mcp_url()),
                "headers": { "Authorization": format!("Bearer {HEADER}") },
            },
            "away": { "transport": "streamable-http", "url": format!("http://127.0.0.1:9/mcp?api_key={QUERY}") },
            "local": { "command": "/bin/false", "args": [QUERY], "env": { "KEY": ENVIRONMENT } },
        }))?;
        Ok(Self { guarded, open })
    }

    fn calls(&self) -> Vec<Call> {
        [self.guarded.calls(), self.open.calls()].concat()
    }
}

/// The token that is sent to `demo`.
async fn token(desk: &Desk) -> Result<String, Box<dyn Error>> {
    let vault = Vault::open(&Home::at(desk.home_path()), Arc::new(NoKeychain));
    let config = ConfigFile::at(desk.config_path(), &Environment::process()).read()?;
    let server = config
        .servers
        .get(&"demo".parse::<ServerId>()?)
        .ok_or("no entry")?;
    let key = GrantKey::of(server).ok_or("no URL")?;
    let grant = vault.load(&key).await?.ok_or("no grant")?;
    Ok(grant.tokens.access_token.secret().clone())
}

/// Every way a server can repeat `secret` where an answer is expected.
fn parrots(secret: &str) -> Vec<Fault> {
    let page = |status| Fault::Reply {
        status,
        content_type: "text/html".to_owned(),
        body: format!("<title>{secret}</title>"),
    };
    vec![
        Fault::Status(503),
        page(500),
        page(200),
        Fault::Redirect(format!("https://elsewhere.example/{secret}")),
        Fault::CutBody,
        Fault::DropBefore,
        Fault::Challenges(vec![format!(
            "Bearer error=\"invalid_token\", error_description=\"{secret}\""
        )]),
    ]
}

async fn command(haul: &mut Haul, desk: &Desk, words: &[&str]) -> TestResult {
    let words = [&["mcp"], words].concat();
    let done = Omlx::on(desk, OMLX, &words)
        .with("OMLX_LOG", "trace")
        .run()
        .await?;
    haul.text(&format!("stdout of {}", words.join(" ")), done.data);
    haul.text(&format!("stderr of {}", words.join(" ")), done.words);
    Ok(())
}

fn none(haul: &Haul, servers: &Servers, also: &[&str]) {
    let leaks = haul.leaks(&[PLANTED.as_slice(), also].concat(), &servers.calls());
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

/// An answer, as far as it comes: what a server breaks off, the gateway breaks off as well.
async fn read(mut answer: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// Asks whatever can be asked of the gateway, with a key and without.
async fn asked(haul: &mut Haul, lent: &Lent, session: Option<&str>) -> TestResult {
    let carrying = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "always_fails", "arguments": { "text": ARGUMENT },
    } });
    let answer = lent.message(DEMO, session, carrying.clone()).await?;
    haul.text("a call", read(answer).await);
    for server in ["static", "away", "local"] {
        let path = format!("/servers/{server}/mcp");
        haul.text(
            server,
            read(lent.message(&path, None, carrying.clone()).await?).await,
        );
    }
    for path in ["/status", "/v1/mcp/tools", "/v1/mcp/servers", "/nowhere"] {
        haul.json(path, &lent.get(path).await?);
    }
    let execution = json!({ "tool_name": "demo__always_fails", "arguments": { "text": ARGUMENT } });
    for body in [
        execution.to_string(),
        format!("{{\"{ARGUMENT}"),
        format!("[[\"{ARGUMENT}\"]]"),
    ] {
        for path in ["/v1/mcp/execute", "/mcp", DEMO] {
            haul.text(path, read(lent.to(path).body(body.clone()).send().await?).await);
        }
    }
    let unknown = lent
        .http
        .post(format!("{}{DEMO}?key={QUERY}", lent.url))
        .bearer_auth(WRONG_KEY);
    let unknown = unknown.header("cookie", HEADER).header("x-api-key", WRONG_KEY);
    let unknown = unknown.header("origin", format!("https://{QUERY}.example"));
    haul.text("a stranger", read(unknown.send().await?).await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_gateway_nor_bridge_repeats_a_key_a_token_or_an_argument() -> TestResult {
    let (desk, mut haul) = (Desk::new()?, Haul::default());
    let servers = Servers::start(&desk).await?;
    desk.sign_in().await?;
    let unused = Demo::start(DemoOptions::headless()).await?;
    let lent = Lent::over(unused, desk).await?;
    let (session, _) = lent.greet(DEMO).await?;
    let session = session.as_deref();
    asked(&mut haul, &lent, session).await?;
    for fault in parrots(&token(&lent.desk).await?) {
        servers.guarded.set(fault.at("POST /mcp").times(2));
        asked(&mut haul, &lent, session).await?;
        servers.guarded.clear_faults();
    }
    servers.guarded.expire_access_tokens();
    servers
        .guarded
        .set(Fault::oauth_error(400, HEADER).at("POST /token").once());
    asked(&mut haul, &lent, session).await?;

    let (mut client, hello) = Client::greeted(&lent.desk, &["static"]).await?;
    haul.json("a greeting", &hello);
    let call = json!({ "name": "always_fails", "arguments": { "text": ARGUMENT } });
    haul.json("a call", &client.ask("tools/call", call).await?);
    client.process.type_in(&format!("{{\"{ARGUMENT}")).await?;
    haul.json("no message", &client.hear().await?);
    haul.text("the bridge's log", client.leave().await?.words);

    command(&mut haul, &lent.desk, &["logout", "demo"]).await?;
    asked(&mut haul, &lent, session).await?;
    for words in [
        ["access", "list", "--json"].as_slice(),
        &["access", "log", "--json"],
        &["access", "review"],
    ] {
        command(&mut haul, &lent.desk, words).await?;
    }
    let (key, desk) = (lent.key, lent.desk);
    lent.process.interrupt().await?;
    let ended = lent.process.end().await?;
    haul.text("the gateway's log", ended.words);
    haul.files(&desk.home_path())?;
    assert!(
        haul.contains("always_fails") && haul.contains("hyper"),
        "everything is there"
    );
    none(&haul, &servers, &[&key]);
    Ok(())
}

#[tokio::test]
async fn use_and_import_show_nothing_that_another_clients_file_holds() -> TestResult {
    let (desk, mut haul) = (Desk::new()?, Haul::default());
    let servers = Servers::start(&desk).await?;
    let file = desk.path().join(".cursor/mcp.json");
    fs::create_dir_all(desk.path().join(".cursor"))?;
    let theirs: Value = json!({ "mcpServers": {
        "db": { "command": "x", "args": ["--token", QUERY], "env": { "PASSWORD": ENVIRONMENT } },
        "api": { "url": format!("{}?api_key={QUERY}", servers.open.mcp_url()), "headers": { "Authorization": format!("Bearer {HEADER}") } },
        "odd": { "url": QUERY, "headers": HEADER },
    } });
    fs::write(&file, theirs.to_string())?;
    for words in [
        ["import", "--from", "cursor", "--dry-run"].as_slice(),
        &["import", "--from", "cursor", "--json"],
        &["import", "--from", "cursor"],
        &["use", "cursor", "--dry-run"],
        &["use", "cursor"],
    ] {
        command(&mut haul, &desk, words).await?;
    }
    let text = fs::read_to_string(&file)?;
    let at = text.find("omlx_").ok_or("no key was written")?;
    let key = text[at..]
        .split(['"', '\''])
        .next()
        .unwrap_or_default()
        .to_owned();
    command(&mut haul, &desk, &["use", "cursor"]).await?;
    command(&mut haul, &desk, &["access", "list", "--json"]).await?;
    command(&mut haul, &desk, &["use", "cursor", "--undo"]).await?;
    fs::write(
        &file,
        format!("{{\"mcpServers\": {{\"db\": \"{ENVIRONMENT}\", {QUERY}"),
    )?;
    for words in [
        ["import", "--from", "cursor"].as_slice(),
        &["use", "cursor"],
        &["use", "cursor", "--undo"],
    ] {
        command(&mut haul, &desk, words).await?;
    }
    haul.files(&desk.home_path().join("access"))?;
    assert!(haul.contains("Cursor"), "everything is there");
    none(&haul, &servers, &[&key]);
    Ok(())
}
