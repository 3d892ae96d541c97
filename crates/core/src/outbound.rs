//! Fetching URLs that someone else chose: one guard for all of them.
//!
//! A URL in a client's settings must not make this server talk to itself or to the machine's metadata
//! service (server-side request forgery). The host is checked whether it is a name or an address in any
//! spelling, and the address that was checked is the address that is connected to. No redirects, 5 seconds,
//! 256 KiB; answers are never echoed to whoever caused the request.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

/// The most bytes of an answer that are read.
pub const MAX_ANSWER: usize = 256 * 1024;
const DEADLINE: Duration = Duration::from_secs(5);

/// Why a URL was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// No http or https URL with a host.
    #[error("not an http URL")]
    NotHttp,
    /// An address that is never fetched.
    #[error("address {0} is not fetched")]
    Refused(IpAddr),
    /// No answer, or none in time.
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    /// An answer longer than the limit.
    #[error("answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
    /// A status that is no success.
    #[error("status {0}")]
    Status(u16),
}

/// The client behind the guard.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    loopback: bool,
}

#[derive(Clone, Copy, Debug)]
struct Guarded {
    loopback: bool,
}

impl Outbound {
    /// A guard; `loopback` only in development.
    ///
    /// # Errors
    /// When the TLS library gives no client.
    #[expect(clippy::disallowed_methods, reason = "this is the guard that all others must use")]
    pub fn new(loopback: bool) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(DEADLINE)
            .no_proxy()
            .user_agent("keyraft")
            .dns_resolver(Arc::new(Guarded { loopback }))
            .build()?;
        Ok(Self { client, loopback })
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// [`OutboundError`]; any status but 2xx is one.
    pub async fn get(&self, url: &str) -> Result<Vec<u8>, OutboundError> {
        let url = self.check(url)?;
        read(self.client.get(url).send().await.map_err(OutboundError::Transport)?).await
    }

    /// Posts a form; the answer's body is read and dropped.
    ///
    /// # Errors
    /// As [`Outbound::get`].
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<(), OutboundError> {
        let url = self.check(url)?;
        read(self.client.post(url).form(form).send().await.map_err(OutboundError::Transport)?)
            .await
            .map(|_| ())
    }

    /// Checks the host where it is an address: names are checked when they are resolved.
    fn check(&self, url: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(url).map_err(|_| OutboundError::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OutboundError::NotHttp);
        }
        // `Url` has brought 2130706433, 0x7f.1 and the like into their plain form.
        let address = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return Err(OutboundError::NotHttp),
        };
        match address {
            Some(ip) if !may_fetch(ip, self.loopback) => Err(OutboundError::Refused(ip)),
            _ => Ok(url),
        }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback = self.loopback;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| may_fetch(address.ip(), loopback)).collect();
            if allowed.is_empty() {
                return Err("the name has no address that is fetched".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, OutboundError> {
    if !answer.status().is_success() {
        return Err(OutboundError::Status(answer.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(OutboundError::Transport)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(OutboundError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether an address may be fetched: never link-local (cloud metadata lives there), unspecified, multicast
/// or broadcast; loopback only where that is allowed.
fn may_fetch(ip: IpAddr, loopback: bool) -> bool {
    let ip = match ip {
        IpAddr::V6(v6) => embedded_v4(v6).map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    if ip.is_loopback() {
        return loopback;
    }
    if ip.is_unspecified() || ip.is_multicast() {
        return false;
    }
    match ip {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_broadcast() && v4.octets()[0] != 0,
        // fd00:ec2::254 is Amazon's metadata service.
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0) != 0xfe80 && v6.segments()[..2] != [0xfd00, 0x0ec2],
    }
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 one: the same machine by another spelling.
fn embedded_v4(v6: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let from = |high: u16, low: u16| std::net::Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_itself_and_its_metadata_are_never_fetched() {
        let outbound = Outbound::new(false).expect("a client builds");
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://169.254.169.254/latest",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://0.0.0.0/",
        ] {
            assert!(matches!(outbound.check(url), Err(OutboundError::Refused(_))), "{url}");
        }
        assert!(matches!(outbound.check("file:///etc/passwd"), Err(OutboundError::NotHttp)));
    }

    #[test]
    fn private_networks_and_in_development_loopback_are_fetched() {
        assert!(Outbound::new(false).expect("a client builds").check("http://10.1.2.3/jwks").is_ok());
        assert!(Outbound::new(true).expect("a client builds").check("http://127.0.0.1:8080/jwks").is_ok());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_loopback_is_refused_as_well() {
        let outbound = Outbound::new(false).expect("a client builds");

        assert!(matches!(outbound.get("http://localhost:1/").await, Err(OutboundError::Transport(_))));
    }
}
