//! Who a certificate says a node is: `keyraft://<cluster>/node/<name>`.

use std::fmt;

/// A node by the URI name in its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeUri {
    pub(crate) cluster: String,
    pub(crate) name: String,
}

impl NodeUri {
    /// A node of a cluster; `None` where a name holds anything but letters, digits, `.`, `_` and `-`.
    pub(crate) fn new(cluster: &str, name: &str) -> Option<Self> {
        let is_plain = |text: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            (1..=200).contains(&text.len()) && text.bytes().all(is_plain)
        };
        (is_plain(cluster) && is_plain(name))
            .then(|| Self { cluster: cluster.to_owned(), name: name.to_owned() })
    }

    /// Reads a URI name; `None` where it is of another kind.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let (cluster, name) = uri.strip_prefix("keyraft://")?.split_once("/node/")?;
        Self::new(cluster, name)
    }
}

impl fmt::Display for NodeUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keyraft://{}/node/{}", self.cluster, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_comes_back_as_it_went_and_nothing_else_passes() {
        let uri = NodeUri::new("blue", "keyraft-0").unwrap();

        assert_eq!(NodeUri::parse(&uri.to_string()), Some(uri));
        for wrong in ["https://blue/node/a", "keyraft://blue/node/", "keyraft://blue/a", "keyraft:///node/a"]
        {
            assert_eq!(NodeUri::parse(wrong), None, "{wrong}");
        }
        assert_eq!(NodeUri::parse("keyraft://blue/node/a/node/b"), None);
    }
}
