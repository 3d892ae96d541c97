//! The admin roles, and the rights that follow from them.

/// A role of `realm-management`, or of a `<realm>-realm` client in `master`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are Keycloak's role names")]
pub enum AdminRole {
    RealmAdmin,
    CreateClient,
    Impersonation,
    ManageAuthorization,
    ManageClients,
    ManageEvents,
    ManageIdentityProviders,
    ManageOrganizations,
    ManageRealm,
    ManageUsers,
    QueryClients,
    QueryGroups,
    QueryOrganizations,
    QueryRealms,
    QueryUsers,
    ViewAuthorization,
    ViewClients,
    ViewEvents,
    ViewIdentityProviders,
    ViewOrganizations,
    ViewRealm,
    ViewUsers,
}

impl AdminRole {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::RealmAdmin,
        Self::CreateClient,
        Self::Impersonation,
        Self::ManageAuthorization,
        Self::ManageClients,
        Self::ManageEvents,
        Self::ManageIdentityProviders,
        Self::ManageOrganizations,
        Self::ManageRealm,
        Self::ManageUsers,
        Self::QueryClients,
        Self::QueryGroups,
        Self::QueryOrganizations,
        Self::QueryRealms,
        Self::QueryUsers,
        Self::ViewAuthorization,
        Self::ViewClients,
        Self::ViewEvents,
        Self::ViewIdentityProviders,
        Self::ViewOrganizations,
        Self::ViewRealm,
        Self::ViewUsers,
    ];

    /// Keycloak's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RealmAdmin => "realm-admin",
            Self::CreateClient => "create-client",
            Self::Impersonation => "impersonation",
            Self::ManageAuthorization => "manage-authorization",
            Self::ManageClients => "manage-clients",
            Self::ManageEvents => "manage-events",
            Self::ManageIdentityProviders => "manage-identity-providers",
            Self::ManageOrganizations => "manage-organizations",
            Self::ManageRealm => "manage-realm",
            Self::ManageUsers => "manage-users",
            Self::QueryClients => "query-clients",
            Self::QueryGroups => "query-groups",
            Self::QueryOrganizations => "query-organizations",
            Self::QueryRealms => "query-realms",
            Self::QueryUsers => "query-users",
            Self::ViewAuthorization => "view-authorization",
            Self::ViewClients => "view-clients",
            Self::ViewEvents => "view-events",
            Self::ViewIdentityProviders => "view-identity-providers",
            Self::ViewOrganizations => "view-organizations",
            Self::ViewRealm => "view-realm",
            Self::ViewUsers => "view-users",
        }
    }

    /// The admin role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// A set of admin roles over one realm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdminRoles(u32);

impl FromIterator<AdminRole> for AdminRoles {
    fn from_iter<T: IntoIterator<Item = AdminRole>>(roles: T) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }
}

impl AdminRoles {
    /// Whether that role is in the set.
    pub fn has(self, role: AdminRole) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether one of those roles is in the set.
    pub fn has_any(self, roles: &[AdminRole]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }

    /// Whether every role but `realm-admin` is in the set.
    pub fn is_complete(self) -> bool {
        AdminRole::ALL.into_iter().filter(|role| *role != AdminRole::RealmAdmin).all(|role| self.has(role))
    }

