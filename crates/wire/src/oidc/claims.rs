//! The claims of a token as they are written: one order of names for every kind of token, the one in which
//! Keycloak writes them.
//!
//! Claims are borrowed from realm, client, user and session wherever they can be, and serialise straight into
//! text: no tree of JSON values is built on the way.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap, ser::SerializeSeq};

use super::claim_order;

/// A text that is usually borrowed.
pub type Text<'a> = Cow<'a, str>;

/// The claims of an access, ID, refresh or logout token, or of an introspection answer. Absent ones are not
/// written.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the claims by name")]
pub struct Claims<'a> {
    pub exp: Option<i64>,
    pub iat: Option<i64>,
    pub auth_time: Option<i64>,
    pub jti: Option<Text<'a>>,
    pub iss: Option<Text<'a>>,
    pub aud: Vec<Text<'a>>,
    pub sub: Option<Text<'a>>,
    pub typ: Option<Text<'a>>,
    pub azp: Option<Text<'a>>,
    pub nonce: Option<Text<'a>>,
    pub sid: Option<Text<'a>>,
    pub at_hash: Option<Text<'a>>,
    pub c_hash: Option<Text<'a>>,
    pub acr: Option<Text<'a>>,
    pub s_hash: Option<Text<'a>>,
    pub allowed_origins: Vec<Text<'a>>,
    /// `realm_access.roles`.
    pub realm_roles: Vec<Text<'a>>,
    /// `resource_access`: the roles of each client.
    pub client_roles: Vec<(Text<'a>, Vec<Text<'a>>)>,
    pub scope: Option<Text<'a>>,
    /// What mappers add under names of their own.
    pub other: Object<'a>,
    /// `aud_x` of refresh tokens: the access token's audience.
    pub aud_x: Vec<Text<'a>>,
    pub prov: Option<Text<'a>>,
    pub reuse_id: Option<Text<'a>>,
    /// `events` of logout tokens.
    pub events: Option<Object<'a>>,
    /// Members of an introspection answer beside the claims, in their order.
    pub tail: Vec<(&'static str, Claim<'a>)>,
}

/// One claim's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim<'a> {
    /// A string.
    Text(Text<'a>),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Bool(bool),
    /// An array.
    List(Vec<Claim<'a>>),
    /// An object.
    Object(Object<'a>),
    /// Anything that came as JSON.
    Json(serde_json::Value),
}

/// Claims by name; a name stands in it once. Written in [`claim_order`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(Vec<(Text<'a>, Claim<'a>)>);

impl<'a> Object<'a> {
    /// Sets a member, in place of one of the same name.
    pub fn put(&mut self, name: impl Into<Text<'a>>, claim: Claim<'a>) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = claim,
            None => self.0.push((name, claim)),
        }
    }

    /// Sets a member at a path of nested objects. A member on the way that is no object is replaced.
    pub fn put_at(&mut self, path: impl IntoIterator<Item = impl Into<Text<'a>>>, claim: Claim<'a>) {
        let mut path = path.into_iter().map(Into::into).peekable();
        let mut object = self;
        while let Some(name) = path.next() {
            if path.peek().is_none() {
                object.put(name, claim);
                return;
            }
            object = object.object(name);
        }
    }

    /// The member of that name as an object; made one if it is none.
    fn object(&mut self, name: Text<'a>) -> &mut Self {
        let at = self.0.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.0.push((name, Claim::Object(Object::default())));
            self.0.len() - 1
        });
        let member = &mut self.0[at].1;
        if !matches!(member, Claim::Object(_)) {
            *member = Claim::Object(Object::default());
        }
        match member {
            Claim::Object(inner) => inner,
            _ => unreachable!("the member was just made an object"),
        }
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Claim<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, claim)| claim)
    }

    /// Puts all members of another object.
    pub fn append(&mut self, other: Self) {
        other.0.into_iter().for_each(|(name, claim)| self.put(name, claim));
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the members but those that stand in the same object already.
    fn write<M: SerializeMap>(&self, map: &mut M, is_taken: impl Fn(&str) -> bool) -> Result<(), M::Error> {
        let mut members: Vec<_> = self.0.iter().filter(|(name, _)| !is_taken(name)).collect();
        claim_order::sort(&mut members, |(name, _)| name);
        members.into_iter().try_for_each(|(name, claim)| map.serialize_entry(name, claim))
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map, |_| false)?;
        map.end()
    }
}

impl Serialize for Claim<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(object) => object.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

/// One audience is written as a string, several as an array.
struct Audience<'a>(&'a [Text<'a>]);

impl Serialize for Audience<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => serializer.serialize_str(one),
            many => serializer.collect_seq(many),
        }
    }
}

/// Role names of one owner, in [`claim_order`].
struct Roles<'a>(&'a [Text<'a>]);

impl Serialize for Roles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("roles", &Names(self.0))?;
        map.end()
    }
}

struct Names<'a>(&'a [Text<'a>]);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut names: Vec<&str> = self.0.iter().map(AsRef::as_ref).collect();
        claim_order::sort(&mut names, |name| name);
        let mut seq = serializer.serialize_seq(Some(names.len()))?;
        names.into_iter().try_for_each(|name| seq.serialize_element(name))?;
        seq.end()
    }
}

