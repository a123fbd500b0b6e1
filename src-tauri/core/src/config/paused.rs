//! The config as it is while the user has paused everything: the same servers, none of them in use.

use std::sync::Arc;

use tokio::sync::watch;

use super::ConfigState;
use crate::settings::Settings;

/// `config`, with every server disabled as long as `settings` say that all rest. Needs a Tokio runtime.
pub fn pausable(
    mut config: watch::Receiver<Arc<ConfigState>>,
    mut settings: watch::Receiver<Settings>,
) -> watch::Receiver<Arc<ConfigState>> {
    let first = seen(&config.borrow_and_update(), *settings.borrow_and_update());
    let (sender, receiver) = watch::channel(first);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                Ok(()) = config.changed() => {}
                Ok(()) = settings.changed() => {}
                else => return,
            }
            let now = seen(&config.borrow_and_update(), *settings.borrow_and_update());
            sender.send_if_modified(|known| std::mem::replace(known, Arc::clone(&now)) != now);
        }
    });
    receiver
}

fn seen(config: &Arc<ConfigState>, settings: Settings) -> Arc<ConfigState> {
    if !settings.paused {
        return Arc::clone(config);
    }
    let mut resting = ConfigState::clone(config);
    for server in resting.config.servers.values_mut() {
        server.paused = server.enabled;
        server.enabled = false;
    }
    Arc::new(resting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, Environment};

    #[tokio::test]
    async fn while_paused_every_server_is_there_and_none_is_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mcp.json");
        let text = r#"{"mcpServers": {"a": {"url": "https://a.example/mcp"}, "b": {"command": "b", "enabled": false}}}"#;
        std::fs::write(&path, text).expect("written");
        let file = ConfigFile::at(&path, &Environment::of([]));
        let (settings, chosen) = watch::channel(Settings::default());
        let mut config = pausable(file.watch(), chosen);
        let enabled = |state: &Arc<ConfigState>| {
            let servers = state.config.servers.values();
            servers.map(|server| server.enabled).collect::<Vec<_>>()
        };
        let paused = |state: &Arc<ConfigState>| {
            let servers = state.config.servers.values();
            servers.map(|server| server.paused).collect::<Vec<_>>()
        };
        assert_eq!(enabled(&config.borrow_and_update()), [true, false]);
        settings.send_modify(|settings| settings.paused = true);
        config.changed().await.expect("paused");
        assert_eq!(enabled(&config.borrow_and_update()), [false, false]);
        assert_eq!(
            paused(&config.borrow()),
            [true, false],
            "the other one is switched off"
        );
        settings.send_modify(|settings| settings.paused = false);
        config.changed().await.expect("resumed");
        assert_eq!(enabled(&config.borrow_and_update()), [true, false]);
        assert_eq!(paused(&config.borrow()), [false, false]);
    }
}
