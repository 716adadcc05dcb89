//! Compiles generated types in the place of the pinned ones.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, bail};
use toml::de::DeTable;

use crate::cargo;

/// Stands for the generator, whose work is done.
const BUILD: &str = r#"fn main() {
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::copy("../protocol.rs", std::path::Path::new(&out).join("protocol.rs"))
        .expect("the types are written before they are compiled");
    println!("cargo::rerun-if-changed=../protocol.rs");
}
"#;

/// Compiles this repository's library with the types in `out`, without and with the features that
/// need no dependency. Says how long each took.
pub(super) fn check(root: &Path, version: &str, out: &Path) -> anyhow::Result<()> {
    let krate = out.join("check");
    fs::create_dir_all(&krate).with_context(|| format!("cannot create {}", krate.display()))?;
    let features = Features::read(root)?;
    fs::write(krate.join("Cargo.toml"), manifest(root, version, &features.all))?;
    fs::write(krate.join("build.rs"), BUILD)?;
    // So that the dependencies are those of the library, and the registry is not asked.
    fs::copy(root.join("Cargo.lock"), krate.join("Cargo.lock"))
        .context("cannot copy Cargo.lock")?;

    let switches = features.switches.join(",");
    let sets = if switches.is_empty() { &[""][..] } else { &["", &*switches] };
    for set in sets {
        let start = Instant::now();
        let mut command = cargo::cargo(&krate, ["build", "--offline"]);
        if !set.is_empty() {
            command.args(["--features", set]);
        }
        let status = cargo::status(command.env("CARGO_TARGET_DIR", root.join("target")))?;
        if !status.success() {
            bail!(
                "the types of {version} do not compile ({status}); they are in {}, the generator \
                 is src/codegen",
                out.join("protocol.rs").display()
            );
        }
        let with = if set.is_empty() { String::new() } else { format!(" with {set}") };
        let took = start.elapsed().as_secs_f64();
        eprintln!("codegen: {version}: compiled{with} in {took:.1} s");
    }
    Ok(())
}

fn manifest(root: &Path, version: &str, features: &[String]) -> String {
    let features: Vec<_> = features.iter().map(|it| format!("{it} = []\n")).collect();
    let library = root.join("src/lib.rs");
    format!(
        r#"[package]
name = "codexkit"
version = "{version}"
edition = "2024"
publish = false

[workspace]

[lib]
path = '{}'
doctest = false

[features]
{}
[dependencies]
serde = {{ version = "1", features = ["derive"] }}
serde_json = "1"

[lints.rust]
warnings = "deny"
"#,
        library.display(),
        features.concat()
    )
}

/// The features of the library.
struct Features {
    all: Vec<String>,
    /// Those that turn on nothing else.
    switches: Vec<String>,
}

impl Features {
    fn read(root: &Path) -> anyhow::Result<Self> {
        let path = root.join("Cargo.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no manifest", path.display()))
    }

    fn parse(manifest: &str) -> anyhow::Result<Self> {
        let manifest = DeTable::parse(manifest)?;
        let features = manifest.get_ref().get("features").and_then(|it| it.get_ref().as_table());
        let mut res = Self { all: Vec::new(), switches: Vec::new() };
        for (name, turns_on) in features.into_iter().flatten() {
            let name = name.get_ref().to_string();
            let is_switch = turns_on.get_ref().as_array().is_some_and(|it| it.is_empty());
            if name != "default" && is_switch {
                res.switches.push(name.clone());
            }
            res.all.push(name);
        }
        Ok(res)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_the_features_that_turn_on_nothing() {
        let manifest = "[features]\ndefault = []\nclient = ['dep:tokio']\nnightly = []\n";
        let features = Features::parse(manifest).unwrap();
        assert_eq!(features.all, ["client", "default", "nightly"]);
        assert_eq!(features.switches, ["nightly"]);
        assert_eq!(Features::parse("").unwrap().all, Vec::<String>::new());
    }

    #[test]
    fn the_manifest_is_one() {
        let manifest = manifest(Path::new("/checkout"), "1.2.3", &["client".to_owned()]);
        let features = Features::parse(&manifest).unwrap();
        assert_eq!(
            (features.all, features.switches),
            (vec!["client".into()], vec!["client".into()])
        );
        assert!(manifest.contains("path = '/checkout/src/lib.rs'"), "{manifest}");
    }
}
