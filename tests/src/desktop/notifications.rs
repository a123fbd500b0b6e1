//! The desktop's notification service: it shows nothing, keeps everything, and presses buttons when told to.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the bus asks with what the specification has, used or not"
)]

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use zbus::{Connection, interface, object_server::SignalEmitter, zvariant::OwnedValue};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// One notification, as it would stand on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its number.
    pub id: u32,
    /// The first line.
    pub summary: String,
    /// What is below it.
    pub body: String,
    /// Its buttons: key and label.
    pub actions: Vec<(String, String)>,
}

/// All that were shown, and who is asked to press their buttons.
#[derive(Debug)]
pub(super) struct Notifications {
    shown: Shown,
    connection: Connection,
}

type Shown = Arc<Mutex<Vec<Notification>>>;

impl Notifications {
    pub(super) async fn start(connection: &Connection) -> Result<Self, Box<dyn Error>> {
        let shown = Shown::default();
        connection
            .object_server()
            .at(
                PATH,
                Service {
                    shown: Arc::clone(&shown),
                },
            )
            .await?;
        connection.request_name(NAME).await?;
        Ok(Self {
            shown,
            connection: connection.clone(),
        })
    }

    /// Everything shown so far, in order.
    pub(super) fn all(&self) -> Vec<Notification> {
        lock(&self.shown).clone()
    }

    /// Presses the button called `label`.
    pub(super) async fn press(&self, notification: &Notification, label: &str) -> Result<(), Box<dyn Error>> {
        let button = notification.actions.iter().find(|(_, name)| name == label);
        let (key, _) = button.ok_or_else(|| format!("no button {label:?}: {notification:?}"))?;
        let service = self
            .connection
            .object_server()
            .interface::<_, Service>(PATH)
            .await?;
        Service::action_invoked(service.signal_emitter(), notification.id, key).await?;
        // Closed by its person, as a service does with one whose button was pressed.
        Service::notification_closed(service.signal_emitter(), notification.id, 2).await?;
        Ok(())
    }
}

fn lock(shown: &Shown) -> std::sync::MutexGuard<'_, Vec<Notification>> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Service {
    shown: Shown,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[expect(
        clippy::too_many_arguments,
        reason = "the Desktop Notifications Specification has them"
    )]
    fn notify(
        &self,
        _app: &str,
        replaces: u32,
        _icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        let mut shown = lock(&self.shown);
        let id = if replaces > 0 {
            replaces
        } else {
            u32::try_from(shown.len()).unwrap_or_default() + 1
        };
        shown.push(Notification {
            id,
            summary,
            body,
            actions: actions
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
        });
        id
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        ["body", "actions"].map(str::to_owned).into()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let [name, vendor, version, specification] = ["desk", "omlx-tests", "1", "1.2"].map(str::to_owned);
        (name, vendor, version, specification)
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action_key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}
