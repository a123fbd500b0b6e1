//! The client of the MCP conformance suite: this product, with what the suite tells it written into a config file.
//!
//! `conformance-client URL`, and `MCP_CONFORMANCE_SCENARIO` and `MCP_CONFORMANCE_CONTEXT` in the environment. It does
//! what a person would: waits until the server has settled, signs in when asked to, agrees when more permission is
//! asked for, looks at the tools and calls each of them as `omlx mcp call --accept-defaults` does. Exits with 0 when every call went through.

use std::{env, error::Error, fs, io, sync::Arc, time::Duration};

use omlx_mcp::{
    Action, ConnectionStatus, Problem,
    connection::{SchemaDefaults, SignInOptions},
    handle::{Handle, Server},
};
use omlx_tests::Desk;
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// How often a person goes to the browser before they give up.
const SIGN_INS: usize = 5;

/// How long a scenario may take; the suite's own limit ends the shell around this process, not this process.
const LIMIT: Duration = Duration::from_secs(45);

/// How long a person waits for a page that leads back.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a person reads the list of tools; the event stream of a session is opened meanwhile.
const GLANCE: Duration = Duration::from_millis(300);

/// How long a person looks at a failed call before they take it for what it is.
const LOOK: Duration = Duration::from_secs(3);

/// The client id metadata document a user of the suite's authorization server would configure.
const METADATA_DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().next_back().ok_or("the server's URL is missing")?;
    let context = context()?;
    let mut desk = Desk::new()?;
    desk.elicit = Some(Arc::new(SchemaDefaults));
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let auth = auth(&scenario, &context, &desk)?;
    desk.configure(&json!({ "suite": { "transport": "streamable-http", "url": url, "auth": auth } }))?;
    let visit = Visit {
        core: desk.start()?,
        scenario,
        context,
    };
    let outcome = tokio::time::timeout(LIMIT, visit.run())
        .await
        .map_err(|_| format!("no end in sight: {:?}", visit.core.snapshot().borrow()))?;
    visit.core.stop().await;
    outcome.map_err(|problem| format!("{}: {}", problem.code, problem.message).into())
}

/// What the scenario tells of itself.
fn context() -> Result<Object, serde_json::Error> {
    match env::var("MCP_CONFORMANCE_CONTEXT") {
        Ok(text) if !text.is_empty() => serde_json::from_str(&text),
        _ => Ok(Object::new()),
    }
}

/// The `auth` block of the entry in the config file: what docs/config.md says for a server of this kind.
fn auth(scenario: &str, context: &Object, desk: &Desk) -> io::Result<Object> {
    let (grant, told): (_, &[(&str, &str)]) = match scenario {
        "auth/client-credentials-basic" => ("client_credentials", &[]),
        "auth/client-credentials-jwt" => (
            "client_credentials",
            &[
                ("private_key_file", "private_key_pem"),
                ("signing_alg", "signing_algorithm"),
            ],
        ),
        "auth/enterprise-managed-authorization" => (
            "enterprise",
            &[
                ("idp_token_url", "idp_token_endpoint"),
                ("idp_client_id", "idp_client_id"),
                ("id_token_file", "idp_id_token"),
            ],
        ),
        "auth/wif-jwt-bearer" => ("jwt_bearer", &[("assertion_file", "valid_jwt")]),
        _ => ("authorization_code", &[]),
    };
    let mut auth = Object::from_iter([("grant".to_owned(), grant.into())]);
    if grant == "authorization_code" {
        auth.insert("client_metadata_url".to_owned(), METADATA_DOCUMENT.into());
    }
    for (key, member) in [("client_id", "client_id"), ("client_secret", "client_secret")]
        .iter()
        .chain(told)
    {
        let Some(value) = context.get(*member) else {
            continue;
        };
        let value = match key.strip_suffix("_file") {
            Some(name) => file(desk, name, value)?,
            None => value.clone(),
        };
        auth.insert((*key).to_owned(), value);
    }
    Ok(auth)
}

/// Puts a secret where the config file says it is.
fn file(desk: &Desk, name: &str, secret: &Value) -> io::Result<Value> {
    let path = desk.path().join(name);
    fs::write(&path, secret.as_str().unwrap_or_default())?;
    Ok(json!(path))
}

