//! The official SDK's client, as a second opinion on the protocol.

use omlx_demo::{DemoOptions, Era, Protection};
use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleClient,
    model::{CallToolRequestParams, ClientConfig, ProtocolVersion, SubscriptionFilter},
    service::RunningService,
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::json;

use crate::hand::Hand;

type Connected = RunningService<RoleClient, ClientConfig>;

async fn connect(hand: &Hand, token: Option<String>) -> Connected {
    let mut config = StreamableHttpClientTransportConfig::with_uri(hand.demo.mcp_url());
    if let Some(token) = token {
        config = config.auth_header(token);
    }
    let transport = StreamableHttpClientTransport::with_client(hand.http.clone(), config);
    let lifecycle = ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: None,
    };
    ClientConfig::default()
        .serve_with_lifecycle(transport, lifecycle)
        .await
        .unwrap()
}

async fn speaking(era: Era) -> Hand {
    Hand::start(DemoOptions {
        era,
        protection: Protection::Open,
        ..DemoOptions::headless()
    })
    .await
}

async fn added(client: &Connected) -> String {
    let arguments = json!({"a": 1, "b": 2}).as_object().unwrap().clone();
    let call = CallToolRequestParams::new("add").with_arguments(arguments);
    let result = client.call_tool(call).await.unwrap();
    result.content[0].as_text().unwrap().text.clone()
}

#[tokio::test]
async fn it_lists_and_calls_tools_in_every_era() {
    for (era, version) in [
        (Era::Both, ProtocolVersion::V_2026_07_28),
        (Era::Stateless, ProtocolVersion::V_2026_07_28),
        (Era::Session, ProtocolVersion::V_2025_11_25),
    ] {
        let hand = speaking(era).await;
        hand.demo.change(|options| options.tools.page_size = Some(5));
        let client = connect(&hand, None).await;
        assert_eq!(client.list_all_tools().await.unwrap().len(), 14, "{era:?}");
        assert_eq!(added(&client).await, "3");
        assert_eq!(client.peer_info().unwrap().protocol_version, version);
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn it_is_told_of_changed_tools() {
    let hand = speaking(Era::Stateless).await;
    let client = connect(&hand, None).await;
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut subscription = client.listen(filter.clone()).await.unwrap();
    assert_eq!(subscription.acknowledged(), &filter);
    hand.demo.tools_changed();
    assert!(subscription.next().await.unwrap().is_some());
}

#[tokio::test]
async fn it_is_let_in_with_a_token() {
    let hand = Hand::headless().await;
    let registered = hand.register().await;
    let tokens = hand.sign_in(&registered.id).await;
    let client = connect(&hand, Some(tokens.access)).await;
    assert_eq!(added(&client).await, "3");
}
