//! The icon in the menu bar, and its menu.

mod choice;
mod labels;
mod menu;

use std::sync::{Mutex, PoisonError};

use omlx_mcp::{Action, ServerSnapshot, settings::Settings};
use tauri::{
    AppHandle, Manager as _, Wry,
    image::Image,
    tray::{TrayIcon, TrayIconBuilder},
};

use self::{
    choice::Choice,
    labels::{Face, Glyph},
    menu::TrayMenu,
};
use crate::{
    commands::sign_in,
    desk::{Desk, Place, StartError},
    panel, words,
};

/// macOS inks a template glyph itself, light or dark; elsewhere the glyph brings its own ink.
const IS_TEMPLATE: bool = cfg!(target_os = "macos");

/// The icon, and what it shows at the moment.
struct Tray {
    icon: TrayIcon<Wry>,
    menu: TrayMenu,
    shown: Option<Face>,
}

/// Puts the icon there; the menu is filled with the first [`refresh`].
pub(crate) fn build(app: &AppHandle) -> Result<(), StartError> {
    let language = app.state::<Desk>().chosen.borrow().language;
    let menu = TrayMenu::build(app, words::of(language))?;
    let icon = TrayIconBuilder::with_id("tray")
        .icon(image(Glyph::Calm))
        .icon_as_template(IS_TEMPLATE)
        .tooltip(omlx_mcp::PRODUCT)
        .menu(&menu.menu)
        .show_menu_on_left_click(true)
        .on_menu_event(|app, event| {
            if let Some(choice) = Choice::parse(&event.id.0) {
                choose(app, &choice);
            }
        })
        .build(app)?;
    app.manage(Mutex::new(Tray {
        icon,
        menu,
        shown: None,
    }));
    Ok(())
}

/// Whether a server needs somebody.
pub(crate) fn is_due(server: &ServerSnapshot) -> bool {
    labels::due(server).is_some()
}

/// Makes icon and menu say what is so now.
pub(crate) fn refresh(app: &AppHandle) {
    let again = app.clone();
    let asked = app.run_on_main_thread(move || {
        if let Err(error) = refresh_now(&again) {
            tracing::warn!(%error, "the menu could not be changed");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the menu could not be changed");
    }
}

fn refresh_now(app: &AppHandle) -> tauri::Result<()> {
    let desk = app.state::<Desk>();
    let settings = *desk.chosen.borrow();
    let face = Face::of(
        &desk.handle.snapshot().borrow(),
        settings,
        words::of(settings.language),
    );
    let tray = app.state::<Mutex<Tray>>();
    let mut tray = tray.lock().unwrap_or_else(PoisonError::into_inner);
    if tray.shown.as_ref() == Some(&face) {
        return Ok(());
    }
    tray.menu.show(app, &face)?;
    if tray.shown.as_ref().is_none_or(|shown| shown.glyph != face.glyph) {
        tray.icon
            .set_icon_with_as_template(Some(image(face.glyph)), IS_TEMPLATE)?;
    }
    tray.icon.set_tooltip(Some(&face.tooltip))?;
    tray.shown = Some(face);
    Ok(())
}

/// Whether the menu bar gave the icon a place.
#[cfg(target_os = "macos")]
pub(crate) fn is_visible(app: &AppHandle) -> bool {
    let tray = app.state::<Mutex<Tray>>();
    let icon = tray.lock().unwrap_or_else(PoisonError::into_inner).icon.clone();
    matches!(icon.rect(), Ok(Some(_)))
}

/// Takes the icon out and puts it there again; the menu stays the same one.
#[cfg(target_os = "macos")]
pub(crate) fn put_back(app: &AppHandle) {
    let tray = app.state::<Mutex<Tray>>();
    let icon = tray.lock().unwrap_or_else(PoisonError::into_inner).icon.clone();
    if let Err(error) = icon.set_visible(false).and_then(|()| icon.set_visible(true)) {
        tracing::warn!(%error, "the icon could not be put back");
    }
}

fn choose(app: &AppHandle, choice: &Choice) {
    match choice {
        Choice::Server(id) => panel::show(app, Some(Place::Server { server: id.clone() })),
        Choice::Deed(id) => do_what_is_due(app, id.as_str()),
        Choice::Panel if app.state::<Desk>().is_empty() => panel::show(app, Some(Place::Add)),
        Choice::Trouble | Choice::Panel => panel::show(app, None),
        Choice::Settings => panel::show(app, Some(Place::Settings)),
        Choice::Pause => change(app, |settings| settings.paused = !settings.paused),
        Choice::LaunchAtLogin => change(app, |settings| {
            settings.launch_at_login = !settings.launch_at_login;
        }),
        Choice::Quit => app.exit(0),
    }
}

/// Does at a server what it needs somebody for.
pub(crate) fn do_what_is_due(app: &AppHandle, id: &str) {
    let Ok(server) = app.state::<Desk>().server(id) else {
        return;
    };
    match labels::due(&server.snapshot()) {
        Some(Action::Unlock) => drop(tauri::async_runtime::spawn(async move { server.retry().await })),
        Some(_) => sign_in::start(server),
        None => {}
    }
}

fn change(app: &AppHandle, change: impl Fn(&mut Settings)) {
    let desk = app.state::<Desk>();
    let mut settings = *desk.chosen.borrow();
    change(&mut settings);
    if let Err(error) = desk.settings.write(settings) {
        tracing::warn!("{error}");
    }
    // What could not be kept is not shown as if it were: a check mark has already turned itself.
    if let Some(tray) = app.try_state::<Mutex<Tray>>() {
        tray.lock().unwrap_or_else(PoisonError::into_inner).shown = None;
    }
    refresh(app);
}

fn image(glyph: Glyph) -> Image<'static> {
    match (glyph, IS_TEMPLATE) {
        (Glyph::Calm, false) => tauri::include_image!("../icons/tray-calm.png"),
        (Glyph::Working, false) => tauri::include_image!("../icons/tray-working.png"),
        (Glyph::Attention, false) => tauri::include_image!("../icons/tray-attention.png"),
        (Glyph::Calm, true) => tauri::include_image!("../icons/tray-calm-template.png"),
        (Glyph::Working, true) => tauri::include_image!("../icons/tray-working-template.png"),
        (Glyph::Attention, true) => tauri::include_image!("../icons/tray-attention-template.png"),
    }
}
