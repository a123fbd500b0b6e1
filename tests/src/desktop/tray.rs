//! The tray: a `StatusNotifierWatcher` that icons register with, and a person who reads the icon and clicks its menu.
#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the bus asks with what the specification has, used or not"
)]

use std::{
    error::Error,
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use zbus::{Connection, Proxy, interface, message::Header, object_server::SignalEmitter, proxy};

use super::menu::{Entry, Menu};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const PATH: &str = "/StatusNotifierWatcher";

type Items = Arc<Mutex<Vec<Item>>>;

/// An icon's bus name and path, and when it came.
#[derive(Clone, Debug)]
struct Item {
    owner: String,
    path: String,
    at: Instant,
}

/// The tray of one desktop.
#[derive(Debug)]
pub(super) struct Tray {
    items: Items,
    connection: Connection,
}

/// What an icon looks like: two that are equal are the same picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture(Vec<u8>);

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} bytes)", self.0.len())
    }
}

/// The icon of one app.
#[derive(Debug)]
pub struct Icon<'a> {
    properties: Proxy<'a>,
    owner: String,
}

impl Tray {
    /// Must be there before any app: one that finds no tray falls back to something nobody can read.
    pub(super) async fn start(connection: &Connection) -> Result<Self, Box<dyn Error>> {
        let items = Items::default();
        let watcher = Watcher {
            items: Arc::clone(&items),
        };
        connection.object_server().at(PATH, watcher).await?;
        connection.request_name(WATCHER).await?;
        Ok(Self {
            items,
            connection: connection.clone(),
        })
    }

    /// How many icons ever came.
    pub(super) fn arrivals(&self) -> usize {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// When the last icon came.
    pub(super) fn last_arrival(&self) -> Option<Instant> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.last().map(|item| item.at)
    }

    /// The icon that came last.
    pub(super) async fn icon(&self) -> Option<Icon<'static>> {
        let last = self
            .items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last()
            .cloned();
        let Item { owner, path, .. } = last?;
        let properties = proxy::Builder::new(&self.connection)
            .destination(owner.clone())
            .and_then(|proxy| proxy.path(path))
            .and_then(|proxy| proxy.interface(ITEM))
            .ok()?
            .cache_properties(proxy::CacheProperties::No)
            .build();
        Some(Icon {
            properties: properties.await.ok()?,
            owner,
        })
    }
}

impl Icon<'_> {
    /// What a screen reader says of it.
    pub async fn title(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.properties.get_property("Title").await?)
    }

    /// The text beside it.
    pub async fn label(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.properties.get_property("XAyatanaLabel").await?)
    }

    /// The picture it shows.
    pub async fn picture(&self) -> Result<Picture, Box<dyn Error>> {
        let name: String = self.properties.get_property("IconName").await?;
        let folder: String = self
            .properties
            .get_property("IconThemePath")
            .await
            .unwrap_or_default();
        let file = PathBuf::from(&name);
        let file = if file.is_absolute() {
            file
        } else {
            PathBuf::from(folder).join(format!("{name}.png"))
        };
        let read = fs::read(&file).map(Picture);
        read.map_err(|error| format!("{}: {error}", file.display()).into())
    }

    /// The menu as it is now.
    pub async fn menu(&self) -> Result<Vec<Entry>, Box<dyn Error>> {
        self.layout().await?.read().await
    }

    /// Clicks the entry with this label.
    pub async fn click(&self, label: &str) -> Result<(), Box<dyn Error>> {
        self.layout().await?.click(label).await
    }

    async fn layout(&self) -> Result<Menu, Box<dyn Error>> {
        let path: zbus::zvariant::OwnedObjectPath = self.properties.get_property("Menu").await?;
        Menu::of(self.properties.connection(), &self.owner, path).await
    }
}

struct Watcher {
    items: Items,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    /// `service` is a bus name, or the path of an item of whoever calls.
    async fn register_status_notifier_item(
        &self,
        service: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let caller = header.sender().map(ToString::to_string).unwrap_or_default();
        let (owner, path) = if service.starts_with('/') {
            (caller, service.to_owned())
        } else {
            (service.to_owned(), "/StatusNotifierItem".to_owned())
        };
        let name = format!("{owner}{path}");
        {
            let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            if items.iter().any(|item| item.owner == owner && item.path == path) {
                return Ok(());
            }
            let at = Instant::now();
            items.push(Item { owner, path, at });
        }
        Ok(Self::status_notifier_item_registered(&emitter, &name).await?)
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items
            .iter()
            .map(|item| format!("{}{}", item.owner, item.path))
            .collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(signal)]
    async fn status_notifier_item_registered(emitter: &SignalEmitter<'_>, item: &str) -> zbus::Result<()>;
}
