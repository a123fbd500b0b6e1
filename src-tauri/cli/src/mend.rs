//! What mends a failure, as a command to type: one row for each [`Action`], and nothing like it anywhere else.

use std::{borrow::Cow, path::PathBuf};

use omlx_mcp::{Action, Problem, ServerId};

/// What the commands of a hint are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mend {
    /// How our commands are typed: `omlx mcp` or `omlx-mcp`, with the options that lead to the same files.
    pub(crate) program: String,
    /// The config file in use, where it is known.
    pub(crate) config: Option<PathBuf>,
}

impl Mend {
    /// What mends `problem` of `server`; none when it mends itself.
    pub(crate) fn hint(&self, problem: &Problem, server: Option<&ServerId>) -> Option<String> {
        self.by_code(&problem.code, server)
            .or_else(|| self.of_action(problem.action, server))
    }

    /// The command an action is, about `server`.
    pub(crate) fn of_action(&self, action: Action, server: Option<&ServerId>) -> Option<String> {
        let (program, name) = (&self.program, name(server));
        Some(match action {
            Action::None => return None,
            Action::Connect | Action::Reauthenticate | Action::Allow => format!("{program} login {name}"),
            Action::Unlock => format!("unlock the keychain, then: {program} status {name} --check"),
            Action::Retry => format!("try again, or see what happens: {program} doctor {name}"),
            Action::EditConfig => {
                // Of a server that was contacted, only another contact says whether it is mended.
                let check = server.map_or_else(String::new, |_| format!(" {name} --check"));
                match &self.config {
                    Some(path) => format!("edit {}, then: {program} status{check}", path.display()),
                    None => format!(
                        "correct the config file ({program} doctor says which), then: {program} status{check}"
                    ),
                }
            }
            Action::EnterClient => {
                format!("{program} login {name} --client-id ID [--client-secret-env VARIABLE]")
            }
            Action::AskProvider => {
                format!("ask whoever runs it; the evidence to send along: {program} doctor {name}")
            }
        })
    }

    /// Codes whose mend is plainer than their action's.
    fn by_code(&self, code: &str, server: Option<&ServerId>) -> Option<String> {
        let (program, name) = (&self.program, name(server));
        Some(match code {
            "unknown_server" => format!("{program} status lists them; {program} add NAME URL adds one"),
            "port_in_use" | "cannot_listen" => format!("{program} serve --port N, with a port that is free"),
            "lent_already" => {
                format!("nothing is to be done; for one more gateway: {program} serve --port N")
            }
            "tool_changed_again" => format!("{program} access review shows it as it is now"),
            "unknown_client" => format!("{program} access list"),
            "switched_off" => format!("{program} enable {name}"),
            "paused" => format!("{program} resume"),
            "use_superseded" => format!("{program} use CLIENT --undo takes the later one back"),
            "client_still_names" => format!("take it out there, or: {program} use CLIENT --undo"),
            "redirect_unreadable" | "state_mismatch" => {
                "copy the whole address that the browser ended at, and paste it".to_owned()
            }
            "request_too_large" => "call with less at once".to_owned(),
            "unknown_client_app" => format!("{program} use lists them"),
            "client_takes_programs" => "leave --via out".to_owned(),
            "no_servers" => format!("{program} add NAME URL, or {program} enable NAME"),
            "client_config_read_only" => "lift the protection of that file, then again".to_owned(),
            "nothing_held" => format!("{program} access review lists what there is"),
            "access_damaged" => "restore that file, or move it away and give out new keys".to_owned(),
            "client_is_bridge" => format!("{program} use CLIENT gives a program a name and rules of its own"),
            "config_missing" => format!("{program} add NAME URL"),
            "server_variable" => format!("export that variable, then: {program} status"),
            _ => return None,
        })
    }
}

fn name(server: Option<&ServerId>) -> Cow<'static, str> {
    server.map_or(Cow::Borrowed("SERVER"), |server| {
        Cow::Owned(quoted(server.as_str()))
    })
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    // Only a NUL cannot be quoted, and a server name holds no control character.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_but_none_is_a_command_that_names_the_server() {
        let mend = Mend {
            program: "omlx mcp".to_owned(),
            config: Some("/home/ada/mcp.json".into()),
        };
        let server: ServerId = "my notion".parse().expect("a name");
        let hint = |action| {
            let problem = Problem {
                code: "some_code".into(),
                message: "it failed".to_owned(),
                action,
            };
            mend.hint(&problem, Some(&server))
        };
        assert_eq!(hint(Action::None), None);
        for action in [Action::Connect, Action::Reauthenticate, Action::Allow] {
            assert_eq!(hint(action).as_deref(), Some("omlx mcp login 'my notion'"));
        }
        assert_eq!(
            hint(Action::EditConfig).as_deref(),
            Some("edit /home/ada/mcp.json, then: omlx mcp status 'my notion' --check")
        );
        for action in [
            Action::Unlock,
            Action::Retry,
            Action::EnterClient,
            Action::AskProvider,
        ] {
            let hint = hint(action).expect("a hint");
            assert!(
                hint.contains("omlx mcp") && hint.contains("'my notion'"),
                "{hint}"
            );
        }
    }
}
