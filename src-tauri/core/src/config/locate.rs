//! Which file is the config: oMLX's search order, and what a menu bar app does without a working folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    environment::Environment,
    read::{MAX_BYTES, read_bounded},
    syntax::Format,
};

/// The variable that names the file, for oMLX and for us.
pub const VARIABLE: &str = "OMLX_MCP_CONFIG";

/// oMLX's folder for it, below the home folder.
const FOLDER: &str = ".config/omlx";

/// The names oMLX looks for, in order.
const NAMES: [&str; 2] = ["mcp.json", "mcp.yaml"];

/// Where oMLX keeps its settings, below the home folder.
const SETTINGS: &str = ".omlx/settings.json";

/// One config file: where it is, how it is written, and whether oMLX reads it too.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) origin: Origin,
    pub(super) readers: Readers,
    pub(super) env: Environment,
}

/// Which rule found the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was named.
    Explicit,
    /// `OMLX_MCP_CONFIG`.
    Variable,
    /// `mcp.config_path` in oMLX's `settings.json`.
    OmlxSettings,
    /// `mcp.json` or `mcp.yaml` in the working folder.
    WorkingFolder,
    /// `~/.config/omlx/mcp.json` or `.yaml`; also where a new one is made.
    Default,
}

/// Who else reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Nobody we know of.
    OnlyUs,
    /// oMLX, should it be pointed here: it is a place where oMLX looks, but does not start MCP from by itself.
    PerhapsOmlx,
    /// oMLX, which one unknown key in an entry makes refuse the whole file.
    OmlxToo,
}

/// Who looks for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// The menu bar app, which has no useful working folder.
    App,
    /// A command in a terminal.
    CommandLine,
}

/// What the search goes by.
#[derive(Clone, Debug)]
pub struct LocateOptions {
    /// The file named by the user.
    pub explicit: Option<PathBuf>,
    /// Who looks.
    pub surface: Surface,
}

impl ConfigFile {
    /// A file by its path alone, read by nobody else; for a throw-away config.
    pub fn at(path: impl Into<PathBuf>, env: &Environment) -> Self {
        let path = path.into();
        Self {
            format: Format::of(&path),
            path,
            origin: Origin::Explicit,
            readers: Readers::OnlyUs,
            env: env.clone(),
        }
    }

    /// Finds the file. It need not exist: an edit makes it, and reading says that it is missing.
    pub fn locate(options: &LocateOptions, env: &Environment, working_folder: &Path) -> Self {
        let home = env.home().unwrap_or_default();
        let (path, origin) = match (&options.explicit, env.non_empty(VARIABLE), options.surface) {
            (Some(path), ..) => (working_folder.join(expanded(path, env)), Origin::Explicit),
            (None, Some(path), _) => (working_folder.join(env.path(&path)), Origin::Variable),
            (None, None, Surface::App) => for_app(&home, env),
            (None, None, Surface::CommandLine) => for_command_line(&home, working_folder),
        };
        let mut file = Self::at(path, env);
        file.origin = origin;
        file.readers = file.readers(&home, working_folder);
        file
    }

    /// Every place the search goes by, in order, for a person to see where to put the file. Settings that name no file
    /// are left out.
    pub fn places(
        options: &LocateOptions,
        env: &Environment,
        working_folder: &Path,
    ) -> Vec<(Origin, PathBuf)> {
        let home = env.home().unwrap_or_default();
        let named = |origin| move |path: PathBuf| (origin, working_folder.join(path));
        let explicit = options.explicit.as_ref().map(|path| expanded(path, env));
        let variable = env.non_empty(VARIABLE).map(|path| env.path(&path));
        let fixed = match options.surface {
            Surface::App => settings_path(&home, env)
                .map(|path| (Origin::OmlxSettings, path))
                .into_iter()
                .collect(),
            Surface::CommandLine => NAMES
                .map(|name| (Origin::WorkingFolder, working_folder.join(name)))
                .to_vec(),
        };
        let default = NAMES.map(|name| (Origin::Default, home.join(FOLDER).join(name)));
        explicit
            .map(named(Origin::Explicit))
            .into_iter()
            .chain(variable.map(named(Origin::Variable)))
            .chain(fixed)
            .chain(default)
            .collect()
    }

    /// Where it is, symbolic links not followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Which rule found it.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Who else reads it.
    pub fn read_by(&self) -> Readers {
        self.readers
    }

