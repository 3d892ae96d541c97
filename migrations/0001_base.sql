-- Realms with all that is theirs. Every key starts with the realm; `doc` is the entity's own JSON with its
-- secrets sealed; the other columns are keys and what is searched or joined. Texts are never NULL: empty means none.
CREATE TABLE IF NOT EXISTS realm (
    id   TEXT   NOT NULL,
    name TEXT   NOT NULL,
    doc  TEXT   NOT NULL,
    ver  BIGINT NOT NULL, -- rises with each change of any part of the realm but clients and users
    CONSTRAINT realm_pk PRIMARY KEY (id)
);
CREATE UNIQUE INDEX IF NOT EXISTS realm_name ON realm (name);

-- Deleted realms whose rows are still being swept away. Their ids are not free yet.
CREATE TABLE IF NOT EXISTS doomed_realm (
    id TEXT NOT NULL,
    CONSTRAINT doomed_realm_pk PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS client (
    realm_id      TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    client_id     TEXT   NOT NULL, -- RFC 6749 section 2.2
    client_id_key TEXT   NOT NULL, -- lower case, for search
    doc           TEXT   NOT NULL,
    ver           BIGINT NOT NULL,
    CONSTRAINT client_pk PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS client_by_client_id ON client (realm_id, client_id);

-- Roles that a client's tokens may carry where it may not carry all. No row: not that role.
CREATE TABLE IF NOT EXISTS client_role (
    realm_id  TEXT NOT NULL,
    client_id TEXT NOT NULL,
    role_id   TEXT NOT NULL,
    CONSTRAINT client_role_pk PRIMARY KEY (realm_id, client_id, role_id)
);
CREATE INDEX IF NOT EXISTS client_role_by_role ON client_role (realm_id, role_id);

-- Which clients use a client scope, default or optional; the client's doc says which and in what order.
CREATE TABLE IF NOT EXISTS client_uses_scope (
    realm_id  TEXT NOT NULL,
    scope_id  TEXT NOT NULL,
    client_id TEXT NOT NULL,
    CONSTRAINT client_uses_scope_pk PRIMARY KEY (realm_id, scope_id, client_id)
);
CREATE INDEX IF NOT EXISTS client_uses_scope_by_client ON client_uses_scope (realm_id, client_id);

CREATE TABLE IF NOT EXISTS client_scope (
    realm_id TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    doc      TEXT   NOT NULL,
    ver      BIGINT NOT NULL,
    CONSTRAINT client_scope_pk PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS client_scope_name ON client_scope (realm_id, name);

-- Roles that a token may carry only with a client scope.
CREATE TABLE IF NOT EXISTS scope_role (
    realm_id TEXT NOT NULL,
    scope_id TEXT NOT NULL,
    role_id  TEXT NOT NULL,
    CONSTRAINT scope_role_pk PRIMARY KEY (realm_id, scope_id, role_id)
);
CREATE INDEX IF NOT EXISTS scope_role_by_role ON scope_role (realm_id, role_id);

-- Client scopes that new clients of a realm get, or may ask for. No row: neither.
CREATE TABLE IF NOT EXISTS realm_scope (
    realm_id   TEXT    NOT NULL,
    scope_id   TEXT    NOT NULL,
    is_default BOOLEAN NOT NULL,
    pos        BIGINT  NOT NULL,
    CONSTRAINT realm_scope_pk PRIMARY KEY (realm_id, scope_id)
);

CREATE TABLE IF NOT EXISTS role (
    realm_id  TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    client_id TEXT   NOT NULL, -- empty: a role of the realm
    name      TEXT   NOT NULL,
    doc       TEXT   NOT NULL,
    ver       BIGINT NOT NULL,
    CONSTRAINT role_pk PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS role_name ON role (realm_id, client_id, name);

CREATE TABLE IF NOT EXISTS role_composite (
    realm_id TEXT NOT NULL,
    role_id  TEXT NOT NULL, -- whoever holds this one
    child_id TEXT NOT NULL, -- holds this one as well
    CONSTRAINT role_composite_pk PRIMARY KEY (realm_id, role_id, child_id)
);
CREATE INDEX IF NOT EXISTS role_composite_by_child ON role_composite (realm_id, child_id);

CREATE TABLE IF NOT EXISTS grp (
    realm_id  TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    parent_id TEXT   NOT NULL, -- empty: a top-level group
    name      TEXT   NOT NULL,
    doc       TEXT   NOT NULL,
    ver       BIGINT NOT NULL,
    CONSTRAINT grp_pk PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS grp_name ON grp (realm_id, parent_id, name);

CREATE TABLE IF NOT EXISTS grp_role (
    realm_id TEXT NOT NULL,
    grp_id   TEXT NOT NULL,
    role_id  TEXT NOT NULL,
    CONSTRAINT grp_role_pk PRIMARY KEY (realm_id, grp_id, role_id)
);
CREATE INDEX IF NOT EXISTS grp_role_by_role ON grp_role (realm_id, role_id);

CREATE TABLE IF NOT EXISTS flow (
    realm_id TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    alias    TEXT   NOT NULL,
    doc      TEXT   NOT NULL, -- executions included
    ver      BIGINT NOT NULL,
    CONSTRAINT flow_pk PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS flow_alias ON flow (realm_id, alias);

CREATE TABLE IF NOT EXISTS authenticator_config (
    realm_id TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    alias    TEXT   NOT NULL,
    doc      TEXT   NOT NULL,
    ver      BIGINT NOT NULL,
    CONSTRAINT authenticator_config_pk PRIMARY KEY (realm_id, id)
);

CREATE TABLE IF NOT EXISTS required_action (
    realm_id TEXT   NOT NULL,
    alias    TEXT   NOT NULL,
    prio     BIGINT NOT NULL,
    doc      TEXT   NOT NULL,
    ver      BIGINT NOT NULL,
    CONSTRAINT required_action_pk PRIMARY KEY (realm_id, alias)
);

CREATE TABLE IF NOT EXISTS component (
    realm_id  TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    parent_id TEXT   NOT NULL,
    doc       TEXT   NOT NULL,
    ver       BIGINT NOT NULL,
    CONSTRAINT component_pk PRIMARY KEY (realm_id, id)
);
CREATE INDEX IF NOT EXISTS component_by_parent ON component (realm_id, parent_id);

CREATE TABLE IF NOT EXISTS usr (
    realm_id          TEXT    NOT NULL,
    id                TEXT    NOT NULL,
    username          TEXT    NOT NULL, -- lower case
    email             TEXT    NOT NULL, -- lower case
    email_unique      TEXT    NOT NULL, -- the address again, empty where the realm allows doubles
    username_key      TEXT    NOT NULL, -- NFKC and lower case, for search alone
    email_key         TEXT    NOT NULL,
    first_key         TEXT    NOT NULL,
    last_key          TEXT    NOT NULL,
    service_client_id TEXT    NOT NULL, -- the client whose service account it is
    created_ms        BIGINT  NOT NULL,
    enabled           BOOLEAN NOT NULL,
    email_verified    BOOLEAN NOT NULL,
    doc               TEXT    NOT NULL,
    ver               BIGINT  NOT NULL,
    CONSTRAINT usr_pk PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS usr_username ON usr (realm_id, username);
CREATE UNIQUE INDEX IF NOT EXISTS usr_email_unique ON usr (realm_id, email_unique) WHERE email_unique <> '';
CREATE UNIQUE INDEX IF NOT EXISTS usr_service_client ON usr (realm_id, service_client_id) WHERE service_client_id <> '';
CREATE INDEX IF NOT EXISTS usr_email ON usr (realm_id, email);
CREATE INDEX IF NOT EXISTS usr_username_key ON usr (realm_id, username_key);
CREATE INDEX IF NOT EXISTS usr_email_key ON usr (realm_id, email_key);
CREATE INDEX IF NOT EXISTS usr_first_key ON usr (realm_id, first_key);
CREATE INDEX IF NOT EXISTS usr_last_key ON usr (realm_id, last_key);

-- Users of a realm, service accounts left out, counted in 16 rows so that writers rarely meet.
CREATE TABLE IF NOT EXISTS usr_count (
    realm_id TEXT   NOT NULL,
    bucket   BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    CONSTRAINT usr_count_pk PRIMARY KEY (realm_id, bucket)
);

-- Attributes for search; the truth is in the user's doc.
CREATE TABLE IF NOT EXISTS usr_attr (
    realm_id  TEXT   NOT NULL,
    usr_id    TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    pos       BIGINT NOT NULL,
    value_key TEXT   NOT NULL, -- the value, or its hash when it is long
    value_lc  TEXT   NOT NULL, -- NFKC and lower case, its first 255 characters
    CONSTRAINT usr_attr_pk PRIMARY KEY (realm_id, usr_id, name, pos),
    CONSTRAINT usr_attr_usr FOREIGN KEY (realm_id, usr_id) REFERENCES usr (realm_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS usr_attr_value ON usr_attr (realm_id, name, value_key);

CREATE TABLE IF NOT EXISTS usr_role (
    realm_id TEXT NOT NULL,
    usr_id   TEXT NOT NULL,
    role_id  TEXT NOT NULL,
    CONSTRAINT usr_role_pk PRIMARY KEY (realm_id, usr_id, role_id),
    CONSTRAINT usr_role_usr FOREIGN KEY (realm_id, usr_id) REFERENCES usr (realm_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS usr_role_by_role ON usr_role (realm_id, role_id);

CREATE TABLE IF NOT EXISTS usr_grp (
    realm_id TEXT NOT NULL,
    usr_id   TEXT NOT NULL,
    grp_id   TEXT NOT NULL,
    CONSTRAINT usr_grp_pk PRIMARY KEY (realm_id, usr_id, grp_id),
    CONSTRAINT usr_grp_usr FOREIGN KEY (realm_id, usr_id) REFERENCES usr (realm_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS usr_grp_by_grp ON usr_grp (realm_id, grp_id);

CREATE TABLE IF NOT EXISTS credential (
    realm_id TEXT   NOT NULL,
    usr_id   TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    prio     BIGINT NOT NULL,
    doc      TEXT   NOT NULL,
    ver      BIGINT NOT NULL,
    CONSTRAINT credential_pk PRIMARY KEY (realm_id, usr_id, id),
    CONSTRAINT credential_usr FOREIGN KEY (realm_id, usr_id) REFERENCES usr (realm_id, id) ON DELETE CASCADE
);

-- What a user allowed a client to ask for. No row: ask again.
CREATE TABLE IF NOT EXISTS consent (
    realm_id  TEXT   NOT NULL,
    usr_id    TEXT   NOT NULL,
    client_id TEXT   NOT NULL,
    doc       TEXT   NOT NULL,
    ver       BIGINT NOT NULL,
    CONSTRAINT consent_pk PRIMARY KEY (realm_id, usr_id, client_id),
    CONSTRAINT consent_usr FOREIGN KEY (realm_id, usr_id) REFERENCES usr (realm_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS consent_by_client ON consent (realm_id, client_id);

-- What changed and has not been told to every node yet.
CREATE TABLE IF NOT EXISTS change (
    bucket   BIGINT NOT NULL, -- 0 to 15, by the id
    id       TEXT   NOT NULL,
    realm_id TEXT   NOT NULL,
    kind     TEXT   NOT NULL, -- realm, client or user
    entity   TEXT   NOT NULL,
    ver      BIGINT NOT NULL,
    at_ms    BIGINT NOT NULL,
    CONSTRAINT change_pk PRIMARY KEY (bucket, id)
);
CREATE INDEX IF NOT EXISTS change_by_time ON change (bucket, at_ms, id);

-- Data keys, sealed by a master key that is not in the database. The newest seals; all open.
CREATE TABLE IF NOT EXISTS data_key (
    id         TEXT   NOT NULL,
    wrapped    TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    CONSTRAINT data_key_pk PRIMARY KEY (id)
);

-- Small documents of the server itself.
CREATE TABLE IF NOT EXISTS server_state (
    name TEXT   NOT NULL,
    doc  TEXT   NOT NULL,
    ver  BIGINT NOT NULL,
    CONSTRAINT server_state_pk PRIMARY KEY (name)
);
