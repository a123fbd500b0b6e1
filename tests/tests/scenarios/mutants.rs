//! The wrong behaviours of tests/mutants are still about this code, and name tests that exist. That the tests catch them
//! is shown by `make mutants`, which builds each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use omlx_tests::TestResult;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, extension: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    Ok(found)
}

fn after<'a>(patch: &'a str, label: &str) -> Option<&'a str> {
    patch.lines().find_map(|line| line.strip_prefix(label))
}

#[test]
fn every_mutant_can_still_be_seeded() -> TestResult {
    let patches = files(&root().join("tests/mutants"), "patch")?;
    assert!(patches.len() > 30, "{} mutants", patches.len());
    for patch in patches {
        let text = fs::read_to_string(&patch)?;
        assert!(
            after(&text, "Wrong: ").is_some(),
            "{} says nothing",
            patch.display()
        );
        let checked = Command::new("git")
            .args(["apply", "--check", "-C1"])
            .arg(patch.canonicalize()?)
            .current_dir(root().canonicalize()?)
            .output()?;
        let words = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{}: {words}", patch.display());
    }
    Ok(())
}

#[test]
fn every_mutant_names_tests_that_exist() -> TestResult {
    let sources = files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios"),
        "rs",
    )?;
    let texts: Vec<_> = sources.iter().map(fs::read_to_string).collect::<Result<_, _>>()?;
    for patch in files(&root().join("tests/mutants"), "patch")? {
        let text = fs::read_to_string(&patch)?;
        let named = after(&text, "Caught by: ").ok_or("nobody catches it")?;
        for name in named.split('|') {
            let word = name
                .trim_end_matches("::")
                .rsplit("::")
                .next()
                .unwrap_or_default();
            let is_function = texts.iter().any(|text| text.contains(&format!("fn {word}")));
            let is_module = sources
                .iter()
                .any(|source| source.ends_with(format!("{word}.rs")));
            assert!(is_function || is_module, "{} names {name}", patch.display());
        }
    }
    Ok(())
}
