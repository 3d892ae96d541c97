//! Remembers what must survive a node; the only room with openraft.
