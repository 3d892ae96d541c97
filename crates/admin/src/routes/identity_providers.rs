//! Operations on identity providers.

use super::{Route, routes};
use crate::unbuilt;

routes! {
    POST "~/identity-provider/import-config" ManageIdentityProviders;
    GET "~/identity-provider/instances" ViewIdentityProviders;
    POST "~/identity-provider/instances" ManageIdentityProviders;
    GET "~/identity-provider/instances/{alias}" ViewIdentityProviders;
    PUT "~/identity-provider/instances/{alias}" ManageIdentityProviders;
    DELETE "~/identity-provider/instances/{alias}" ManageIdentityProviders;
    GET "~/identity-provider/instances/{alias}/export" ViewIdentityProviders;
    GET "~/identity-provider/instances/{alias}/management/permissions" ViewIdentityProviders => unbuilt::feature_off;
    PUT "~/identity-provider/instances/{alias}/management/permissions" ManageIdentityProviders => unbuilt::feature_off;
    GET "~/identity-provider/instances/{alias}/mapper-types" ViewIdentityProviders;
    GET "~/identity-provider/instances/{alias}/mappers" ViewIdentityProviders;
    POST "~/identity-provider/instances/{alias}/mappers" ManageIdentityProviders;
    GET "~/identity-provider/instances/{alias}/mappers/{id}" ViewIdentityProviders;
    PUT "~/identity-provider/instances/{alias}/mappers/{id}" ManageIdentityProviders;
    DELETE "~/identity-provider/instances/{alias}/mappers/{id}" ManageIdentityProviders;
    GET "~/identity-provider/instances/{alias}/reload-keys" ViewIdentityProviders;
    GET "~/identity-provider/providers/{provider_id}" ViewIdentityProviders;
    POST "~/identity-provider/upload-certificate" ManageIdentityProviders;
}
