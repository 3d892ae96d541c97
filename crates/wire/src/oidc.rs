//! OpenID Connect: claims and discovery documents.

pub mod claim_order;
pub mod claims;
pub mod discovery;
