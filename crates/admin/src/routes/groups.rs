//! Operations on groups.

use super::{Route, routes};
use crate::{default_groups, groups, role_mappings, unbuilt};

routes! {
    GET "~/default-groups" ViewRealm => default_groups::list;
    PUT "~/default-groups/{groupId}" ManageRealm => default_groups::add;
    DELETE "~/default-groups/{groupId}" ManageRealm => default_groups::remove;
    GET "~/group-by-path/{path*}" Anyone => groups::by_path;
    GET "~/groups" QueryGroups => groups::list;
    POST "~/groups" ManageUsers => groups::create;
    GET "~/groups/count" QueryGroups => groups::count;
    GET "~/groups/{group-id}" ViewGroups => groups::read;
    PUT "~/groups/{group-id}" ManageUsers => groups::update;
    DELETE "~/groups/{group-id}" ManageUsers => groups::delete;
    GET "~/groups/{group-id}/children" ViewGroups => groups::children;
    POST "~/groups/{group-id}/children" ManageUsers => groups::add_child;
    GET "~/groups/{group-id}/management/permissions" ViewGroups => unbuilt::feature_off;
    PUT "~/groups/{group-id}/management/permissions" ManageUsers => unbuilt::feature_off;
    GET "~/groups/{group-id}/members" ViewUsers => groups::members;
    GET "~/groups/{group-id}/role-mappings" ViewGroups => role_mappings::all;
    GET "~/groups/{group-id}/role-mappings/clients/{client-id}" ViewGroups => role_mappings::client;
    POST "~/groups/{group-id}/role-mappings/clients/{client-id}" ManageUsers => role_mappings::add_client;
    DELETE "~/groups/{group-id}/role-mappings/clients/{client-id}" ManageUsers => role_mappings::remove_client;
    GET "~/groups/{group-id}/role-mappings/clients/{client-id}/available" ViewGroups => role_mappings::client_available;
    GET "~/groups/{group-id}/role-mappings/clients/{client-id}/composite" ViewGroups => role_mappings::client_composite;
    GET "~/groups/{group-id}/role-mappings/realm" ViewGroups => role_mappings::realm;
    POST "~/groups/{group-id}/role-mappings/realm" ManageUsers => role_mappings::add_realm;
    DELETE "~/groups/{group-id}/role-mappings/realm" ManageUsers => role_mappings::remove_realm;
    GET "~/groups/{group-id}/role-mappings/realm/available" ViewGroups => role_mappings::realm_available;
    GET "~/groups/{group-id}/role-mappings/realm/composite" ViewGroups => role_mappings::realm_composite;
}
