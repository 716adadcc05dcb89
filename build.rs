//! Generates the protocol types from the pinned schema.

use std::{env, error::Error, fs, path::Path};

#[allow(dead_code, reason = "the development tasks use more of it")]
#[path = "src/codegen.rs"]
mod codegen;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=schema");
    println!("cargo::rerun-if-changed=src/codegen.rs");
    println!("cargo::rerun-if-changed=src/codegen");

    let read = |name: &str| {
        let path = Path::new("schema").join(name);
        fs::read_to_string(&path).map_err(|it| format!("cannot read {}: {it}", path.display()))
    };
    let input = codegen::Input {
        stable: read("stable.json")?,
        experimental: read("experimental.json")?,
        pin: read("pin.json")?,
        since: Some(read("since.json")?),
    };
    let scope = match env::var_os("CARGO_FEATURE_EXPERIMENTAL") {
        Some(_) => codegen::Scope::Experimental,
        None => codegen::Scope::Stable,
    };
    let generated = codegen::generate(&input, scope)
        .map_err(|it| format!("cannot turn the schema into types: {it}"))?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set, run this through cargo")?;
    fs::write(Path::new(&out).join("protocol.rs"), generated.protocol)?;
    fs::write(Path::new(&out).join("registry.rs"), generated.registry)?;
    Ok(())
}
