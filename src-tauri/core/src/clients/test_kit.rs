//! A home folder with every client's configuration in it, as people have them.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{Bridge, Machine, Os, Target, UseIn, Wish, app::App, apps::APPS};
use crate::{
    ServerId,
    access::Access,
    clock::Clock,
    config::{ConfigFile, Environment},
    store::Home,
};

/// Somebody's machine.
pub(super) struct Desk {
    pub(super) folder: TempDir,
    pub(super) machine: Machine,
}

/// What a client's configuration looks like on a machine in use.
pub(super) fn fixture(app: &App) -> &'static str {
    match app.id {
        "omlx" => include_str!("fixtures/omlx.json"),
        "claude-desktop" => include_str!("fixtures/claude-desktop.json"),
        "claude-code" => include_str!("fixtures/claude-code.json"),
        "cursor" => include_str!("fixtures/cursor.json"),
        "vscode" => include_str!("fixtures/vscode.json"),
        "zed" => include_str!("fixtures/zed.json"),
        "codex" => include_str!("fixtures/codex.toml"),
        "windsurf" => include_str!("fixtures/windsurf.json"),
        "gemini" => include_str!("fixtures/gemini.json"),
        other => panic!("{other} has no fixture"),
    }
}

impl Desk {
    /// With nothing on it.
    pub(super) fn empty(os: Os) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().to_str().expect("UTF-8");
        let machine = Machine::of(Environment::of([("HOME", home)]), os);
        Self { folder, machine }
    }

    /// With every client on it.
    pub(super) fn full() -> Self {
        let desk = Self::empty(Os::MacOs);
        for app in APPS {
            desk.write(app, fixture(app));
        }
        desk
    }

    pub(super) fn path(&self, app: &App) -> PathBuf {
        (app.file)(&self.machine)
    }

    pub(super) fn write(&self, app: &App, text: &str) {
        let path = self.path(app);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    pub(super) fn text(&self, app: &App) -> String {
        fs::read_to_string(self.path(app)).expect("there")
    }

    /// Files beside a client's own.
    pub(super) fn beside(&self, app: &App) -> Vec<String> {
        let path = self.path(app);
        let entries = fs::read_dir(path.parent().expect("a parent"))
            .expect("there")
            .flatten();
        let own = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names
            .filter(|name| *name != own && name.starts_with(&own))
            .collect()
    }

    pub(super) fn home(&self) -> Home {
        Home::at(self.folder.path().join("data"))
    }

    /// Our own config file.
    pub(super) fn config(&self) -> ConfigFile {
        ConfigFile::at(self.folder.path().join("mcp.json"), self.machine.env())
    }

    pub(super) fn use_in(&self) -> UseIn {
        UseIn {
            machine: self.machine.clone(),
            home: self.home(),
            access: Access::open(&self.home(), Clock::system()),
            bridge: Bridge {
                program: "/usr/local/bin/omlx".into(),
                config: "/Users/ada/.config/omlx/mcp.json".into(),
                home: None,
            },
            gateway: "http://127.0.0.1:8719".to_owned(),
        }
    }
}

pub(super) fn id(name: &str) -> ServerId {
    name.parse().expect("a name")
}

/// One server, or the two there are.
pub(super) fn wish(app: &App, server: Option<&str>) -> Wish {
    Wish {
        client: app.id.to_owned(),
        target: match server {
            Some(name) => Target::One(id(name)),
            None => Target::All(vec![id("notion"), id("linear")]),
        },
        way: None,
    }
}