struct RolesOfClients<'a>(&'a [(Text<'a>, Vec<Text<'a>>)]);

impl Serialize for RolesOfClients<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut clients: Vec<_> = self.0.iter().collect();
        claim_order::sort(&mut clients, |(client, _)| client);
        let mut map = serializer.serialize_map(Some(clients.len()))?;
        clients.into_iter().try_for_each(|(client, roles)| map.serialize_entry(client, &Roles(roles)))?;
        map.end()
    }
}

impl Claims<'_> {
    /// Whether a member of that name is written besides the free claims. A name that stood twice would be read
    /// differently by different readers.
    fn writes(&self, name: &str) -> bool {
        match name {
            "allowed-origins" => !self.allowed_origins.is_empty(),
            "realm_access" => !self.realm_roles.is_empty(),
            "resource_access" => !self.client_roles.is_empty(),
            name => self.tail.iter().any(|(written, _)| *written == name),
        }
    }
}

fn entry<M: SerializeMap>(map: &mut M, name: &str, value: Option<&impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

impl Serialize for Claims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, "exp", self.exp.as_ref())?;
        entry(&mut map, "iat", self.iat.as_ref())?;
        entry(&mut map, "auth_time", self.auth_time.as_ref())?;
        entry(&mut map, "jti", self.jti.as_ref())?;
        entry(&mut map, "iss", self.iss.as_ref())?;
        entry(&mut map, "aud", some(&self.aud).map(Audience).as_ref())?;
        entry(&mut map, "sub", self.sub.as_ref())?;
        entry(&mut map, "typ", self.typ.as_ref())?;
        entry(&mut map, "azp", self.azp.as_ref())?;
        entry(&mut map, "nonce", self.nonce.as_ref())?;
        entry(&mut map, "sid", self.sid.as_ref())?;
        entry(&mut map, "at_hash", self.at_hash.as_ref())?;
        entry(&mut map, "c_hash", self.c_hash.as_ref())?;
        entry(&mut map, "acr", self.acr.as_ref())?;
        entry(&mut map, "s_hash", self.s_hash.as_ref())?;
        entry(&mut map, "allowed-origins", some(&self.allowed_origins).as_ref())?;
        entry(&mut map, "realm_access", some(&self.realm_roles).map(Roles).as_ref())?;
        entry(&mut map, "resource_access", some(&self.client_roles).map(RolesOfClients).as_ref())?;
        entry(&mut map, "scope", self.scope.as_ref())?;
        self.other.write(&mut map, |name| self.writes(name))?;
        entry(&mut map, "aud_x", some(&self.aud_x).map(Audience).as_ref())?;
        entry(&mut map, "prov", self.prov.as_ref())?;
        entry(&mut map, "reuse_id", self.reuse_id.as_ref())?;
        entry(&mut map, "events", self.events.as_ref())?;
        self.tail.iter().try_for_each(|(name, claim)| map.serialize_entry(name, claim))?;
        map.end()
    }
}

fn some<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn claims_are_written_in_one_order() {
        let mut other = Object::default();
        other.put("email", Claim::Text("a@b.c".into()));
        other.put("email_verified", Claim::Bool(true));
        let claims = Claims {
            scope: Some("openid".into()),
            aud: vec!["account".into()],
            exp: Some(2),
            iat: Some(1),
            realm_roles: vec!["default-roles-tok".into(), "boss".into()],
            client_roles: vec![("rolesapp".into(), vec!["editor".into()])],
            other,
            tail: vec![("active", Claim::Bool(true))],
            ..Claims::default()
        };

        assert_eq!(
            json(&claims),
            concat!(
                r#"{"exp":2,"iat":1,"aud":"account","realm_access":{"roles":["boss","default-roles-tok"]},"#,
                r#""resource_access":{"rolesapp":{"roles":["editor"]}},"scope":"openid","#,
                r#""email_verified":true,"email":"a@b.c","active":true}"#
            )
        );
    }

    #[test]
    fn no_name_is_written_twice() {
        let mut claims = Claims { realm_roles: vec!["boss".into()], ..Claims::default() };
        claims.other.put_at(["realm_access", "foo"], Claim::Number(1));
        claims.other.put("client_id", Claim::Text("x".into()));
        claims.tail.push(("client_id", Claim::Text("web".into())));

        assert_eq!(json(&claims), r#"{"realm_access":{"roles":["boss"]},"client_id":"web"}"#);
    }

    #[test]
    fn several_audiences_are_an_array() {
        let claims = Claims { aud: vec!["a".into(), "b".into()], ..Claims::default() };
        assert_eq!(json(&claims), r#"{"aud":["a","b"]}"#);
        assert_eq!(json(&Claims::default()), "{}");
    }

    #[test]
    fn a_path_makes_objects_and_replaces_what_is_in_its_way() {
        let mut object = Object::default();
        object.put_at(["a"], Claim::Number(1));
        object.put_at(["a", "b"], Claim::Number(2));
        object.put_at(["a", "b"], Claim::Number(3));

        assert_eq!(json(&object), r#"{"a":{"b":3}}"#);
    }
}
