//! The one window: made when it is wanted, destroyed when it is closed, because a hidden webview costs as much as a
//! shown one.

use tauri::{
    AppHandle, Emitter as _, Manager as _, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent,
    webview::NewWindowResponse,
};

use crate::desk::{Desk, Place};

/// The window's label; the capability is for it alone.
pub(crate) const LABEL: &str = "panel";

const SIZE: (f64, f64) = (900.0, 640.0);
const SMALLEST: (f64, f64) = (640.0, 440.0);

/// Shows the panel, where `place` says if anywhere.
pub(crate) fn show(app: &AppHandle, place: Option<Place>) {
    let again = app.clone();
    // Windows are made on the main thread; a menu's click comes from there, a link does not.
    let shown = app.run_on_main_thread(move || {
        if let Err(error) = show_now(&again, place) {
            tracing::error!(%error, "the panel could not be shown");
        }
    });
    if let Err(error) = shown {
        tracing::error!(%error, "the panel could not be shown");
    }
}

fn show_now(app: &AppHandle, place: Option<Place>) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(LABEL) {
        if let Some(place) = place {
            app.emit_to(LABEL, "place", place)?;
        }
        return front(&window);
    }
    app.state::<Desk>().replace_place(place);
    #[cfg(target_os = "macos")]
    crate::macos::show_in_dock(app);
    let window = build(app)?;
    let closed = app.clone();
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Destroyed) {
            gone(&closed);
        }
    });
    #[cfg(all(unix, not(target_os = "macos")))]
    end_with_its_page(&window)?;
    front(&window)
}

fn build(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title(omlx_mcp::PRODUCT)
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .center()
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()
}

/// A page whose process has died stands there and does nothing: the window goes with it, and the tray brings a new one.
#[cfg(all(unix, not(target_os = "macos")))]
fn end_with_its_page(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::WebViewExt as _;

    let left = window.clone();
    window.with_webview(move |view| {
        view.inner().connect_web_process_terminated(move |_, reason| {
            tracing::warn!(?reason, "the panel's page has died");
            if let Err(error) = left.destroy() {
                tracing::warn!(%error, "the panel could not be closed");
            }
        });
    })
}

/// The panel never goes anywhere else, whatever a page in it might say.
fn is_ours(url: &Url) -> bool {
    let host = url.host_str();
    match url.scheme() {
        "tauri" => host == Some("localhost"),
        "http" | "https" => host == Some("tauri.localhost"),
        _ => false,
    }
}

/// Brings the panel forward, if it is there.
pub(crate) fn come_forward(app: &AppHandle) {
    if app.get_webview_window(LABEL).is_some() {
        show(app, None);
    }
}

fn front(window: &WebviewWindow) -> tauri::Result<()> {
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

#[cfg_attr(
    not(target_os = "macos"),
    expect(unused_variables, reason = "only macOS has a Dock to leave")
)]
fn gone(app: &AppHandle) {
    #[cfg(target_os = "macos")]
    crate::macos::leave_dock(app);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_panel_stays_where_it_is() {
        let ours = |url: &str| is_ours(&Url::parse(url).expect("a URL"));
        assert!(ours("tauri://localhost/index.html"));
        assert!(ours("http://tauri.localhost/"));
        assert!(!ours("https://tauri.localhost.evil.example/"));
        assert!(!ours("http://127.0.0.1:8080/"));
        assert!(!ours("data:text/html,x"));
        assert!(!ours("file:///etc/passwd"));
    }
}
