//! What a client must be before it is stored: names, protocols and URLs.
//!
//! URLs that browsers are sent to must not be script: an administrator of clients is not one of the people
//! who sign in there.

use keyraft_model::Client;
use url::Url;

use crate::{
    Error,
    overlay::{fits, invalid},
};

/// Longest `client_id`, name and URL.
const MAX_TEXT: usize = 255;

/// Schemes whose URLs are script or documents of their own.
const ILLEGAL: [&str; 3] = ["javascript", "data", "vbscript"];

/// Refuses a client that breaks a rule, with Keycloak's sentence.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn check(client: &Client) -> Result<(), Error> {
    if client.client_id.trim().is_empty() {
        return refuse("clientId", "Client ID cannot be blank");
    }
    for (field, text) in [
        ("clientId", Some(&client.client_id)),
        ("name", client.name.as_ref()),
        ("description", client.description.as_ref()),
    ] {
        fits(field, text.map_or("", |text| text), MAX_TEXT)?;
    }
    if !matches!(client.protocol.as_deref(), None | Some("openid-connect" | "saml" | "docker-v2")) {
        return refuse(
            "protocol",
            &format!("Invalid protocol: {}", client.protocol.as_deref().unwrap_or_default()),
        );
    }
    urls(client)?;
    for uri in &client.redirect_uris {
        redirect(uri, "A redirect URI")?;
    }
    let after_logout = client.attribute("post.logout.redirect.uris").unwrap_or_default();
    for uri in after_logout.split("##").filter(|uri| !matches!(*uri, "" | "+" | "-")) {
        redirect(uri, "A post-logout redirect URI")?;
    }
    sector(client)
}

fn urls(client: &Client) -> Result<(), Error> {
    let root = client.root_url.as_deref().unwrap_or_default();
    url(root, "Root URL", false)?;
    if root.contains('#') {
        return refuse("rootUrl", "Root URL must not contain an URL fragment");
    }
    url(client.base_url.as_deref().unwrap_or_default(), "Base URL", true)?;
    url(client.admin_url.as_deref().unwrap_or_default(), "Admin URL", true)?;
    let named = [
        ("backchannel.logout.url", "Backchannel logout URL"),
        ("frontchannel.logout.url", "Front-channel logout URL"),
        ("policyUri", "Policy URL"),
        ("tosUri", "Terms of service URL"),
        ("jwks.url", "JWKS URL"),
    ];
    for (attribute, name) in named {
        url(client.attribute(attribute).unwrap_or_default(), name, false)?;
    }
    if is_illegal(client.attribute("logoUri").unwrap_or_default()) {
        return refuse("logoUri", "Logo URL uses an illegal scheme");
    }
    if client.attribute("request.uris").unwrap_or_default().split("##").any(is_illegal) {
        return refuse("request.uris", "Valid request URIs has a value with illegal scheme");
    }
    Ok(())
}

fn url(text: &str, name: &str, may_be_relative: bool) -> Result<(), Error> {
    if text.is_empty() || text.starts_with("${") {
        return Ok(());
    }
    if is_illegal(text) {
        return refuse(name, &format!("{name} uses an illegal scheme"));
    }
    let is_relative = may_be_relative && text.starts_with('/');
    let parsed = Url::parse(text);
    if text.contains(char::is_whitespace) || (!is_relative && !parsed.is_ok_and(|url| url.has_host())) {
        return refuse(name, &format!("{name} is not a valid URL"));
    }
    fits(name, text, 2000)
}

fn redirect(uri: &str, name: &str) -> Result<(), Error> {
    if is_illegal(uri) {
        return refuse("redirectUris", &format!("{name} uses an illegal scheme"));
    }
    if uri.contains('#') {
        return refuse("redirectUris", &format!("{name} must not contain an URL fragment"));
    }
    let plain = uri.strip_suffix('*').unwrap_or(uri);
    let has_scheme = plain.split_once("://").is_some_and(|(_, rest)| !rest.is_empty());
    let is_url = if has_scheme { Url::parse(plain).is_ok() } else { !uri.ends_with("://") };
    if !is_url || uri.contains(|c: char| c.is_whitespace() || c.is_control()) || has_bad_escape(uri) {
        return refuse("redirectUris", &format!("{name} is not a valid URI"));
    }
    fits("redirectUris", uri, 2000)
}

/// Whether the scheme of a URL is one that is never sent to a browser. White space and control characters
/// count for nothing: browsers drop them.
fn is_illegal(uri: &str) -> bool {
    let folded: String = uri.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    folded
        .split_once(':')
        .is_some_and(|(scheme, _)| ILLEGAL.iter().any(|illegal| scheme.eq_ignore_ascii_case(illegal)))
}

