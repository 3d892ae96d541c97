//! Operations on what only Keycloak's console asks for, directories and workflows.

use super::{Route, routes};

routes! {
    GET "~/ui-ext/authentication-management/flows" ViewRealm;
    GET "~/ui-ext/authentication-management/required-actions" ViewRealm;
    GET "~/ui-ext/authentication-management/{type}/{id}" ViewRealm;
    GET "~/ui-ext/available-event-listeners" ViewRealm;
    GET "~/ui-ext/available-roles/{kind}/{id}" ViewRealm;
    GET "~/ui-ext/brute-force-user" ViewUsers;
    GET "~/ui-ext/effective-roles/{kind}/{id}" ViewRealm;
    GET "~/ui-ext/info" AnyAdmin;
    GET "~/ui-ext/realms/names" AnyAdmin;
    POST "~/ui-ext/role-mapping-delete/{type}/{id}" ManageRealm;
    GET "~/ui-ext/role-mappings/{kind}/{id}" ViewRealm;
    GET "~/ui-ext/sessions" ViewRealm;
    GET "~/ui-ext/sessions/client" ViewRealm;
    GET "~/user-storage/{id}/name" ViewRealm;
    POST "~/user-storage/{id}/remove-imported-users" ManageRealm;
    POST "~/user-storage/{id}/sync" ManageRealm;
    POST "~/user-storage/{id}/unlink-users" ManageRealm;
    POST "~/user-storage/{parentId}/mappers/{id}/sync" ManageRealm;
    GET "~/workflows" RealmAdmin;
    POST "~/workflows" RealmAdmin;
    POST "~/workflows/migrate" RealmAdmin;
    GET "~/workflows/scheduled/{resource-id}" RealmAdmin;
    GET "~/workflows/{id}" RealmAdmin;
    PUT "~/workflows/{id}" RealmAdmin;
    DELETE "~/workflows/{id}" RealmAdmin;
    POST "~/workflows/{id}/activate/{type}/{resourceId}" RealmAdmin;
    POST "~/workflows/{id}/deactivate/{type}/{resourceId}" RealmAdmin;
}
