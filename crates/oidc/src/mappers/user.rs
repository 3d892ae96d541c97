//! Values that mappers read from a user and his groups.

use keyraft_core::{RealmView, UserRecord};
use keyraft_model::{Group, ProtocolMapper, User};
use keyraft_wire::oidc::claims::{Claim, Object};

use super::convert::JsonType;

/// A member of a user that is no attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    Id,
    Username,
    Email,
    FirstName,
    LastName,
    EmailVerified,
    Enabled,
    CreatedTimestamp,
    FederationLink,
    ServiceAccountClient,
}

impl Property {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "username" => Self::Username,
            "email" => Self::Email,
            "firstName" => Self::FirstName,
            "lastName" => Self::LastName,
            "emailVerified" => Self::EmailVerified,
            "enabled" => Self::Enabled,
            "createdTimestamp" => Self::CreatedTimestamp,
            "federationLink" => Self::FederationLink,
            "serviceAccountClientLink" => Self::ServiceAccountClient,
            _ => return None,
        })
    }

    pub(super) fn read(self, user: &User, kind: JsonType) -> Option<Claim<'_>> {
        let flag = |flag: bool| match kind {
            JsonType::Text => Some(Claim::Text(if flag { "true" } else { "false" }.into())),
            JsonType::Boolean | JsonType::Json => Some(Claim::Bool(flag)),
            JsonType::Long | JsonType::Int => None,
        };
        match self {
            Self::EmailVerified => flag(user.email_verified),
            Self::Enabled => flag(user.enabled),
            Self::CreatedTimestamp if kind == JsonType::Text => {
                Some(Claim::Text(user.created_timestamp.to_string().into()))
            }
            Self::CreatedTimestamp => Some(Claim::Number(user.created_timestamp)),
            Self::Id => kind.convert(user.id.as_str()),
            Self::ServiceAccountClient => kind.convert(user.service_account_client.as_ref()?.as_str()),
            Self::FederationLink => kind.convert(user.federation_link.as_deref()?),
            Self::Username => kind.convert(&user.username),
            Self::Email => kind.convert(user.email.as_deref()?),
            Self::FirstName => kind.convert(user.first_name.as_deref()?),
            Self::LastName => kind.convert(user.last_name.as_deref()?),
        }
    }
}

/// The values of a user's attribute; of the first of his groups (or the group it stands in) that has it
/// where he has none; of all of them with `aggregate`.
pub(super) fn attribute<'a>(
    realm: &'a RealmView,
    record: &'a UserRecord,
    name: &str,
    aggregate: bool,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let own = own_attribute(&record.user, name);
    let mut values: Vec<&'a str> = own.collect();
    if values.is_empty() || aggregate {
        let lines = record.groups.iter().map(|id| realm.groups.with_ancestors(id));
        let mut found = lines.filter_map(|line| group_attribute(&line, name));
        if aggregate {
            for value in found.flatten() {
                if !values.contains(&value.as_str()) {
                    values.push(value);
                }
            }
        } else if let Some(first) = found.next() {
            values.extend(first.iter().map(String::as_str));
        }
    }
    values.into_iter()
}

fn own_attribute<'a>(user: &'a User, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let (one, many): (Option<&str>, &[String]) = match name {
        "username" => (Some(&user.username), &[]),
        "email" => (user.email.as_deref(), &[]),
        "firstName" => (user.first_name.as_deref(), &[]),
        "lastName" => (user.last_name.as_deref(), &[]),
        _ => (None, user.attributes.get(name).map_or(&[][..], Vec::as_slice)),
    };
    one.into_iter().chain(many.iter().map(String::as_str))
}

fn group_attribute<'a>(line: &[&'a Group], name: &str) -> Option<&'a Vec<String>> {
    line.iter().find_map(|group| group.attributes.get(name).filter(|values| !values.is_empty()))
}

/// Paths or names of the groups that a user is in himself.
pub(super) fn groups<'a>(realm: &'a RealmView, record: &'a UserRecord, full_path: bool) -> Option<Claim<'a>> {
    let found = record.groups.iter().filter_map(|id| realm.groups.find(id));
    let names = found.map(|group| {
        Claim::Text(if full_path { realm.groups.path(&group.id).into() } else { group.name.as_str().into() })
    });
    let list: Vec<_> = names.collect();
    (!list.is_empty()).then_some(Claim::List(list))
}

/// From which attributes an address is put together.
#[derive(Clone, Debug)]
pub(super) struct AddressNames([(&'static str, String); 6]);

impl AddressNames {
    pub(super) fn read_config(mapper: &ProtocolMapper) -> Self {
        let name = |claim, member: &'static str| {
            (claim, mapper.config(&format!("user.attribute.{member}")).unwrap_or(member).to_owned())
        };
        Self([
            name("formatted", "formatted"),
            name("street_address", "street"),
            name("locality", "locality"),
            name("region", "region"),
            name("postal_code", "postal_code"),
            name("country", "country"),
        ])
    }

    pub(super) fn read<'a>(&'a self, realm: &'a RealmView, record: &'a UserRecord) -> Option<Object<'a>> {
        let mut address = Object::default();
        for (claim, name) in &self.0 {
            if let Some(text) = attribute(realm, record, name, false).next() {
                address.put(*claim, Claim::Text(text.into()));
            }
        }
        (!address.is_empty()).then_some(address)
    }
}
