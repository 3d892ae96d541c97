//! A realm's `smtpServer`: the members of Keycloak's representation, read and checked.

use std::{fmt, str::FromStr as _, time::Duration};

use keyraft_crypto::Secret;
use keyraft_model::Attributes;
use lettre::{
    Address, AsyncSmtpTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::{MailError, header};

/// How long one step of the conversation may take; Keycloak's.
const STEP: Duration = Duration::from_secs(10);

/// An SMTP server and who writes through it.
#[derive(Clone)]
pub struct Smtp {
    host: String,
    port: u16,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    envelope_from: Address,
    security: Security,
    login: Option<(String, Secret)>,
    allows_utf8: bool,
}

/// How the connection is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    None,
    /// `starttls`: asked for, and so insisted on. Sending in clear to a server that offers no TLS, as a library
    /// does by default, would give the message to whoever removes the offer (RFC 8314 section 4.1).
    StartTls,
    /// `ssl`: TLS from the first byte.
    Tls,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    /// Reads the settings. What is not set is what Keycloak takes it for: `localhost`, port 25 (465 with `ssl`).
    ///
    /// # Errors
    /// [`MailError`]: no sender, a header that cannot be, token authentication.
    pub fn of(settings: &Attributes) -> Result<Self, MailError> {
        let text = |name: &str| settings.get(name).map(String::as_str).filter(|text| !text.trim().is_empty());
        let is_on = |name: &str| text(name) == Some("true");
        let allows_utf8 = is_on("allowutf8");
        let from = text("from").unwrap_or("null");
        let no_sender = || MailError::Sender(from.chars().filter(|letter| !letter.is_control()).collect());
        let mailbox = |address: &str, name: &'static str| -> Result<Option<Mailbox>, MailError> {
            let shown = text(name).map(str::to_owned);
            if let Some(shown) = &shown {
                header(name, shown)?;
            }
            Ok(self::address(address, allows_utf8).map(|address| Mailbox::new(shown, address)))
        };
        let from = mailbox(from, "fromDisplayName")?.ok_or_else(no_sender)?;
        let reply_to = match text("replyTo") {
            Some(address) => {
                Some(mailbox(address, "replyToDisplayName")?.ok_or(MailError::Setting("replyTo"))?)
            }
            None => None,
        };
        let envelope_from = match text("envelopeFrom") {
            Some(address) => self::address(address, allows_utf8).ok_or(MailError::Setting("envelopeFrom"))?,
            None => from.email.clone(),
        };
        let security = match (is_on("ssl"), is_on("starttls")) {
            (true, _) => Security::Tls,
            (false, true) => Security::StartTls,
            (false, false) => Security::None,
        };
        let login = if is_on("auth") { Some(login(&text)?) } else { None };
        let port = match text("port") {
            Some(port) => port.trim().parse().map_err(|_| MailError::Setting("port"))?,
            None if security == Security::Tls => 465,
            None => 25,
        };
        let host = text("host").unwrap_or("localhost").trim().to_owned();
        Ok(Self { host, port, from, reply_to, envelope_from, security, login, allows_utf8 })
    }

    pub(super) fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
        let tls = || TlsParameters::new(self.host.clone()).map_err(|error| MailError::Transport(Some(error)));
        let tls = match self.security {
            Security::None => Tls::None,
            Security::StartTls => Tls::Required(tls()?),
            Security::Tls => Tls::Wrapper(tls()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(STEP));
        if let Some((user, password)) = &self.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(builder.build())
    }

    /// Where the server is.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn from(&self) -> &Mailbox {
        &self.from
    }

    pub(super) fn reply_to(&self) -> Option<&Mailbox> {
        self.reply_to.as_ref()
    }

    pub(super) fn envelope_from(&self) -> &Address {
        &self.envelope_from
    }

    pub(super) fn allows_utf8(&self) -> bool {
        self.allows_utf8
    }
}

fn login<'a>(text: &impl Fn(&'a str) -> Option<&'a str>) -> Result<(String, Secret), MailError> {
    match text("authType") {
        None | Some("basic") => {}
        Some(kind) => {
            let kind: String = kind.chars().filter(|letter| !letter.is_control()).take(40).collect();
            return Err(MailError::NotBuilt(format!("SMTP authentication of type '{kind}'")));
        }
    }
    let user = text("user").ok_or(MailError::Setting("user"))?;
    Ok((user.to_owned(), Secret::new(text("password").unwrap_or_default())))
}

/// An address for the wire: its domain in ASCII (IDNA), its local part in ASCII unless UTF-8 is allowed there.
pub(super) fn address(text: &str, allows_utf8: bool) -> Option<Address> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    if !local.is_ascii() && !allows_utf8 {
        return None;
    }
    let domain = match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => ascii,
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => return None,
    };
    Address::from_str(&format!("{local}@{domain}")).ok()
}
