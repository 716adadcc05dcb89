//! The schema bundles are those of the pin, and those of the pinned runtime.

use std::{fs, path::Path};

use anyhow::ensure;

use crate::{
    digest,
    pin::Pin,
    runtime::{
        self,
        schema::{self, KINDS},
    },
};

pub(super) fn check_pinned(root: &Path) -> anyhow::Result<()> {
    let count = Pin::read(root)?.check_bundles(&root.join("schema"))?;
    eprintln!("bundles: {count} files have their pinned checksums");
    Ok(())
}

pub(super) fn check_generated(root: &Path) -> anyhow::Result<()> {
    let runtime = runtime::ensure(root)?;
    let out = root.join("target/ci/bundles");
    for (bundle, args) in KINDS {
        let written = schema::write(&runtime.binary, &out, args)?;
        let ours = digest::sha256_of(&root.join("schema").join(bundle))?;
        ensure!(
            digest::sha256_of(&written)? == ours,
            "schema/{bundle} is not what {} writes; schema/README.md has the commands",
            runtime.binary.display()
        );
    }
    fs::remove_dir_all(&out)?;
    eprintln!("runtime: it writes exactly the bundles of schema/");
    Ok(())
}
