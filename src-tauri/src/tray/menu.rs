//! The native menu: built once, and from then on mutated in place. Replacing a menu that is open crashes macOS.

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

/// The menu, and the parts of it that change.
pub(super) struct TrayMenu {
    pub(super) menu: Menu<Wry>,
    rows: Vec<(Row, MenuItem<Wry>)>,
    pause: CheckMenuItem<Wry>,
    launch_at_login: CheckMenuItem<Wry>,
}

impl TrayMenu {
    /// With no rows yet.
    pub(super) fn build(app: &AppHandle) -> tauri::Result<Self> {
        let check = |choice: &Choice, text| CheckMenuItemBuilder::with_id(choice.id(), text).build(app);
        let pause = check(&Choice::Pause, "Pause")?;
        let launch_at_login = check(&Choice::LaunchAtLogin, "Launch at Login")?;
        let plain = |choice: &Choice, text, key| {
            MenuItemBuilder::with_id(choice.id(), text)
                .accelerator(key)
                .build(app)
        };
        let line = || PredefinedMenuItem::separator(app);
        let fixed: [&dyn IsMenuItem<Wry>; 8] = [
            &line()?,
            &plain(&Choice::Settings, "Settings…", "CmdOrCtrl+,")?,
            &pause,
            &launch_at_login,
            &line()?,
            &PredefinedMenuItem::about(app, Some("About oMLX Connect"), Some(about()))?,
            &line()?,
            &plain(&Choice::Quit, "Quit oMLX Connect", "CmdOrCtrl+Q")?,
        ];
        Ok(Self {
            menu: Menu::with_items(app, &fixed)?,
            rows: Vec::new(),
            pause,
            launch_at_login,
        })
    }

    /// Makes the menu say what `face` says, changing only what is different. On the main thread.
    pub(super) fn show(&mut self, app: &AppHandle, face: &Face) -> tauri::Result<()> {
        self.pause.set_checked(face.paused)?;
        self.launch_at_login.set_checked(face.launch_at_login)?;
        self.take_out(&face.rows)?;
        for (at, row) in face.rows.iter().enumerate() {
            self.put(app, at, row)?;
        }
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

fn about() -> AboutMetadata<'static> {
    AboutMetadata {
        name: Some(omlx_mcp::PRODUCT.to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        comments: Some("Sign in once to every MCP server, and use it from every AI client.".to_owned()),
        license: Some(env!("CARGO_PKG_LICENSE").to_owned()),
        icon: Some(ICON),
        ..AboutMetadata::default()
    }
}

const ICON: Image<'static> = tauri::include_image!("../icons/128x128.png");
