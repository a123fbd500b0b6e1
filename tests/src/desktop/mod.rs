//! A whole desktop for the menu bar app: a screen, a session bus, a keychain, a tray, notifications, a browser, and the
//! person in front of it. Nothing of this machine's own desktop is seen or touched, and nothing of it is left.
//!
//! | part | stands for |
//! |---|---|
//! | `screen`, `bus`, `keyring` | Xvfb, dbus-daemon and gnome-keyring, each its own |
//! | `tray`, `menu` | the StatusNotifierWatcher, and the app's menu as a person reads and clicks it |
//! | `notifications` | the notification service, which keeps what it is told and presses buttons |
//! | `panel`, `webdriver` | the panel, through WebKit's own driver |
//! | `chromium` | `$BROWSER`, and a real Chromium in which somebody consents |
//! | `process`, `waiting` | who runs, who ends, and waiting without sleeping |

mod app;
mod bus;
mod chromium;
mod keyring;
mod menu;
mod notifications;
mod panel;
mod process;
mod screen;
mod stage;
mod tray;
mod waiting;
mod webdriver;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use url::Url;

pub use menu::Entry;
pub use notifications::Notification;
pub use panel::{Panel, shows_pages};
pub use process::{Process, below};
pub use stage::scene;
pub use tray::{Icon, Picture};
pub use waiting::{PATIENCE, eventually, within};
pub use webdriver::{Element, WebDriver};

use crate::{Desk, Omlx, TestResult};
use app::App;
use bus::Bus;
use chromium::{Chromium, Opener};
use keyring::Keyring;
use notifications::Notifications;
use panel::Inspector;
use process::Session;
use screen::Screen;
use tray::Tray;

/// One desktop, with a person's files on it. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Desktop {
    // Ends in this order: whoever depends on another first.
    app: Option<App>,
    chromium: Option<Chromium>,
    inspector: Inspector,
    opener: Opener,
    keyring: Keyring,
    notifications: Notifications,
    tray: Tray,
    icons_before: usize,
    bus: Bus,
    _screen: Screen,
    session: Session,
    /// The config file and the data folder.
    pub desk: Desk,
}

impl Desktop {
    async fn new(logs: PathBuf) -> Result<Self, Box<dyn Error>> {
        let desk = Desk::new()?;
        let mut session = Session::new(desk.path(), logs)?;
        session.set("OMLX_MCP_CONFIG", desk.config_path());
        session.set("OMLX_CONNECT_HOME", desk.home_path());
        for (name, value) in SETTINGS {
            session.set(name, value);
        }
        let screen = Screen::start(&mut session)?;
        let bus = Bus::start(&mut session).await?;
        let keyring = Keyring::start(&session, &bus).await?;
        let opener = Opener::install(&desk, &mut session)?;
        Ok(Self {
            app: None,
            chromium: None,
            inspector: Inspector::start(&mut session)?,
            opener,
            keyring,
            notifications: Notifications::start(&bus.connection).await?,
            tray: Tray::start(&bus.connection).await?,
            icons_before: 0,
            bus,
            _screen: screen,
            session,
            desk,
        })
    }

    /// Makes the desktop a dark one; for apps started from now on.
    pub fn darken(&self) -> std::io::Result<()> {
        let folder = self.desk.path().join("config/gtk-3.0");
        fs::create_dir_all(&folder)?;
        let settings = "[Settings]\ngtk-application-prefer-dark-theme=true\ngtk-theme-name=Adwaita-dark\n";
        fs::write(folder.join("settings.ini"), settings)
    }

    // ---- the app ----

    /// Starts the app, and waits until its icon is in the tray.
    pub async fn start(&mut self) -> TestResult {
        self.icons_before = self.tray.arrivals();
        self.app = Some(App::start(&self.session)?);
        self.icon().await.map(drop)
    }

    /// The same; how long it took from the start of the process.
    pub async fn start_timed(&mut self) -> Result<Duration, Box<dyn Error>> {
        let begun = Instant::now();
        self.start().await?;
        let came = self.tray.last_arrival().ok_or("no icon came")?;
        Ok(came.duration_since(begun))
    }

    /// Starts the app a second time, as a link or a double click does while it runs; how that second instance ended.
    pub async fn start_again(&self, arguments: &[&str]) -> Result<ExitStatus, Box<dyn Error>> {
        App::again(&self.session, arguments).await
    }

