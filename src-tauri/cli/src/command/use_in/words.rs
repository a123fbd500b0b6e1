//! What is worth knowing of a use, in the terminal's words.

use omlx_mcp::clients::UseInNote;

/// One plain sentence.
pub(super) fn of(note: &UseInNote) -> String {
    match note {
        UseInNote::OmlxLooksElsewhere { path } => format!(
            "oMLX does not read {path} by itself; start it with `--mcp-config {path}`, or set `mcp.config_path` in \
             ~/.omlx/settings.json"
        ),
        UseInNote::OmlxRefusesFile { path, refusal } => {
            format!("oMLX refuses {path}, and every server in it, until this is mended: {refusal}")
        }
        UseInNote::GatewayAway { address } => {
            format!("nobody listens at {address} now; start the app, or `omlx mcp serve`")
        }
        UseInNote::OthersCanRead { path } => format!(
            "other users of this machine can read {path}, and the key in it: `chmod 600` it, unless they may"
        ),
        UseInNote::LaterServers { client } => format!(
            "{client} starts programs only: a server that is added later is not there until this is done again"
        ),
        UseInNote::RestartClient { client } => format!("restart {client} to see it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_note_names_what_it_is_about_and_says_what_to_do() {
        let path = || "/Users/ada/mcp.json".to_owned();
        let client = || "Zed".to_owned();
        for (note, said) in [
            (
                UseInNote::OmlxLooksElsewhere { path: path() },
                "oMLX does not read /Users/ada/mcp.json by itself; start it with `--mcp-config /Users/ada/mcp.json`, \
                 or set `mcp.config_path` in ~/.omlx/settings.json",
            ),
            (
                UseInNote::OmlxRefusesFile {
                    path: path(),
                    refusal: "it is wrong".to_owned(),
                },
                "oMLX refuses /Users/ada/mcp.json, and every server in it, until this is mended: it is wrong",
            ),
            (
                UseInNote::GatewayAway {
                    address: "http://127.0.0.1:8719".to_owned(),
                },
                "nobody listens at http://127.0.0.1:8719 now; start the app, or `omlx mcp serve`",
            ),
            (
                UseInNote::OthersCanRead { path: path() },
                "other users of this machine can read /Users/ada/mcp.json, and the key in it: `chmod 600` it, unless \
                 they may",
            ),
            (
                UseInNote::LaterServers { client: client() },
                "Zed starts programs only: a server that is added later is not there until this is done again",
            ),
            (
                UseInNote::RestartClient { client: client() },
                "restart Zed to see it",
            ),
        ] {
            assert_eq!(of(&note), said);
        }
    }
}
