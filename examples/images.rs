//! Images as input: from a file and from memory, together with text.
//!
//! `cargo run --features testing --example images` runs it against an embedded model: no account, no
//! network. Once the runtime is logged in (`codex login`), `--account` behind it, after `--`, asks
//! the real model.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::Path;

use codexkit::protocol::ImageDetail;
use codexkit::testing::{MockModel, TestHome};
use codexkit::{Codex, Input, Sandbox};

/// One red pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\
    \0\0\0\x0cIDATx\x9cc\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xaeB`\x82";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = TestHome::new()?;
    let file = home.workspace().join("pixel.png");
    std::fs::write(&file, PNG)?;
    if std::env::args().any(|arg| arg == "--account") {
        return compare(Codex::start().await?, &file).await;
    }
    let model = MockModel::start().await?;
    model.push("Both are one red pixel.");
    compare(home.builder(&model).start().await?, &file).await?;
    for url in model.requests()[0].image_urls() {
        println!("the model got {} characters of {}", url.len(), &url[..22]);
    }
    Ok(())
}

async fn compare(codex: Codex, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    let input = [
        Input::text("Here is an image in a file, and one in memory."),
        Input::local_image(file),
        Input::image_bytes("image/png", PNG).detail(ImageDetail::High),
        Input::text("Do they show the same?"),
    ];
    let result = thread.run(input).await?;
    println!("agent: {}", result.final_response.unwrap_or_default());
    codex.close().await;
    Ok(())
}
