//! Users: their rows, the roles they hold and the groups they stand in.
//!
//! A user's key, name and address are columns; what is searched has folded copies (NFKC, lower case), used for
//! search alone. Attributes have rows too, for `q`. Search itself is in [`search()`].

use keyraft_model::{ClientUuid, GroupId, RealmId, RoleId, User, UserId, text};

use crate::{
    Error, Source, Tx, Versioned,
    changes::Kind,
    doc, role_lists,
    role_lists::RolesOf,
    source::{Arg, Row, args},
    sql::{Sql, statements},
};

pub mod search;

pub use search::{UserQuery, count, search};

statements! {
    FIND = "SELECT doc, ver FROM usr WHERE realm_id = $1 AND id = $2";
    FIND_BY_USERNAME = "SELECT doc, ver FROM usr WHERE realm_id = $1 AND username = $2";
    FIND_BY_EMAIL = "SELECT doc, ver FROM usr WHERE realm_id = $1 AND email = $2 ORDER BY email, username LIMIT $3";
    FIND_SERVICE = "SELECT doc, ver FROM usr WHERE realm_id = $1 AND service_client_id = $2 AND service_client_id <> ''";
    AFTER = "SELECT doc, ver FROM usr WHERE realm_id = $1 AND username > $2 ORDER BY username LIMIT $3";
    INSERT = "INSERT INTO usr (realm_id, id, username, email, email_unique, username_key, email_key, first_key, \
              last_key, service_client_id, created_ms, enabled, email_verified, doc, ver) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    UPDATE = "UPDATE usr SET username = $3, email = $4, email_unique = $5, username_key = $6, email_key = $7, \
              first_key = $8, last_key = $9, service_client_id = $10, created_ms = $11, enabled = $12, \
              email_verified = $13, doc = $14, ver = ver + 1 \
               WHERE realm_id = $1 AND id = $2 AND ver = $15 RETURNING ver";
    DELETE = "DELETE FROM usr WHERE realm_id = $1 AND id = $2 RETURNING service_client_id";
    INSERT_ATTRIBUTE = "INSERT INTO usr_attr (realm_id, usr_id, name, pos, value_key, value_lc) \
                        VALUES ($1, $2, $3, $4, $5, $6)";
    DELETE_ATTRIBUTES = "DELETE FROM usr_attr WHERE realm_id = $1 AND usr_id = $2";
    COUNT_UP = "INSERT INTO usr_count (realm_id, bucket, n) VALUES ($1, $2, $3) \
                ON CONFLICT (realm_id, bucket) DO UPDATE SET n = usr_count.n + excluded.n";
    GROUPS = "SELECT grp_id FROM usr_grp WHERE realm_id = $1 AND usr_id = $2 ORDER BY grp_id";
    JOIN_GROUP = "INSERT INTO usr_grp (realm_id, usr_id, grp_id) VALUES ($1, $2, $3) \
                  ON CONFLICT (realm_id, usr_id, grp_id) DO NOTHING";
    LEAVE_GROUP = "DELETE FROM usr_grp WHERE realm_id = $1 AND usr_id = $2 AND grp_id = $3";
}

/// A user with the roles that he holds directly and the groups that he stands in directly.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct UserRecord {
    /// The user.
    pub user: User,
    /// Roles given to him.
    pub roles: Vec<RoleId>,
    /// Groups that he is a member of.
    pub groups: Vec<GroupId>,
}

/// The user of that id with roles and groups: three reads by key.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn load(
    on: &impl Source,
    realm: &RealmId,
    id: &UserId,
) -> Result<Option<Versioned<UserRecord>>, Error> {
    let Some(found) = find(on, realm, id).await? else { return Ok(None) };
    let roles = role_lists::list(on, realm, RolesOf::User(id)).await?;
    let groups = groups(on, realm, id).await?;
    Ok(Some(Versioned { value: UserRecord { user: found.value, roles, groups }, ver: found.ver }))
}

/// The user of that id.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find(on: &impl Source, realm: &RealmId, id: &UserId) -> Result<Option<Versioned<User>>, Error> {
    one(on, FIND, args![realm.as_str(), id.as_str()]).await
}

/// The user of that name; case is ignored.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find_by_username(
    on: &impl Source,
    realm: &RealmId,
    username: &str,
) -> Result<Option<Versioned<User>>, Error> {
    one(on, FIND_BY_USERNAME, args![realm.as_str(), text::lower(username)]).await
}

/// The user of that e-mail address, case ignored. Where a realm allows doubles and several users have it, nobody:
/// an address that names two people names neither.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find_by_email(
    on: &impl Source,
    realm: &RealmId,
    email: &str,
) -> Result<Option<Versioned<User>>, Error> {
    let mut users = list_by_email(on, realm, email, 2).await?;
    Ok(if users.len() == 1 { users.pop() } else { None })
}

/// The users of that e-mail address, case ignored, by name, at most `max`.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_by_email(
    on: &impl Source,
    realm: &RealmId,
    email: &str,
    max: i64,
) -> Result<Vec<Versioned<User>>, Error> {
    if email.is_empty() {
        return Ok(Vec::new());
    }
    let rows = on.rows(FIND_BY_EMAIL, args![realm.as_str(), text::lower(email), max]).await?;
    rows.iter().map(|row| from_row(FIND_BY_EMAIL, row)).collect()
}

/// The service account of a client.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find_service_account(
    on: &impl Source,
    realm: &RealmId,
    client: &ClientUuid,
) -> Result<Option<Versioned<User>>, Error> {
    one(on, FIND_SERVICE, args![realm.as_str(), client.as_str()]).await
}

