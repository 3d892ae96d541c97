//! Operations on realms, their settings, keys, events and sessions, and the server itself.

use super::{Route, routes};
use crate::{cluster, components, console, emails, events, keys, realms, server_info, sessions};

routes! {
    GET "/admin/realms" Anyone => realms::list;
    POST "/admin/realms" Anyone => realms::create;
    GET "/admin/serverinfo" Anyone => server_info::read;
    GET "/admin/cluster" Anyone => cluster::read;
    GET "/admin/{realm}/console/whoami" Anyone => console::whoami;
    GET "~" AnyAdmin => realms::read;
    PUT "~" ManageRealm => realms::update;
    DELETE "~" ManageRealm => realms::delete;
    GET "~/admin-events" ViewEvents;
    DELETE "~/admin-events" ManageEvents;
    POST "~/clear-crl-cache" ManageRealm => realms::clear_caches;
    POST "~/clear-keys-cache" ManageRealm => realms::clear_caches;
    POST "~/clear-realm-cache" ManageRealm => realms::clear_caches;
    POST "~/clear-user-cache" ManageRealm => realms::clear_caches;
    GET "~/components" ViewRealm => components::list;
    POST "~/components" ManageRealm;
    GET "~/components/{id}" ViewRealm => components::read;
    PUT "~/components/{id}" ManageRealm;
    DELETE "~/components/{id}" ManageRealm;
    GET "~/components/{id}/sub-component-types" ViewRealm;
    GET "~/credential-registrators" ViewRealm => realms::credential_registrators;
    GET "~/events" ViewEvents;
    DELETE "~/events" ManageEvents;
    GET "~/events/config" ViewEvents => events::config;
    PUT "~/events/config" ManageEvents => events::set_config;
    GET "~/keys" ViewRealm => keys::list;
    POST "~/ldap-server-capabilities" ManageRealm;
    GET "~/localization" AnyAdmin;
    GET "~/localization/{locale}" AnyAdmin;
    POST "~/localization/{locale}" ManageRealm;
    DELETE "~/localization/{locale}" ManageRealm;
    GET "~/localization/{locale}/{key}" AnyAdmin;
    PUT "~/localization/{locale}/{key}" ManageRealm;
    DELETE "~/localization/{locale}/{key}" ManageRealm;
    POST "~/logout-all" ManageUsers => sessions::logout_all;
    POST "~/partial-export" ManageRealm;
    POST "~/partialImport" ManageRealm;
    POST "~/push-revocation" ManageRealm => sessions::push_revocation;
    DELETE "~/sessions/{session}" ManageUsers => sessions::end;
    POST "~/testLDAPConnection" ManageRealm;
    POST "~/testSMTPConnection" ManageRealm => emails::test_connection;
}
