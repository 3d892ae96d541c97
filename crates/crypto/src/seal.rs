//! Sealing: AES-256-GCM under keys that know each other by id.
//!
//! A [`MasterKeys`] set comes from configuration and wraps [`DataKey`]s, which seal what is stored or handed to
//! browsers. A data key derives subkeys per purpose and context, so that a value sealed for one place never
//! opens in another. Text form: `v1.<key id>.<base64url(nonce, ciphertext, tag)>`; binary form for cookies:
//! version byte, nonce, ciphertext, tag (41 bytes more than the plaintext).
//!
//! Every message has a key of its own, derived from the sealing key and the first half of a 24-byte random
//! nonce: with 12 bytes alone a busy realm would come near the 2³² messages after which random nonces of
//! AES-GCM are no longer safe. Key ids are derived from the keys and tell nothing about them.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Error, digest, encoding, random};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const MIN_PASSPHRASE_CHARS: usize = 32;
const BINARY_VERSION: u8 = 1;
const TEXT_VERSION: &str = "v1";

/// Bytes that [`DataKey::seal_bytes`] adds.
pub const BINARY_OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;

/// A key that seals and opens. Wrapped by [`MasterKeys`] at rest; wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey {
    #[zeroize(skip)]
    id: String,
    key: [u8; KEY_LEN],
}

impl DataKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self::from_bytes(random::bytes())
    }

    fn from_bytes(key: [u8; KEY_LEN]) -> Self {
        let mut id: [u8; KEY_LEN] = [0; KEY_LEN];
        expand(&key, &[b"keyraft key id"], &mut id);
        Self { id: encoding::base64url(&id[..9]), key }
    }

    /// Its id: 12 characters that appear in sealed texts.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The subkey for one purpose in one context, say `("auth session", realm id)`.
    #[must_use]
    pub fn derive(&self, purpose: &str, context: &str) -> Self {
        let length = (purpose.len() as u64).to_be_bytes();
        let mut key = [0; KEY_LEN];
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        expand(&self.key, &[b"keyraft subkey", &length, purpose.as_bytes(), context.as_bytes()], &mut key);
        Self::from_bytes(key)
    }

    /// A keyed hash of `data` under this key, for names that must be found again but not read.
    pub fn keyed_hash(&self, data: &[u8]) -> [u8; 32] {
        let mut key = [0; KEY_LEN];
        expand(&self.key, &[b"keyraft keyed hash"], &mut key);
        let hash = digest::hmac_sha256(&key, data);
        key.zeroize();
        hash
    }

    /// Seals into text; `aad` says where the text belongs and must be given again to open it.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> String {
        let sealed = self.seal_message(aad, plaintext, Vec::new());
        format!("{TEXT_VERSION}.{}.{}", self.id, encoding::base64url(&sealed))
    }

    /// Opens what [`DataKey::seal`] gave.
    ///
    /// # Errors
    /// `SealMalformed`; `SealKeyUnknown` for texts of another key; `SealBroken` for changed texts and other `aad`.
    pub fn open(&self, aad: &[u8], text: &str) -> Result<Vec<u8>, Error> {
        let (id, sealed) = split_text(text)?;
        if id != self.id {
            return Err(Error::SealKeyUnknown(id.chars().take(32).collect()));
        }
        self.open_message(aad, &encoding::from_base64url(sealed).ok_or(Error::SealMalformed)?)
    }

    /// Seals into bytes without a key id, for cookies; [`BINARY_OVERHEAD`] longer than `plaintext`.
    pub fn seal_bytes(&self, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.seal_message(aad, plaintext, vec![BINARY_VERSION])
    }

    /// Opens what [`DataKey::seal_bytes`] gave.
    ///
    /// # Errors
    /// `SealMalformed`; `SealBroken` for changed bytes, other keys and other `aad`.
    pub fn open_bytes(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        match sealed {
            [BINARY_VERSION, message @ ..] => self.open_message(aad, message),
            _ => Err(Error::SealMalformed),
        }
    }

    fn seal_message(&self, aad: &[u8], plaintext: &[u8], mut out: Vec<u8>) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let (cipher, iv) = self.message_cipher(&nonce);
        out.reserve(NONCE_LEN + plaintext.len() + TAG_LEN);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let tag = cipher
            .seal_in_place_separate_tag(iv, Aad::from(aad), &mut out[start..])
            .expect("AES-GCM seals every plaintext below 64 GiB");
        out.extend_from_slice(tag.as_ref());
        out
    }

    fn open_message(&self, aad: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, ciphertext) = message.split_first_chunk().ok_or(Error::SealMalformed)?;
        let (cipher, iv) = self.message_cipher(nonce);
        let mut buffer = ciphertext.to_vec();
        let opened =
            cipher.open_in_place(iv, Aad::from(aad), &mut buffer).map_err(|_| Error::SealBroken)?.len();
        buffer.truncate(opened);
        Ok(buffer)
    }

    /// The key and inner nonce of one message.
    fn message_cipher(&self, nonce: &[u8; NONCE_LEN]) -> (LessSafeKey, Nonce) {
        let (prefix, inner) = nonce.split_at(12);
        let mut iv = [0; 12];
        iv.copy_from_slice(inner);
        let mut key = [0; KEY_LEN];
        expand(&self.key, &[b"keyraft message", prefix], &mut key);
        let unbound = UnboundKey::new(&AES_256_GCM, &key).expect("an AES-256 key has 32 bytes");
        key.zeroize();
        (LessSafeKey::new(unbound), Nonce::assume_unique_for_key(iv))
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).field("key", &format_args!("…")).finish()
    }
}