/// Users whose names come after `username`, service accounts included, by name: to walk a whole realm.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_after(
    on: &impl Source,
    realm: &RealmId,
    username: &str,
    limit: i64,
) -> Result<Vec<Versioned<User>>, Error> {
    let rows = on.rows(AFTER, args![realm.as_str(), username, limit]).await?;
    rows.iter().map(|row| from_row(AFTER, row)).collect()
}

/// Inserts a user, name and address in lower case, and returns his version.
///
/// `unique_email`: whether the realm refuses a second user of the same address.
///
/// # Errors
/// [`Error::Conflict`] when his id, name, or unique address is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, user: &User, unique_email: bool) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    let user = folded(user);
    let mut args = args![realm.as_str(), user.id.as_str()];
    args.extend(columns(&user, unique_email)?);
    args.push(Arg::Int(ver));
    tx.exec(INSERT, args).await?;
    insert_attributes(tx, realm, &user).await?;
    if user.service_account_client.is_none() {
        count_up(tx, realm, &user.id, 1).await?;
    }
    tx.changed(Kind::User, realm.as_str(), user.id.as_str(), Some(ver));
    Ok(ver)
}

/// Replaces a user, name and address in lower case, and returns his new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not his version any more, or the name or unique address is taken.
pub async fn update(
    tx: &Tx,
    realm: &RealmId,
    user: &User,
    ver: i64,
    unique_email: bool,
) -> Result<i64, Error> {
    let user = folded(user);
    let mut args = args![realm.as_str(), user.id.as_str()];
    args.extend(columns(&user, unique_email)?);
    args.push(Arg::Int(ver));
    let ver = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?.int(UPDATE, 0)?;
    tx.exec(DELETE_ATTRIBUTES, args![realm.as_str(), user.id.as_str()]).await?;
    insert_attributes(tx, realm, &user).await?;
    tx.changed(Kind::User, realm.as_str(), user.id.as_str(), Some(ver));
    Ok(ver)
}

/// Deletes a user with all that is his. Says whether he was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, id: &UserId) -> Result<bool, Error> {
    let Some(row) = tx.row(DELETE, args![realm.as_str(), id.as_str()]).await? else { return Ok(false) };
    if row.text(DELETE, 0)?.is_empty() {
        count_up(tx, realm, id, -1).await?;
    }
    tx.changed(Kind::User, realm.as_str(), id.as_str(), Some(Tx::first_ver()));
    Ok(true)
}

/// The groups that a user stands in directly.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn groups(on: &impl Source, realm: &RealmId, id: &UserId) -> Result<Vec<GroupId>, Error> {
    let rows = on.rows(GROUPS, args![realm.as_str(), id.as_str()]).await?;
    rows.iter().map(|row| row.id(GROUPS, 0)).collect()
}

/// Makes a user a member of a group.
///
/// # Errors
/// [`Error::Unavailable`]; [`Error::Corrupt`] when there is no such user.
pub async fn join_group(tx: &Tx, realm: &RealmId, id: &UserId, group: &GroupId) -> Result<(), Error> {
    tx.exec(JOIN_GROUP, args![realm.as_str(), id.as_str(), group.as_str()]).await?;
    touch(tx, realm, id);
    Ok(())
}

/// Takes a user out of a group. Says whether he was in it.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn leave_group(tx: &Tx, realm: &RealmId, id: &UserId, group: &GroupId) -> Result<bool, Error> {
    touch(tx, realm, id);
    Ok(tx.exec(LEAVE_GROUP, args![realm.as_str(), id.as_str(), group.as_str()]).await? > 0)
}

/// Notes that something of a user changed, so that copies of him are dropped.
pub(crate) fn touch(tx: &Tx, realm: &RealmId, id: &UserId) {
    tx.changed(Kind::User, realm.as_str(), id.as_str(), None);
}

async fn one(on: &impl Source, sql: Sql, args: Vec<Arg>) -> Result<Option<Versioned<User>>, Error> {
    on.row(sql, args).await?.map(|row| from_row(sql, &row)).transpose()
}

pub(crate) fn from_row(sql: Sql, row: &Row) -> Result<Versioned<User>, Error> {
    Ok(Versioned { value: doc::read(sql, row, 0)?, ver: row.int(sql, 1)? })
}

fn folded(user: &User) -> User {
    let email = user.email.as_deref().map(text::lower).filter(|email| !email.is_empty());
    User { username: text::lower(&user.username), email, ..user.clone() }
}

/// `username` to `doc`, in the order of the statements.
fn columns(user: &User, unique_email: bool) -> Result<Vec<Arg>, Error> {
    let email = user.email.as_deref().unwrap_or_default();
    let client = user.service_account_client.as_ref().map_or("", |client| client.as_str());
    Ok(args![
        &user.username,
        email,
        if unique_email { email } else { "" },
        search::key(&user.username),
        search::key(email),
        search::key(user.first_name.as_deref().unwrap_or_default()),
        search::key(user.last_name.as_deref().unwrap_or_default()),
        client,
        user.created_timestamp,
        user.enabled,
        user.email_verified,
        doc::write(user)?,
    ])
}

async fn insert_attributes(tx: &Tx, realm: &RealmId, user: &User) -> Result<(), Error> {
    for (name, values) in &user.attributes {
        for (pos, value) in (0_i64..).zip(values) {
            let args = args![
                realm.as_str(),
                user.id.as_str(),
                name,
                pos,
                search::value_key(value),
                search::key(value)
            ];
            tx.exec(INSERT_ATTRIBUTE, args).await?;
        }
    }
    Ok(())
}

/// Users of a realm are counted in 16 rows, so that writers rarely meet.
async fn count_up(tx: &Tx, realm: &RealmId, id: &UserId, by: i64) -> Result<(), Error> {
    let bucket = id.as_str().bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 16);
    tx.exec(COUNT_UP, args![realm.as_str(), bucket, by]).await.map(|_| ())
}
