//! Says what realms, clients, users and sessions are: data and their own rules, no I/O.
