//! Operations on organizations.

use super::{Route, routes};
use crate::unbuilt;

routes! {
    GET "~/organizations" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/count" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/members/{member-id}/organizations" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}" ViewOrganizations => unbuilt::organizations;
    PUT "~/organizations/{org-id}" ManageOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/groups" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/group-by-path/{path*}" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}" ViewOrganizations => unbuilt::organizations;
    PUT "~/organizations/{org-id}/groups/{group-id}" ManageOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}/groups/{group-id}" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/children" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/groups/{group-id}/children" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/members" ViewOrganizations => unbuilt::organizations;
    PUT "~/organizations/{org-id}/groups/{group-id}/members/{userId}" ManageOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}/groups/{group-id}/members/{userId}" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/role-mappings" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/role-mappings/clients/{client-id}" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/groups/{group-id}/role-mappings/clients/{client-id}" ManageOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}/groups/{group-id}/role-mappings/clients/{client-id}" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/role-mappings/clients/{client-id}/available" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/role-mappings/clients/{client-id}/composite" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/role-mappings/realm" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/groups/{group-id}/role-mappings/realm" ManageOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}/groups/{group-id}/role-mappings/realm" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/role-mappings/realm/available" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/groups/{group-id}/role-mappings/realm/composite" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/identity-providers" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/identity-providers" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/identity-providers/{alias}" ViewOrganizations => unbuilt::organizations;
    PUT "~/organizations/{org-id}/identity-providers/{alias}" ManageOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}/identity-providers/{alias}" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/identity-providers/{alias}/groups" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/invitations" ViewOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/invitations/{id}" ViewOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}/invitations/{id}" ManageOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/invitations/{id}/resend" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/members" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/members" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/members/count" ViewOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/members/invite-existing-user" ManageOrganizations => unbuilt::organizations;
    POST "~/organizations/{org-id}/members/invite-user" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/members/{member-id}" ViewOrganizations => unbuilt::organizations;
    DELETE "~/organizations/{org-id}/members/{member-id}" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/members/{member-id}/groups" ViewOrganizations => unbuilt::organizations;
    PUT "~/organizations/{org-id}/members/{member-id}/membership-type" ManageOrganizations => unbuilt::organizations;
    GET "~/organizations/{org-id}/members/{member-id}/organizations" ViewOrganizations => unbuilt::organizations;
}