    /// The roles of the set.
    pub fn iter(self) -> impl Iterator<Item = AdminRole> {
        AdminRole::ALL.into_iter().filter(move |role| self.has(*role))
    }
}

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// A valid token; the operation itself looks further.
    Anyone,
    /// Any admin role but `impersonation`.
    AnyAdmin,
    /// The realm's settings.
    ViewRealm,
    /// Changing them; also roles, groups by default, flows, components.
    ManageRealm,
    /// Everything there is.
    RealmAdmin,
    /// Reading users.
    ViewUsers,
    /// Listing users: the list is empty for those who may not read them.
    QueryUsers,
    /// Changing users and groups.
    ManageUsers,
    /// Acting as a user.
    Impersonate,
    /// Reading groups.
    ViewGroups,
    /// Listing groups.
    QueryGroups,
    /// Reading clients and client scopes.
    ViewClients,
    /// Listing clients.
    QueryClients,
    /// Changing clients and client scopes.
    ManageClients,
    /// Listing realm roles.
    ListRoles,
    /// Reading who holds a realm role.
    ViewRoleMembers,
    /// Reading who holds a client role.
    ViewClientRoleMembers,
    /// Reading events.
    ViewEvents,
    /// Changing what is recorded, and clearing it.
    ManageEvents,
    /// Reading identity providers.
    ViewIdentityProviders,
    /// Changing them.
    ManageIdentityProviders,
    /// Reading organizations.
    ViewOrganizations,
    /// Changing them.
    ManageOrganizations,
    /// Reading authentication flows: whoever edits clients picks from them.
    ViewFlows,
    /// Reading required actions: whoever edits users picks from them.
    ViewRequiredActions,
    /// Reading the user profile.
    ViewProfile,
    /// Reading authorization settings of a client.
    ViewAuthorization,
    /// Changing them.
    ManageAuthorization,
}

impl Right {
    /// Whether those roles give this right (measured for each single role on the original).
    pub fn allows(self, roles: AdminRoles) -> bool {
        use AdminRole as R;
        let any = |list: &[AdminRole]| roles.has_any(list);
        match self {
            Self::Anyone => true,
            Self::AnyAdmin => roles.iter().any(|role| role != R::Impersonation),
            Self::ViewRealm => any(&[R::ViewRealm, R::ManageRealm]),
            Self::ManageRealm => any(&[R::ManageRealm]),
            Self::RealmAdmin => any(&[R::RealmAdmin]),
            Self::ViewUsers | Self::ViewGroups => any(&[R::ViewUsers, R::ManageUsers]),
            Self::QueryUsers => any(&[R::ViewUsers, R::ManageUsers, R::QueryUsers]),
            Self::ManageUsers => any(&[R::ManageUsers]),
            Self::Impersonate => any(&[R::Impersonation]),
            Self::QueryGroups => any(&[R::ViewUsers, R::ManageUsers, R::QueryGroups]),
            Self::ViewClients => any(&[R::ViewClients, R::ManageClients]),
            Self::QueryClients => any(&[R::ViewClients, R::ManageClients, R::QueryClients]),
            Self::ManageClients => any(&[R::ManageClients]),
            Self::ListRoles => any(&[R::ViewRealm, R::ManageRealm, R::ManageIdentityProviders]),
            Self::ViewRoleMembers => Self::ViewRealm.allows(roles) && Self::ViewUsers.allows(roles),
            Self::ViewClientRoleMembers => Self::ViewClients.allows(roles) && Self::ViewUsers.allows(roles),
            Self::ViewEvents => any(&[R::ViewEvents, R::ManageEvents]),
            Self::ManageEvents => any(&[R::ManageEvents]),
            Self::ViewIdentityProviders => any(&[R::ViewIdentityProviders, R::ManageIdentityProviders]),
            Self::ManageIdentityProviders => any(&[R::ManageIdentityProviders]),
            Self::ViewOrganizations => {
                any(&[R::ViewOrganizations, R::ManageOrganizations, R::QueryOrganizations, R::ManageRealm])
            }
            Self::ManageOrganizations => any(&[R::ManageOrganizations, R::ManageRealm]),
            Self::ViewFlows => any(&[R::ViewRealm, R::ManageRealm, R::ViewClients, R::QueryClients]),
            Self::ViewRequiredActions => any(&[R::ViewRealm, R::ManageRealm, R::ViewUsers, R::QueryUsers]),
            Self::ViewProfile => Self::ViewRealm.allows(roles) || Self::QueryUsers.allows(roles),
            Self::ViewAuthorization => any(&[R::ViewAuthorization, R::ManageAuthorization]),
            Self::ManageAuthorization => any(&[R::ManageAuthorization]),
        }
    }
}
