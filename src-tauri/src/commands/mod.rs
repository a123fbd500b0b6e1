//! What the panel may call. Each command is a delegation, and rejects with a [`Problem`](omlx_mcp::Problem).

pub(crate) mod access;
pub(crate) mod app;
pub(crate) mod clients;
pub(crate) mod entries;
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
            sign_in::open_link,
            sign_in::copy_link,
            sign_in::unlock_keychain,
            entries::probe,
            entries::add_server,
            entries::enter_client,
            entries::entry,
            entries::edit_server,
            entries::set_enabled,
            entries::remove_server,
            entries::undo,
            clients::import_sources,
            clients::import_preview,
            clients::import_apply,
            clients::use_in_clients,
            clients::use_in_preview,
            clients::use_in_apply,
            clients::use_in_remove,
            clients::use_in_astray,
            access::access,
            access::held_tools,
            access::approve_tools,
            access::revoke_client,
            access::rename_client,
            access::set_client_rules,
            access::calls,
            access::other_app,
            app::about,
            app::settings,
            app::set_settings,
            app::place,
            app::open_config,
        ])
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use serde_json::Value;
    use specta_typescript::Typescript;

    const NAMES: &[&str] = &include!("../command_names.rs");
    const CAPABILITY: &str = include_str!("../../capabilities/panel.json");

    /// The variable that has the bindings written instead of compared.
    const WRITE: &str = "OMLX_WRITE_BINDINGS";
    const BINDINGS: &str = "../ui/src/lib/bindings.ts";

    #[test]
    fn the_panel_s_bindings_are_those_of_the_commands() {
        let folder = tempfile::tempdir().expect("a folder");
        let written = folder.path().join("bindings.ts");
        let typescript =
            Typescript::default().header("// Generated from the commands: `make bindings` writes it.\n");
        super::bindings().export(typescript, &written).expect("exported");
        let generated = fs::read_to_string(written).expect("read");
        if std::env::var_os(WRITE).is_some() {
            fs::write(BINDINGS, generated).expect("written");
            return;
        }
        for name in NAMES {
            assert!(
                generated.contains(&format!("(\"{name}\"")),
                "{name} is allowed and does not exist"
            );
        }
        let known = fs::read_to_string(BINDINGS).expect("read");
        assert!(
            known == generated,
            "ui/src/lib/bindings.ts is stale: `make bindings`"
        );
    }

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