    /// oMLX starts MCP from a file it was given by the variable or its settings, however we came by that file.
    fn readers(&self, home: &Path, working_folder: &Path) -> Readers {
        let is_this = |other: &PathBuf| is_same(&self.path, other);
        let variable = self
            .env
            .non_empty(VARIABLE)
            .map(|path| working_folder.join(self.env.path(&path)));
        let given = [variable, settings_path(home, &self.env)];
        let mut looked_for = NAMES.iter().map(|name| home.join(FOLDER).join(name));
        if given.iter().flatten().any(is_this) {
            Readers::OmlxToo
        } else if self.origin != Origin::Explicit || looked_for.any(|place| is_this(&place)) {
            Readers::PerhapsOmlx
        } else {
            Readers::OnlyUs
        }
    }
}

fn expanded(path: &Path, env: &Environment) -> PathBuf {
    path.to_str()
        .map_or_else(|| path.to_owned(), |text| env.path(text))
}

fn for_app(home: &Path, env: &Environment) -> (PathBuf, Origin) {
    match settings_path(home, env) {
        Some(path) => (path, Origin::OmlxSettings),
        None => (default_path(home), Origin::Default),
    }
}

fn for_command_line(home: &Path, working_folder: &Path) -> (PathBuf, Origin) {
    match first_of(working_folder) {
        Some(path) => (path, Origin::WorkingFolder),
        None => (default_path(home), Origin::Default),
    }
}

fn default_path(home: &Path) -> PathBuf {
    let folder = home.join(FOLDER);
    first_of(&folder).unwrap_or_else(|| folder.join(NAMES[0]))
}

/// The first of oMLX's names that is there, whatever it is: a folder of that name is told, not passed over.
fn first_of(folder: &Path) -> Option<PathBuf> {
    NAMES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.symlink_metadata().is_ok())
}

