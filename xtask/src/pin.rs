//! `schema/pin.json`: the runtime that the bindings are generated from and tested with.

use std::{
    collections::BTreeMap,
    env::consts::{ARCH, OS},
    fs,
    path::{Component, Path},
};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::digest;

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    /// Version of the runtime.
    pub(crate) runtime: String,
    /// File name in `schema/` to sha256.
    pub(crate) bundles: BTreeMap<String, String>,
    /// Empty for a runtime that nobody publishes.
    pub(crate) platforms: BTreeMap<String, Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Platform {
    /// What npm installs: name and version.
    pub(crate) package: String,
    /// npm's hash of the tarball.
    pub(crate) integrity: String,
    /// Folder in the tarball that holds the files.
    pub(crate) triple: String,
    /// Path below that folder to sha256: everything that is unpacked.
    pub(crate) files: BTreeMap<String, String>,
}

impl Pin {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Pin> {
        let path = root.join("schema/pin.json");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Pin::parse(&text).with_context(|| format!("{} is not a pin", path.display()))
    }

    /// The content of the file.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Pin> {
        let pin: Pin = serde_json::from_str(text)?;
        for name in ["stable.json", "experimental.json"] {
            ensure!(pin.bundles.contains_key(name), "the bundle {name} has no checksum");
        }
        for (name, hash) in &pin.bundles {
            ensure!(is_plain(name), "the bundle `{name}` is not a file name");
            ensure!(digest::is_sha256(hash), "the checksum of {name} is not a sha256");
        }
        for (key, platform) in &pin.platforms {
            platform.validate(&pin.runtime, key).with_context(|| format!("platform {key}"))?;
        }
        Ok(pin)
    }

    pub(crate) fn platform(&self, key: &str) -> anyhow::Result<&Platform> {
        if let Some(platform) = self.platforms.get(key) {
            return Ok(platform);
        }
        let known: Vec<_> = self.platforms.keys().map(String::as_str).collect();
        let where_else = if known.is_empty() {
            "schema/pin.json names no published runtime".to_owned()
        } else {
            format!("no runtime is published for {key}, only for {}", known.join(", "))
        };
        bail!("{where_else}; set CODEX_BIN to a codex {} that you built", self.runtime)
    }

    /// What is wrong with the bundles in `schema`: they have other checksums, or are missing.
    pub(crate) fn wrong_bundles(&self, schema: &Path) -> anyhow::Result<Vec<String>> {
        let mut res = Vec::new();
        for (name, expected) in &self.bundles {
            if !schema.join(name).exists() {
                res.push(format!("schema/{name} is missing"));
                continue;
            }
            let actual = digest::sha256_of(&schema.join(name))?;
            if actual != *expected {
                res.push(format!(
                    "schema/{name} is not the pinned one: its sha256 is {actual}, the pin says \
                     {expected}"
                ));
            }
        }
        Ok(res)
    }
}

impl Platform {
    fn validate(&self, runtime: &str, key: &str) -> anyhow::Result<()> {
        let package = format!("@openai/codex@{runtime}-{key}");
        ensure!(self.package == package, "the package is `{}`, not `{package}`", self.package);
        digest::parse_integrity(&self.integrity)?;
        ensure!(is_plain(&self.triple) && !self.triple.contains('/'), "the triple is not a name");
        for (path, hash) in &self.files {
            ensure!(is_plain(path), "`{path}` is not a plain relative path");
            ensure!(digest::is_sha256(hash), "the checksum of {path} is not a sha256");
        }
        let binary = if key.starts_with("win32") { "bin/codex.exe" } else { "bin/codex" };
        ensure!(self.files.contains_key(binary), "{binary} is not among the files");
        Ok(())
    }
}

/// Whether this can be a version, and so a part of a path and of a package's name.
pub(crate) fn is_version(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphanumeric())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-'))
}

/// What the pin calls the machine that this runs on.
pub(crate) fn host() -> String {
    platform_key(OS, ARCH)
}

fn platform_key(os: &str, arch: &str) -> String {
    let os = match os {
        "macos" => "darwin",
        "windows" => "win32",
        _ => os,
    };
    let arch = match arch {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => arch,
    };
    format!("{os}-{arch}")
}