/// One scenario.
struct Visit {
    core: Handle,
    scenario: String,
    context: Object,
}

impl Visit {
    async fn run(&self) -> Result<(), Problem> {
        let server = self.core.server("suite").map_err(|_| gone())?;
        self.connect(&server).await?;
        let plan = self.plan(&server).await?;
        tokio::time::sleep(GLANCE).await;
        for (tool, arguments) in plan {
            self.call(&server, &tool, &arguments).await?;
        }
        Ok(())
    }

    async fn connect(&self, server: &Server) -> Result<(), Problem> {
        for _ in 0..SIGN_INS {
            let status = server.settled().await;
            match status.problem {
                Some(problem) if asks_a_person(&problem) => self.sign_in(server).await?,
                _ if status.connection == ConnectionStatus::Connected => return Ok(()),
                problem => return Err(problem.unwrap_or_else(gone)),
            }
        }
        Err(gone())
    }

    async fn sign_in(&self, server: &Server) -> Result<(), Problem> {
        let options = SignInOptions {
            patience: PATIENCE,
            ..SignInOptions::default()
        };
        server.sign_in(options).await.map(drop)
    }

    /// The calls the scenario asks for, else one of each tool.
    async fn plan(&self, server: &Server) -> Result<Vec<(String, Object)>, Problem> {
        if let Some(Value::Array(calls)) = self.context.get("toolCalls") {
            return Ok(calls.iter().map(asked).collect());
        }
        if self.scenario == "json-schema-ref-no-deref" {
            // Its server lists a tool and has none to call.
            return server.tools().await.map(|_| Vec::new());
        }
        let tools = server.tools().await?;
        let mut plan: Vec<_> = tools
            .iter()
            .map(|tool| (tool.name.to_string(), example(&tool.input_schema)))
            .collect();
        if self.scenario == "json-schema-2020-12-preservation" {
            // The suite wants to see the first tool's schema as it came out of the product.
            let schema = tools.first().map(|tool| json!(*tool.input_schema));
            for (_, arguments) in &mut plan {
                if let (Some(shown), Some(schema)) = (arguments.get_mut("schema"), &schema) {
                    *shown = schema.clone();
                }
            }
        }
        Ok(plan)
    }

    /// Calls a tool, and again after each sign-in that this led to.
    async fn call(&self, server: &Server, tool: &str, arguments: &Object) -> Result<(), Problem> {
        let mut outcome = server.call(tool, arguments.clone()).await;
        for _ in 0..SIGN_INS {
            let Err(problem) = outcome else { break };
            if !self.is_asked_for(server).await {
                return Err(problem);
            }
            self.connect(server).await?;
            outcome = server.call(tool, arguments.clone()).await;
        }
        outcome.map(drop)
    }

    /// Whether the product says that a person is needed, once it has made up its mind.
    async fn is_asked_for(&self, server: &Server) -> bool {
        let mut board = self.core.snapshot();
        let decided = board.wait_for(|all| all.servers.iter().any(|one| one.problem.is_some()));
        let _ = tokio::time::timeout(LOOK, decided).await;
        server
            .snapshot()
            .problem
            .is_some_and(|problem| asks_a_person(&problem))
    }
}

fn asks_a_person(problem: &Problem) -> bool {
    matches!(
        problem.action,
        Action::Connect | Action::Allow | Action::Reauthenticate
    )
}

fn gone() -> Problem {
    Problem {
        code: "not_connected".into(),
        message: "the server is not connected, and says not why".into(),
        action: Action::None,
    }
}

fn asked(call: &Value) -> (String, Object) {
    let name = call["name"].as_str().unwrap_or_default().to_owned();
    let arguments = call["arguments"].as_object().cloned().unwrap_or_default();
    (name, arguments)
}

/// Something for every required argument.
fn example(schema: &Object) -> Object {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    names
        .map(|name| {
            let kind = schema
                .get("properties")
                .and_then(|all| all.get(name)?.get("type")?.as_str());
            (name.to_owned(), of_kind(kind))
        })
        .collect()
}

fn of_kind(kind: Option<&str>) -> Value {
    match kind {
        Some("integer" | "number") => json!(7),
        Some("boolean") => json!(true),
        Some("object") => json!({}),
        Some("array") => json!([]),
        _ => json!("seven"),
    }
}
