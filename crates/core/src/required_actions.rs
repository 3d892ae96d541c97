//! The required actions that this release has: what a login can ask of a person before it is finished.

/// An action that is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `UPDATE_PASSWORD`.
    UpdatePassword,
    /// `UPDATE_PROFILE`.
    UpdateProfile,
    /// `VERIFY_PROFILE`: the same page, when something required is missing.
    VerifyProfile,
    /// `VERIFY_EMAIL`.
    VerifyEmail,
    /// `CONFIGURE_TOTP`: one-time codes of an authenticator app.
    ConfigureTotp,
    /// `TERMS_AND_CONDITIONS`.
    Terms,
}

impl Action {
    /// Every one of them.
    pub const ALL: [Self; 6] = [
        Self::UpdatePassword,
        Self::UpdateProfile,
        Self::VerifyProfile,
        Self::VerifyEmail,
        Self::ConfigureTotp,
        Self::Terms,
    ];

    /// The action of that alias, if this release has it.
    pub fn parse(alias: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.alias() == alias)
    }

    /// Keycloak's name.
    pub fn alias(self) -> &'static str {
        match self {
            Self::UpdatePassword => "UPDATE_PASSWORD",
            Self::UpdateProfile => "UPDATE_PROFILE",
            Self::VerifyProfile => "VERIFY_PROFILE",
            Self::VerifyEmail => "VERIFY_EMAIL",
            Self::ConfigureTotp => "CONFIGURE_TOTP",
            Self::Terms => "TERMS_AND_CONDITIONS",
        }
    }

    /// Whether an application may ask for it (`kc_action`); the others are the account's or the realm's to ask.
    pub fn may_be_asked_for(self) -> bool {
        match self {
            Self::UpdatePassword | Self::UpdateProfile | Self::VerifyEmail | Self::ConfigureTotp => true,
            Self::VerifyProfile | Self::Terms => false,
        }
    }
}
