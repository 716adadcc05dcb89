//! The schema bundles are those of the pin, and those of the pinned runtime.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::{digest, pin::Pin, runtime};

/// What the runtime calls the file that holds everything.
const GENERATED: &str = "codex_app_server_protocol.schemas.json";

pub(super) fn check_pinned(root: &Path) -> anyhow::Result<()> {
    let count = Pin::read(root)?.check_bundles(&root.join("schema"))?;
    eprintln!("bundles: {count} files have their pinned checksums");
    Ok(())
}

pub(super) fn check_generated(root: &Path) -> anyhow::Result<()> {
    let runtime = runtime::ensure(root)?;
    let out = root.join("target/ci/bundles");
    for (bundle, args) in [("stable.json", &[][..]), ("experimental.json", &["--experimental"])] {
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        fs::create_dir_all(&out)?;
        let output = Command::new(&runtime.binary)
            .args(["app-server", "generate-json-schema", "--out"])
            .arg(&out)
            .args(args)
            // The runtime writes into its home, which must not be that of the user.
            .env("CODEX_HOME", &out)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", runtime.binary.display()))?;
        ensure!(
            output.status.success(),
            "the runtime cannot write its schema ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let ours = digest::sha256_of(&root.join("schema").join(bundle))?;
        ensure!(
            digest::sha256_of(&out.join(GENERATED))? == ours,
            "schema/{bundle} is not what {} writes; schema/README.md has the commands",
            runtime.binary.display()
        );
    }
    fs::remove_dir_all(&out)?;
    eprintln!("runtime: it writes exactly the bundles of schema/");
    Ok(())
}