/// The operator's keys: the first seals, all open, so that keys can be rotated. Never stored.
#[derive(Clone)]
pub struct MasterKeys(DataKeys);

impl MasterKeys {
    /// Reads keys in order: each 32 bytes in base64, base64url or hex, or a passphrase of at least 32 characters.
    ///
    /// # Errors
    /// `MasterKeyWeak` for anything shorter; `NoSealingKey` for an empty list.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let keys: Vec<DataKey> = texts.into_iter().map(parse_master).collect::<Result<_, _>>()?;
        DataKeys::new(keys).map(Self)
    }

    /// The key that seals.
    pub fn current(&self) -> &DataKey {
        self.0.current()
    }

    /// Secret bytes for one purpose, of each key in order: whoever holds the keys can make them, nobody can lead them
    /// back.
    pub fn derive(&self, purpose: &str) -> Vec<[u8; KEY_LEN]> {
        self.0.0.iter().map(|key| key.derive("keyraft master key", purpose).key).collect()
    }

    /// Seals with the first key.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> String {
        self.0.seal(aad, plaintext)
    }

    /// Opens with whichever key sealed.
    ///
    /// # Errors
    /// As [`DataKey::open`].
    pub fn open(&self, aad: &[u8], text: &str) -> Result<Vec<u8>, Error> {
        self.0.open(aad, text)
    }

    /// Whether `text` was sealed with an older key and should be sealed anew.
    pub fn is_stale(&self, text: &str) -> bool {
        split_text(text).is_ok_and(|(id, _)| id != self.current().id)
    }

    /// Wraps a data key for storage.
    pub fn wrap(&self, key: &DataKey) -> String {
        self.seal(b"keyraft data key", &key.key)
    }

    /// Unwraps a stored data key.
    ///
    /// # Errors
    /// As [`DataKey::open`].
    pub fn unwrap(&self, text: &str) -> Result<DataKey, Error> {
        let mut bytes = self.open(b"keyraft data key", text)?;
        let key: Result<[u8; KEY_LEN], _> = bytes.as_slice().try_into();
        bytes.zeroize();
        key.map(DataKey::from_bytes).map_err(|_| Error::SealMalformed)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0.0).finish()
    }
}

/// Several data keys: the first seals, all open, so that data keys can be rotated.
#[derive(Debug, Clone)]
pub struct DataKeys(Vec<DataKey>);

impl DataKeys {
    /// The first key seals.
    ///
    /// # Errors
    /// `NoSealingKey` for an empty list.
    pub fn new(keys: Vec<DataKey>) -> Result<Self, Error> {
        if keys.is_empty() { Err(Error::NoSealingKey) } else { Ok(Self(keys)) }
    }

    /// The key that seals.
    pub fn current(&self) -> &DataKey {
        &self.0[0]
    }

    /// Seals with the first key.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> String {
        self.current().seal(aad, plaintext)
    }

    /// Opens with whichever key sealed.
    ///
    /// # Errors
    /// As [`DataKey::open`].
    pub fn open(&self, aad: &[u8], text: &str) -> Result<Vec<u8>, Error> {
        let (id, _) = split_text(text)?;
        let key = self.0.iter().find(|key| key.id == id);
        key.ok_or_else(|| Error::SealKeyUnknown(id.chars().take(32).collect()))?.open(aad, text)
    }

    /// The set of subkeys for one purpose in one context.
    #[must_use]
    pub fn derive(&self, purpose: &str, context: &str) -> Self {
        Self(self.0.iter().map(|key| key.derive(purpose, context)).collect())
    }

    /// Seals into bytes with the first key.
    pub fn seal_bytes(&self, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.current().seal_bytes(aad, plaintext)
    }

    /// Opens bytes with whichever key sealed them.
    ///
    /// # Errors
    /// As [`DataKey::open_bytes`].
    pub fn open_bytes(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let mut refusal = Error::SealBroken;
        for key in &self.0 {
            match key.open_bytes(aad, sealed) {
                Err(error) => refusal = error,
                opened => return opened,
            }
        }
        Err(refusal)
    }
}

