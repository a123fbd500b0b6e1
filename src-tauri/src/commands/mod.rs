//! What the panel may call. Each command is a delegation, and rejects with a [`Problem`](omlx_mcp::Problem).

pub(crate) mod app;
pub(crate) mod servers;
pub(crate) mod sign_in;
mod tool;

use tauri::Wry;
use tauri_specta::{Builder, ErrorHandlingMode, collect_commands};

/// Every command, and the types that cross with them.
pub(crate) fn bindings() -> Builder<Wry> {
    Builder::new()
        .error_handling(ErrorHandlingMode::Throw)
        .disable_serde_phases()
        .typ::<omlx_mcp::Event>()
        .commands(collect_commands![
            servers::snapshot,
            servers::retry,
            servers::tools,
            servers::timeline,
            servers::log,
            sign_in::sign_in,
            sign_in::cancel_sign_in,
            sign_in::sign_out,
            sign_in::allow_scopes,
            app::settings,
            app::set_settings,
            app::place,
            app::open_config,
        ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    const NAMES: &[&str] = &include!("../command_names.rs");
    const CAPABILITY: &str = include_str!("../../capabilities/panel.json");

    #[test]
    fn the_panel_may_call_our_commands_and_listen_and_nothing_else() {
        let capability: Value = serde_json::from_str(CAPABILITY).expect("JSON");
        let permissions = capability["permissions"].as_array().expect("a list");
        let granted: BTreeSet<_> = permissions
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let allow = |name: &&str| format!("allow-{}", name.replace('_', "-"));
        let mut wanted: BTreeSet<_> = NAMES.iter().map(allow).collect();
        wanted.extend(["core:event:allow-listen", "core:event:allow-unlisten"].map(str::to_owned));
        assert_eq!(granted, wanted);
        assert_eq!(capability["windows"], serde_json::json!(["panel"]));
    }
}
