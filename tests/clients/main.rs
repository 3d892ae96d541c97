//! The clients ring: other people's libraries against the real binary.
