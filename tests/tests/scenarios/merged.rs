//! All servers as one: `/mcp` of the gateway, before a server of the session era and one that has no sessions.
#![cfg(unix)]

use std::error::Error;

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{Desk, Omlx, TestResult, in_time, script};
use serde_json::{Value, json};
use tokio::{process::Child, sync::mpsc, task::JoinSet};

use crate::{
    eras::{ASKING, asked_twice, fixture, stateless},
    lending::{Lent, OMLX, message_of, text_of},
};

const ALL: &str = "/mcp";

/// The full fixture twice, as `old` and `new`, behind one gateway.
struct Both {
    lent: Lent,
    _servers: [Child; 2],
}

/// A client of the session era that hears everything, whichever stream it comes by.
struct Client<'a> {
    lent: &'a Lent,
    session: String,
    next: u64,
    heard: mpsc::UnboundedReceiver<Value>,
    hears: mpsc::UnboundedSender<Value>,
    streams: JoinSet<()>,
}

impl Both {
    async fn new() -> Result<Self, Box<dyn Error>> {
        Self::beside(json!({})).await
    }

    /// The two, and whatever else the config file has.
    async fn beside(mut others: Value) -> Result<Self, Box<dyn Error>> {
        let (old, old_url) = fixture("session").await?;
        let (new, new_url) = fixture("stateless").await?;
        others["old"] = json!({ "url": old_url });
        others["new"] = json!({ "url": new_url });
        let desk = Desk::new()?;
        desk.configure(&others)?;
        let lent = Lent::over(Demo::start(DemoOptions::headless()).await?, desk).await?;
        let both = Self {
            lent,
            _servers: [old, new],
        };
        both.until_connected(&["old", "new"]).await?;
        Ok(both)
    }

    async fn until_connected(&self, names: &[&str]) -> TestResult {
        in_time(async {
            loop {
                let status = self.lent.get("/status").await?;
                let servers = status["servers"].as_array().cloned().unwrap_or_default();
                let is = |name: &&str| {
                    let mut servers = servers.iter();
                    servers.any(|server| server["id"] == **name && server["connection"] == "connected")
                };
                if names.iter().all(is) {
                    return TestResult::Ok(());
                }
                tokio::task::yield_now().await;
            }
        })
        .await?
    }

    async fn client(&self) -> Result<Client<'_>, Box<dyn Error>> {
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": { "elicitation": {}, "sampling": {}, "roots": {} },
            "clientInfo": { "name": "by hand", "version": "1" },
        } });
        let answer = self.lent.message(ALL, None, hello).await?;
        let session = answer
            .headers()
            .get("mcp-session-id")
            .cloned()
            .ok_or("no session")?;
        let session = session.to_str()?.to_owned();
        assert!(session.starts_with("omlx-"), "{session}");
        let (sender, heard) = mpsc::unbounded_channel();
        let mut client = Client {
            lent: &self.lent,
            session,
            next: 0,
            heard,
            hears: sender,
            streams: JoinSet::new(),
        };
        client
            .say(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await?;
        client.listen().await?;
        Ok(client)
    }
}

/// Everything that comes by this response, whether as a document or as events.
async fn pump(mut response: reqwest::Response, hears: mpsc::UnboundedSender<Value>) {
    let mut text = String::new();
    let hear = |text: &str| {
        let message = serde_json::from_str(text).ok();
        message.and_then(|message| hears.send(message).ok());
    };
    while let Ok(Some(chunk)) = response.chunk().await {
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((line, rest)) = text.split_once('\n') {
            hear(line.strip_prefix("data:").unwrap_or_default());
            text = rest.to_owned();
        }
    }
    hear(&text);
}

