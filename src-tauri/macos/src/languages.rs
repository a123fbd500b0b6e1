//! The languages the user speaks.

use objc2_foundation::NSLocale;

/// The user's languages as BCP 47 tags, the dearest first.
pub fn languages() -> Vec<String> {
    let tags = NSLocale::preferredLanguages().to_vec();
    tags.iter().map(ToString::to_string).collect()
}
