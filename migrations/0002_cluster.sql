-- Who forms the cluster of this database: a row an epoch, written once by whoever comes first; the highest epoch
-- counts. No row: nobody yet.
CREATE TABLE IF NOT EXISTS cluster_epoch (
    epoch      BIGINT NOT NULL, -- from 1; a higher one fences the lower ones
    name       TEXT   NOT NULL, -- the cluster's; a database serves one
    founders   TEXT   NOT NULL, -- JSON: id, name, address and incarnation of those who initialise it; never changes
    members    TEXT   NOT NULL, -- JSON: id and name of the members now
    members_at BIGINT NOT NULL, -- index of the log entry that says so
    formed_ms  BIGINT NOT NULL,
    CONSTRAINT cluster_epoch_pk PRIMARY KEY (epoch)
);

-- How often the disk of each member was started. A start that does not raise it is of a disk that was rolled back.
CREATE TABLE IF NOT EXISTS cluster_boot (
    epoch  BIGINT NOT NULL,
    member BIGINT NOT NULL,
    boot   BIGINT NOT NULL,
    CONSTRAINT cluster_boot_pk PRIMARY KEY (epoch, member)
);
