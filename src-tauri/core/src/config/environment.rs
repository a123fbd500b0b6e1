//! Environment variables as a value, so that a search or an expansion is the same in a test as in a terminal.

use std::{collections::HashMap, env, fmt, path::PathBuf, sync::Arc};

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Looks variables up; cheap to clone.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

impl Environment {
    /// This process's own variables; one that is not UTF-8 counts as unset.
    pub fn process() -> Self {
        Self(Arc::new(|name| env::var(name).ok()))
    }

    /// Exactly these variables and no others.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = HashMap::from(owned);
        Self(Arc::new(move |name| variables.get(name).cloned()))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    /// The value of a variable that says something; an empty one counts as unset, as it does for oMLX.
    pub(crate) fn non_empty(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The user's home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.non_empty("HOME")
            .or_else(|| self.non_empty("USERPROFILE"))
            .map(PathBuf::from)
    }

    /// The path a text names, with a leading `~` as the home folder.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        let rest = match text.strip_prefix('~') {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(['/', '\\']),
            None => None,
        };
        match (rest, self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        }
    }
}

/// Variables are where credentials live, so nothing is shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_folder_only_where_a_shell_would_say_so() {
        let env = Environment::of([("HOME", "/home/u")]);
        assert_eq!(env.path("~/a/b"), PathBuf::from("/home/u/a/b"));
        assert_eq!(env.path("~"), PathBuf::from("/home/u/"));
        assert_eq!(env.path("~other/a"), PathBuf::from("~other/a"));
        assert_eq!(env.path("/a/~/b"), PathBuf::from("/a/~/b"));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(Environment::of([("A", "")]).non_empty("A"), None);
    }
}
