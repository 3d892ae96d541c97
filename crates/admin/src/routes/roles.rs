//! Operations on realm roles, and roles by id.

use super::{Route, routes};
use crate::{composites, roles, unbuilt};

routes! {
    GET "~/roles" ListRoles => roles::list;
    POST "~/roles" ManageRealm => roles::create;
    GET "~/roles-by-id/{role-id}" AnyAdmin => roles::read;
    PUT "~/roles-by-id/{role-id}" AnyAdmin => roles::update;
    DELETE "~/roles-by-id/{role-id}" AnyAdmin => roles::delete;
    GET "~/roles-by-id/{role-id}/composites" AnyAdmin => composites::list;
    POST "~/roles-by-id/{role-id}/composites" AnyAdmin => composites::add;
    DELETE "~/roles-by-id/{role-id}/composites" AnyAdmin => composites::remove;
    GET "~/roles-by-id/{role-id}/composites/clients/{clientUuid}" AnyAdmin => composites::client;
    GET "~/roles-by-id/{role-id}/composites/realm" AnyAdmin => composites::realm;
    GET "~/roles-by-id/{role-id}/management/permissions" AnyAdmin => unbuilt::feature_off;
    PUT "~/roles-by-id/{role-id}/management/permissions" AnyAdmin => unbuilt::feature_off;
    GET "~/roles/{role-name}" ViewRealm => roles::read;
    PUT "~/roles/{role-name}" ManageRealm => roles::update;
    DELETE "~/roles/{role-name}" ManageRealm => roles::delete;
    GET "~/roles/{role-name}/composites" ViewRealm => composites::list;
    POST "~/roles/{role-name}/composites" ManageRealm => composites::add;
    DELETE "~/roles/{role-name}/composites" ManageRealm => composites::remove;
    GET "~/roles/{role-name}/composites/clients/{targetClientUuid}" ViewRealm => composites::client;
    GET "~/roles/{role-name}/composites/realm" ViewRealm => composites::realm;
    GET "~/roles/{role-name}/groups" ViewRealm => roles::groups;
    GET "~/roles/{role-name}/management/permissions" ViewRealm => unbuilt::feature_off;
    PUT "~/roles/{role-name}/management/permissions" ManageRealm => unbuilt::feature_off;
    GET "~/roles/{role-name}/users" ViewRoleMembers => roles::users;
}
