//! Compiles generated types in the place of the pinned ones.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, bail};

use crate::cargo;

/// Stands for the generator, whose work is done.
const BUILD: &str = r#"fn main() {
    let experimental = std::env::var_os("CARGO_FEATURE_EXPERIMENTAL").is_some();
    let types = if experimental { "../protocol.rs" } else { "../stable.rs" };
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::copy(types, std::path::Path::new(&out).join("protocol.rs"))
        .expect("the types are written before they are compiled");
    println!("cargo::rerun-if-changed={types}");
}
"#;

/// Compiles this repository's library with the types in `out`, with and without what is
/// experimental. Says how long each took.
pub(super) fn check(root: &Path, version: &str, out: &Path) -> anyhow::Result<()> {
    let krate = out.join("check");
    fs::create_dir_all(&krate).with_context(|| format!("cannot create {}", krate.display()))?;
    fs::write(krate.join("Cargo.toml"), manifest(root, version))?;
    fs::write(krate.join("build.rs"), BUILD)?;
    // So that the dependencies are those of the library, and the registry is not asked.
    fs::copy(root.join("Cargo.lock"), krate.join("Cargo.lock"))
        .context("cannot copy Cargo.lock")?;

    for (types, args) in [("protocol.rs", &["--features", "experimental"][..]), ("stable.rs", &[])]
    {
        let start = Instant::now();
        let mut command = cargo::cargo(&krate, ["build", "--offline"]);
        command.args(args).env("CARGO_TARGET_DIR", root.join("target"));
        let status = cargo::status(&mut command)?;
        if !status.success() {
            bail!(
                "the types of {version} do not compile ({status}); they are in {}, the generator \
                 is src/codegen",
                out.join(types).display()
            );
        }
        let took = start.elapsed().as_secs_f64();
        eprintln!("codegen: {version}: {types} compiled in {took:.1} s");
    }
    Ok(())
}

/// Another name than that of the package: of two workspaces that share a target folder, cargo would
/// take the one's build script for the other's.
fn manifest(root: &Path, version: &str) -> String {
    format!(
        r#"[package]
name = "codexkit-types"
version = "{version}"
edition = "2024"
publish = false

[workspace]

[lib]
name = "codexkit"
path = '{}'
doctest = false

[features]
experimental = []

[dependencies]
serde = {{ version = "1", features = ["derive"] }}
serde_json = "1"

[lints.rust]
warnings = {{ level = "deny", priority = -1 }}
# What the library has for older releases is of no use to a schema of which nobody says how old it is.
dead_code = "allow"
unused_imports = "allow"
# The library has features that are not for the types.
unexpected_cfgs = "allow"
"#,
        root.join("src/lib.rs").display()
    )
}
