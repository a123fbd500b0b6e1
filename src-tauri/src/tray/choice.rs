//! What was chosen in the menu, as the text that stands for it there.

use omlx_mcp::ServerId;

use super::labels::Key;

/// A choice in the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// See a server.
    Server(ServerId),
    /// Do what is due at a server.
    Deed(ServerId),
    /// See the config file's problem.
    Trouble,
    /// See all servers.
    Panel,
    /// See the settings.
    Settings,
    /// Rest, or go on.
    Pause,
    /// Start with the session, or no longer.
    LaunchAtLogin,
    /// End.
    Quit,
}

impl Choice {
    /// What choosing a row means.
    pub(super) fn of(key: &Key) -> Self {
        match key {
            Key::Server(id) => Self::Server(id.clone()),
            Key::Deed(id) => Self::Deed(id.clone()),
            Key::Trouble => Self::Trouble,
            Key::Panel => Self::Panel,
        }
    }

    /// The item's identifier.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Server(id) => format!("server/{id}"),
            Self::Deed(id) => format!("deed/{id}"),
            Self::Trouble => "trouble".to_owned(),
            Self::Panel => "panel".to_owned(),
            Self::Settings => "settings".to_owned(),
            Self::Pause => "pause".to_owned(),
            Self::LaunchAtLogin => "launch-at-login".to_owned(),
            Self::Quit => "quit".to_owned(),
        }
    }

    /// The choice with this identifier; none for an item of the system's own.
    pub(super) fn parse(id: &str) -> Option<Self> {
        if let Some((kind, server)) = id.split_once('/') {
            let server = server.parse().ok()?;
            return match kind {
                "server" => Some(Self::Server(server)),
                "deed" => Some(Self::Deed(server)),
                _ => None,
            };
        }
        let plain = [
            Self::Trouble,
            Self::Panel,
            Self::Settings,
            Self::Pause,
            Self::LaunchAtLogin,
            Self::Quit,
        ];
        plain.into_iter().find(|choice| choice.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_found_again_by_its_identifier() {
        let id: ServerId = "notion".parse().expect("a name");
        for choice in [
            Choice::Server(id.clone()),
            Choice::Deed(id),
            Choice::Trouble,
            Choice::Panel,
            Choice::Settings,
            Choice::Pause,
            Choice::LaunchAtLogin,
            Choice::Quit,
        ] {
            assert_eq!(Choice::parse(&choice.id()), Some(choice));
        }
        assert_eq!(Choice::parse("other/notion"), None);
        assert_eq!(Choice::parse("1001"), None);
    }
}
