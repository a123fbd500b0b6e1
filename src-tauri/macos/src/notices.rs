//! Notifications by `UNUserNotificationCenter`, each with one button.
//!
//! The center ends a process that is no bundle's, so that there is none for such a process. Leave is asked for with the
//! first notification and not before; without it nothing is shown.
#![expect(
    unsafe_code,
    reason = "a delegate is a class of Objective-C, and its declaration promises that the signatures are Apple's"
)]

use std::{
    collections::BTreeSet,
    fmt, mem,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use block2::{DynBlock, RcBlock};
use objc2::{
    AnyThread, DefinedClass as _, define_class, msg_send,
    rc::Retained,
    runtime::{Bool, NSObject, NSObjectProtocol, ProtocolObject},
};
use objc2_foundation::{NSArray, NSBundle, NSError, NSSet, NSString};
use objc2_user_notifications::{
    UNAuthorizationOptions, UNMutableNotificationContent, UNNotification, UNNotificationAction,
    UNNotificationActionOptions, UNNotificationCategory, UNNotificationCategoryOptions,
    UNNotificationDefaultActionIdentifier, UNNotificationPresentationOptions, UNNotificationRequest,
    UNNotificationResponse, UNUserNotificationCenter, UNUserNotificationCenterDelegate,
};

const ACT: &str = "act";

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about; a second one about the same takes the place of the first.
    pub id: String,
    /// The headline.
    pub title: String,
    /// The sentence below.
    pub text: String,
    /// What the button says.
    pub button: String,
}

/// What the person did with a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The button was pressed.
    Button,
    /// The notification itself was.
    Itself,
}

/// The notifications of this app.
#[derive(Debug)]
pub struct Notices {
    buttons: Mutex<BTreeSet<String>>,
    /// What is to be seen: a notification that was withdrawn before leave was given is not shown then.
    wanted: Arc<Mutex<BTreeSet<String>>>,
}

impl Notices {
    /// Hears answers from now on, and takes away what an earlier process left. None where macOS would not have this
    /// process notify anybody, because it runs from no bundle.
    ///
    /// Once in a process: a second one would hear the answers instead of the first.
    pub fn begin(answered: impl Fn(&str, Answer) + Send + Sync + 'static) -> Option<Self> {
        if !is_bundled() {
            return None;
        }
        let delegate = Delegate::new(Listener(Box::new(answered)));
        let center = UNUserNotificationCenter::currentNotificationCenter();
        center.setDelegate(Some(ProtocolObject::from_ref(&*delegate)));
        // The center holds its delegate weakly, and it is needed for as long as the process lives.
        mem::forget(delegate);
        center.removeAllDeliveredNotifications();
        Some(Self {
            buttons: Mutex::default(),
            wanted: Arc::default(),
        })
    }

    /// Shows it, once the person has given leave; asks for that the first time.
    pub fn show(&self, notice: Notice) {
        self.offer(&notice.button);
        lock(&self.wanted).insert(notice.id.clone());
        let wanted = Arc::clone(&self.wanted);
        let asked = RcBlock::new(move |granted: Bool, error: *mut NSError| {
            if !granted.as_bool() {
                tracing::info!(
                    was_asked = error.is_null(),
                    "macOS shows no notifications of this app"
                );
            } else if lock(&wanted).contains(&notice.id) {
                add(&notice);
            }
        });
        UNUserNotificationCenter::currentNotificationCenter()
            .requestAuthorizationWithOptions_completionHandler(UNAuthorizationOptions::Alert, &asked);
    }

    /// Takes it away, wherever it is.
    pub fn withdraw(&self, id: &str) {
        lock(&self.wanted).remove(id);
        let ids = NSArray::from_retained_slice(&[NSString::from_str(id)]);
        let center = UNUserNotificationCenter::currentNotificationCenter();
        center.removePendingNotificationRequestsWithIdentifiers(&ids);
        center.removeDeliveredNotificationsWithIdentifiers(&ids);
    }

    /// A button belongs to a category, and the center knows those it was last told, all at once.
    fn offer(&self, button: &str) {
        let mut buttons = lock(&self.buttons);
        if buttons.insert(button.to_owned()) {
            let categories: Vec<_> = buttons.iter().map(|button| category(button)).collect();
            UNUserNotificationCenter::currentNotificationCenter()
                .setNotificationCategories(&NSSet::from_retained_slice(&categories));
        }
    }
}

