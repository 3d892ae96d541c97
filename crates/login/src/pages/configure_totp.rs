//! The page of the required action `CONFIGURE_TOTP`.

use std::fmt::Write as _;

use askama::Template;
use keyraft_web::{Frame, Html, Messages, Notice};
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the picture; readers want four (ISO/IEC 18004 section 9.1).
const QUIET: usize = 4;

/// Shows a secret to an authenticator app, and asks for its first code.
#[derive(Debug, Template)]
#[template(path = "login/configure_totp.html")]
pub struct ConfigureTotpPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// The secret as a picture ([`qr_code`]).
    pub picture: Html,
    /// The secret as it is stored; the form carries it for scripts that look for it there.
    pub secret: &'a str,
    /// The secret as people type it.
    pub key: &'a str,
    /// Whether the device needs a name, because there is another one.
    pub needs_label: bool,
    /// Whether an application asked for it and the person may decline.
    pub may_cancel: bool,
}

impl ConfigureTotpPage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }
}

/// A text as a picture that cameras read: black on white in any theme. `None` for a text too long for one.
pub fn qr_code(text: &str, t: &Messages) -> Option<Html> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, colors) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let run = row[x..].iter().take_while(|color| **color == Color::Dark).count();
            if run > 0 {
                // Writing into a string cannot fail.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run.max(1);
        }
    }
    let side = width + 2 * QUIET;
    let label = Html::escaped(&t.get("totpPicture"));
    Some(Html::picture(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"{label}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>"
    )))
}
