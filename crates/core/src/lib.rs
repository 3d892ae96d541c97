//! Does things to identities: the operations every protocol and console share.
