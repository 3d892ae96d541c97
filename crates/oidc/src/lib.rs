//! OAuth 2 and OpenID Connect: endpoints, grants, tokens, logout.
