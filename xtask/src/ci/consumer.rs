//! A crate as a user has it: outside of the workspace, on the package, with the README's example.

use std::{fs, path::Path};

use anyhow::Context;

use crate::{cargo, ci::package};

pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let readme = fs::read_to_string(root.join("README.md")).context("cannot read README.md")?;
    let example = first_rust_block(&readme).context("README.md has no ```rust block")?;
    let package = package::pack(root)?;

    let consumer = root.join("target/ci/consumer");
    // What is in a package has no time of change, so that cargo would take an old build for good.
    if consumer.exists() {
        fs::remove_dir_all(&consumer).context("cannot remove the consumer of the last run")?;
    }
    fs::create_dir_all(consumer.join("src"))?;
    fs::write(consumer.join("src/main.rs"), example)?;
    fs::write(consumer.join("Cargo.toml"), manifest(&package.folder))?;
    // The package's own lock file, so that a consumer is no reason to ask the registry.
    fs::copy(package.folder.join("Cargo.lock"), consumer.join("Cargo.lock"))?;
    let mut command = cargo::cargo(&consumer, ["build", "--offline"]);
    cargo::run(command.env("CARGO_TARGET_DIR", consumer.join("target")))
}

fn manifest(package: &Path) -> String {
    format!(
        r#"[package]
name = "consumer"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
codexkit = {{ path = '{}' }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}
"#,
        package.display()
    )
}

/// The content of the first code block whose language is Rust.
fn first_rust_block(markdown: &str) -> Option<String> {
    let mut lines = markdown.lines();
    lines
        .find(|it| it.strip_prefix("```").is_some_and(|it| it.split(',').next() == Some("rust")))?;
    let mut block = String::new();
    for line in lines {
        if line.starts_with("```") {
            return Some(block);
        }
        block.push_str(line);
        block.push('\n');
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rust_block_is_taken_as_it_is() {
        let readme =
            "a\n```sh\nls\n```\n```rust,no_run\nfn main() {\n\n}\n```\n```rust\nlater\n```\n";
        assert_eq!(first_rust_block(readme).unwrap(), "fn main() {\n\n}\n");
    }

    #[test]
    fn a_readme_without_a_whole_rust_block_has_none() {
        for readme in ["", "```\nfn main() {}\n```\n", "```rusty\n```\n", "```rust\nfn main() {}\n"]
        {
            assert_eq!(first_rust_block(readme), None);
        }
    }
}
