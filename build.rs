//! Generates the protocol types from the pinned schema.

use std::{env, error::Error, fs, path::Path};

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
    let code = codegen::generate(&codegen::Input {
        stable: read("stable.json")?,
        experimental: read("experimental.json")?,
        pin: read("pin.json")?,
    })
    .map_err(|it| format!("schema/experimental.json: {it}"))?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set, run this through cargo")?;
    fs::write(Path::new(&out).join("protocol.rs"), code)?;
    Ok(())
}
