//! The command line as a person types it: a real process, its two streams, and its exit code.
#![cfg(unix)]

use std::{error::Error, fs, net::TcpStream, os::unix::fs::symlink, time::Duration};

use omlx_demo::{Demo, DemoOptions};
use omlx_tests::{Desk, Omlx, Ran, Running, TestResult, agreed, browser_script, script};
use serde_json::{Value, json};
use url::Url;

use crate::lending::{Client, text_of};

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");

/// How soon another process sees what happened.
const SOON: Duration = Duration::from_secs(1);

/// A server that speaks MCP on its standard streams, in the older era, and repeats a variable of its environment.
const STDIO_SERVER: &str = r#"while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"initialize"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}}\n' "$id" ;;
    *'"tools/list"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"greet","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"tools/call"'*) printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"hello %s %s"}]}}\n' "$id" "$GREETED" "$1" ;;
    *'"id"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$id" ;;
  esac
done"#;

async fn omlx(desk: &Desk, words: &[&str]) -> Result<Ran, Box<dyn Error>> {
    let browser = browser_script(desk)?;
    Omlx::on(desk, OMLX, &[&["mcp"], words].concat())
        .with("BROWSER", browser)
        .run()
        .await
}

async fn guarded() -> Result<(Demo, Desk), Box<dyn Error>> {
    let demo = Demo::start(DemoOptions::headless()).await?;
    let desk = Desk::with_server(&demo.mcp_url())?;
    Ok((demo, desk))
}

/// Asserts an exit code, showing everything when it is another one.
#[track_caller]
fn ended(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}\n--\n{}", ran.data, ran.words);
}

