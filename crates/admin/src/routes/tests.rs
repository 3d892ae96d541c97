//! The table as a whole: no row twice, Keycloak's answers where none fits, and who may.

use keyraft_core::authority::{AdminRole, AdminRoles};

use super::*;

fn path(text: &str) -> Vec<String> {
    let text = text.replacen('~', "/admin/realms/lab", 1);
    let text = text.split('?').next().unwrap_or_default();
    text.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

fn row(method: &str, text: &str) -> &'static Route {
    match find(method, &path(text)) {
        Match::Row(route, _) => route,
        Match::NotFound | Match::WrongMethod => panic!("no row for {method} {text}"),
    }
}

#[test]
fn every_operation_of_the_original_stands_in_the_table_once() {
    let mut seen = std::collections::HashSet::new();

    assert!(all().all(|route| seen.insert((route.method, route.path))));
    assert!(seen.len() >= 415 - 23, "{}", seen.len());
}

#[test]
fn the_nearest_row_answers() {
    assert_eq!(row("GET", "~/users/count").path, "~/users/count");
    assert_eq!(row("GET", "~/users/u").path, "~/users/{user-id}");
    assert_eq!(row("GET", "~/client-templates").path, "~/client-scopes");
    let Match::Row(route, values) = find("GET", &path("~/group-by-path/a/b")) else { panic!("no row") };
    assert_eq!((route.path, values["path"].as_str()), ("~/group-by-path/{path*}", "a/b"));
}

#[test]
fn where_no_row_fits_the_answer_is_keycloaks() {
    let not_found = |method, text| matches!(find(method, &path(text)), Match::NotFound);
    let wrong_method = |method, text| matches!(find(method, &path(text)), Match::WrongMethod);

    assert!(not_found("GET", "~/nope"));
    assert!(not_found("GET", "~/users/u/nope"));
    assert!(not_found("POST", "~/users/u"));
    assert!(wrong_method("PATCH", "~/users/u"));
    assert!(wrong_method("DELETE", "~/users"));
    assert!(wrong_method("GET", "/admin/nope"));
}

#[test]
fn each_admin_role_may_do_what_it_may_on_the_original() {
    let mut checked = 0;
    for line in include_str!("matrix.txt").lines().filter(|line| !line.starts_with('#')) {
        let (request, allowed) = line.split_once(" = ").expect("a line of the matrix");
        let (method, text) = request.split_once(' ').expect("method and path");
        // What the realm list and the server's facts show is decided by the operation itself.
        let right = if text.starts_with("/admin/") { Right::AnyAdmin } else { row(method, text).right };
        for role in AdminRole::ALL {
            let expected = match allowed {
                "." => true,
                "*" => role != AdminRole::Impersonation,
                names => names.split(' ').any(|name| name == role.name()),
            };
            assert_eq!(right.allows(held(role)), expected, "{request} by {}", role.name());
            checked += 1;
        }
        assert_eq!(right.allows(AdminRoles::default()), allowed == ".", "{request} by nobody");
    }
    assert!(checked > 1_400, "{checked}");
}

/// What the holder of one role holds in a fresh realm, composites resolved.
fn held(role: AdminRole) -> AdminRoles {
    use AdminRole as R;
    match role {
        R::RealmAdmin => AdminRole::ALL.into_iter().collect(),
        R::ViewUsers => [R::ViewUsers, R::QueryUsers, R::QueryGroups].into_iter().collect(),
        R::ViewClients => [R::ViewClients, R::QueryClients].into_iter().collect(),
        R::ViewOrganizations => [R::ViewOrganizations, R::QueryOrganizations].into_iter().collect(),
        other => [other].into_iter().collect(),
    }
}

/// Writes that can bring authority to someone: `tests/e2e/escalation.rs` tries each of them.
const GIVES: &[&str] = &[
    "POST /admin/realms",
    "PUT ~",
    "POST ~/users",
    "PUT ~/users/{user-id}",
    "PUT ~/users/{user-id}/reset-password",
    "PUT ~/users/{user-id}/groups/{groupId}",
    "PUT ~/default-groups/{groupId}",
    "POST ~/groups",
    "POST ~/groups/{group-id}/children",
    "POST ~/{}/role-mappings/{}",
    "POST ~/{}/scope-mappings/{}",
    "POST ~/{}/composites",
    "POST ~/{}/protocol-mappers/add-models",
    "POST ~/{}/protocol-mappers/models",
    "PUT ~/{}/protocol-mappers/models/{id}",
    "POST ~/roles",
    "POST ~/clients/{client-uuid}/roles",
    "PUT ~/roles/{role-name}",
    "PUT ~/clients/{client-uuid}/roles/{role-name}",
    "PUT ~/roles-by-id/{role-id}",
    "POST ~/clients",
    "PUT ~/clients/{client-uuid}",
    "POST ~/clients/{client-uuid}/client-secret",
    "POST ~/client-scopes",
];

