//! Operations on authentication flows and required actions.

use super::{Route, routes};
use crate::authentication::{configs, executions, flows, providers, required_actions};

routes! {
    GET "~/authentication/authenticator-providers" ViewRealm => providers::authenticators;
    GET "~/authentication/client-authenticator-providers" ViewRealm => providers::client_authenticators;
    POST "~/authentication/config" ManageRealm => configs::create_alone;
    GET "~/authentication/config-description/{providerId}" ViewRealm => providers::description;
    GET "~/authentication/config/{id}" ViewRealm => configs::read;
    PUT "~/authentication/config/{id}" ManageRealm => configs::update;
    DELETE "~/authentication/config/{id}" ManageRealm => configs::delete;
    POST "~/authentication/executions" ManageRealm => executions::create;
    GET "~/authentication/executions/{executionId}" ViewRealm => executions::read;
    DELETE "~/authentication/executions/{executionId}" ManageRealm => executions::delete;
    POST "~/authentication/executions/{executionId}/config" ManageRealm => configs::create;
    GET "~/authentication/executions/{executionId}/config/{id}" ViewRealm => configs::read;
    POST "~/authentication/executions/{executionId}/lower-priority" ManageRealm => executions::lower;
    POST "~/authentication/executions/{executionId}/raise-priority" ManageRealm => executions::raise;
    GET "~/authentication/flows" ViewFlows => flows::list;
    POST "~/authentication/flows" ManageRealm => flows::create;
    POST "~/authentication/flows/{flowAlias}/copy" ManageRealm => flows::copy;
    GET "~/authentication/flows/{flowAlias}/executions" ViewRealm => flows::executions;
    PUT "~/authentication/flows/{flowAlias}/executions" ManageRealm => executions::update;
    POST "~/authentication/flows/{flowAlias}/executions/execution" ManageRealm => executions::add;
    POST "~/authentication/flows/{flowAlias}/executions/flow" ManageRealm => executions::add_flow;
    GET "~/authentication/flows/{id}" ViewRealm => flows::read;
    PUT "~/authentication/flows/{id}" ManageRealm => flows::update;
    DELETE "~/authentication/flows/{id}" ManageRealm => flows::delete;
    GET "~/authentication/form-action-providers" ViewRealm => providers::form_actions;
    GET "~/authentication/form-providers" ViewRealm => providers::forms;
    GET "~/authentication/per-client-config-description" ViewRealm => providers::per_client;
    POST "~/authentication/register-required-action" ManageRealm => required_actions::register;
    GET "~/authentication/required-actions" ViewRequiredActions => required_actions::list;
    GET "~/authentication/required-actions/{alias}" ViewRealm => required_actions::read;
    PUT "~/authentication/required-actions/{alias}" ManageRealm => required_actions::update;
    DELETE "~/authentication/required-actions/{alias}" ManageRealm => required_actions::delete;
    GET "~/authentication/required-actions/{alias}/config" ViewRealm => required_actions::read_config;
    PUT "~/authentication/required-actions/{alias}/config" ManageRealm => required_actions::update_config;
    DELETE "~/authentication/required-actions/{alias}/config" ManageRealm => required_actions::delete_config;
    GET "~/authentication/required-actions/{alias}/config-description" ViewRealm => required_actions::describe_config;
    POST "~/authentication/required-actions/{alias}/lower-priority" ManageRealm => required_actions::lower;
    POST "~/authentication/required-actions/{alias}/raise-priority" ManageRealm => required_actions::raise;
    GET "~/authentication/unregistered-required-actions" ViewRealm => required_actions::unregistered;
}
