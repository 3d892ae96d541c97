//! The authenticators and conditions that this release runs, by Keycloak's provider ids.

use keyraft_core::required_actions::Action;

/// Code that can prove who someone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authenticator {
    /// `auth-cookie`: a live session of this browser.
    Cookie,
    /// `auth-spnego`: tried and passed over; a browser that offers no ticket is none the worse.
    Spnego,
    /// `identity-provider-redirector`: passed over until brokering is built.
    IdentityProviderRedirector,
    /// `organization`: passed over while the realm has no organizations.
    Organization,
    /// `auth-username-password-form`.
    UsernamePasswordForm,
    /// `auth-username-form`.
    UsernameForm,
    /// `auth-password-form`.
    PasswordForm,
    /// `auth-otp-form`.
    OtpForm,
    /// `direct-grant-validate-username`.
    DirectUsername,
    /// `direct-grant-validate-password`.
    DirectPassword,
    /// `direct-grant-validate-otp`.
    DirectOtp,
    /// `reset-credentials-choose-user`: whose password it is.
    ResetChooseUser,
    /// `reset-credential-email`: a link is mailed, and proves that the mail is read.
    ResetEmail,
    /// `reset-password`: asks for nothing, has the password changed.
    ResetPassword,
    /// `reset-otp`: asks for nothing, has codes set up.
    ResetOtp,
    /// `registration-page-form`: the form of a new account.
    RegistrationForm,
    /// `allow-access-authenticator`.
    AllowAccess,
    /// `deny-access-authenticator`.
    DenyAccess,
}

/// How an authenticator takes part in a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Looks at what the browser brought along; asks nobody.
    Passive,
    /// Asks the person; of a known user, where it checks a credential of his.
    Asks {
        /// The kind of credential that it checks of a user who is known already.
        of_user: Option<&'static str>,
    },
    /// Always succeeds, and leaves that required action to be done.
    Owes(Action),
    /// Always succeeds.
    Allows,
    /// Always refuses.
    Denies,
}

impl Authenticator {
    /// The authenticator of that provider id, if this release runs it.
    pub fn parse(provider_id: &str) -> Option<Self> {
        Some(match provider_id {
            "auth-cookie" => Self::Cookie,
            "auth-spnego" => Self::Spnego,
            "identity-provider-redirector" => Self::IdentityProviderRedirector,
            "organization" => Self::Organization,
            "auth-username-password-form" => Self::UsernamePasswordForm,
            "auth-username-form" => Self::UsernameForm,
            "auth-password-form" => Self::PasswordForm,
            "auth-otp-form" => Self::OtpForm,
            "direct-grant-validate-username" => Self::DirectUsername,
            "direct-grant-validate-password" => Self::DirectPassword,
            "direct-grant-validate-otp" => Self::DirectOtp,
            "reset-credentials-choose-user" => Self::ResetChooseUser,
            "reset-credential-email" => Self::ResetEmail,
            "reset-password" => Self::ResetPassword,
            "reset-otp" => Self::ResetOtp,
            "registration-page-form" => Self::RegistrationForm,
            "allow-access-authenticator" => Self::AllowAccess,
            "deny-access-authenticator" => Self::DenyAccess,
            _ => return None,
        })
    }

    /// How it takes part in a flow.
    pub fn kind(self) -> Kind {
        match self {
            Self::Cookie | Self::Spnego | Self::IdentityProviderRedirector | Self::Organization => {
                Kind::Passive
            }
            Self::UsernamePasswordForm
            | Self::UsernameForm
            | Self::DirectUsername
            | Self::ResetChooseUser
            | Self::ResetEmail
            | Self::RegistrationForm => Kind::Asks { of_user: None },
            Self::ResetPassword => Kind::Owes(Action::UpdatePassword),
            Self::ResetOtp => Kind::Owes(Action::ConfigureTotp),
            Self::PasswordForm | Self::DirectPassword => Kind::Asks { of_user: Some("password") },
            Self::OtpForm | Self::DirectOtp => Kind::Asks { of_user: Some("otp") },
            Self::AllowAccess => Kind::Allows,
            Self::DenyAccess => Kind::Denies,
        }
    }
}

/// A condition of a conditional sub-flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// `conditional-user-configured`.
    UserConfigured,
    /// `conditional-user-role`.
    UserRole,
    /// `conditional-user-attribute`.
    UserAttribute,
    /// `conditional-client-scope`.
    ClientScope,
    /// `conditional-level-of-authentication`.
    LevelOfAuthentication,
    /// `conditional-credential`.
    Credential,
}

impl Condition {
    /// The condition of that provider id, if this release evaluates it.
    pub fn parse(provider_id: &str) -> Option<Self> {
        Some(match provider_id {
            "conditional-user-configured" => Self::UserConfigured,
            "conditional-user-role" => Self::UserRole,
            "conditional-user-attribute" => Self::UserAttribute,
            "conditional-client-scope" => Self::ClientScope,
            "conditional-level-of-authentication" => Self::LevelOfAuthentication,
            "conditional-credential" => Self::Credential,
            _ => return None,
        })
    }
}

/// What happens to the form of a new account when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormAction {
    /// `registration-user-creation`: the profile is checked and the account made.
    UserCreation,
    /// `registration-password-action`: it gets a password.
    Password,
    /// `registration-terms-and-conditions`: the terms are accepted.
    Terms,
}

impl FormAction {
    /// The action of that provider id, if this release runs it.
    pub fn parse(provider_id: &str) -> Option<Self> {
        Some(match provider_id {
            "registration-user-creation" => Self::UserCreation,
            "registration-password-action" => Self::Password,
            "registration-terms-and-conditions" => Self::Terms,
            _ => return None,
        })
    }
}
