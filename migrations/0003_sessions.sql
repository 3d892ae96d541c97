-- Sessions as the cluster's leader flushed them. Memory is the truth; a row serves what memory does not hold. Each
-- carries the version (epoch, idx) of the log at which its object changed last, and only a higher one replaces it.
CREATE TABLE IF NOT EXISTS user_session (
    sid        TEXT    NOT NULL,
    offline    BOOLEAN NOT NULL, -- one handle may have an online and an offline session
    realm_id   TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    ended      BOOLEAN NOT NULL, -- true: signed out; the row stays so that no late write brings it back
    started_ms BIGINT  NOT NULL,
    expires_ms BIGINT  NOT NULL, -- when it ends unless it is used; of an ended one: when the row may go
    bucket     BIGINT  NOT NULL, -- 0 to 15, by the handle
    doc        TEXT    NOT NULL, -- empty when ended
    epoch      BIGINT  NOT NULL,
    idx        BIGINT  NOT NULL,
    CONSTRAINT user_session_pk PRIMARY KEY (sid, offline)
);
CREATE INDEX IF NOT EXISTS user_session_by_user ON user_session (realm_id, offline, user_id, sid);
CREATE INDEX IF NOT EXISTS user_session_by_time ON user_session (bucket, expires_ms, sid, offline);

-- Which sessions a client may have a part in; the session's doc says whether it still has.
CREATE TABLE IF NOT EXISTS user_session_client (
    realm_id  TEXT    NOT NULL,
    client_id TEXT    NOT NULL,
    offline   BOOLEAN NOT NULL,
    sid       TEXT    NOT NULL,
    CONSTRAINT user_session_client_pk PRIMARY KEY (realm_id, client_id, offline, sid)
);
CREATE INDEX IF NOT EXISTS user_session_client_by_session ON user_session_client (sid, offline);

-- What ended many sessions at once: all of a realm, user or client that began at or before `at_ms`. Empty: not narrowed.
CREATE TABLE IF NOT EXISTS session_fence (
    realm_id  TEXT    NOT NULL,
    user_id   TEXT    NOT NULL,
    client_id TEXT    NOT NULL,
    offline   BOOLEAN NOT NULL,
    at_ms     BIGINT  NOT NULL,
    epoch     BIGINT  NOT NULL,
    idx       BIGINT  NOT NULL,
    CONSTRAINT session_fence_pk PRIMARY KEY (realm_id, user_id, client_id, offline)
);

-- Logout notices that applications have not been given yet.
CREATE TABLE IF NOT EXISTS outbox (
    id         TEXT    NOT NULL,
    settled    BOOLEAN NOT NULL, -- true: delivered or given up; the row stays until it may go
    expires_ms BIGINT  NOT NULL,
    doc        TEXT    NOT NULL, -- empty when settled
    epoch      BIGINT  NOT NULL,
    idx        BIGINT  NOT NULL,
    CONSTRAINT outbox_pk PRIMARY KEY (id)
);

-- How far the log has been flushed. Behind what the log knows: an older copy of the database was put back.
CREATE TABLE IF NOT EXISTS flush_position (
    name  TEXT   NOT NULL,
    epoch BIGINT NOT NULL,
    idx   BIGINT NOT NULL,
    CONSTRAINT flush_position_pk PRIMARY KEY (name)
);
