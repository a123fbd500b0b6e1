//! The consent page, as a browser without scripts sees it.

use omlx_demo::DemoOptions;
use reqwest::Response;
use serde_json::{Value, json};

use crate::hand::{Hand, REDIRECT};

struct Page {
    cookie: String,
    policy: String,
    html: String,
}

impl Page {
    async fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        let field = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let cookie = field("set-cookie").split(';').next().unwrap().to_owned();
        let policy = field("content-security-policy");
        Self {
            cookie,
            policy,
            html: response.text().await.unwrap(),
        }
    }

    fn hidden(&self, name: &str) -> String {
        let (_, rest) = self
            .html
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    async fn answer(&self, hand: &Hand, cookie: &str, changes: &[(&str, &str)]) -> Response {
        let (consent, token) = (self.hidden("consent"), self.hidden("token"));
        let mut form = vec![
            ("consent", consent.as_str()),
            ("token", token.as_str()),
            ("account", "1"),
        ];
        form.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        form.extend(changes);
        let request = hand
            .http
            .post(hand.url("/consent"))
            .header("origin", hand.demo.origin());
        request.header("cookie", cookie).form(&form).send().await.unwrap()
    }
}

async fn shown(hand: &Hand) -> (String, Page) {
    let client = hand.register().await;
    let page = Page::of(
        hand.authorize(&client.id, &[("scope", "mcp:tools notes:write")])
            .await,
    )
    .await;
    (client.id, page)
}

#[tokio::test]
async fn the_page_names_client_accounts_scopes_resource_and_redirect_and_cannot_be_framed() {
    let hand = Hand::start(DemoOptions::default()).await;
    let (client_id, page) = shown(&hand).await;
    for words in [
        "Allow Hand to use oMLX Demo?",
        client_id.as_str(),
        "Ada Lovelace",
        "grace@demo.example",
        "Write notes in your name",
        hand.demo.mcp_url().as_str(),
        REDIRECT,
    ] {
        assert!(page.html.contains(words), "{words}");
    }
    assert!(page.policy.contains("frame-ancestors 'none'"));
    assert!(page.policy.contains("form-action 'self' http://127.0.0.1:4999;"));
    assert!(!page.html.contains("<script"));
}

#[tokio::test]
async fn allowing_gives_a_code_for_the_chosen_account() {
    let hand = Hand::start(DemoOptions::default()).await;
    let (client_id, page) = shown(&hand).await;
    let answer = page.answer(&hand, &page.cookie, &[("decision", "allow")]).await;
    let code = Hand::sent_back(&answer, "code").unwrap();
    let (status, tokens) = hand.redeem(&client_id, &code, &[]).await;
    assert_eq!(
        (status, &tokens["workspace_name"]),
        (200, &json!("Compiler Works"))
    );
    let again = page.answer(&hand, &page.cookie, &[("decision", "allow")]).await;
    assert_eq!(again.status(), 403, "a page is answered once");
}

#[tokio::test]
async fn denying_sends_access_denied_back() {
    let hand = Hand::start(DemoOptions::default()).await;
    let (_, page) = shown(&hand).await;
    let answer = page.answer(&hand, &page.cookie, &[("decision", "deny")]).await;
    assert_eq!(
        Hand::sent_back(&answer, "error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(Hand::sent_back(&answer, "state").as_deref(), Some("state-1"));
}

#[tokio::test]
async fn a_decision_without_the_pages_token_or_cookie_counts_for_nothing() {
    let hand = Hand::start(DemoOptions::default()).await;
    let (_, page) = shown(&hand).await;
    let allow = ("decision", "allow");
    assert_eq!(page.answer(&hand, "x=y", &[allow]).await.status(), 403);
    assert_eq!(
        page.answer(&hand, &page.cookie, &[allow, ("token", "guessed")])
            .await
            .status(),
        403
    );
    let (consent, token) = (page.hidden("consent"), page.hidden("token"));
    let form = [("consent", consent.as_str()), ("token", token.as_str()), allow];
    let foreign = hand
        .http
        .post(hand.url("/consent"))
        .header("origin", "https://evil.example");
    let foreign = foreign
        .header("cookie", &page.cookie)
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
    assert_eq!(page.answer(&hand, &page.cookie, &[allow]).await.status(), 303);
}

#[tokio::test]
async fn a_hostile_client_name_is_shown_as_text() {
    let hand = Hand::start(DemoOptions::default()).await;
    let metadata = json!({
        "client_name": "<img src=x>{{token}}",
        "redirect_uris": ["ai.omlx.connect:/oauth/callback"],
        "token_endpoint_auth_method": "none",
    });
    let client: Value = hand.register_as(&metadata).await.json().await.unwrap();
    let redirect = ("redirect_uri", "ai.omlx.connect:/oauth/callback");
    let page = Page::of(
        hand.authorize(client["client_id"].as_str().unwrap(), &[redirect])
            .await,
    )
    .await;
    assert!(page.html.contains("Allow &lt;img src=x&gt;{{token}} to use"));
    assert!(page.policy.contains("form-action 'self' ai.omlx.connect:;"));
}
