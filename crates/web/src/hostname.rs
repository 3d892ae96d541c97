//! What the world calls this server, and who is asking.
//!
//! In production the names come from configuration and a request cannot choose the issuer: only when
//! `follow_host` is set (start-dev) is `Host` believed. `X-Forwarded-*` and `Forwarded` count when the
//! peer is a trusted proxy, and of a list only the entry that the nearest proxy wrote: the ones before it
//! may be the caller's own invention. A `Host` that is not a plain host and port is refused.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::{HeaderMap, Uri, header};
use url::Url;

use crate::extract::RequestOrigin;
use crate::{device, time};

/// Settings of names and proxies, one for the whole server.
#[derive(Clone, Debug, Default)]
pub struct Hostname {
    /// The base URL that people and the issuer use, such as `https://id.example.com`.
    pub frontend: Option<Url>,
    /// The base URL of the admin console, where it differs.
    pub admin: Option<Url>,
    /// Whether the names follow the request's `Host` when `frontend` is absent: for development only.
    pub follow_host: bool,
    /// Whether endpoints that servers call are named by the request's `Host` in discovery.
    pub backchannel_dynamic: bool,
    /// Which headers a trusted proxy speaks.
    pub proxy_headers: ProxyHeaders,
    /// Addresses of trusted proxies. Empty: nobody is trusted.
    pub trusted: Vec<IpRange>,
    /// The path below which everything is served: empty, or `/auth` without a slash at its end.
    pub relative_path: String,
}

/// The headers by which a proxy tells what it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeaders {
    /// None: what the connection says is what holds.
    #[default]
    Off,
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// A range of addresses, such as `10.0.0.0/8`; an address alone is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    network: u128,
    prefix: u32,
}

/// Why a request has no usable origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// There is no `Host`, or it is not a host and a port.
    BadHost,
    /// No name is configured and the request may not choose one.
    NoName,
}

impl Hostname {
    /// Settles who asked and by which name. `tls` says whether the connection itself is encrypted.
    ///
    /// # Errors
    /// [`OriginError`] when the request's host is needed and unusable.
    pub fn origin(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        peer: SocketAddr,
        tls: bool,
    ) -> Result<RequestOrigin, OriginError> {
        let told = self.told(headers, peer.ip());
        let scheme = told.scheme.unwrap_or(if tls { "https" } else { "http" });
        let host = told.host.or_else(|| host_of(uri, headers)).filter(|host| is_host(host));
        let path = self.relative_path.trim_end_matches('/');
        let seen = host.map(|host| format!("{scheme}://{}{path}", without_default_port(&host, scheme)));
        let base = match &self.frontend {
            Some(url) => based(url, path),
            None if self.follow_host => seen.clone().ok_or(OriginError::BadHost)?,
            None => return Err(OriginError::NoName),
        };
        let backchannel = match (self.backchannel_dynamic, &seen) {
            (true, Some(seen)) => seen.clone(),
            (true, None) => return Err(OriginError::BadHost),
            (false, _) => base.clone(),
        };
        let admin = self.admin.as_ref().map_or_else(|| base.clone(), |url| based(url, path));
        let root = path.to_owned();
        let (at, device) = (time::now(), device::name(headers));
        Ok(RequestOrigin {
            client_ip: told.client,
            https: base.starts_with("https:"),
            base,
            backchannel,
            admin,
            root,
            at,
            device,
        })
    }

    fn told(&self, headers: &HeaderMap, peer: IpAddr) -> Told {
        let trusted = |ip: IpAddr| self.trusted.iter().any(|range| range.contains(ip));
        let nothing = Told { client: peer, scheme: None, host: None };
        if !trusted(peer) {
            return nothing;
        }
        match self.proxy_headers {
            ProxyHeaders::Off => nothing,
            ProxyHeaders::XForwarded => x_forwarded(headers, peer, trusted),
            ProxyHeaders::Forwarded => forwarded(headers, peer, trusted),
        }
    }
}

struct Told {
    client: IpAddr,
    scheme: Option<&'static str>,
    host: Option<String>,
}

