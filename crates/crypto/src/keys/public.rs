//! A public key as numbers: from JWK, certificate or `SubjectPublicKeyInfo`, to DER, key id and thumbprint.

use serde_json::{Map, Value};

use super::algorithm::Curve;
use crate::{Error, der, digest, encoding};

const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];

/// The numbers of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA modulus and exponent, big-endian without leading zeros.
    Rsa {
        /// Modulus.
        n: Vec<u8>,
        /// Exponent.
        e: Vec<u8>,
    },
    /// A point on a NIST curve, coordinates in the curve's full length.
    Ec {
        /// The curve.
        curve: Curve,
        /// First coordinate.
        x: Vec<u8>,
        /// Second coordinate.
        y: Vec<u8>,
    },
    /// An Ed25519 point.
    Ed25519 {
        /// The encoded point.
        x: [u8; 32],
    },
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// `KeyUnusable` for broken DER and for kinds other than RSA, P-256/384/521 and Ed25519.
    pub fn from_spki(spki: &[u8]) -> Result<Self, Error> {
        let mut info = der::Reader::new(spki).sequence()?;
        let mut kind = info.sequence()?;
        let bits = info.bits()?;
        match kind.content(der::OID)? {
            RSA_OID => Self::from_pkcs1(bits),
            EC_OID => {
                let oid = kind.content(der::OID)?;
                let curve = Curve::ALL.into_iter().find(|curve| curve.oid() == oid);
                Self::from_point(curve.ok_or(Error::KeyUnusable("unknown curve"))?, bits)
            }
            ED25519_OID => Self::from_ed25519(bits),
            _ => Err(Error::KeyUnusable("unknown kind of public key")),
        }
    }

    /// Reads the public key of an X.509 certificate in DER; neither its chain nor its dates are looked at.
    ///
    /// # Errors
    /// As [`PublicKey::from_spki`].
    pub fn from_certificate(certificate: &[u8]) -> Result<Self, Error> {
        Self::from_spki(der::public_key_of_certificate(certificate)?)
    }

    /// Reads the key members of a JWK (RFC 7518 §6, RFC 8037 §2).
    ///
    /// # Errors
    /// `KeyUnusable` for missing members and for kinds other than RSA, P-256/384/521 and Ed25519.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, Error> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let number = |name: &str| {
            text(name).and_then(encoding::from_base64url).ok_or(Error::KeyUnusable("JWK lacks a number"))
        };
        match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Ok(Self::Rsa { n: bare(&number("n")?), e: bare(&number("e")?) }),
            (Some("EC"), Some(curve)) => {
                let curve: Curve = curve.parse()?;
                let (x, y) = (number("x")?, number("y")?);
                if x.len() != curve.coordinate_len() || y.len() != curve.coordinate_len() {
                    return Err(Error::KeyUnusable("coordinate of a wrong length"));
                }
                Ok(Self::Ec { curve, x, y })
            }
            (Some("OKP"), Some("Ed25519")) => Self::from_ed25519(&number("x")?),
            _ => Err(Error::KeyUnusable("unknown kind of JWK")),
        }
    }

    /// Reads a PKCS#1 `RSAPublicKey`.
    pub(crate) fn from_pkcs1(pkcs1: &[u8]) -> Result<Self, Error> {
        let mut numbers = der::Reader::new(pkcs1).sequence()?;
        Ok(Self::Rsa { n: numbers.unsigned()?.to_vec(), e: numbers.unsigned()?.to_vec() })
    }

    /// Reads an uncompressed SEC 1 point.
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Result<Self, Error> {
        match point {
            [4, xy @ ..] if xy.len() == 2 * curve.coordinate_len() => {
                let (x, y) = xy.split_at(curve.coordinate_len());
                Ok(Self::Ec { curve, x: x.to_vec(), y: y.to_vec() })
            }
            _ => Err(Error::KeyUnusable("not an uncompressed point of its curve")),
        }
    }

    pub(crate) fn from_ed25519(point: &[u8]) -> Result<Self, Error> {
        let x = point.try_into().map_err(|_| Error::KeyUnusable("an Ed25519 key has 32 bytes"))?;
        Ok(Self::Ed25519 { x })
    }

    /// Whether an RSA key is large enough to be safe and small enough to be cheap; other kinds have one size.
    ///
    /// The library checks neither when it parses: a short key can be forged, and a key from outside with a huge
    /// modulus or exponent makes every check of a signature slow.
    pub(super) fn has_sound_size(&self) -> bool {
        match self {
            Self::Rsa { n, e } => {
                let bits = n.first().map_or(0, |top| n.len() * 8 - top.leading_zeros() as usize);
                (2_048..=8_192).contains(&bits) && (1..=4).contains(&e.len())
            }
            Self::Ec { .. } | Self::Ed25519 { .. } => true,
        }
    }

    /// The `SubjectPublicKeyInfo` in DER, byte for byte what Java encodes.
    pub fn to_spki(&self) -> Vec<u8> {
        let oid = |oid| der::element(der::OID, &[oid]);
        let (kind, bits) = match self {
            Self::Rsa { .. } => ([oid(RSA_OID), der::element(der::NULL, &[])].concat(), self.raw()),
            Self::Ec { curve, .. } => ([oid(EC_OID), oid(curve.oid())].concat(), self.raw()),
            Self::Ed25519 { .. } => (oid(ED25519_OID), self.raw()),
        };
        let kind = der::element(der::SEQUENCE, &[&kind]);
        let bits = der::element(der::BIT_STRING, &[&[0], &bits]);
        der::element(der::SEQUENCE, &[&kind, &bits])
    }

    /// The key in its own form: PKCS#1, uncompressed point, or Ed25519 bytes.
    pub(crate) fn raw(&self) -> Vec<u8> {
        match self {
            Self::Rsa { n, e } => der::element(der::SEQUENCE, &[&der::unsigned(n), &der::unsigned(e)]),
            Self::Ec { x, y, .. } => [&[4][..], x, y].concat(),
            Self::Ed25519 { x } => x.to_vec(),
        }
    }

    /// The key id that Keycloak gives: base64url of the SHA-256 of the `SubjectPublicKeyInfo`.
    pub fn keycloak_kid(&self) -> String {
        digest::sha256_base64url(&self.to_spki())
    }

    /// The JWK thumbprint (RFC 7638), for `cnf.jkt` (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> String {
        let text = encoding::base64url;
        // The members are base64url and fixed names: nothing in them needs escaping.
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
            Self::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        };
        digest::sha256_base64url(canonical.as_bytes())
    }
}

/// Big-endian bytes without leading zeros.
fn bare(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}
