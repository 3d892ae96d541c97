//! Operations on client scopes.

use super::{Route, routes};
use crate::{client_scopes, protocol_mappers, scope_lists, scope_mappings};

routes! {
    GET "~/client-scopes" QueryClients => client_scopes::list;
    POST "~/client-scopes" ManageClients => client_scopes::create;
    GET "~/client-scopes/{client-scope-id}" ViewClients => client_scopes::read;
    PUT "~/client-scopes/{client-scope-id}" ManageClients => client_scopes::update;
    DELETE "~/client-scopes/{client-scope-id}" ManageClients => client_scopes::delete;
    POST "~/client-scopes/{client-scope-id}/protocol-mappers/add-models" ManageClients => protocol_mappers::add;
    GET "~/client-scopes/{client-scope-id}/protocol-mappers/models" ViewClients => protocol_mappers::list;
    POST "~/client-scopes/{client-scope-id}/protocol-mappers/models" ManageClients => protocol_mappers::create;
    GET "~/client-scopes/{client-scope-id}/protocol-mappers/models/{id}" ViewClients => protocol_mappers::read;
    PUT "~/client-scopes/{client-scope-id}/protocol-mappers/models/{id}" ManageClients => protocol_mappers::update;
    DELETE "~/client-scopes/{client-scope-id}/protocol-mappers/models/{id}" ManageClients => protocol_mappers::delete;
    GET "~/client-scopes/{client-scope-id}/protocol-mappers/protocol/{protocol}" ViewClients => protocol_mappers::by_protocol;
    GET "~/client-scopes/{client-scope-id}/scope-mappings" ViewClients => scope_mappings::all;
    GET "~/client-scopes/{client-scope-id}/scope-mappings/clients/{client}" ViewClients => scope_mappings::client;
    POST "~/client-scopes/{client-scope-id}/scope-mappings/clients/{client}" ManageClients => scope_mappings::add_client;
    DELETE "~/client-scopes/{client-scope-id}/scope-mappings/clients/{client}" ManageClients => scope_mappings::remove_client;
    GET "~/client-scopes/{client-scope-id}/scope-mappings/clients/{client}/available" ViewClients => scope_mappings::client_available;
    GET "~/client-scopes/{client-scope-id}/scope-mappings/clients/{client}/composite" ViewClients => scope_mappings::client_composite;
    GET "~/client-scopes/{client-scope-id}/scope-mappings/realm" ViewClients => scope_mappings::realm;
    POST "~/client-scopes/{client-scope-id}/scope-mappings/realm" ManageClients => scope_mappings::add_realm;
    DELETE "~/client-scopes/{client-scope-id}/scope-mappings/realm" ManageClients => scope_mappings::remove_realm;
    GET "~/client-scopes/{client-scope-id}/scope-mappings/realm/available" ViewClients => scope_mappings::realm_available;
    GET "~/client-scopes/{client-scope-id}/scope-mappings/realm/composite" ViewClients => scope_mappings::realm_composite;
    GET "~/default-default-client-scopes" ViewClients => scope_lists::realm_default;
    PUT "~/default-default-client-scopes/{clientScopeId}" ManageClients => scope_lists::add_realm_default;
    DELETE "~/default-default-client-scopes/{clientScopeId}" ManageClients => scope_lists::remove_realm_default;
    GET "~/default-optional-client-scopes" ViewClients => scope_lists::realm_optional;
    PUT "~/default-optional-client-scopes/{clientScopeId}" ManageClients => scope_lists::add_realm_optional;
    DELETE "~/default-optional-client-scopes/{clientScopeId}" ManageClients => scope_lists::remove_realm_optional;
}