/// Writes that bring nobody anything: they end, name, order or configure.
const GIVES_NOTHING: &[&str] = &[
    "POST ~/clear-crl-cache",
    "POST ~/clear-keys-cache",
    "POST ~/clear-realm-cache",
    "POST ~/clear-user-cache",
    "PUT ~/events/config",
    "POST ~/logout-all",
    "POST ~/push-revocation",
    // Mail goes to the address that the user has, and says nothing to who sent it.
    "POST ~/testSMTPConnection",
    "PUT ~/users/{user-id}/execute-actions-email",
    "PUT ~/users/{user-id}/reset-password-email",
    "PUT ~/users/{user-id}/send-verify-email",
    "POST ~/clients/{client-uuid}/push-revocation",
    "PUT ~/users/profile",
    "POST ~/users/{user-id}/logout",
    "PUT ~/users/{user-id}/disable-credential-types",
    "PUT ~/users/{user-id}/remove-totp",
    "PUT ~/users/{user-id}/credentials/{credentialId}/userLabel",
    "POST ~/users/{user-id}/credentials/{credentialId}/moveToFirst",
    "POST ~/users/{user-id}/credentials/{credentialId}/moveAfter/{newPreviousCredentialId}",
    "PUT ~/groups/{group-id}",
    "PUT ~/client-scopes/{client-scope-id}",
    "PUT ~/clients/{client-uuid}/default-client-scopes/{clientScopeId}",
    "PUT ~/clients/{client-uuid}/optional-client-scopes/{clientScopeId}",
    "PUT ~/default-default-client-scopes/{clientScopeId}",
    "PUT ~/default-optional-client-scopes/{clientScopeId}",
    // How people prove who they are: what manages a realm decides that, as in the original. No role is given by it.
    "POST ~/authentication/config",
    "PUT ~/authentication/config/{id}",
    "POST ~/authentication/executions",
    "POST ~/authentication/executions/{executionId}/config",
    "POST ~/authentication/executions/{executionId}/lower-priority",
    "POST ~/authentication/executions/{executionId}/raise-priority",
    "POST ~/authentication/flows",
    "POST ~/authentication/flows/{flowAlias}/copy",
    "PUT ~/authentication/flows/{flowAlias}/executions",
    "POST ~/authentication/flows/{flowAlias}/executions/execution",
    "POST ~/authentication/flows/{flowAlias}/executions/flow",
    "PUT ~/authentication/flows/{id}",
    "POST ~/authentication/register-required-action",
    "PUT ~/authentication/required-actions/{alias}",
    "PUT ~/authentication/required-actions/{alias}/config",
    "POST ~/authentication/required-actions/{alias}/lower-priority",
    "POST ~/authentication/required-actions/{alias}/raise-priority",
];

#[test]
fn every_write_was_judged_by_what_it_can_give() {
    let fits = |pattern: &str, row: &str| match pattern.split_once("~/{}/") {
        None => pattern == row,
        Some((method, end)) => {
            let (end, is_open) = end.strip_suffix("/{}").map_or((end, false), |end| (end, true));
            let end = format!("/{end}");
            row.starts_with(method) && row.find(&end).is_some_and(|at| is_open || row.len() == at + end.len())
        }
    };
    for route in all().filter(|route| matches!(route.method, "POST" | "PUT") && route.operation.is_some()) {
        let row = format!("{} {}", route.method, route.path);
        let unbuilt =
            ["/management/permissions", "/authz/", "~/organizations", "client-types", "-permissions"];
        let judged = GIVES.iter().chain(GIVES_NOTHING).filter(|pattern| fits(pattern, &row)).count();
        assert!(judged == 1 || unbuilt.iter().any(|part| row.contains(part)), "{row}: judged {judged} times");
    }
}
