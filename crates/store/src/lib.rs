//! Remembers what must survive everything; the only room with SQL.
