//! Where everything is kept: one folder per user.

use std::path::{Path, PathBuf};

use directories::BaseDirs;

use super::disk::{self, DiskError};
use crate::{Action, BUNDLE_ID, Explain};

/// The variable that moves the folder.
pub const HOME_VARIABLE: &str = "OMLX_CONNECT_HOME";

/// The data folder; holds sealed grants, records and, without a keychain, the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    data: PathBuf,
}

/// No data folder can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// The user has no home folder and the variable is not set.
    #[error("there is no home folder; set {HOME_VARIABLE} to the folder to use")]
    Unknown,
}

impl Explain for HomeError {
    fn code(&self) -> &'static str {
        "home_unknown"
    }

    fn action(&self) -> Action {
        Action::EditConfig
    }
}

impl Home {
    /// A folder chosen by the caller.
    pub fn at(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into() }
    }

    /// `OMLX_CONNECT_HOME` when set, else the platform's folder for application data. Nothing is created yet.
    pub fn locate(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, HomeError> {
        if let Some(chosen) = env(HOME_VARIABLE).filter(|chosen| !chosen.is_empty()) {
            // A relative folder would be another one after the next change of directory.
            return Ok(Self::at(
                std::path::absolute(&chosen).unwrap_or_else(|_| chosen.into()),
            ));
        }
        let folders = BaseDirs::new().ok_or(HomeError::Unknown)?;
        Ok(Self::at(folders.data_local_dir().join(FOLDER)))
    }

    /// The folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Sealed grants, sealed registrations and their locks.
    pub(super) fn vault(&self) -> PathBuf {
        self.data.join("vault")
    }

    /// What was last observed of each server.
    pub(super) fn records(&self) -> PathBuf {
        self.data.join("records")
    }

    /// Creates the folders, for their owner only.
    pub(super) fn create(&self) -> Result<(), DiskError> {
        disk::make_private(&self.vault())?;
        disk::make_private(&self.records())
    }
}

const FOLDER: &str = if cfg!(target_os = "linux") {
    "omlx-connect"
} else {
    BUNDLE_ID
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_moves_the_folder_and_an_empty_one_does_not() {
        let chosen = |value: &'static str| {
            Home::locate(&move |name| (name == HOME_VARIABLE).then(|| value.to_owned())).expect("a folder")
        };
        assert_eq!(chosen("/data/connect").data(), Path::new("/data/connect"));
        assert!(chosen("data").data().is_absolute());
        assert!(chosen("").data().ends_with(FOLDER));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn on_linux_the_folder_has_a_linux_name() {
        let home = Home::locate(&|_| None).expect("a folder");
        assert!(home.data().ends_with("omlx-connect"));
    }
}
