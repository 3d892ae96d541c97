//! A small realm and its master: what roles mean, and who may give them.

use keyraft_model::{ClientUuid, Group, Realm, Role};
use keyraft_store::RealmParts;

use super::*;

fn role(id: &str, client: Option<&str>, name: &str, composites: &[&str]) -> Role {
    Role {
        id: id.into(),
        name: name.to_owned(),
        client: client.map(ClientUuid::from),
        composites: composites.iter().map(|id| RoleId::from(*id)).collect(),
        ..Role::default()
    }
}

/// A realm `shop`: two admin roles, one that includes one of them, one of an application by an admin role's name.
fn shop() -> RealmView {
    let roles = vec![
        role("users", Some("management"), "manage-users", &[]),
        role("clients", Some("management"), "manage-clients", &[]),
        role("wrapper", None, "wrapper", &["inner"]),
        role("inner", None, "inner", &["clients"]),
        role("clerk", None, "clerk", &[]),
        role("look-alike", Some("app"), "manage-clients", &[]),
    ];
    let group = Group {
        id: "g".into(),
        name: "admins".to_owned(),
        roles: vec!["wrapper".into()],
        ..Group::default()
    };
    let child = Group { id: "c".into(), name: "c".to_owned(), parent: Some("g".into()), ..Group::default() };
    let realm = Realm { id: "shop-id".into(), realm: "shop".to_owned(), ..Realm::default() };
    RealmView::of(RealmParts { realm, roles, groups: vec![group, child], ..RealmParts::default() })
}

fn over_shop(held: &[AdminRole]) -> Authority {
    let realm = shop();
    let id = realm.realm.id.clone();
    let management = [(id.clone(), ClientUuid::from("management"))];
    let powers = powers(&realm, &management);
    let sources = Sources { powers, held: held.iter().map(|role| Power::Over(id.clone(), *role)).collect() };
    Authority { roles: held.iter().copied().collect(), sources, may_create_realms: false }
}

#[test]
fn a_role_is_given_by_whoever_has_what_it_carries() {
    let (realm, by) = (shop(), over_shop(&[AdminRole::ManageUsers]));

    assert!(by.may_give(&realm, &"users".into()));
    assert!(by.may_give(&realm, &"clerk".into()), "a role without authority is anybody's to give");
    assert!(by.may_give(&realm, &"look-alike".into()), "an application's role is no admin role");
    for carries_more in ["clients", "inner", "wrapper"] {
        assert!(!by.may_give(&realm, &carries_more.into()), "{carries_more}");
    }
    assert!(
        over_shop(&[AdminRole::ManageUsers, AdminRole::ManageClients]).may_give(&realm, &"wrapper".into())
    );
}

#[test]
fn a_user_is_covered_with_all_that_his_groups_give_him() {
    let (realm, by) = (shop(), over_shop(&[AdminRole::ManageUsers]));
    let user = |roles: &[&str], groups: &[&str]| UserRecord {
        roles: roles.iter().map(|id| RoleId::from(*id)).collect(),
        groups: groups.iter().map(|id| keyraft_model::GroupId::from(*id)).collect(),
        ..UserRecord::default()
    };

    assert!(by.covers_user(&realm, &user(&["users", "clerk"], &[])));
    assert!(!by.covers_user(&realm, &user(&["clerk"], &["c"])), "the group above gives more");
    assert!(!crate::groups::may_join(&realm, &"c".into(), &by));
}

#[test]
fn in_master_a_role_means_authority_over_its_own_realm() {
    let roles = vec![
        role("s", Some("shop-realm"), "manage-users", &[]),
        role("t", Some("other-realm"), "manage-users", &[]),
        role("admin", None, "admin", &["s", "t", "create"]),
        role("create", None, "create-realm", &[]),
    ];
    let master = Realm { id: "m".into(), realm: MASTER.to_owned(), ..Realm::default() };
    let master = RealmView::of(RealmParts { realm: master, roles, ..RealmParts::default() });
    let management = [("shop-id".into(), "shop-realm".into()), ("other-id".into(), "other-realm".into())];
    let by = |held: &[Power]| Authority {
        sources: Sources { powers: powers(&master, &management), held: held.iter().cloned().collect() },
        ..Authority::default()
    };

    let of_shop = by(&[Power::Over("shop-id".into(), AdminRole::ManageUsers)]);
    assert!(of_shop.may_give(&master, &"s".into()));
    assert!(!of_shop.may_give(&master, &"t".into()));
    assert!(!of_shop.may_give(&master, &"create".into()));
    assert!(!of_shop.may_give(&master, &"admin".into()));
    assert!(by(&[Power::Everything]).may_give(&master, &"admin".into()));
}

#[test]
fn every_admin_role_has_a_name_of_its_own() {
    for role in AdminRole::ALL {
        assert_eq!(AdminRole::from_name(role.name()), Some(role));
    }
    let all_but_one: AdminRoles =
        AdminRole::ALL.into_iter().filter(|role| *role != AdminRole::ViewUsers).collect();
    assert!(!all_but_one.is_complete());
}