/// `mcp.config_path` in oMLX's settings. Settings that cannot be read say nothing; they are oMLX's to complain about.
fn settings_path(home: &Path, env: &Environment) -> Option<PathBuf> {
    let settings = home.join(SETTINGS);
    let bytes = read_bounded(&settings, MAX_BYTES).ok()?;
    let settings: Value = serde_json::from_slice(&bytes).ok()?;
    let path = settings.get("mcp")?.get("config_path")?.as_str()?;
    (!path.is_empty()).then(|| home.join(env.path(path)))
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A home and a working folder of their own.
    struct Machine {
        root: TempDir,
    }

    impl Machine {
        fn new() -> Self {
            let root = tempfile::tempdir().expect("a folder");
            fs::create_dir(root.path().join("work")).expect("a folder");
            Self { root }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.root.path().join(path)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("written");
        }

        fn settings(&self, config_path: &str) {
            let settings = serde_json::json!({"mcp": {"config_path": config_path}});
            self.write("home/.omlx/settings.json", &settings.to_string());
        }

        fn locate(&self, surface: Surface, variable: Option<&str>, explicit: Option<&str>) -> ConfigFile {
            let home = self.path("home");
            let env = Environment::of([
                ("HOME", home.to_str().expect("UTF-8")),
                (VARIABLE, variable.unwrap_or_default()),
            ]);
            let options = LocateOptions {
                explicit: explicit.map(PathBuf::from),
                surface,
            };
            ConfigFile::locate(&options, &env, &self.path("work"))
        }

        fn found(&self, surface: Surface) -> (PathBuf, Origin) {
            let file = self.locate(surface, None, None);
            let path = file
                .path()
                .strip_prefix(self.root.path())
                .expect("below")
                .to_owned();
            (path, file.origin())
        }
    }

    #[test]
    fn with_nothing_anywhere_it_is_omlx_s_default_place() {
        let machine = Machine::new();
        for surface in [Surface::App, Surface::CommandLine] {
            assert_eq!(
                machine.found(surface),
                ("home/.config/omlx/mcp.json".into(), Origin::Default)
            );
        }
    }

    #[test]
    fn the_command_line_looks_into_the_working_folder_before_the_home_folder() {
        let machine = Machine::new();
        machine.write("home/.config/omlx/mcp.yaml", "");
        assert_eq!(
            machine.found(Surface::CommandLine),
            ("home/.config/omlx/mcp.yaml".into(), Origin::Default)
        );
        machine.write("home/.config/omlx/mcp.json", "");
        assert_eq!(
            machine.found(Surface::CommandLine),
            ("home/.config/omlx/mcp.json".into(), Origin::Default)
        );
        machine.write("work/mcp.yaml", "");
        assert_eq!(
            machine.found(Surface::CommandLine),
            ("work/mcp.yaml".into(), Origin::WorkingFolder)
        );
        machine.write("work/mcp.json", "");
        assert_eq!(
            machine.found(Surface::CommandLine),
            ("work/mcp.json".into(), Origin::WorkingFolder)
        );
    }

    #[test]
    fn the_app_ignores_the_working_folder_and_takes_the_path_omlx_was_given() {
        let machine = Machine::new();
        machine.write("work/mcp.json", "");
        machine.write("home/.config/omlx/mcp.json", "");
        assert_eq!(
            machine.found(Surface::App),
            ("home/.config/omlx/mcp.json".into(), Origin::Default)
        );
        machine.settings("~/.omlx/mcp.json");
        assert_eq!(
            machine.found(Surface::App),
            ("home/.omlx/mcp.json".into(), Origin::OmlxSettings)
        );
        assert_eq!(machine.found(Surface::CommandLine).1, Origin::WorkingFolder);
    }

    #[test]
    fn the_places_are_told_in_the_order_of_the_search() {
        let machine = Machine::new();
        machine.settings("~/.omlx/mcp.json");
        let env = Environment::of([
            ("HOME", machine.path("home").to_str().expect("UTF-8")),
            (VARIABLE, "v.json"),
        ]);
        let places = |surface, explicit: Option<&str>| {
            let options = LocateOptions {
                explicit: explicit.map(PathBuf::from),
                surface,
            };
            let places = ConfigFile::places(&options, &env, &machine.path("work"));
            let below = |path: &Path| path.strip_prefix(machine.root.path()).expect("below").to_owned();
            places
                .into_iter()
                .map(|(_, path)| below(&path))
                .collect::<Vec<_>>()
        };
        let default = ["home/.config/omlx/mcp.json", "home/.config/omlx/mcp.yaml"];
        let expected = |first: &[&str]| {
            [first, &default]
                .concat()
                .iter()
                .map(PathBuf::from)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            places(Surface::CommandLine, Some("mine.json")),
            expected(&["work/mine.json", "work/v.json", "work/mcp.json", "work/mcp.yaml"])
        );
        assert_eq!(
            places(Surface::App, None),
            expected(&["work/v.json", "home/.omlx/mcp.json"])
        );
    }

    #[test]
    fn settings_that_say_nothing_are_passed_over() {
        let machine = Machine::new();
        for settings in [
            "",
            "[]",
            "{",
            r#"{"mcp": {"config_path": null}}"#,
            r#"{"mcp": {"config_path": ""}}"#,
        ] {
            machine.write("home/.omlx/settings.json", settings);
            assert_eq!(machine.found(Surface::App).1, Origin::Default, "{settings}");
        }
    }

    #[test]
    fn the_variable_wins_over_the_search_and_a_named_file_wins_over_the_variable() {
        let machine = Machine::new();
        machine.write("work/mcp.json", "");
        machine.settings("/elsewhere.json");
        for surface in [Surface::App, Surface::CommandLine] {
            let file = machine.locate(surface, Some("~/v.yaml"), None);
            assert_eq!(
                (file.path(), file.origin()),
                (machine.path("home/v.yaml").as_path(), Origin::Variable)
            );
            assert_eq!(file.format(), Format::Yaml);
            let file = machine.locate(surface, Some("~/v.yaml"), Some("named.yml"));
            assert_eq!(
                (file.path(), file.origin()),
                (machine.path("work/named.yml").as_path(), Origin::Explicit)
            );
        }
    }

    #[test]
    fn a_file_that_omlx_was_given_is_omlx_s_however_it_was_found() {
        let machine = Machine::new();
        let readers = |variable, explicit| {
            let file = machine.locate(Surface::CommandLine, variable, explicit);
            file.read_by()
        };
        assert_eq!(readers(None, None), Readers::PerhapsOmlx);
        assert_eq!(readers(None, Some("mine.json")), Readers::OnlyUs);
        assert_eq!(
            readers(None, Some("~/.config/omlx/mcp.json")),
            Readers::PerhapsOmlx
        );
        assert_eq!(readers(Some("mine.json"), None), Readers::OmlxToo);
        assert_eq!(readers(Some("mine.json"), Some("mine.json")), Readers::OmlxToo);
        machine.settings("~/.config/omlx/mcp.json");
        assert_eq!(readers(None, None), Readers::OmlxToo);
        assert_eq!(readers(None, Some("~/.config/omlx/mcp.json")), Readers::OmlxToo);
        assert_eq!(readers(None, Some("mine.json")), Readers::OnlyUs);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_omlx_s_file_is_omlx_s_file() {
        let machine = Machine::new();
        machine.write("home/.config/omlx/mcp.json", "{}");
        machine.settings("~/.config/omlx/mcp.json");
        std::os::unix::fs::symlink(
            machine.path("home/.config/omlx/mcp.json"),
            machine.path("work/l.json"),
        )
        .expect("linked");
        assert_eq!(
            machine.locate(Surface::App, None, Some("l.json")).read_by(),
            Readers::OmlxToo
        );
    }
}
