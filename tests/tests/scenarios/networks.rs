//! Networks of companies, by the real command line: authorities of their own, certificates for clients, a proxy. Every
//! failure has clear words, a code and a mend, and none of them is "signed out".
#![cfg(unix)]

use std::error::Error;

use omlx_demo::Demo;
use omlx_tests::{Behind, Desk, Omlx, Proxy, Ran, TestResult, behind_tls, certificate, script};
use serde_json::Value;

const OMLX: &str = env!("CARGO_BIN_EXE_omlx-under-test");
const CA: (&str, &str) = ("OMLX_CONNECT_CA_FILE", "ca.pem");
const CLIENT: (&str, &str) = ("OMLX_CONNECT_CLIENT_CERTIFICATE", "client.pem");
const PUBLIC: Behind = Behind {
    host: "mcp.corp.example",
    certificate: "server.pem",
    wants_certificate: false,
};

/// A desk in such a network.
struct Office {
    demo: Demo,
    desk: Desk,
    variables: Vec<(&'static str, String)>,
}

impl Office {
    async fn new(
        behind: Behind,
        files: &[(&'static str, &str)],
    ) -> Result<(Self, std::net::SocketAddr), Box<dyn Error>> {
        let (demo, address) = behind_tls(behind).await?;
        let desk = Desk::with_server(&demo.mcp_url())?;
        let variables = files
            .iter()
            .map(|(name, file)| (*name, certificate(file).display().to_string()))
            .collect();
        Ok((
            Self {
                demo,
                desk,
                variables,
            },
            address,
        ))
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.variables.push((name, value));
        self
    }

    async fn omlx(&self, words: &[&str]) -> Result<Ran, Box<dyn Error>> {
        // The person's browser is the company's: it trusts what is to be trusted.
        let (ca, client) = (certificate("ca.pem"), certificate("client.pem"));
        let curl = format!(
            r#"exec curl -sL -o /dev/null --noproxy 127.0.0.1 --cacert '{}' --cert '{}' "$1""#,
            ca.display(),
            client.display()
        );
        let browser = script(&self.desk, "browser.sh", &curl)?;
        let omlx = Omlx::on(&self.desk, OMLX, &[&["mcp"], words].concat()).with("BROWSER", browser);
        let variables = self.variables.iter();
        variables
            .fold(omlx, |omlx, (name, value)| omlx.with(name, value))
            .run()
            .await
    }

    /// Login, a call with the token, and another one after a refresh.
    async fn works(&self) -> TestResult {
        ended(&self.omlx(&["login", "demo"]).await?, 0);
        ended(&self.omlx(&["call", "demo__echo", "text=hello"]).await?, 0);
        self.demo.expire_access_tokens();
        ended(&self.omlx(&["call", "demo__echo", "text=hello"]).await?, 0);
        assert_eq!(
            self.demo.count("POST /token grant_type=refresh_token status=200"),
            1
        );
        Ok(())
    }

    /// Signs in where everything is right, then goes to where it is not: what `status --check` says there.
    async fn afterwards(&self, words: &str) -> Result<Value, Box<dyn Error>> {
        let status = self.omlx(&["status", "--check", "--json"]).await?;
        ended(&status, 1);
        let status = status.json()?["servers"][0].clone();
        assert_eq!(status["problem"]["code"], "tls_failed", "{status}");
        let message = status["problem"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{message}");
        assert_ne!(status["auth"], "not_authenticated", "{status}");
        Ok(status)
    }
}

#[track_caller]
fn ended(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{}\n--\n{}", ran.data, ran.words);
}

#[tokio::test]
async fn the_authority_of_a_company_is_trusted_for_every_request_once_its_file_is_named() -> TestResult {
    let (office, _) = Office::new(Behind::default(), &[CA]).await?;
    office.works().await?;
    ended(&office.omlx(&["logout", "demo"]).await?, 0);
    assert_eq!(office.demo.count("POST /revoke status=200"), 2);
    Ok(())
}

#[tokio::test]
async fn a_certificate_nobody_here_trusts_says_which_variable_names_its_authority() -> TestResult {
    let (office, _) = Office::new(Behind::default(), &[]).await?;
    let login = office.omlx(&["login", "demo"]).await?;
    ended(&login, 1);
    for words in [
        "error[tls_failed]",
        "not trusted on this machine",
        "OMLX_CONNECT_CA_FILE",
    ] {
        assert!(login.words.contains(words), "{}", login.words);
    }
    office.afterwards("OMLX_CONNECT_CA_FILE").await?;
    assert_eq!(office.demo.calls().len(), 0, "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_is_no_longer_trusted_signs_nobody_out() -> TestResult {
    let (mut office, _) = Office::new(Behind::default(), &[CA]).await?;
    office.works().await?;
    let trusting = std::mem::take(&mut office.variables);
    let status = office.afterwards("not trusted on this machine").await?;
    assert_eq!(
        (&status["auth"], &status["connection"]),
        (&"authenticated".into(), &"failed".into())
    );
    office.variables = trusting;
    ended(&office.omlx(&["call", "demo__echo", "text=hello"]).await?, 0);
    assert_eq!(office.demo.count("GET /authorize"), 1, "one sign-in, the first");
    Ok(())
}

#[tokio::test]
async fn an_expired_certificate_is_said_to_have_expired() -> TestResult {
    let behind = Behind {
        certificate: "expired.pem",
        ..Behind::default()
    };
    let (office, _) = Office::new(behind, &[CA]).await?;
    let login = office.omlx(&["login", "demo"]).await?;
    ended(&login, 1);
    for words in ["error[tls_failed]", "its certificate has expired"] {
        assert!(login.words.contains(words), "{}", login.words);
    }
    office.afterwards("its certificate has expired").await?;
    Ok(())
}

#[tokio::test]
async fn a_client_certificate_is_presented_at_every_request_those_of_oauth_included() -> TestResult {
    let behind = Behind {
        wants_certificate: true,
        ..Behind::default()
    };
    let (office, _) = Office::new(behind, &[CA, CLIENT]).await?;
    office.works().await?;
    for request in ["/.well-known/*", "POST /register", "POST /token", "POST /mcp"] {
        assert!(office.demo.count(request) > 0, "{request} came through");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_says_which_variable_names_one() -> TestResult {
    let behind = Behind {
        wants_certificate: true,
        ..Behind::default()
    };
    let (office, _) = Office::new(behind, &[CA]).await?;
    let login = office.omlx(&["login", "demo"]).await?;
    ended(&login, 1);
    for words in ["error[tls_failed]", "OMLX_CONNECT_CLIENT_CERTIFICATE"] {
        assert!(login.words.contains(words), "{}", login.words);
    }
    assert_eq!(office.demo.calls().len(), 0);
    Ok(())
}

#[tokio::test]
async fn everything_goes_through_the_proxy_of_a_company_where_names_are_resolved() -> TestResult {
    let (office, address) = Office::new(PUBLIC, &[CA]).await?;
    let proxy = Proxy::to(address).await?;
    let office = office.with("HTTPS_PROXY", proxy.url());
    office.works().await?;
    let asked = proxy.asked();
    assert!(
        asked.len() > 3 && asked.iter().all(|host| host == "mcp.corp.example:443"),
        "{asked:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_no_proxy_exempts_is_not_asked_of_the_proxy() -> TestResult {
    let (office, address) = Office::new(PUBLIC, &[CA]).await?;
    let proxy = Proxy::to(address).await?;
    let office = office
        .with("HTTPS_PROXY", proxy.url())
        .with("NO_PROXY", ".corp.example".to_owned());
    let login = office.omlx(&["login", "demo"]).await?;
    ended(&login, 1);
    assert!(login.words.contains("error[unreachable]"), "{}", login.words);
    assert_eq!(proxy.asked(), [""; 0]);

    let (here, address) = Office::new(Behind::default(), &[CA]).await?;
    let proxy = Proxy::to(address).await?;
    let here = here.with("HTTPS_PROXY", proxy.url());
    here.works().await?;
    assert_eq!(
        proxy.asked(),
        [""; 0],
        "what is on this machine is reached directly"
    );
    Ok(())
}

#[tokio::test]
async fn an_authorization_server_with_a_bad_certificate_is_told_from_one_that_is_away() -> TestResult {
    let (office, _) = Office::new(Behind::default(), &[]).await?;
    let guarded = Demo::start(omlx_demo::DemoOptions::headless()).await?;
    guarded.set(omlx_demo::Fault::ResourceMetadata(
        "authorization_servers",
        serde_json::json!([office.demo.issuer()]),
    ));
    let desk = Desk::with_server(&guarded.mcp_url())?;
    let office = Office { desk, ..office };
    let login = office.omlx(&["login", "demo"]).await?;
    ended(&login, 1);
    for words in ["error[tls_failed]", "not trusted on this machine"] {
        assert!(login.words.contains(words), "{}", login.words);
    }
    Ok(())
}
