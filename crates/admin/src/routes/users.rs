//! Operations on users and what is theirs.

use super::{Route, routes};
use crate::{
    attack_detection, credentials, emails, profile, role_mappings, unbuilt, user_groups, user_sessions, users,
};

routes! {
    DELETE "~/attack-detection/brute-force/users" ManageUsers => attack_detection::clear_all;
    GET "~/attack-detection/brute-force/users/{userId}" ViewUsers => attack_detection::status;
    DELETE "~/attack-detection/brute-force/users/{userId}" ManageUsers => attack_detection::clear;
    GET "~/users" QueryUsers => users::list;
    POST "~/users" ManageUsers => users::create;
    GET "~/users-management-permissions" ViewUsers => unbuilt::feature_off;
    PUT "~/users-management-permissions" ManageUsers => unbuilt::feature_off;
    GET "~/users/count" QueryUsers => users::count;
    GET "~/users/profile" ViewProfile => profile::read;
    PUT "~/users/profile" ManageRealm => profile::update;
    GET "~/users/profile/metadata" ViewProfile => profile::metadata;
    GET "~/users/{user-id}" ViewUsers => users::read;
    PUT "~/users/{user-id}" ManageUsers => users::update;
    DELETE "~/users/{user-id}" ManageUsers => users::delete;
    GET "~/users/{user-id}/configured-user-storage-credential-types" ViewUsers => credentials::storage_types;
    GET "~/users/{user-id}/consents" ViewUsers => user_sessions::consents;
    DELETE "~/users/{user-id}/consents/{client}" ManageUsers => user_sessions::revoke_consent;
    GET "~/users/{user-id}/credentials" ViewUsers => credentials::list;
    DELETE "~/users/{user-id}/credentials/{credentialId}" ManageUsers => credentials::remove;
    POST "~/users/{user-id}/credentials/{credentialId}/moveAfter/{newPreviousCredentialId}" ManageUsers => credentials::move_after;
    POST "~/users/{user-id}/credentials/{credentialId}/moveToFirst" ManageUsers => credentials::move_to_first;
    PUT "~/users/{user-id}/credentials/{credentialId}/userLabel" ManageUsers => credentials::label;
    PUT "~/users/{user-id}/disable-credential-types" ManageUsers => credentials::disable_types;
    PUT "~/users/{user-id}/execute-actions-email" ManageUsers => emails::execute_actions;
    GET "~/users/{user-id}/federated-identity" ViewUsers => users::federated_identities;
    POST "~/users/{user-id}/federated-identity/{provider}" ManageUsers;
    DELETE "~/users/{user-id}/federated-identity/{provider}" ManageUsers => users::remove_federated_identity;
    GET "~/users/{user-id}/groups" ViewUsers => user_groups::list;
    GET "~/users/{user-id}/groups/count" ViewUsers => user_groups::count;
    PUT "~/users/{user-id}/groups/{groupId}" ManageUsers => user_groups::join;
    DELETE "~/users/{user-id}/groups/{groupId}" ManageUsers => user_groups::leave;
    POST "~/users/{user-id}/impersonation" Impersonate;
    POST "~/users/{user-id}/logout" ManageUsers => user_sessions::logout;
    GET "~/users/{user-id}/offline-sessions/{clientUuid}" ViewUsers => user_sessions::offline;
    PUT "~/users/{user-id}/remove-totp" ManageUsers => credentials::remove_totp;
    PUT "~/users/{user-id}/reset-password" ManageUsers => credentials::reset_password;
    PUT "~/users/{user-id}/reset-password-email" ManageUsers => emails::reset_password;
    GET "~/users/{user-id}/role-mappings" ViewUsers => role_mappings::all;
    GET "~/users/{user-id}/role-mappings/clients/{client-id}" ViewUsers => role_mappings::client;
    POST "~/users/{user-id}/role-mappings/clients/{client-id}" ManageUsers => role_mappings::add_client;
    DELETE "~/users/{user-id}/role-mappings/clients/{client-id}" ManageUsers => role_mappings::remove_client;
    GET "~/users/{user-id}/role-mappings/clients/{client-id}/available" ViewUsers => role_mappings::client_available;
    GET "~/users/{user-id}/role-mappings/clients/{client-id}/composite" ViewUsers => role_mappings::client_composite;
    GET "~/users/{user-id}/role-mappings/realm" ViewUsers => role_mappings::realm;
    POST "~/users/{user-id}/role-mappings/realm" ManageUsers => role_mappings::add_realm;
    DELETE "~/users/{user-id}/role-mappings/realm" ManageUsers => role_mappings::remove_realm;
    GET "~/users/{user-id}/role-mappings/realm/available" ViewUsers => role_mappings::realm_available;
    GET "~/users/{user-id}/role-mappings/realm/composite" ViewUsers => role_mappings::realm_composite;
    PUT "~/users/{user-id}/send-verify-email" ManageUsers => emails::verify;
    GET "~/users/{user-id}/sessions" ViewUsers => user_sessions::list;
    GET "~/users/{user-id}/unmanagedAttributes" ViewUsers => profile::unmanaged;
}