/// Only names, forward slashes and nothing that leaves the folder, on any system.
pub(crate) fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', ':'])
        && !path.ends_with('/')
        && Path::new(path).components().all(|it| matches!(it, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pin as short as it may be, with `HASH` and `INTEGRITY` for what is long.
    const SAMPLE: &str = r#"{
        "runtime": "1.2.3",
        "bundles": { "stable.json": "HASH", "experimental.json": "HASH" },
        "platforms": {
            "linux-x64": {
                "package": "@openai/codex@1.2.3-linux-x64",
                "integrity": "INTEGRITY",
                "triple": "x86_64-unknown-linux-musl",
                "files": { "bin/codex": "HASH", "codex-path/rg": "HASH" }
            },
            "win32-x64": {
                "package": "@openai/codex@1.2.3-win32-x64",
                "integrity": "INTEGRITY",
                "triple": "x86_64-pc-windows-msvc",
                "files": { "bin/codex.exe": "HASH" }
            }
        }
    }"#;

    fn parse(sample: &str) -> Result<Pin, String> {
        let integrity = format!("sha512-{}==", "A".repeat(86));
        let text = sample.replace("HASH", &"0".repeat(64)).replace("INTEGRITY", &integrity);
        Pin::parse(&text).map_err(|it| format!("{it:#}"))
    }

    #[test]
    fn the_checked_in_pin_covers_every_platform() {
        let pin = Pin::parse(include_str!("../../schema/pin.json")).unwrap();
        for (os, arch, triple) in [
            ("linux", "x86_64", "x86_64-unknown-linux-musl"),
            ("linux", "aarch64", "aarch64-unknown-linux-musl"),
            ("macos", "x86_64", "x86_64-apple-darwin"),
            ("macos", "aarch64", "aarch64-apple-darwin"),
            ("windows", "x86_64", "x86_64-pc-windows-msvc"),
            ("windows", "aarch64", "aarch64-pc-windows-msvc"),
        ] {
            assert_eq!(pin.platform(&platform_key(os, arch)).unwrap().triple, triple);
        }
        assert_eq!(pin.platforms.len(), 6);
    }

    #[test]
    fn a_platform_without_a_runtime_says_what_to_do() {
        let pin = parse(SAMPLE).unwrap();
        let err = pin.platform(&platform_key("freebsd", "x86_64")).unwrap_err().to_string();
        let expected = "no runtime is published for freebsd-x64, only for linux-x64, win32-x64; \
                        set CODEX_BIN to a codex 1.2.3 that you built";
        assert_eq!(err, expected);
    }

    #[test]
    fn a_pin_that_is_not_exact_is_refused() {
        for (from, to, complaint) in [
            ("\"runtime\"", "\"version\"", "unknown field `version`"),
            ("\"stable.json\"", "\"unstable.json\"", "stable.json has no checksum"),
            ("\"stable.json\": \"HASH", "\"stable.json\": \"", "of stable.json is not a sha256"),
            ("\"HASH\" },\n", "\"HASH\", \"../a\": \"HASH\" },\n", "`../a` is not a file name"),
            ("1.2.3-linux", "1.2.4-linux", "platform linux-x64: the package is"),
            ("INTEGRITY", "sha1-AAAA", "platform linux-x64: `sha1-AAAA` is not a sha512"),
            ("rg\": \"HASH\"", "rg\": \"ABC\"", "codex-path/rg is not a sha256"),
            ("codex-path/rg", "../rg", "`../rg` is not a plain relative path"),
            ("codex-path/rg", "/rg", "`/rg` is not a plain relative path"),
            ("codex-path/rg", "C:rg", "`C:rg` is not a plain relative path"),
            ("codex-path/rg", "..\\\\rg", "`..\\rg` is not a plain relative path"),
            ("codex-path/rg", "rg/", "`rg/` is not a plain relative path"),
            ("x86_64-unknown", "x86_64/unknown", "the triple is not a name"),
            ("bin/codex\"", "bin/code\"", "platform linux-x64: bin/codex is not among the files"),
            ("bin/codex.exe\"", "bin/codex\"", "bin/codex.exe is not among the files"),
        ] {
            assert_ne!(SAMPLE.replacen(from, to, 1), SAMPLE, "{from}");
            let err = parse(&SAMPLE.replacen(from, to, 1)).unwrap_err();
            assert!(err.contains(complaint), "{err}");
        }
    }

    #[test]
    fn a_changed_bundle_does_not_pass() {
        let schema = tempfile::tempdir().unwrap();
        let mut pin = parse(SAMPLE).unwrap();
        for (name, hash) in &mut pin.bundles {
            fs::write(schema.path().join(name), "{}").unwrap();
            *hash = digest::sha256_of(&schema.path().join(name)).unwrap();
        }
        assert_eq!(pin.wrong_bundles(schema.path()).unwrap(), [""; 0]);

        fs::write(schema.path().join("stable.json"), "{ }").unwrap();
        let wrong = pin.wrong_bundles(schema.path()).unwrap();
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].starts_with("schema/stable.json is not the pinned one"), "{wrong:?}");
        fs::remove_file(schema.path().join("stable.json")).unwrap();
        assert_eq!(pin.wrong_bundles(schema.path()).unwrap(), ["schema/stable.json is missing"]);
    }

    #[test]
    fn a_pin_is_written_as_it_is_read() {
        let pin = Pin::parse(include_str!("../../schema/pin.json")).unwrap();
        assert_eq!(Pin::parse(&pin.text().unwrap()).unwrap(), pin);
        let unpublished = Pin { platforms: BTreeMap::new(), ..pin };
        let unpublished = Pin::parse(&unpublished.text().unwrap()).unwrap();
        let err = unpublished.platform("linux-x64").unwrap_err().to_string();
        let expected = "schema/pin.json names no published runtime; set CODEX_BIN to a codex";
        assert!(err.starts_with(expected), "{err}");
    }
}
