//! Reads and writes protocol messages: OAuth and OpenID Connect parameters and codes, problem bodies.