impl Client<'_> {
    /// Opens the stream of what is said by itself.
    async fn listen(&mut self) -> TestResult {
        let stream = self.lent.http.get(format!("{}{ALL}", self.lent.url));
        let stream = stream
            .bearer_auth(&self.lent.key)
            .header("accept", "text/event-stream")
            .header("mcp-session-id", &self.session);
        let response = stream.send().await?;
        assert_eq!(response.status(), 200);
        self.streams.spawn(pump(response, self.hears.clone()));
        Ok(())
    }

    async fn say(&self, message: Value) -> TestResult {
        let response = self.lent.message(ALL, Some(&self.session), message).await?;
        assert_eq!(response.status(), 202);
        Ok(())
    }

    /// Sends a request; the answer comes when it comes.
    fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        let request = self.lent.to(ALL).body(request.to_string());
        let sent = request.header("mcp-session-id", &self.session).send();
        let hears = self.hears.clone();
        self.streams.spawn(async move {
            if let Ok(response) = sent.await {
                pump(response, hears).await;
            }
        });
        self.next
    }

    async fn until(&mut self, is: impl Fn(&Value) -> bool) -> Result<Value, Box<dyn Error>> {
        in_time(async {
            loop {
                let message = self.heard.recv().await.ok_or("nothing more is heard")?;
                if is(&message) {
                    return Ok(message);
                }
            }
        })
        .await?
    }

    async fn until_method(&mut self, method: &str) -> Result<Value, Box<dyn Error>> {
        self.until(|message| message["method"] == method).await
    }

    async fn answer(&mut self, id: u64) -> Result<Value, Box<dyn Error>> {
        self.until(|message| message["id"] == id && message.get("method").is_none())
            .await
    }

    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Box<dyn Error>> {
        let id = self.begin(method, &params);
        self.answer(id).await
    }

    /// The values of `member` in a list.
    async fn listed(
        &mut self,
        method: &str,
        (list, member): (&str, &str),
    ) -> Result<Vec<String>, Box<dyn Error>> {
        let answer = self.ask(method, json!({})).await?;
        let entries = answer["result"][list]
            .as_array()
            .ok_or_else(|| answer.to_string())?;
        let named = entries.iter().filter_map(|entry| entry[member].as_str());
        Ok(named.map(str::to_owned).collect())
    }
}

fn call(tool: &str) -> Value {
    json!({ "name": tool, "arguments": {} })
}

fn has(all: &[String], one: &str) -> bool {
    all.iter().any(|name| name == one)
}