    /// Opens a link as any program of the desktop does: whoever registered for it takes it, and is started if need be.
    pub fn open_link(&self, link: &str) -> TestResult {
        let opened = self.session.command("xdg-open")?.arg(link).status()?;
        opened
            .success()
            .then_some(())
            .ok_or_else(|| "nobody takes such links".into())
    }

    /// Kills the app, as a crash would.
    pub fn crash(&mut self) -> TestResult {
        self.inspector.forget();
        self.app.take().ok_or("no app runs")?.kill()?;
        self.icons_before = self.tray.arrivals();
        Ok(())
    }

    /// Waits until the app has ended by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus, Box<dyn Error>> {
        self.inspector.forget();
        self.app.take().ok_or("no app runs")?.end().await
    }

    /// The running app's number, for measuring.
    pub fn app_id(&self) -> Option<u32> {
        self.app.as_ref().map(App::id)
    }

    /// Every process the app has started and that still runs.
    pub fn helpers(&self) -> Vec<Process> {
        self.app.as_ref().map(App::helpers).unwrap_or_default()
    }

    // ---- the tray ----

    /// The app's icon.
    pub async fn icon(&self) -> Result<Icon<'static>, Box<dyn Error>> {
        eventually("an icon in the tray", async || {
            if self.tray.arrivals() > self.icons_before {
                self.tray.icon().await
            } else {
                None
            }
        })
        .await
    }

    /// How many icons have come since the app was started.
    pub fn icons(&self) -> usize {
        self.tray.arrivals() - self.icons_before
    }

    /// The labels of the tray's menu, from top to bottom.
    pub async fn menu(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let entries = self.icon().await?.menu().await?;
        Ok(entries.into_iter().map(|entry| entry.label).collect())
    }

    /// Waits until a line of the menu contains each of `words`; that line.
    pub async fn menu_line(&self, words: &[&str]) -> Result<String, Box<dyn Error>> {
        let what = format!("a line with {words:?} in the menu");
        let line = eventually(&what, async || {
            let menu = self.menu().await.ok()?;
            menu.into_iter()
                .find(|line| words.iter().all(|word| line.contains(word)))
        });
        match line.await {
            Ok(line) => Ok(line),
            Err(error) => Err(format!("{error}; it has:\n{:#?}", self.menu().await?).into()),
        }
    }

    /// Waits until no line of the menu contains `words`.
    pub async fn menu_without(&self, words: &str) -> TestResult {
        eventually(&format!("a menu without {words:?}"), async || {
            let menu = self.menu().await.ok()?;
            (!menu.iter().any(|line| line.contains(words))).then_some(())
        })
        .await
    }

    /// Clicks the first line of the menu that begins with `words`, as soon as it is there and stands still.
    pub async fn click(&self, words: &str) -> TestResult {
        self.menu_line(&[words]).await?;
        let icon = self.icon().await?;
        eventually(&format!("a click on {words:?}"), async || {
            let menu = icon.menu().await.ok()?;
            let line = menu.into_iter().find(|line| line.label.starts_with(words))?;
            icon.click(&line.label).await.ok()
        })
        .await
    }

    // ---- the panel ----

    /// Opens the panel from the tray.
    pub async fn open_panel(&self) -> Result<Panel, Box<dyn Error>> {
        self.click("Settings…").await?;
        self.panel().await
    }

    /// Opens the panel from the tray, at this server.
    pub async fn open_panel_at(&self, server: &str) -> Result<Panel, Box<dyn Error>> {
        self.click(&format!("{server} — ")).await?;
        self.panel().await
    }

    /// Closes the panel's window, as its close button would, and waits until no process shows a page any more.
    pub async fn close_panel(&self) -> TestResult {
        Screen::close(&self.session, PANEL)?;
        self.no_page_is_shown().await
    }

    /// Waits until no process shows a page any more.
    pub async fn no_page_is_shown(&self) -> TestResult {
        eventually("the end of the panel's process", async || {
            (!self.helpers().iter().any(shows_pages)).then_some(())
        })
        .await
    }

    /// Kills the process that shows the panel's page, as a crash of it would.
    pub fn crash_panel(&self) -> TestResult {
        let page = self.helpers().into_iter().find(shows_pages);
        process::end(page.ok_or("no page is shown")?.pid);
        Ok(())
    }

    /// The panel, however it was opened, as soon as it is there.
    pub async fn panel(&self) -> Result<Panel, Box<dyn Error>> {
        self.inspector.panel().await
    }

    // ---- the person ----

    /// Every page the app wanted opened in the browser so far.
    pub fn opened(&self) -> Vec<Url> {
        self.opener.opened()
    }

    /// The `number`th page it wanted opened, from 1, as soon as it does.
    pub async fn page(&self, number: usize) -> Result<Url, Box<dyn Error>> {
        self.opener.page(number).await
    }

    /// The person's browser. It hands over our links from every site the app has sent it to so far.
    pub async fn chromium(&mut self) -> Result<WebDriver, Box<dyn Error>> {
        let sites = self.opener.sites();
        if self
            .chromium
            .as_ref()
            .is_none_or(|chromium| chromium.trusted != sites)
        {
            self.chromium = None;
            let profile = self.desk.path().join(format!("chromium-{}", sites.len()));
            self.chromium = Some(Chromium::start(&self.session, &profile, sites).await?);
        }
        let chromium = self.chromium.as_ref().ok_or("no browser")?;
        Ok(chromium.driver.clone())
    }

    /// Opens the `number`th page in Chromium and presses `button` on it; the browser, on whatever page that led to.
    pub async fn consent(&mut self, number: usize, button: &str) -> Result<WebDriver, Box<dyn Error>> {
        let page = self.page(number).await?;
        let browser = self.chromium().await?;
        browser.go(page.as_str()).await?;
        browser.press("button", button).await?;
        Ok(browser)
    }

    /// A command line in a terminal of this desktop.
    pub fn omlx(&self, program: &str, words: &[&str]) -> Omlx {
        let mut omlx = Omlx::on(&self.desk, program, words).with("OMLX_CONNECT_KEYCHAIN", "on");
        for (name, value) in self.session.variables() {
            omlx = omlx.with(&name.to_string_lossy(), value);
        }
        omlx
    }

    /// Every notification so far, in order.
    pub fn notifications(&self) -> Vec<Notification> {
        self.notifications.all()
    }

    /// The `number`th notification, from 1, as soon as it is shown.
    pub async fn notification(&self, number: usize) -> Result<Notification, Box<dyn Error>> {
        eventually(&format!("notification {number}"), async || {
            self.notifications().into_iter().nth(number - 1)
        })
        .await
    }

    /// Presses a notification's button.
    pub async fn press(&self, notification: &Notification, button: &str) -> TestResult {
        self.notifications.press(notification, button).await
    }

    /// Locks the keychain.
    pub async fn lock_keychain(&self) -> TestResult {
        Keyring::lock(&self.bus).await
    }

    /// From now on the desktop asks for the password when a program wants the locked keychain.
    pub async fn ask_for_password(&mut self) -> TestResult {
        self.keyring.ask(&self.session, &self.bus).await
    }

    /// Types the keychain's password into the dialog that asks for it, as soon as it does.
    pub async fn give_password(&self) -> TestResult {
        Keyring::answer(&self.session).await
    }

    // ---- evidence ----

    /// Everything the app has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.session.log("omlx-connect.log")).unwrap_or_default()
    }

    /// Keeps a picture of the screen in `file`.
    pub fn photograph(&self, file: &Path) -> TestResult {
        Screen::photograph(&self.session, "root", file)
    }

    /// Keeps a picture of the panel in `file`, as soon as it has been painted as it is now.
    pub async fn photograph_panel(&self, panel: &Panel, file: &Path) -> TestResult {
        panel.page.settle().await?;
        Screen::photograph(&self.session, PANEL, file)
    }
}

/// The panel's title.
const PANEL: &str = "oMLX Connect";

/// What makes the desktop the same everywhere: English, no services of a real one, software rendering. The name is of a
/// desktop whose opener (`gio`) finds the program for a link by the files an app registers.
const SETTINGS: [(&str, &str); 8] = [
    ("GDK_BACKEND", "x11"),
    ("GIO_USE_VFS", "local"),
    ("GSETTINGS_BACKEND", "memory"),
    ("GTK_USE_PORTAL", "0"),
    ("LIBGL_ALWAYS_SOFTWARE", "1"),
    ("NO_AT_BRIDGE", "1"),
    ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
    ("XDG_CURRENT_DESKTOP", "GNOME"),
];
