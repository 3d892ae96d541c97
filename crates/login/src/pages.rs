//! What each page of a login says and asks.
//!
//! A page is a struct that a handler fills and a template in `web/templates/login/`. Pages decide nothing:
//! which one is shown, whether a link is allowed and what went wrong comes from the flow. Names and ids of
//! forms, fields and buttons are Keycloak's, because scripts and test suites post these forms. Every page works
//! without script, fits 2.5 KB and says "Error:" in its title when something went wrong.

mod code;
mod configure_totp;
mod confirm_link;
mod consent;
mod device;
mod interrupted;
mod registration;
mod reset_password;
mod sign_in;
mod sign_out;
mod terms;
mod update_password;
mod update_profile;
mod verify_email;

pub use code::{CodeCredential, CodePage, wrong_code};
pub use configure_totp::{ConfigureTotpPage, qr_code};
pub use confirm_link::ConfirmLinkPage;
pub use consent::{ConsentPage, ConsentScope};
pub use device::DevicePage;
pub use interrupted::{AlreadySignedInPage, ExpiredPage};
pub use registration::{NewPassword, RegistrationPage};
pub use reset_password::ResetPasswordPage;
pub use sign_in::{PasswordPage, Remember, UsernamePage, UsernamePasswordPage, wrong_credentials};
pub use sign_out::{ClientFrame, SignOutPage, SigningOutPage, signed_out};
pub use terms::TermsPage;
pub use update_password::{UpdatePasswordPage, password_rules};
pub use update_profile::{FieldOption, ProfileField, UpdateProfilePage};
pub use verify_email::VerifyEmailPage;

#[cfg(test)]
mod tests;
