//! Operations on authorization settings of clients (UMA).

use super::{Route, routes};
use crate::unbuilt;

routes! {
    GET "~/clients/{client-uuid}/authz/resource-server" Anyone => unbuilt::authorization;
    PUT "~/clients/{client-uuid}/authz/resource-server" Anyone => unbuilt::authorization;
    POST "~/clients/{client-uuid}/authz/resource-server/import" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/permission" Anyone => unbuilt::authorization;
    POST "~/clients/{client-uuid}/authz/resource-server/permission" Anyone => unbuilt::authorization;
    POST "~/clients/{client-uuid}/authz/resource-server/permission/evaluate" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/permission/providers" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/permission/search" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/policy" Anyone => unbuilt::authorization;
    POST "~/clients/{client-uuid}/authz/resource-server/policy" Anyone => unbuilt::authorization;
    POST "~/clients/{client-uuid}/authz/resource-server/policy/evaluate" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/policy/providers" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/policy/search" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/resource" Anyone => unbuilt::authorization;
    POST "~/clients/{client-uuid}/authz/resource-server/resource" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/resource/search" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/resource/{resource-id}" Anyone => unbuilt::authorization;
    PUT "~/clients/{client-uuid}/authz/resource-server/resource/{resource-id}" Anyone => unbuilt::authorization;
    DELETE "~/clients/{client-uuid}/authz/resource-server/resource/{resource-id}" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/resource/{resource-id}/attributes" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/resource/{resource-id}/permissions" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/resource/{resource-id}/scopes" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/scope" Anyone => unbuilt::authorization;
    POST "~/clients/{client-uuid}/authz/resource-server/scope" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/scope/search" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/scope/{scope-id}" Anyone => unbuilt::authorization;
    PUT "~/clients/{client-uuid}/authz/resource-server/scope/{scope-id}" Anyone => unbuilt::authorization;
    DELETE "~/clients/{client-uuid}/authz/resource-server/scope/{scope-id}" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/scope/{scope-id}/permissions" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/scope/{scope-id}/resources" Anyone => unbuilt::authorization;
    GET "~/clients/{client-uuid}/authz/resource-server/settings" Anyone => unbuilt::authorization;
}
