//! What a demo was asked for, in words that a scenario can compare.

use omlx_demo::{Call, Demo};

/// Every request of the product's, in order; what the browser asked for is the person's, and the stream that waits for
/// changed tools comes when it comes, so both are left out.
pub fn requests(demo: &Demo) -> Vec<String> {
    requests_of(demo, |call| {
        call.path != "/authorize"
            && call.rpc_method.as_deref() != Some("subscriptions/listen")
            && call.method != "GET"
            || call.path.starts_with("/.well-known/")
    })
}

/// Every request that is `wanted`, in order.
pub fn requests_of(demo: &Demo, wanted: impl Fn(&Call) -> bool) -> Vec<String> {
    demo.calls()
        .iter()
        .filter(|call| wanted(call))
        .map(words)
        .collect()
}

fn words(call: &Call) -> String {
    let what = match (
        &call.rpc_method,
        call.parameter("grant_type"),
        call.parameter("token_type_hint"),
    ) {
        (Some(rpc), _, _) => Some(rpc.as_str()),
        (None, Some(named), _) | (None, None, Some(named)) => named.text(),
        (None, None, None) => None,
    };
    let path = call.path.trim_start_matches("/.well-known/");
    match what {
        Some(what) => format!("{path} {what}"),
        None => format!("{} {path}", call.method),
    }
}
