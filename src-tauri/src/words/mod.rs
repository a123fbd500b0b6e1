//! The words of the tray and the notifications: the panel's own catalogues, in the language the panel speaks.
//!
//! Sentences on what went wrong come from the core and stay English, here as in the panel.

mod catalogues;

use omlx_mcp::settings::Language;

use self::catalogues::{EN, JA, KO, ZH_HANS, ZH_HANT};

/// One language. Each field is a message of the panel's catalogue; `{name}` and the like stand for values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) auth_unknown: &'static str,
    pub(crate) auth_not_required: &'static str,
    pub(crate) auth_not_authenticated: &'static str,
    pub(crate) auth_preparing: &'static str,
    pub(crate) auth_waiting_browser: &'static str,
    pub(crate) auth_enter_code: &'static str,
    pub(crate) auth_authenticated: &'static str,
    pub(crate) auth_refresh_failed: &'static str,
    pub(crate) auth_insufficient_scope: &'static str,
    pub(crate) auth_locked: &'static str,
    pub(crate) connection_disabled: &'static str,
    pub(crate) connection_connecting: &'static str,
    pub(crate) action_allow: &'static str,
    pub(crate) action_retry: &'static str,
    pub(crate) list_needy: Plural,
    pub(crate) list_joined: &'static str,
    pub(crate) tools_count: Plural,
    pub(crate) banner_paused_title: &'static str,
    pub(crate) banner_locked_title: &'static str,
    pub(crate) settings_paused: &'static str,
    pub(crate) tray_add: &'static str,
    pub(crate) tray_more: &'static str,
    pub(crate) tray_config: &'static str,
    pub(crate) tray_connect: &'static str,
    pub(crate) tray_reauthenticate: &'static str,
    pub(crate) tray_allow: &'static str,
    pub(crate) tray_unlock: &'static str,
    pub(crate) tray_waiting: &'static str,
    pub(crate) tray_failed: &'static str,
    pub(crate) tray_settings: &'static str,
    pub(crate) tray_launch: &'static str,
    pub(crate) tray_about: &'static str,
    pub(crate) tray_quit: &'static str,
    pub(crate) tray_claim: &'static str,
    pub(crate) notice_sign_in: &'static str,
    pub(crate) notice_again: &'static str,
    pub(crate) notice_more: &'static str,
    pub(crate) notice_held: Plural,
    pub(crate) notice_held_text: &'static str,
    pub(crate) notice_review: &'static str,
    pub(crate) notice_log_in: &'static str,
    pub(crate) notice_show: &'static str,
}

/// A message that goes by its `{count}`; a language without a form for one has the same twice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plural {
    one: &'static str,
    other: &'static str,
}

impl Plural {
    /// The form for this many.
    pub(crate) fn of(&self, count: u32) -> String {
        let form = if count == 1 { self.one } else { self.other };
        fill(form, "count", &count.to_string())
    }
}

/// The message with a value in the place of its placeholder.
pub(crate) fn fill(message: &str, placeholder: &str, value: &str) -> String {
    message.replace(&format!("{{{placeholder}}}"), value)
}

/// The words of the chosen language, or of the first of the system's that we speak, or English.
pub(crate) fn of(language: Language) -> &'static Words {
    match language {
        Language::System => among(&system()),
        Language::English => &EN,
        Language::Japanese => &JA,
        Language::Korean => &KO,
        Language::SimplifiedChinese => &ZH_HANS,
        Language::TraditionalChinese => &ZH_HANT,
    }
}

fn among(tags: &[String]) -> &'static Words {
    tags.iter().find_map(|tag| closest(tag)).unwrap_or(&EN)
}

/// Takes language tags and the names of locales. Chinese goes by script, and by region where no script is said.
fn closest(tag: &str) -> Option<&'static Words> {
    let tag = tag.to_ascii_lowercase();
    let (tag, _) = tag.split_once(['.', '@']).unwrap_or((&tag, ""));
    let mut parts = tag.split(['-', '_']);
    let language = parts.next()?;
    let rest: Vec<_> = parts.collect();
    let has = |wanted: &[&str]| rest.iter().any(|part| wanted.contains(part));
    match language {
        "en" => Some(&EN),
        "ja" => Some(&JA),
        "ko" => Some(&KO),
        "zh" if has(&["hans"]) => Some(&ZH_HANS),
        "zh" if has(&["hant", "tw", "hk", "mo"]) => Some(&ZH_HANT),
        "zh" => Some(&ZH_HANS),
        _ => None,
    }
}

#[cfg(target_os = "macos")]
fn system() -> Vec<String> {
    omlx_macos::languages()
}

#[cfg(not(target_os = "macos"))]
fn system() -> Vec<String> {
    let names = gtk::glib::language_names();
    names.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among_tags(tags: &[&str]) -> &'static Words {
        let tags: Vec<_> = tags.iter().map(|&tag| tag.to_owned()).collect();
        among(&tags)
    }

    #[test]
    fn the_first_language_that_we_speak_is_spoken() {
        assert_eq!(among_tags(&["de_DE.UTF-8", "de", "ja_JP.UTF-8", "C"]), &JA);
        assert_eq!(among_tags(&["C"]), &EN);
        assert_eq!(among_tags(&[]), &EN);
        assert_eq!(among_tags(&["ko-KR"]), &KO);
    }

    #[test]
    fn chinese_goes_by_script_and_then_by_region() {
        assert_eq!(among_tags(&["zh_TW.UTF-8"]), &ZH_HANT);
        assert_eq!(among_tags(&["zh-Hant-CN"]), &ZH_HANT);
        assert_eq!(among_tags(&["zh-Hans-HK"]), &ZH_HANS);
        assert_eq!(among_tags(&["zh_HK"]), &ZH_HANT);
        assert_eq!(among_tags(&["zh"]), &ZH_HANS);
    }

    #[test]
    fn a_chosen_language_is_spoken_whatever_the_system_s() {
        assert_eq!(of(Language::Korean), &KO);
        assert_eq!(of(Language::TraditionalChinese), &ZH_HANT);
    }

    #[test]
    fn one_is_counted_as_one_where_the_language_does() {
        assert_eq!(EN.tools_count.of(1), "1 tool");
        assert_eq!(EN.tools_count.of(14), "14 tools");
        assert_eq!(KO.tools_count.of(1), "도구 1개");
    }
}
