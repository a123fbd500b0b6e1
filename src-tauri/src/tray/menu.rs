//! The native menu: built once, and from then on mutated in place. Replacing a menu that is open crashes macOS.

use omlx_mcp::PRODUCT;
use tauri::{
    AppHandle, Wry,
    image::Image,
    menu::{
        AboutMetadata, CheckMenuItem, CheckMenuItemBuilder, IsMenuItem, Menu, MenuItem, MenuItemBuilder,
        PredefinedMenuItem,
    },
};

use super::{
    choice::Choice,
    labels::{Face, Row},
};
use crate::words::{Words, fill};

/// The menu, and the parts of it that change.
pub(super) struct TrayMenu {
    pub(super) menu: Menu<Wry>,
    rows: Vec<(Row, MenuItem<Wry>)>,
    settings: MenuItem<Wry>,
    pause: CheckMenuItem<Wry>,
    launch_at_login: CheckMenuItem<Wry>,
    about: PredefinedMenuItem<Wry>,
    quit: MenuItem<Wry>,
    words: &'static Words,
}

/// How many items stand between the last row and the one on the app.
const BEFORE_ABOUT: usize = 5;

impl TrayMenu {
    /// With no rows yet.
    pub(super) fn build(app: &AppHandle, words: &'static Words) -> tauri::Result<Self> {
        let check = |choice: &Choice, text| CheckMenuItemBuilder::with_id(choice.id(), text).build(app);
        let pause = check(&Choice::Pause, words.settings_paused)?;
        let launch_at_login = check(&Choice::LaunchAtLogin, words.tray_launch)?;
        let plain = |choice: &Choice, text: String, key| {
            MenuItemBuilder::with_id(choice.id(), text)
                .accelerator(key)
                .build(app)
        };
        let settings = plain(&Choice::Settings, words.tray_settings.to_owned(), "CmdOrCtrl+,")?;
        let quit = plain(&Choice::Quit, of_product(words.tray_quit), "CmdOrCtrl+Q")?;
        let about = about(app, words)?;
        let line = || PredefinedMenuItem::separator(app);
        let fixed: [&dyn IsMenuItem<Wry>; 8] = [
            &line()?,
            &settings,
            &pause,
            &launch_at_login,
            &line()?,
            &about,
            &line()?,
            &quit,
        ];
        Ok(Self {
            menu: Menu::with_items(app, &fixed)?,
            rows: Vec::new(),
            settings,
            pause,
            launch_at_login,
            about,
            quit,
            words,
        })
    }

    /// Makes the menu say what `face` says, changing only what is different. On the main thread.
    pub(super) fn show(&mut self, app: &AppHandle, face: &Face) -> tauri::Result<()> {
        if self.words != face.words {
            self.translate(app, face.words)?;
        }
        self.pause.set_checked(face.paused)?;
        self.launch_at_login.set_checked(face.launch_at_login)?;
        self.take_out(&face.rows)?;
        for (at, row) in face.rows.iter().enumerate() {
            self.put(app, at, row)?;
        }
        Ok(())
    }

    /// What the item on the app shows is fixed when it is made, so that it is the one that is made anew.
    fn translate(&mut self, app: &AppHandle, words: &'static Words) -> tauri::Result<()> {
        self.settings.set_text(words.tray_settings)?;
        self.pause.set_text(words.settings_paused)?;
        self.launch_at_login.set_text(words.tray_launch)?;
        self.quit.set_text(of_product(words.tray_quit))?;
        let about = about(app, words)?;
        self.menu.remove(&self.about)?;
        self.menu.insert(&about, self.rows.len() + BEFORE_ABOUT)?;
        self.about = about;
        self.words = words;
        Ok(())
    }

    fn take_out(&mut self, wanted: &[Row]) -> tauri::Result<()> {
        let is_wanted = |row: &Row| wanted.iter().any(|other| other.key == row.key);
        for (_, item) in self.rows.iter().filter(|(row, _)| !is_wanted(row)) {
            self.menu.remove(item)?;
        }
        self.rows.retain(|(row, _)| is_wanted(row));
        Ok(())
    }

    fn put(&mut self, app: &AppHandle, at: usize, row: &Row) -> tauri::Result<()> {
        if let Some((shown, item)) = self.rows.get_mut(at).filter(|(shown, _)| shown.key == row.key) {
            if shown.text != row.text {
                item.set_text(&row.text)?;
                *shown = row.clone();
            }
            return Ok(());
        }
        if let Some(elsewhere) = self.rows.iter().position(|(shown, _)| shown.key == row.key) {
            let (_, item) = self.rows.remove(elsewhere);
            self.menu.remove(&item)?;
        }
        let id = Choice::of(&row.key).id();
        let item = MenuItemBuilder::with_id(id, &row.text).build(app)?;
        self.menu.insert(&item, at)?;
        self.rows.insert(at, (row.clone(), item));
        Ok(())
    }
}

fn about(app: &AppHandle, words: &Words) -> tauri::Result<PredefinedMenuItem<Wry>> {
    let told = AboutMetadata {
        name: Some(PRODUCT.to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        comments: Some(words.tray_claim.to_owned()),
        license: Some(env!("CARGO_PKG_LICENSE").to_owned()),
        icon: Some(ICON),
        ..AboutMetadata::default()
    };
    PredefinedMenuItem::about(app, Some(&of_product(words.tray_about)), Some(told))
}

fn of_product(message: &str) -> String {
    fill(message, "product", PRODUCT)
}

const ICON: Image<'static> = tauri::include_image!("../icons/128x128.png");
