//! Operations on authentication flows and required actions.

use super::{Route, routes};

routes! {
    GET "~/authentication/authenticator-providers" ViewRealm;
    GET "~/authentication/client-authenticator-providers" ViewRealm;
    POST "~/authentication/config" ManageRealm;
    GET "~/authentication/config-description/{providerId}" ViewRealm;
    GET "~/authentication/config/{id}" ViewRealm;
    PUT "~/authentication/config/{id}" ManageRealm;
    DELETE "~/authentication/config/{id}" ManageRealm;
    POST "~/authentication/executions" ManageRealm;
    GET "~/authentication/executions/{executionId}" ViewRealm;
    DELETE "~/authentication/executions/{executionId}" ManageRealm;
    POST "~/authentication/executions/{executionId}/config" ManageRealm;
    GET "~/authentication/executions/{executionId}/config/{id}" ViewRealm;
    POST "~/authentication/executions/{executionId}/lower-priority" ManageRealm;
    POST "~/authentication/executions/{executionId}/raise-priority" ManageRealm;
    GET "~/authentication/flows" ViewFlows;
    POST "~/authentication/flows" ManageRealm;
    POST "~/authentication/flows/{flowAlias}/copy" ManageRealm;
    GET "~/authentication/flows/{flowAlias}/executions" ViewRealm;
    PUT "~/authentication/flows/{flowAlias}/executions" ManageRealm;
    POST "~/authentication/flows/{flowAlias}/executions/execution" ManageRealm;
    POST "~/authentication/flows/{flowAlias}/executions/flow" ManageRealm;
    GET "~/authentication/flows/{id}" ViewRealm;
    PUT "~/authentication/flows/{id}" ManageRealm;
    DELETE "~/authentication/flows/{id}" ManageRealm;
    GET "~/authentication/form-action-providers" ViewRealm;
    GET "~/authentication/form-providers" ViewRealm;
    GET "~/authentication/per-client-config-description" ViewRealm;
    POST "~/authentication/register-required-action" ManageRealm;
    GET "~/authentication/required-actions" ViewRequiredActions;
    GET "~/authentication/required-actions/{alias}" ViewRealm;
    PUT "~/authentication/required-actions/{alias}" ManageRealm;
    DELETE "~/authentication/required-actions/{alias}" ManageRealm;
    GET "~/authentication/required-actions/{alias}/config" ViewRealm;
    PUT "~/authentication/required-actions/{alias}/config" ManageRealm;
    DELETE "~/authentication/required-actions/{alias}/config" ManageRealm;
    GET "~/authentication/required-actions/{alias}/config-description" ViewRealm;
    POST "~/authentication/required-actions/{alias}/lower-priority" ManageRealm;
    POST "~/authentication/required-actions/{alias}/raise-priority" ManageRealm;
    GET "~/authentication/unregistered-required-actions" ViewRealm;
}
