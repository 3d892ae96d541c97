//! A provider that runs already.

use std::str::FromStr;

/// `NAME=URL,PID`.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) pid: u32,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not NAME=URL,PID");
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (url, pid) = rest.rsplit_once(',').ok_or_else(wrong)?;
        let pid = pid.parse().map_err(|_| wrong())?;
        Ok(Self { name: name.to_owned(), url: url.trim_end_matches('/').to_owned(), pid })
    }
}