#[tokio::test]
async fn what_each_server_has_is_there_under_its_name_and_leads_to_that_server() -> TestResult {
    let both = Both::new().await?;
    let mut client = both.client().await?;
    let tools = client.listed("tools/list", ("tools", "name")).await?;
    let prompts = client.listed("prompts/list", ("prompts", "name")).await?;
    let resources = client.listed("resources/list", ("resources", "uri")).await?;
    let templates = ("resourceTemplates", "uriTemplate");
    let templates = client.listed("resources/templates/list", templates).await?;
    for server in ["old", "new"] {
        assert!(has(&tools, &format!("{server}__test_simple_text")), "{tools:?}");
        assert!(
            has(&prompts, &format!("{server}__test_simple_prompt")),
            "{prompts:?}"
        );
        let template = format!("omlx://{server}/test://template/{{id}}/data");
        assert!(has(&templates, &template), "{templates:?}");
        let resource = format!("omlx://{server}/test://static-text");
        assert!(has(&resources, &resource), "{resources:?}");

        let tool = format!("{server}__test_simple_text");
        let called = client.ask("tools/call", call(&tool)).await?;
        assert!(text_of(&called["result"]).contains("simple text"), "{called}");
        let prompt = json!({ "name": format!("{server}__test_simple_prompt") });
        let prompt = client.ask("prompts/get", prompt).await?;
        assert!(
            prompt["result"]["messages"][0]["content"]["text"].is_string(),
            "{prompt}"
        );
        let read = client.ask("resources/read", json!({ "uri": resource })).await?;
        let content = &read["result"]["contents"][0];
        assert_eq!(content["uri"], json!(resource), "{read}");
        assert!(
            content["text"]
                .as_str()
                .is_some_and(|text| text.contains("test://static-text"))
        );
        let filled = template.replace("{id}", "7");
        let filled = client.ask("resources/read", json!({ "uri": filled })).await?;
        let text = filled["result"]["contents"][0]["text"]
            .as_str()
            .unwrap_or_default();
        assert!(text.contains("Data for ID: 7"), "{filled}");
        let reference =
            json!({ "type": "ref/prompt", "name": format!("{server}__test_prompt_with_arguments") });
        let wanted = json!({ "ref": reference, "argument": { "name": "arg1", "value": "par" } });
        let completed = client.ask("completion/complete", wanted).await?;
        assert_eq!(
            completed["result"]["completion"]["values"][0], "paris",
            "{completed}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_resource_that_an_answer_names_can_be_read() -> TestResult {
    let both = Both::new().await?;
    let mut client = both.client().await?;
    for server in ["old", "new"] {
        let tool = format!("{server}__test_embedded_resource");
        let called = client.ask("tools/call", call(&tool)).await?;
        let uri = &called["result"]["content"][0]["resource"]["uri"];
        assert_eq!(uri, &json!(format!("omlx://{server}/test://embedded-resource")));
        let watched = json!({ "uri": format!("omlx://{server}/test://watched-resource") });
        let subscribed = client.ask("resources/subscribe", watched).await?;
        assert_eq!(subscribed["result"], json!({}), "{subscribed}");
    }
    for uri in ["omlx://other/test://static-text", "test://static-text"] {
        let read = client.ask("resources/read", json!({ "uri": uri })).await?;
        assert_eq!(read["error"]["code"], -32602, "{read}");
    }
    Ok(())
}

#[tokio::test]
async fn what_any_server_asks_is_asked_of_the_client_and_the_answer_reaches_that_server() -> TestResult {
    let both = Both::new().await?;
    let mut client = both.client().await?;
    for server in ["old", "new"] {
        let id = client.begin("tools/call", &call(&format!("{server}__{ASKING}")));
        for (property, said) in [("name", "Ada"), ("color", "blue")] {
            let question = client.until_method("elicitation/create").await?;
            let message = question["params"]["message"].as_str().unwrap_or_default();
            assert!(
                message.starts_with(&format!("{server}: ")),
                "who asks is said: {message}"
            );
            let content = json!({ "action": "accept", "content": { property: said } });
            client
                .say(json!({ "jsonrpc": "2.0", "id": question["id"], "result": content }))
                .await?;
        }
        let answer = client.answer(id).await?;
        assert_eq!(text_of(&answer["result"]), "Ada likes blue", "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn two_servers_that_ask_at_once_each_get_their_own_answer() -> TestResult {
    let both = Both::new().await?;
    let mut client = both.client().await?;
    let calls = ["old", "new"].map(|server| {
        let tool = format!("{server}__test_sampling");
        let params = json!({ "name": tool, "arguments": { "prompt": server } });
        (server, client.begin("tools/call", &params))
    });
    // Both wait before either is answered.
    let mut questions = Vec::new();
    for _ in calls {
        questions.push(client.until_method("sampling/createMessage").await?);
    }
    for question in questions {
        let asked = &question["params"]["messages"][0]["content"]["text"];
        let said = json!({
            "role": "assistant", "model": "by hand",
            "content": { "type": "text", "text": format!("for {}", asked.as_str().unwrap_or_default()) },
        });
        client
            .say(json!({ "jsonrpc": "2.0", "id": question["id"], "result": said }))
            .await?;
    }
    let mut answers = Vec::new();
    for _ in calls {
        answers.push(client.until(|message| message.get("result").is_some()).await?);
    }
    for (server, id) in calls {
        let answer = answers
            .iter()
            .find(|answer| answer["id"] == id)
            .ok_or("no answer")?;
        assert_eq!(text_of(&answer["result"]), format!("LLM response: for {server}"));
    }
    Ok(())
}

#[tokio::test]
async fn progress_log_messages_and_changed_lists_reach_the_client() -> TestResult {
    let both = Both::new().await?;
    let mut client = both.client().await?;
    let levelled = client.ask("logging/setLevel", json!({ "level": "info" })).await?;
    assert_eq!(levelled["result"], json!({}), "{levelled}");
    for server in ["old", "new"] {
        let mut params = call(&format!("{server}__test_tool_with_progress"));
        params["_meta"] = json!({ "progressToken": format!("mine at {server}") });
        let id = client.begin("tools/call", &params);
        let progress = client.until_method("notifications/progress").await?;
        assert_eq!(progress["params"]["progressToken"], format!("mine at {server}"));
        assert!(client.answer(id).await?.get("result").is_some());
        let id = client.begin("tools/call", &call(&format!("{server}__test_tool_with_logging")));
        let logged = client.until_method("notifications/message").await?;
        assert_eq!(logged["params"]["logger"], *server, "{logged}");
        assert!(client.answer(id).await?.get("result").is_some());
        client.begin(
            "tools/call",
            &call(&format!("{server}__test_trigger_prompt_change")),
        );
        client.until_method("notifications/prompts/list_changed").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_does_not_wait_any_more_is_not_answered() -> TestResult {
    let both = Both::new().await?;
    let mut client = both.client().await?;
    let id = client.begin("tools/call", &call("old__test_elicitation"));
    let question = client.until_method("elicitation/create").await?;
    let given_up = json!({ "requestId": id, "reason": "no longer needed" });
    client
        .say(json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": given_up }))
        .await?;
    let content = json!({ "action": "accept", "content": { "response": "late" } });
    client
        .say(json!({ "jsonrpc": "2.0", "id": question["id"], "result": content }))
        .await?;
    let later = client.begin("tools/call", &call("old__test_simple_text"));
    let answered = client.until(|message| message.get("result").is_some()).await?;
    assert_eq!(answered["id"], later, "{answered}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_away_takes_nothing_from_the_others() -> TestResult {
    let away = json!({ "url": "http://127.0.0.1:9/mcp", "timeout": 2 });
    let both = Both::beside(json!({ "away": away })).await?;
    let mut client = both.client().await?;
    let prompts = client.listed("prompts/list", ("prompts", "name")).await?;
    assert!(has(&prompts, "old__test_simple_prompt") && has(&prompts, "new__test_simple_prompt"));
    let called = client.ask("tools/call", call("away__anything")).await?;
    assert_eq!(called["result"]["isError"], true, "{called}");
    let called = client.ask("tools/call", call("old__test_simple_text")).await?;
    assert!(text_of(&called["result"]).contains("simple text"), "{called}");
    Ok(())
}

#[tokio::test]
async fn a_rule_that_is_narrowed_while_a_session_is_open_holds_at_once() -> TestResult {
    let both = Both::new().await?;
    let mut client = both.client().await?;
    for server in ["old", "new"] {
        let called = client
            .ask("tools/call", call(&format!("{server}__test_simple_text")))
            .await?;
        assert_ne!(called["result"]["isError"], true, "{called}");
    }
    let words = [
        "mcp",
        "access",
        "allow",
        "by hand",
        "--server",
        "old",
        "--tool",
        "old__test_image_content",
    ];
    Omlx::on(&both.lent.desk, OMLX, &words).run().await?;
    let tools = client.listed("tools/list", ("tools", "name")).await?;
    assert_eq!(tools, ["old__test_image_content"]);
    for server in ["old", "new"] {
        let called = client
            .ask("tools/call", call(&format!("{server}__test_simple_text")))
            .await?;
        assert_eq!(called["result"]["isError"], true, "{called}");
    }
    let read = json!({ "uri": "omlx://new/test://static-text" });
    let read = client.ask("resources/read", read).await?;
    assert_eq!(read["error"]["code"], -32602, "{read}");
    let image = client.ask("tools/call", call("old__test_image_content")).await?;
    assert_eq!(image["result"]["content"][0]["type"], "image", "{image}");
    // Lines are gathered for a moment before they are written.
    let words = ["mcp", "access", "log", "--failed", "--json"];
    let log = async || Omlx::on(&both.lent.desk, OMLX, &words).run().await;
    in_time(async {
        while !log().await?.data.contains("test_simple_text") {
            tokio::task::yield_now().await;
        }
        TestResult::Ok(())
    })
    .await??;
    Ok(())
}

/// A program with a tool that never answers, of which it writes down each call, and one that asks first.
fn asking(desk: &Desk, name: &str) -> Result<Value, Box<dyn Error>> {
    let lines = format!(
        r#"while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{{"jsonrpc":"2.0","id":%s,"result":{{"protocolVersion":"2025-06-18","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"sh","version":"1"}}}}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{{"jsonrpc":"2.0","id":%s,"result":{{"tools":[]}}}}\n' "$id" ;;
    *'"hold"'*) echo held >> '{}' ;;
    *'"ask"'*) echo '{{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{{"message":"{name}"}}}}' ;;
  esac
done"#,
        desk.path().join("held").display()
    );
    Ok(json!({ "command": script(desk, &format!("{name}.sh"), &lines)? }))
}

#[tokio::test]
async fn what_one_server_asks_is_not_asked_by_way_of_a_call_to_another() -> TestResult {
    let desk = Desk::new()?;
    let held = desk.path().join("held");
    desk.configure(&json!({ "one": asking(&desk, "one")?, "two": asking(&desk, "two")? }))?;
    let lent = Lent::over(Demo::start(DemoOptions::headless()).await?, desk).await?;
    let called = |tool: &str| {
        let params = stateless(json!({ "name": tool, "arguments": {} }));
        let call = json!({ "jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": params });
        let post = lent.to(ALL).body(call.to_string());
        let post = post
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call");
        post.header("mcp-name", tool).send()
    };
    let mut others = JoinSet::new();
    for _ in 0..8 {
        others.spawn(called("one__hold"));
    }
    let count = || std::fs::read_to_string(&held).map_or(0, |held| held.lines().count());
    in_time(async {
        while count() < 8 {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    let asked = in_time(async { message_of(called("two__ask").await?).await }).await??;
    let question = &asked["result"]["inputRequests"]["question"]["params"]["message"];
    assert!(
        question.as_str().is_some_and(|asked| asked.contains("two")),
        "{asked}"
    );
    Ok(())
}

#[tokio::test]
async fn a_client_of_the_stateless_era_is_asked_by_any_server() -> TestResult {
    let both = Both::new().await?;
    for server in ["old", "new"] {
        let answer = asked_twice(&format!("{server}__{ASKING}"), async |params| {
            let name = params["name"].as_str().unwrap_or_default().to_owned();
            let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
            let post = both.lent.to(ALL).body(request.to_string());
            let post = post
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", "tools/call")
                .header("mcp-name", name);
            message_of(post.send().await?).await
        })
        .await?;
        assert_eq!(text_of(&answer["result"]), "Ada likes blue", "{answer}");
    }
    let prompts =
        json!({ "jsonrpc": "2.0", "id": 2, "method": "prompts/list", "params": stateless(json!({})) });
    let prompts = both.lent.to(ALL).body(prompts.to_string());
    let prompts = prompts
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "prompts/list");
    let prompts = message_of(prompts.send().await?).await?;
    let count = prompts["result"]["prompts"].as_array().map(Vec::len);
    assert!(count.is_some_and(|count| count > 8), "those of both: {prompts}");
    Ok(())
}