#[tokio::test]
async fn from_a_refusal_through_login_and_calls_to_logout_with_the_documented_exit_codes() -> TestResult {
    let (demo, desk) = guarded().await?;
    let before = omlx(&desk, &["tools"]).await?;
    ended(&before, 3);
    assert_eq!(before.data, "");
    assert!(before.words.contains("omlx mcp login demo"), "{}", before.words);
    ended(&omlx(&desk, &["status", "--check"]).await?, 3);

    let login = omlx(&desk, &["login", "demo"]).await?;
    ended(&login, 0);
    assert_eq!(login.data, "", "words are no data");
    assert!(login.words.contains("Signed in to demo"), "{}", login.words);

    let tools = omlx(&desk, &["tools", "--json"]).await?;
    ended(&tools, 0);
    let tools = tools.json()?;
    assert_eq!(
        tools["count"].as_u64(),
        tools["tools"].as_array().map(|tools| tools.len() as u64)
    );
    let echo = tools["tools"]
        .as_array()
        .and_then(|tools| tools.iter().find(|tool| tool["name"] == "demo__echo"));
    let echo = echo.ok_or("no echo")?;
    assert_eq!(echo["server"], "demo");
    assert_eq!(echo["parameters"]["required"], json!(["text"]));
    assert_eq!(tools["problems"], json!([]));

    for (words, answer) in [
        (["call", "demo__add", "a=2", "b=40"].as_slice(), "42"),
        (&["call", "demo__add", r#"{"a": 1.5, "b": -1}"#], "0.5"),
        (&["call", "demo__add", "a:=3", "b=4"], "7"),
        (&["call", "demo__echo", "text=12"], "12"),
    ] {
        let called = omlx(&desk, words).await?;
        ended(&called, 0);
        assert!(called.data.contains(answer), "{words:?}: {called:?}");
    }
    let wrong = omlx(&desk, &["call", "demo__add", "a=two", "b=1"]).await?;
    ended(&wrong, 2);
    assert!(wrong.words.contains("'a' must be"), "{}", wrong.words);
    ended(&omlx(&desk, &["call", "demo__always_fails"]).await?, 1);
    ended(&omlx(&desk, &["call", "nonsense"]).await?, 2);

    let logout = omlx(&desk, &["logout", "demo", "--json"]).await?;
    ended(&logout, 0);
    assert_eq!(logout.json()?["reports"][0]["wiped"], true);
    assert_eq!(demo.count("POST /revoke status=200"), 2);
    ended(&omlx(&desk, &["call", "demo__echo", "text=x"]).await?, 3);
    Ok(())
}

#[tokio::test]
async fn status_as_json_has_the_shape_scripts_rely_on() -> TestResult {
    let (_demo, desk) = guarded().await?;
    ended(&omlx(&desk, &["login", "demo"]).await?, 0);
    let status = omlx(&desk, &["status", "--json"]).await?;
    ended(&status, 0);
    assert_eq!(status.words, "");
    let status = status.json()?;
    let keys = |value: &Value| {
        value
            .as_object()
            .map(|object| object.keys().cloned().collect::<Vec<_>>())
    };
    assert_eq!(
        keys(&status).ok_or("no object")?,
        ["servers", "config_problems", "config_advice", "paused"]
    );
    let server = &status["servers"][0];
    assert_eq!(
        keys(server).ok_or("no server")?,
        [
            "id",
            "transport",
            "url",
            "auth",
            "connection",
            "provider",
            "account",
            "workspace",
            "issuer",
            "scopes",
            "missing_scopes",
            "expires_at",
            "authenticated_at",
            "refreshed_at",
            "retry_at",
            "tool_count",
            "prompt",
            "problem",
        ]
    );
    assert_eq!(server["id"], "demo");
    assert_eq!(server["transport"], "streamable-http");
    assert_eq!(server["auth"], "authenticated");
    assert_eq!(server["connection"], "idle");
    assert_eq!(server["scopes"], json!(["mcp:tools", "offline_access"]));
    assert!(
        server["tool_count"].as_u64().is_some_and(|count| count > 10),
        "{server}"
    );
    assert_eq!(server["problem"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_config_file_that_cannot_be_used_is_told_as_what_it_is() -> TestResult {
    let large = format!(
        "{{\"servers\": {{}}, \"x\": \"{}\"}}",
        "x".repeat(5 * 1024 * 1024)
    );
    for (what, text) in [
        ("empty", ""),
        ("a list", "[]"),
        ("half-written", "{\"servers\": {\"a\":"),
        ("a text", "\"servers\""),
        ("of wrong types", "{\"servers\": 7}"),
        ("too large", large.as_str()),
    ] {
        let desk = Desk::new()?;
        fs::write(desk.config_path(), text)?;
        told(&desk, what).await?;
    }
    let desk = Desk::new()?;
    fs::create_dir(desk.config_path())?;
    told(&desk, "a folder").await
}

/// Every command says so, ends with 1, and leaves the file as it is.
async fn told(desk: &Desk, what: &str) -> TestResult {
    let before = fs::read(desk.config_path()).ok();
    let status = omlx(desk, &["status"]).await?;
    assert_eq!(status.code, Some(1), "{what}: {status:?}");
    let path = desk.config_path().display().to_string();
    let said = [status.data.as_str(), &status.words].concat();
    assert!(said.contains(&path), "{what}: {said}");
    let json = omlx(desk, &["status", "--json"]).await?;
    assert_eq!(json.code, Some(1), "{what}");
    assert!(
        json.json()?["config_problems"][0]["code"].is_string(),
        "{what}: {json:?}"
    );
    let add = ["add", "x", "http://127.0.0.1:9/"];
    for words in [["tools", "--color=never"].as_slice(), &["login", "demo"], &add] {
        if words == add && before.as_ref().is_some_and(Vec::is_empty) {
            // Nothing is lost by writing into a file that is empty.
            continue;
        }
        let ran = omlx(desk, words).await?;
        assert_eq!(ran.code, Some(1), "{what}, {words:?}: {ran:?}");
    }
    assert_eq!(fs::read(desk.config_path()).ok(), before, "{what}");
    Ok(())
}

#[tokio::test]
async fn no_config_file_is_no_failure_and_says_how_to_begin() -> TestResult {
    let desk = Desk::new()?;
    let status = omlx(&desk, &["status"]).await?;
    ended(&status, 0);
    assert!(status.data.contains("omlx mcp add NAME URL"), "{status:?}");
    assert_eq!(
        fs::read_dir(desk.path())?.count(),
        1,
        "nothing but the browser was made"
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_the_one_that_was_meant() -> TestResult {
    let desk = Desk::with_server("http://127.0.0.1:9/mcp")?;
    for words in [
        ["login", "dmo"],
        ["status", "dmo"],
        ["tools", "dmo"],
        ["logout", "dmo"],
        ["call", "dmo__echo"],
    ] {
        let ran = omlx(&desk, &words).await?;
        ended(&ran, 1);
        assert!(
            ran.words.contains("did you mean 'demo'?"),
            "{words:?}: {}",
            ran.words
        );
        assert_eq!(ran.data, "");
    }
    ended(&omlx(&desk, &["logn"]).await?, 2);
    ended(&omlx(&desk, &["status", "--no-such-option"]).await?, 2);
    let away = omlx(&desk, &["status", "--check", "--json"]).await?;
    ended(&away, 1);
    assert_eq!(away.json()?["servers"][0]["connection"], "waiting");
    Ok(())
}

#[tokio::test]
async fn without_a_browser_the_address_is_data_and_what_it_leads_to_is_pasted_back() -> TestResult {
    let (_demo, desk) = guarded().await?;
    let words = ["mcp", "login", "demo", "--no-browser"];
    let mut login = Omlx::on(&desk, OMLX, &words).start()?;
    let back = agreed(&login.line().await?).await?;
    let stranger = "http://127.0.0.1:1/oauth/callback?code=of-another&state=sign-in";
    login.type_in(stranger).await?;
    login.type_in("what?").await?;
    login.type_in(&back).await?;
    let done = login.end().await?;
    ended(&done, 0);
    assert!(done.words.contains("another sign-in"), "{}", done.words);
    assert!(
        done.words
            .contains("\n  hint: copy the whole address that the browser ended at, and paste it\n"),
        "{}",
        done.words
    );
    assert!(
        !done.words.contains("of-another"),
        "what is pasted is never repeated: {}",
        done.words
    );
    ended(&omlx(&desk, &["call", "demo__echo", "text=hi"]).await?, 0);
    Ok(())
}

#[tokio::test]
async fn ctrl_c_while_a_browser_is_awaited_leaves_nothing_behind() -> TestResult {
    let (_demo, desk) = guarded().await?;
    let words = ["mcp", "login", "demo", "--no-browser"];
    let mut login = Omlx::on(&desk, OMLX, &words).start()?;
    let url = Url::parse(&login.line().await?)?;
    let redirect = url
        .query_pairs()
        .find(|(name, _)| name == "redirect_uri")
        .ok_or("no redirect URI")?
        .1;
    let port = Url::parse(&redirect)?.port().ok_or("no port")?;
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "it listens");
    login.interrupt().await?;
    let done = login.end().await?;
    ended(&done, 130);
    assert!(!done.words.contains("panic"), "{}", done.words);
    assert!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "the listener is closed"
    );
    let left: Vec<_> = fs::read_dir(desk.home_path().join("vault"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains("grant") && !name.contains("lock") || name.contains("tmp"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    let status = omlx(&desk, &["status", "--json"]).await?.json()?;
    assert_eq!(status["servers"][0]["auth"], "not_authenticated");
    ended(&omlx(&desk, &["login", "demo"]).await?, 0);
    Ok(())
}

#[tokio::test]
async fn logout_of_everything_reaches_a_grant_whose_entry_is_gone() -> TestResult {
    let (demo, desk) = guarded().await?;
    ended(&omlx(&desk, &["login", "demo"]).await?, 0);
    desk.configure(&json!({}))?;
    let status = omlx(&desk, &["status", "--json"]).await?.json()?;
    assert_eq!(status["servers"], json!([]));
    let logout = omlx(&desk, &["logout", "--all"]).await?;
    ended(&logout, 0);
    assert!(logout.words.contains("Signed out of demo"), "{}", logout.words);
    assert_eq!(demo.count("POST /revoke status=200"), 2);
    let grants = fs::read_dir(desk.home_path().join("vault"))?.filter(|entry| {
        entry
            .as_ref()
            .is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "grant"))
    });
    assert_eq!(grants.count(), 0);
    let again = omlx(&desk, &["logout", "--all"]).await?;
    ended(&again, 0);
    assert!(again.words.contains("nothing is stored here"), "{}", again.words);
    Ok(())
}

#[tokio::test]
async fn edits_keep_what_they_do_not_understand_and_how_it_was_written() -> TestResult {
    let (demo, desk) = guarded().await?;
    let text = format!(
        "{{\n   \"theirs\" : [1,2 , 3],\n   \"servers\" : {{\n      \"demo\" : {{ \"transport\":\"streamable-http\", \"url\":\"{}\",   \"x\": null }}\n   }},\n   \"max_tool_calls\": 3\n}}\n",
        demo.mcp_url()
    );
    fs::write(desk.config_path(), &text)?;
    let read = || fs::read_to_string(desk.config_path());

    ended(&omlx(&desk, &["disable", "demo"]).await?, 0);
    let disabled = read()?;
    assert!(
        disabled.contains("\"theirs\" : [1,2 , 3]") && disabled.contains("\"x\": null"),
        "{disabled}"
    );
    assert_eq!(
        omlx(&desk, &["status", "--json"]).await?.json()?["servers"][0]["connection"],
        "disabled"
    );
    ended(&omlx(&desk, &["enable", "demo"]).await?, 0);
    assert!(read()?.contains("\"theirs\" : [1,2 , 3]"));

    fs::write(desk.config_path(), &text)?;
    let added = omlx(&desk, &["add", "second", &demo.mcp_url()]).await?;
    ended(&added, 0);
    assert!(added.words.contains("omlx mcp login second"), "{}", added.words);
    assert!(read()?.contains("\"second\""));
    ended(&omlx(&desk, &["remove", "second"]).await?, 0);
    assert_eq!(read()?, text, "adding and removing leaves the file as it was");
    ended(&omlx(&desk, &["remove", "second"]).await?, 1);
    Ok(())
}

#[tokio::test]
async fn every_other_word_is_the_business_of_the_next_omlx_on_the_path() -> TestResult {
    let desk = Desk::new()?;
    script(&desk, "bin/omlx", "echo \"theirs: $*\"; exit 7")?;
    let path = desk.path().join("bin");
    let words = ["serve", "--port", "1"];
    let theirs = Omlx::on(&desk, OMLX, &words).with("PATH", &path).run().await?;
    ended(&theirs, 7);
    assert_eq!(theirs.data, "theirs: serve --port 1\n");
    let nobody = Omlx::on(&desk, OMLX, &words)
        .with("PATH", desk.path())
        .run()
        .await?;
    ended(&nobody, 2);
    assert!(nobody.words.contains("omlx mcp --help"), "{}", nobody.words);
    Ok(())
}

#[tokio::test]
async fn called_as_omlx_mcp_it_takes_the_words_directly_and_calls_itself_so() -> TestResult {
    let (_demo, desk) = guarded().await?;
    let link = desk.path().join("omlx-mcp");
    symlink(OMLX, &link)?;
    let tools = Omlx::on(&desk, &link, &["tools"]).run().await?;
    ended(&tools, 3);
    assert!(tools.words.contains("omlx-mcp login demo"), "{}", tools.words);
    assert!(!tools.words.contains("omlx mcp "), "{}", tools.words);
    Ok(())
}

#[tokio::test]
async fn whoever_stops_reading_ends_it_quietly() -> TestResult {
    let (_demo, desk) = guarded().await?;
    ended(&omlx(&desk, &["login", "demo"]).await?, 0);
    for words in [
        ["mcp", "tools", "--json"].as_slice(),
        &["mcp", "status"],
        &["mcp", "completions", "zsh"],
        &["mcp", "--help"],
        &["mcp", "call", "demo__echo", "text=hi"],
    ] {
        let ran = Omlx::on(&desk, OMLX, words).run_unread().await?;
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        assert!(
            !ran.words.contains("roken pipe") && !ran.words.contains("panic"),
            "{words:?}: {ran:?}"
        );
    }
    Ok(())
}

/// Reads on until a status says it.
async fn until(watching: &mut Running, is_said: impl Fn(&Value) -> bool) -> Result<Value, Box<dyn Error>> {
    loop {
        let line: Value = serde_json::from_str(&watching.line().await?)?;
        let server = line["servers"][0].clone();
        if is_said(&server) {
            return Ok(server);
        }
    }
}

#[tokio::test]
async fn another_process_sees_login_refresh_and_logout_within_a_second() -> TestResult {
    let (demo, desk) = guarded().await?;
    let words = ["mcp", "status", "--watch", "--json"];
    let mut watching = Omlx::on(&desk, OMLX, &words).start()?;
    until(&mut watching, |server| server["id"] == "demo").await?;

    ended(&omlx(&desk, &["login", "demo"]).await?, 0);
    let signed_in = |server: &Value| server["auth"] == "authenticated" && server["tool_count"].is_u64();
    tokio::time::timeout(SOON, until(&mut watching, signed_in)).await??;
    demo.expire_access_tokens();
    ended(&omlx(&desk, &["call", "demo__echo", "text=hi"]).await?, 0);
    let refreshed = |server: &Value| server["refreshed_at"].is_string();
    tokio::time::timeout(SOON, until(&mut watching, refreshed)).await??;
    ended(&omlx(&desk, &["logout", "demo"]).await?, 0);
    let signed_out = |server: &Value| server["auth"] == "not_authenticated";
    tokio::time::timeout(SOON, until(&mut watching, signed_out)).await??;

    watching.interrupt().await?;
    ended(&watching.end().await?, 130);
    Ok(())
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written_is_told_and_status_still_works() -> TestResult {
    let (_demo, desk) = guarded().await?;
    let login = Omlx::on(&desk, OMLX, &["mcp", "login", "demo"])
        .with("BROWSER", browser_script(&desk)?)
        .with("OMLX_FAULT", "grant.create:read-only");
    let login = login.run().await?;
    ended(&login, 1);
    assert!(login.words.contains("read-only"), "{}", login.words);
    ended(&omlx(&desk, &["status"]).await?, 0);

    let file = desk.path().join("no-folder");
    fs::write(&file, "")?;
    let status =
        |words: &'static [&'static str]| Omlx::on(&desk, OMLX, words).with("OMLX_CONNECT_HOME", &file);
    ended(&status(&["mcp", "status"]).run().await?, 0);
    let login = status(&["mcp", "login", "demo"])
        .with("BROWSER", browser_script(&desk)?)
        .run()
        .await?;
    ended(&login, 1);
    assert!(login.words.contains("no-folder"), "{}", login.words);
    Ok(())
}

#[tokio::test]
async fn a_local_server_of_before_works_without_a_word_about_sign_ins() -> TestResult {
    let desk = Desk::new()?;
    let server = script(&desk, "server.sh", STDIO_SERVER)?;
    // oMLX's older root key, and an entry from before there was any `auth`.
    let entry = json!({ "mcpServers": { "local": { "command": server, "args": ["again"], "env": { "GREETED": "world" } } } });
    fs::write(desk.config_path(), entry.to_string())?;
    let called = omlx(&desk, &["call", "local__greet"]).await?;
    ended(&called, 0);
    assert_eq!(called.data.trim_end(), "hello world again");
    let status = omlx(&desk, &["status", "--json"]).await?.json()?;
    assert_eq!(status["servers"][0]["auth"], "not_required");
    assert_eq!(status["servers"][0]["tool_count"], 1);
    let login = omlx(&desk, &["login", "local"]).await?;
    ended(&login, 1);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_switched_off_is_told_as_that_and_not_as_a_broken_one() -> TestResult {
    let (demo, desk) = guarded().await?;
    ended(&omlx(&desk, &["status", "--check"]).await?, 3);
    ended(&omlx(&desk, &["disable", "demo"]).await?, 0);
    let asked = demo.calls().len();
    let all = omlx(&desk, &["tools"]).await?;
    ended(&all, 0);
    let status = omlx(&desk, &["status", "--check", "--json"]).await?;
    ended(&status, 0);
    assert_eq!(status.json()?["servers"][0]["connection"], "disabled");
    for words in [&["tools", "demo"][..], &["call", "demo__echo", "text=x"]] {
        let told = omlx(&desk, words).await?;
        ended(&told, 1);
        assert_eq!(
            told.words,
            "error[switched_off]: demo is switched off\n  hint: omlx mcp enable demo\n"
        );
    }
    assert_eq!(demo.calls().len(), asked, "it is left alone");
    Ok(())
}

#[tokio::test]
async fn what_a_server_failed_at_is_left_for_status_until_it_works_or_is_another_one() -> TestResult {
    let desk = Desk::new()?;
    desk.configure(&json!({
        "bad": { "command": "/no/such/program" },
        "gone": { "url": "http://127.0.0.1:9/mcp" },
    }))?;
    ended(&omlx(&desk, &["tools"]).await?, 1);
    let status = omlx(&desk, &["status", "bad"]).await?;
    ended(&status, 0);
    let said = format!(
        "x Not contacted yet\n  Transport       stdio\n! bad: `/no/such/program` was not found [command_not_found]\n  hint: \
         edit {}, then: omlx mcp status bad --check\n",
        desk.config_path().display()
    );
    assert!(status.data.contains(&said), "{}", status.data);
    let left = async || omlx(&desk, &["status", "--json"]).await?.json();
    let codes = |status: &Value| {
        let code = |at: usize| status["servers"][at]["problem"]["code"].clone();
        [code(0), code(1)]
    };
    assert_eq!(codes(&left().await?), ["command_not_found", "unreachable"]);
    // What only lends finds nothing out by beginning to.
    let mut bridge = Omlx::on(&desk, OMLX, &["mcp", "bridge", "bad"]).start()?;
    bridge.hang_up();
    ended(&bridge.end().await?, 0);
    assert_eq!(codes(&left().await?)[0], "command_not_found");
    let mended = script(&desk, "server.sh", "exit 0")?;
    desk.configure(&json!({
        "bad": { "command": mended },
        "gone": { "url": "http://127.0.0.1:9/mcp", "enabled": false },
    }))?;
    assert_eq!(codes(&left().await?), [Value::Null, Value::Null]);
    Ok(())
}

#[tokio::test]
async fn a_hint_names_the_files_that_the_command_was_given_and_can_be_typed_as_it_is() -> TestResult {
    let (_demo, desk) = guarded().await?;
    let elsewhere = Desk::new()?;
    let (config, home) = (desk.config_path(), desk.home_path());
    let files = [
        "--config",
        &*config.to_string_lossy(),
        "--home",
        &*home.to_string_lossy(),
    ];
    let given = files.join(" ");
    let typed = async |words: &[&str]| {
        let words = [&["mcp"], words, &files].concat();
        Omlx::on(&elsewhere, OMLX, &words).run().await
    };
    let call = typed(&["call", "demo__echo", "text=x"]).await?;
    ended(&call, 3);
    let hint = format!("  hint: omlx mcp {given} login demo\n");
    assert!(call.words.ends_with(&hint), "{}", call.words);
    let words = [&["mcp", "bridge", "demo"][..], &files].concat();
    let mut bridge = Client::of(Omlx::on(&elsewhere, OMLX, &words).start()?);
    let told = bridge.echo("x").await?;
    assert!(
        text_of(&told).contains(&format!("run `omlx mcp {given} login demo` in a terminal")),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn the_demo_is_walked_without_a_screen_and_ends_with_what_is_typed_for_a_server_of_ones_own()
-> TestResult {
    let ran = Omlx::on(&Desk::new()?, OMLX, &["mcp", "demo", "--no-browser"])
        .run()
        .await?;
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    let told = format!("{}{}", ran.data, ran.words);
    assert!(told.contains("demo__add a=2 b=40 gives 42"), "{told}");
    let own = "  omlx mcp add notion https://mcp.notion.com/mcp\n  omlx mcp login notion\n";
    assert!(told.contains(own), "{told}");
    Ok(())
}
