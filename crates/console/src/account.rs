//! The pages where people look after their own account.
//!
//! Whoever is signed in on this browser sees them; everybody else is sent to sign in to the client
//! `account-console` first and comes back here. The code that comes along is never redeemed: the identity
//! cookie is what counts, and no token of the person ever reaches the page. Forms carry a token made from
//! that cookie. What another session's handle is stays unsaid: a device is named by a digest.

mod devices;
mod door;
mod pages;
mod profile;

use axum::Router;
use axum::routing::get;
use keyraft_core::Core;

pub use pages::{Bar, Device, DevicesPage, Fact, ProfilePage, State, Tab, WelcomePage};

/// The path of the devices below the account's.
const DEVICES: &str = "/devices";

/// The routes below `/realms/{realm}/account`.
pub fn router(core: Core) -> Router {
    Router::new()
        .route("/realms/{realm}/account", get(profile::show))
        .route("/realms/{realm}/account/", get(profile::show))
        .route("/realms/{realm}/account/devices", get(devices::show).post(devices::sign_out))
        .with_state(core)
}
