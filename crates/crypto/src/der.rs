//! The little of DER (X.690) that key files need: reading and writing single elements.
//!
//! It refuses indefinite lengths and anything that runs past its container; it is no general parser.

use crate::Error;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

const BROKEN: Error = Error::KeyUnusable("broken DER");

/// Reads the elements of one container in order.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    /// The tag of the next element, if there is one.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element whole: tag, length and content.
    pub(crate) fn element(&mut self) -> Result<&'a [u8], Error> {
        let (_, content) = self.split()?;
        Ok(content)
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn content(&mut self, tag: u8) -> Result<&'a [u8], Error> {
        if self.peek() != Some(tag) {
            return Err(BROKEN);
        }
        let (header, element) = self.split()?;
        Ok(&element[header..])
    }

    /// A reader for the content of the next element, which must be a SEQUENCE.
    pub(crate) fn sequence(&mut self) -> Result<Reader<'a>, Error> {
        self.content(SEQUENCE).map(Reader)
    }

    /// A non-negative INTEGER without its leading zero.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], Error> {
        let content = self.content(INTEGER)?;
        Ok(match content {
            [0, rest @ ..] if !rest.is_empty() => rest,
            _ => content,
        })
    }

    /// A BIT STRING of whole bytes.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], Error> {
        match self.content(BIT_STRING)? {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(BROKEN),
        }
    }

    /// Takes one element off; gives the length of its header and the element.
    fn split(&mut self) -> Result<(usize, &'a [u8]), Error> {
        let (header, length) = match *self.0 {
            [_, short, ..] if short < 0x80 => (2, usize::from(short)),
            [_, 0x81, a, ..] => (3, usize::from(a)),
            [_, 0x82, a, b, ..] => (4, usize::from(a) << 8 | usize::from(b)),
            _ => return Err(BROKEN),
        };
        let (element, rest) = self.0.split_at_checked(header + length).ok_or(BROKEN)?;
        self.0 = rest;
        Ok((header, element))
    }
}

/// One element of `tag` around `parts`, one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len() - 1)..];
    let mut out = vec![tag];
    match significant {
        [short] if *short < 0x80 => out.push(*short),
        // A usize has at most eight bytes, so their count fits the low bits.
        _ => {
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(significant);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A non-negative INTEGER from big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    match &bytes[start..] {
        [] => element(INTEGER, &[&[0]]),
        positive if positive[0] < 0x80 => element(INTEGER, &[positive]),
        high => element(INTEGER, &[&[0], high]),
    }
}

/// The PKCS#1 or SEC 1 key inside a PKCS#8 `PrivateKeyInfo` (RFC 5208 §5).
pub(crate) fn inside_pkcs8(pkcs8: &[u8]) -> Result<&[u8], Error> {
    let mut info = Reader::new(pkcs8).sequence()?;
    info.content(INTEGER)?;
    info.sequence()?;
    info.content(OCTET_STRING)
}

/// The `SubjectPublicKeyInfo` of an X.509 certificate (RFC 5280 §4.1).
pub(crate) fn public_key_of_certificate(certificate: &[u8]) -> Result<&[u8], Error> {
    let mut tbs = Reader::new(certificate).sequence()?.sequence()?;
    if tbs.peek() == Some(0xa0) {
        tbs.element()?; // version
    }
    for _serial_algorithm_issuer_validity_subject in 0..5 {
        tbs.element()?;
    }
    tbs.element()
}

/// When an X.509 certificate ends, in Unix seconds (RFC 5280 §4.1.2.5).
pub(crate) fn end_of_certificate(certificate: &[u8]) -> Result<i64, Error> {
    let mut tbs = Reader::new(certificate).sequence()?.sequence()?;
    if tbs.peek() == Some(0xa0) {
        tbs.element()?; // version
    }
    for _serial_algorithm_issuer in 0..3 {
        tbs.element()?;
    }
    let mut validity = tbs.sequence()?;
    validity.element()?; // not before
    let time = if validity.peek() == Some(UTC_TIME) {
        let time = validity.content(UTC_TIME)?;
        // Two digits of a year: 50 and above are of the last century.
        let century: &[u8] = if time.first().is_some_and(|digit| *digit >= b'5') { b"19" } else { b"20" };
        [century, time].concat()
    } else {
        validity.content(GENERALIZED_TIME)?.to_vec()
    };
    seconds_of(&time).ok_or(Error::KeyUnusable("time of a certificate"))
}

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Unix seconds of `YYYYMMDDhhmmssZ`.
fn seconds_of(time: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(time).ok()?.strip_suffix('Z').filter(|text| text.len() == 14)?;
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970-01-01, years counted from March so that the leap day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let days =
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468;
    Some(((days * 24 + number(8, 10)?) * 60 + number(10, 12)?) * 60 + number(12, 14)?)
}

/// The bytes of a DER text: bare base64, or PEM of any label.
pub(crate) fn from_text(text: &str) -> Result<Vec<u8>, Error> {
    let body: String = text.lines().filter(|line| !line.trim_start().starts_with("-----")).collect();
    crate::encoding::from_base64(&body)
        .filter(|der| !der.is_empty())
        .ok_or(Error::KeyUnusable("neither base64 nor PEM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_length_are_read_as_written() {
        for length in [0, 1, 127, 128, 255, 256, 4096] {
            let content = vec![7; length];
            let der = element(OCTET_STRING, &[&content]);

            assert_eq!(Reader::new(&der).content(OCTET_STRING).unwrap(), content);
            assert!(Reader::new(&der[..der.len() - 1]).content(OCTET_STRING).is_err());
        }
    }

    #[test]
    fn times_of_certificates_are_unix_seconds() {
        assert_eq!(seconds_of(b"19700101000000Z"), Some(0));
        assert_eq!(seconds_of(b"20000229235959Z"), Some(951_868_799));
        assert_eq!(seconds_of(b"20361123105520Z"), Some(2_111_050_520));
        assert_eq!(seconds_of(b"20361323105520Z"), None);
    }

    #[test]
    fn integers_stay_positive() {
        assert_eq!(unsigned(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[0]), [2, 1, 0]);
        assert_eq!(Reader::new(&[2, 2, 0, 0x80]).unsigned().unwrap(), [0x80]);
    }
}