fn parse_master(text: &str) -> Result<DataKey, Error> {
    let text = text.trim();
    let forms = [encoding::from_hex(text), encoding::from_base64(text), encoding::from_base64url(text)];
    if let Some(key) = forms.into_iter().flatten().find_map(|bytes| <[u8; KEY_LEN]>::try_from(bytes).ok()) {
        return Ok(DataKey::from_bytes(key));
    }
    if text.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(Error::MasterKeyWeak);
    }
    let prk = Salt::new(HKDF_SHA256, b"keyraft master key").extract(text.as_bytes());
    let mut key = [0; KEY_LEN];
    fill_from(&prk, &[b"passphrase"], &mut key);
    Ok(DataKey::from_bytes(key))
}

fn split_text(text: &str) -> Result<(&str, &str), Error> {
    let rest = text.strip_prefix(TEXT_VERSION).and_then(|rest| rest.strip_prefix('.'));
    rest.and_then(|rest| rest.split_once('.')).ok_or(Error::SealMalformed)
}

/// HKDF-Expand (RFC 5869 §2.3) of a key that is uniformly random already.
fn expand(key: &[u8; KEY_LEN], info: &[&[u8]], out: &mut [u8; KEY_LEN]) {
    fill_from(&Prk::new_less_safe(HKDF_SHA256, key), info, out);
}

fn fill_from(prk: &Prk, info: &[&[u8]], out: &mut [u8; KEY_LEN]) {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            KEY_LEN
        }
    }
    let okm = prk.expand(info, Length).expect("32 bytes are within what HKDF-SHA-256 gives");
    okm.fill(out).expect("the buffer has the length that was asked for");
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "an old passphrase that is long enough for us";
    const NEW: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_place() {
        let key = DataKey::generate();
        let text = key.seal(b"realm/key", b"secret");

        assert_eq!(key.open(b"realm/key", &text).unwrap(), b"secret");
        assert!(matches!(key.open(b"realm/other", &text), Err(Error::SealBroken)));
        assert!(matches!(DataKey::generate().open(b"realm/key", &text), Err(Error::SealKeyUnknown(_))));
        assert_ne!(key.seal(b"realm/key", b"secret"), text);
    }

    #[test]
    fn every_changed_byte_breaks_the_seal() {
        let key = DataKey::generate();
        let sealed = key.seal_bytes(b"cookie", b"state");

        assert_eq!(sealed.len(), b"state".len() + BINARY_OVERHEAD);
        assert_eq!(key.open_bytes(b"cookie", &sealed).unwrap(), b"state");
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert!(key.open_bytes(b"cookie", &changed).is_err(), "byte {i}");
            assert!(key.open_bytes(b"cookie", &sealed[..i]).is_err(), "length {i}");
        }
    }

    #[test]
    fn a_rotated_master_key_still_opens_and_unwraps() {
        let before = MasterKeys::parse([OLD]).unwrap();
        let data_key = DataKey::generate();
        let (text, wrapped) = (before.seal(b"", b"x"), before.wrap(&data_key));

        let after = MasterKeys::parse([NEW, OLD]).unwrap();

        assert_eq!(after.open(b"", &text).unwrap(), b"x");
        assert_eq!(after.unwrap(&wrapped).unwrap().id(), data_key.id());
        assert!(after.is_stale(&text) && !after.is_stale(&after.seal(b"", b"x")));
        let gone = MasterKeys::parse([NEW]).unwrap();
        assert!(matches!(gone.open(b"", &text), Err(Error::SealKeyUnknown(_))));
    }

    #[test]
    fn master_keys_are_one_in_hex_and_base64_and_weak_ones_are_refused() {
        let raw = encoding::from_hex(NEW).unwrap();
        let ids: Vec<String> = [NEW.to_owned(), encoding::base64(&raw), encoding::base64url(&raw)]
            .iter()
            .map(|text| MasterKeys::parse([text.as_str()]).unwrap().current().id().to_owned())
            .collect();

        assert!(ids.iter().all(|id| id == &ids[0]));
        assert!(matches!(MasterKeys::parse(["short"]), Err(Error::MasterKeyWeak)));
        assert!(matches!(MasterKeys::parse([]), Err(Error::NoSealingKey)));
    }

    #[test]
    fn subkeys_differ_by_purpose_and_context() {
        let key = DataKey::generate();
        let sealed = key.derive("auth session", "demo").seal_bytes(b"", b"state");

        assert!(key.derive("auth session", "demo").open_bytes(b"", &sealed).is_ok());
        for (purpose, context) in [("auth session", "other"), ("auth sessiond", "emo"), ("consent", "demo")] {
            assert!(key.derive(purpose, context).open_bytes(b"", &sealed).is_err());
        }
    }

    #[test]
    fn rotated_data_keys_open_cookies_of_the_old_one() {
        let old = DataKey::generate();
        let sealed = old.seal_bytes(b"", b"state");
        let keys = DataKeys::new(vec![DataKey::generate(), old]).unwrap();

        assert_eq!(keys.open_bytes(b"", &sealed).unwrap(), b"state");
    }

    #[test]
    fn keys_never_print() {
        let shown = format!("{:?}", MasterKeys::parse([NEW]).unwrap());

        assert!(shown.contains('…') && !shown.contains("0102") && !shown.contains("[0, 1"));
    }
}
