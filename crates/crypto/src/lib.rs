//! Signs, verifies, hashes, seals; JOSE, password hashes, OTP, random.
