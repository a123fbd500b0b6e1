//! Several accounts at one URL: each entry has tokens of its own, whoever renews them, in one process or several.
#![cfg(unix)]

use std::error::Error;

use omlx_demo::{Demo, DemoOptions, Era, Fault};
use omlx_mcp::{
    AuthStatus,
    connection::SignInOptions,
    handle::{Handle, Server},
};
use omlx_tests::{Desk, Failure, Omlx, TestResult, browser_script, in_time};
use serde_json::{Map, Value, json};

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");
const REFRESH: &str = "POST /token grant_type=refresh_token";
const PEOPLE: [(&str, &str); 2] = [("work", "ada@demo.example"), ("home", "grace@demo.example")];

/// Two entries with one URL, told apart by their label alone; the provider is told who signs in.
async fn one_url_two_people() -> Result<(Demo, Desk), Box<dyn Error>> {
    let demo = Demo::start(DemoOptions {
        era: Era::Stateless,
        ..DemoOptions::headless()
    })
    .await?;
    let desk = Desk::new()?;
    let entry = |account: &str, hint: &str| {
        json!({
            "transport": "streamable-http",
            "url": demo.mcp_url(),
            "auth": { "account": account, "authorize_params": { "login_hint": hint } },
        })
    };
    let servers: Map<String, Value> = PEOPLE
        .iter()
        .map(|(account, hint)| ((*account).to_owned(), entry(account, hint)))
        .collect();
    desk.configure(&Value::Object(servers))?;
    Ok((demo, desk))
}

async fn both_signed_in() -> Result<(Demo, Desk, Handle), Box<dyn Error>> {
    let (demo, desk) = one_url_two_people().await?;
    let core = desk.start()?;
    for (account, _) in PEOPLE {
        let signed_in = in_time(core.server(account)?.sign_in(SignInOptions::default())).await?;
        signed_in.map_err(Failure)?;
    }
    Ok((demo, desk, core))
}

/// Whom the server takes the holder of this entry's token for.
async fn who(server: &Server) -> Result<String, Box<dyn Error>> {
    let told = in_time(server.call("who_am_i", Map::new()))
        .await?
        .map_err(Failure)?;
    let told = format!("{told:?}");
    let found: Vec<_> = PEOPLE.iter().filter(|(_, email)| told.contains(email)).collect();
    match found[..] {
        [(account, _)] => Ok((*account).to_owned()),
        _ => Err(told.into()),
    }
}

#[tokio::test]
async fn each_entry_is_its_own_person_and_is_renewed_as_that_person() -> TestResult {
    let (demo, desk, here) = both_signed_in().await?;
    let there = desk.start()?;
    for round in 0..3 {
        demo.forget_calls();
        let servers = [
            here.server("work")?,
            here.server("home")?,
            there.server("work")?,
            there.server("home")?,
        ];
        let (a, b, c, d) = tokio::join!(
            who(&servers[0]),
            who(&servers[1]),
            who(&servers[2]),
            who(&servers[3])
        );
        assert_eq!(
            [a?, b?, c?, d?],
            ["work", "home", "work", "home"],
            "round {round}"
        );
        assert_eq!(
            demo.count(REFRESH),
            if round == 0 { 0 } else { 2 },
            "one for each person"
        );
        demo.expire_access_tokens();
    }
    assert_eq!(desk.browser.windows(), 2);
    in_time(here.stop()).await?;
    in_time(there.stop()).await?;
    Ok(())
}

#[tokio::test]
async fn what_ends_one_persons_sign_in_leaves_the_others_alone() -> TestResult {
    let (demo, desk, core) = both_signed_in().await?;
    // Each entry is a client of its own, and either's waiting stream may be the first to renew.
    let redeemed = demo.calls_to("POST /token grant_type=authorization_code");
    let client = redeemed[0].parameter("client_id").and_then(|id| id.text());
    let of_work = format!("{REFRESH} client_id={}", client.ok_or("no client")?);
    demo.set(Fault::invalid_grant().at(&of_work));
    demo.expire_access_tokens();
    let (work, home) = (core.server("work")?, core.server("home")?);
    assert!(in_time(work.call("who_am_i", Map::new())).await?.is_err());
    assert_eq!(who(&home).await?, "home");
    assert_eq!(
        (work.snapshot().auth, home.snapshot().auth),
        (AuthStatus::RefreshFailed, AuthStatus::Authenticated)
    );
    in_time(home.sign_out()).await?.map_err(Failure)?;
    assert_eq!(home.snapshot().auth, AuthStatus::NotAuthenticated);
    assert_eq!(
        work.snapshot().auth,
        AuthStatus::RefreshFailed,
        "nothing changed for it"
    );
    let signed_in = in_time(work.sign_in(SignInOptions::default())).await?;
    assert_eq!(
        signed_in.map_err(Failure)?.snapshot.auth,
        AuthStatus::Authenticated
    );
    assert_eq!(who(&work).await?, "work");
    in_time(core.stop()).await?;
    drop(desk);
    Ok(())
}

#[tokio::test]
async fn an_entry_whose_label_changes_has_no_sign_in_and_gets_its_old_one_back_with_the_label() -> TestResult
{
    let (demo, desk, core) = both_signed_in().await?;
    let entry = |account: &str| json!({ "transport": "streamable-http", "url": demo.mcp_url(), "auth": { "account": account } });
    desk.configure(&json!({ "work": entry("elsewhere") }))?;
    let changed = omlx_tests::until_of(&core, "work", |server| {
        server.auth == AuthStatus::NotAuthenticated
    })
    .await?;
    assert_eq!(changed.account, None, "nobody else's name is shown");
    desk.configure(&json!({ "work": entry("work") }))?;
    let back = omlx_tests::until_of(&core, "work", |server| server.auth == AuthStatus::Authenticated).await?;
    assert_eq!(back.account.as_deref(), Some("Ada Lovelace"));
    in_time(core.stop()).await?;
    Ok(())
}

async fn omlx(desk: &Desk, words: &[&str]) -> Result<String, Box<dyn Error>> {
    let browser = browser_script(desk)?;
    let ran = Omlx::on(desk, OMLX, &[&["mcp"], words].concat())
        .with("BROWSER", browser)
        .run()
        .await?;
    match ran.code {
        Some(0) => Ok(ran.data),
        _ => Err(format!("{words:?}: {ran:?}").into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_stay_two_people() -> TestResult {
    let (demo, desk) = one_url_two_people().await?;
    for (account, _) in PEOPLE {
        omlx(&desk, &["login", account]).await?;
    }
    for _ in 0..2 {
        demo.expire_access_tokens();
        demo.forget_calls();
        let (work, home) = tokio::join!(
            omlx(&desk, &["call", "work__who_am_i"]),
            omlx(&desk, &["call", "home__who_am_i"])
        );
        let (work, home) = (work?, home?);
        assert!(
            work.contains(PEOPLE[0].1) && !work.contains(PEOPLE[1].1),
            "{work}"
        );
        assert!(
            home.contains(PEOPLE[1].1) && !home.contains(PEOPLE[0].1),
            "{home}"
        );
        assert_eq!(demo.count(REFRESH), 2);
    }
    let status: Value = serde_json::from_str(&omlx(&desk, &["status", "--json"]).await?)?;
    let accounts: Vec<_> = status["servers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|server| (server["id"].as_str(), server["account"].as_str()))
        .collect();
    assert_eq!(
        accounts,
        [
            (Some("work"), Some("Ada Lovelace")),
            (Some("home"), Some("Grace Hopper"))
        ]
    );
    Ok(())
}
