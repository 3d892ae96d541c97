//! Keyraft. 
fn main() {}
