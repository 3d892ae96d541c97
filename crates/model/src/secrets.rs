//! Which members of an entity are secrets.

/// Shows every secret of an entity to a visitor, so that the store can seal and open them in one place.
///
/// The name is stable: it becomes part of what the seal is bound to.
pub trait Secrets {
    /// Calls `visit(name, text)` for each secret that is set.
    fn visit_secrets(&mut self, visit: &mut dyn FnMut(&str, &mut String));
}