fn x_forwarded(headers: &HeaderMap, peer: IpAddr, trusted: impl Fn(IpAddr) -> bool) -> Told {
    let chain = list(headers, "x-forwarded-for");
    let host = list(headers, "x-forwarded-host").pop();
    let port = list(headers, "x-forwarded-port").pop().filter(|port| port.parse::<u16>().is_ok());
    let host = match (host, port) {
        (Some(host), Some(port)) if !has_port(&host) => Some(format!("{host}:{port}")),
        (host, _) => host,
    };
    let scheme = list(headers, "x-forwarded-proto").pop().and_then(|text| scheme(&text));
    Told { client: client(chain.iter().map(String::as_str), peer, trusted), scheme, host }
}

fn forwarded(headers: &HeaderMap, peer: IpAddr, trusted: impl Fn(IpAddr) -> bool) -> Told {
    let elements = list(headers, "forwarded");
    let nearest = elements.last().map(String::as_str).unwrap_or_default();
    let chain: Vec<&str> = elements.iter().map(|element| parameter(element, "for").unwrap_or("")).collect();
    Told {
        client: client(chain.into_iter(), peer, trusted),
        scheme: parameter(nearest, "proto").and_then(scheme),
        host: parameter(nearest, "host").map(str::to_owned),
    }
}

/// The first address, read from our end, that is no trusted proxy. What cannot be read ends the walk.
fn client<'a>(
    chain: impl DoubleEndedIterator<Item = &'a str>,
    peer: IpAddr,
    trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut nearest = peer;
    for text in chain.rev() {
        let Some(ip) = address(text) else { break };
        nearest = ip;
        if !trusted(ip) {
            break;
        }
    }
    nearest
}

fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip())).or_else(|| {
        text.strip_prefix('[').and_then(|rest| rest.split(']').next()).and_then(|ip| ip.parse().ok())
    })
}

/// The entries of a list header over all its lines, at most 32 from our end.
fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let all: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    all[all.len().saturating_sub(32)..].iter().map(|text| (*text).to_owned()).collect()
}

fn parameter<'a>(element: &'a str, wanted: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

fn scheme(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some("https"),
        "http" | "ws" => Some("http"),
        _ => None,
    }
}

/// The host that was asked for: the authority of HTTP/2, else `Host`. Two `Host` lines count as none.
fn host_of(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str().to_ascii_lowercase());
    }
    let mut lines = headers.get_all(header::HOST).iter();
    let first = lines.next()?.to_str().ok()?;
    lines.next().is_none().then(|| first.to_ascii_lowercase())
}

/// Whether a text is a host with or without a port and nothing else: it will stand in URLs.
pub fn is_host(text: &str) -> bool {
    if text.len() > 260 {
        return false;
    }
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((ip, port)) if ip.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
            _ => return false,
        },
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let port_ok = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    port_ok && !name.is_empty() && name.bytes().all(plain)
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(name, _)| !name.contains(':') || name.ends_with(']'))
}

fn without_default_port<'a>(host: &'a str, scheme: &str) -> &'a str {
    let default = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(default).filter(|name| !name.is_empty() && !name.ends_with(':')).unwrap_or(host)
}

/// A configured base with the path below which we serve; a path in the URL itself replaces it.
fn based(url: &Url, path: &str) -> String {
    let text = url.as_str().trim_end_matches('/');
    if url.path() == "/" { format!("{text}{path}") } else { text.to_owned() }
}

impl IpRange {
    /// Whether an address lies in the range; IPv4 written as IPv6 counts as IPv4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let shift = 128 - self.prefix;
        let cut = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
        cut(bits(ip)) == cut(self.network)
    }
}

impl FromStr for IpRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (ip, prefix) = text.split_once('/').map_or((text, None), |(ip, prefix)| (ip, Some(prefix)));
        let wrong = || format!("`{text}` is not an address or a range such as 10.0.0.0/8");
        let ip: IpAddr = ip.trim().parse().map_err(|_| wrong())?;
        let (width, before) = if ip.is_ipv4() { (32, 96) } else { (128, 0) };
        let prefix: u32 = prefix.map_or(Ok(width), |prefix| prefix.trim().parse().map_err(|_| wrong()))?;
        if prefix > width {
            return Err(wrong());
        }
        Ok(Self { network: bits(ip), prefix: prefix + before })
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip.to_canonical() {
        IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

#[cfg(test)]
mod tests;
