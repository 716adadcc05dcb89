//! Checksums: sha256 of files, sha512 of npm tarballs.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, ErrorKind, Read, Write},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256, Sha512};

/// Checks content against an npm integrity string (`sha512-` and base64).
pub(crate) fn check_integrity(content: &mut impl Read, expected: &str) -> anyhow::Result<()> {
    parse_integrity(expected)?;
    let hash = copy_hashed::<Sha512>(content, &mut io::sink())?;
    let actual = format!("sha512-{}", STANDARD.encode(hash));
    ensure!(actual == expected, "expected {expected}, found {actual}");
    Ok(())
}

/// Refuses everything but one full sha512.
pub(crate) fn parse_integrity(text: &str) -> anyhow::Result<()> {
    let Some(hash) = text.strip_prefix("sha512-") else {
        bail!("`{text}` is not a sha512 integrity");
    };
    let bytes = STANDARD.decode(hash).with_context(|| format!("`{text}` is not base64"))?;
    ensure!(bytes.len() == 64, "`{text}` holds {} bytes instead of 64", bytes.len());
    Ok(())
}

/// The sha256 of a file as lower-case hex.
pub(crate) fn sha256_of(path: &Path) -> anyhow::Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    copy_sha256(&mut file, &mut io::sink())
        .with_context(|| format!("cannot read {}", path.display()))
}

/// The sha256 of these bytes as lower-case hex.
pub(crate) fn sha256_of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Copies everything and returns its sha256 as lower-case hex.
pub(crate) fn copy_sha256(from: &mut impl Read, to: &mut impl Write) -> io::Result<String> {
    Ok(hex(&copy_hashed::<Sha256>(from, to)?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut acc, it| {
        let _ = write!(acc, "{it:02x}");
        acc
    })
}

/// Whether this is a sha256 as [`copy_sha256`] writes it.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

fn copy_hashed<D: Digest>(from: &mut impl Read, to: &mut impl Write) -> io::Result<Vec<u8>> {
    let mut hash = D::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().to_vec()),
            Ok(n) => {
                hash.update(&buffer[..n]);
                to.write_all(&buffer[..n])?;
            }
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";

    #[test]
    fn untouched_content_passes() {
        check_integrity(&mut &b"abc"[..], ABC).unwrap();
    }

    #[test]
    fn tampered_and_truncated_content_is_refused_with_both_hashes() {
        for content in [&b"abd"[..], b"ab", b"", b"abcc"] {
            let err = check_integrity(&mut &content[..], ABC).unwrap_err().to_string();
            assert!(err.starts_with(&format!("expected {ABC}, found sha512-")), "{err}");
        }
    }

    #[test]
    fn only_a_full_sha512_is_an_integrity() {
        parse_integrity(ABC).unwrap();
        for text in ["", "sha512-", "sha512-3a81", "sha512-!!", "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="]
        {
            parse_integrity(text).unwrap_err();
        }
        parse_integrity(&format!("{ABC} {ABC}")).unwrap_err();
    }

    #[test]
    fn a_copy_is_complete_and_hashed() {
        let content = vec![7; 600 * 1024];
        let mut copy = Vec::new();
        let hash = copy_sha256(&mut &content[..], &mut copy).unwrap();
        assert_eq!(copy, content);
        assert!(is_sha256(&hash));
        assert_eq!(
            copy_sha256(&mut &b"abc"[..], &mut io::sink()).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn hex_in_capitals_or_of_another_length_is_not_a_sha256() {
        assert!(!is_sha256(&"A".repeat(64)));
        assert!(!is_sha256(&"a".repeat(63)));
        assert!(!is_sha256(&"g".repeat(64)));
    }
}