/// Only of a bundle does the center know whose notifications they are; for anything else it raises an exception.
fn is_bundled() -> bool {
    let bundle = NSBundle::mainBundle();
    let path = PathBuf::from(bundle.bundlePath().to_string());
    path.extension().is_some_and(|ending| ending == "app") && bundle.bundleIdentifier().is_some()
}

/// A category whose only button says `button`.
fn category(button: &str) -> Retained<UNNotificationCategory> {
    let title = NSString::from_str(button);
    let action = UNNotificationAction::actionWithIdentifier_title_options(
        &NSString::from_str(ACT),
        &title,
        UNNotificationActionOptions::empty(),
    );
    UNNotificationCategory::categoryWithIdentifier_actions_intentIdentifiers_options(
        &title,
        &NSArray::from_retained_slice(&[action]),
        &NSArray::new(),
        UNNotificationCategoryOptions::empty(),
    )
}

fn add(notice: &Notice) {
    let content = UNMutableNotificationContent::new();
    content.setTitle(&NSString::from_str(&notice.title));
    content.setBody(&NSString::from_str(&notice.text));
    content.setCategoryIdentifier(&NSString::from_str(&notice.button));
    let id = NSString::from_str(&notice.id);
    let request = UNNotificationRequest::requestWithIdentifier_content_trigger(&id, &content, None);
    let added = RcBlock::new(|error: *mut NSError| {
        if !error.is_null() {
            tracing::warn!("macOS did not take a notification");
        }
    });
    UNUserNotificationCenter::currentNotificationCenter()
        .addNotificationRequest_withCompletionHandler(&request, Some(&added));
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is told what a person answered, on whichever thread.
struct Listener(Box<Answered>);

type Answered = dyn Fn(&str, Answer) + Send + Sync;

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

define_class!(
    // SAFETY: NSObject asks nothing of its subclasses, and `Delegate` does not implement `Drop`.
    #[unsafe(super = NSObject)]
    #[thread_kind = AnyThread]
    #[ivars = Listener]
    struct Delegate;

    // SAFETY: NSObjectProtocol asks nothing of who implements it.
    unsafe impl NSObjectProtocol for Delegate {}

    // SAFETY: both methods have the signatures that the protocol declares.
    unsafe impl UNUserNotificationCenterDelegate for Delegate {
        // SAFETY: `-userNotificationCenter:willPresentNotification:withCompletionHandler:` takes these and gives nothing.
        #[unsafe(method(userNotificationCenter:willPresentNotification:withCompletionHandler:))]
        fn will_present(
            &self,
            _: &UNUserNotificationCenter,
            _: &UNNotification,
            done: &DynBlock<dyn Fn(UNNotificationPresentationOptions)>,
        ) {
            // Also while the panel is in front: what is needed may be of another server than the one looked at.
            done.call((UNNotificationPresentationOptions::Banner | UNNotificationPresentationOptions::List,));
        }

        // SAFETY: `-userNotificationCenter:didReceiveNotificationResponse:withCompletionHandler:` likewise.
        #[unsafe(method(userNotificationCenter:didReceiveNotificationResponse:withCompletionHandler:))]
        fn did_receive(
            &self,
            _: &UNUserNotificationCenter,
            response: &UNNotificationResponse,
            done: &DynBlock<dyn Fn()>,
        ) {
            if let Some(answer) = answer(&response.actionIdentifier()) {
                let id = response.notification().request().identifier();
                (self.ivars().0)(&id.to_string(), answer);
            }
            done.call(());
        }
    }
);

impl Delegate {
    fn new(listener: Listener) -> Retained<Self> {
        let this = Self::alloc().set_ivars(listener);
        // SAFETY: `-init` of NSObject takes nothing and gives the object back.
        unsafe { msg_send![super(this), init] }
    }
}

/// None when the notification was put away.
fn answer(action: &NSString) -> Option<Answer> {
    // SAFETY: a constant string of the framework, which is there as long as the process.
    let itself = unsafe { UNNotificationDefaultActionIdentifier };
    if action.isEqualToString(itself) {
        Some(Answer::Itself)
    } else {
        (action.to_string() == ACT).then_some(Answer::Button)
    }
}
