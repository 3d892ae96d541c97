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