fn has_bad_escape(uri: &str) -> bool {
    uri.match_indices('%').any(|(at, _)| {
        let digits = uri.as_bytes().get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Pairwise subjects need one sector (OpenID Connect Core section 8.1): one host, or a sector identifier.
fn sector(client: &Client) -> Result<(), Error> {
    let mut pairwise =
        client.protocol_mappers.iter().filter(|m| m.protocol_mapper == "oidc-sha256-pairwise-sub-mapper");
    if !pairwise.any(|mapper| mapper.config("sectorIdentifierUri").is_none()) {
        return Ok(());
    }
    let absolute = client.redirect_uris.iter().map(|uri| match (&client.root_url, uri.starts_with('/')) {
        (Some(root), true) => format!("{root}{uri}"),
        _ => uri.clone(),
    });
    let hosts: Option<std::collections::BTreeSet<String>> =
        absolute.map(|uri| Url::parse(&uri).ok()?.host_str().map(str::to_owned)).collect();
    match hosts {
        Some(hosts) if hosts.len() == 1 => Ok(()),
        Some(hosts) if hosts.len() > 1 => refuse(
            "redirectUris",
            "Without a configured Sector Identifier URI, client redirect URIs must not contain multiple host components.",
        ),
        _ => refuse("redirectUris", "Client redirect URIs must contain a valid host component."),
    }
}

fn refuse(field: &str, sentence: &str) -> Result<(), Error> {
    Err(invalid(field, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut Client)) -> Option<String> {
        let mut client = Client { client_id: "c".to_owned(), ..Client::default() };
        change(&mut client);
        match check(&client) {
            Err(Error::Invalid { rule, .. }) => Some(rule),
            _ => None,
        }
    }

    fn redirect(uri: &str) -> Option<String> {
        refused(|client| client.redirect_uris = vec![uri.to_owned()])
    }

    #[test]
    fn urls_are_refused_in_keycloaks_words() {
        let root = |url: &str| refused(|client| client.root_url = Some(url.to_owned()));

        assert_eq!(root("javascript:alert(1)").as_deref(), Some("Root URL uses an illegal scheme"));
        assert_eq!(root("java\nscript:alert(1)").as_deref(), Some("Root URL uses an illegal scheme"));
        assert_eq!(root("DATA:x").as_deref(), Some("Root URL uses an illegal scheme"));
        assert_eq!(root("nope").as_deref(), Some("Root URL is not a valid URL"));
        assert_eq!(root("http://x/#a").as_deref(), Some("Root URL must not contain an URL fragment"));
        assert_eq!(root("${authBaseUrl}"), None);
        assert_eq!(refused(|client| client.base_url = Some("/x".to_owned())), None);
        let logout = |client: &mut Client| {
            client.attributes.insert("backchannel.logout.url".to_owned(), "javascript:x".to_owned());
        };
        assert_eq!(refused(logout).as_deref(), Some("Backchannel logout URL uses an illegal scheme"));
    }

    #[test]
    fn redirect_uris_are_told_apart() {
        for right in
            ["*", "nope", "/x", "http://*", "http://a/*", "com.app:/cb", "+", "file:///x", "http://a/../b"]
        {
            assert_eq!(redirect(right), None, "{right}");
        }
        assert_eq!(redirect("JAVASCRIPT:x").as_deref(), Some("A redirect URI uses an illegal scheme"));
        assert_eq!(
            redirect("http://a/*#x").as_deref(),
            Some("A redirect URI must not contain an URL fragment")
        );
        for wrong in ["http://a b", "http://[::1", "%zz", "http://"] {
            assert_eq!(redirect(wrong).as_deref(), Some("A redirect URI is not a valid URI"), "{wrong}");
        }
    }

    #[test]
    fn pairwise_subjects_need_one_host() {
        let mapper = keyraft_model::ProtocolMapper {
            protocol_mapper: "oidc-sha256-pairwise-sub-mapper".to_owned(),
            ..Default::default()
        };
        let with = |uris: &[&str]| {
            refused(|client| {
                client.protocol_mappers = vec![mapper.clone()];
                client.redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
            })
        };

        assert_eq!(with(&["http://a/", "http://a/b"]), None);
        assert!(with(&["http://a/", "http://b/"]).is_some_and(|rule| rule.contains("multiple host")));
        assert!(with(&[]).is_some_and(|rule| rule.contains("valid host")));
    }
}
