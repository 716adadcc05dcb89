//! The stored threads: listed in pages, read, put away and got back.
//!
//! `cargo run --features testing --example threads` makes its threads with an embedded model: no
//! account, no network. With `--account` behind it, after `--`, it lists the newest threads of your
//! own history instead, and changes nothing.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::Codex;
use codexkit::protocol::ThreadSortKey;
use codexkit::testing::{MockModel, TestHome};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        let codex = Codex::start().await?;
        for thread in codex.thread_list().sort_key(ThreadSortKey::UpdatedAt).limit(10).await?.data {
            println!("{} {:?}", thread.id, thread.name.unwrap_or(thread.preview));
        }
        codex.close().await;
        return Ok(());
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    model.always("Done.");
    let codex = home.builder(&model).start().await?;
    for number in 1..=5 {
        codex.thread_start().await?.run(format!("Task {number}")).await?;
    }

    let page = codex.thread_list().limit(2).await?;
    println!("the newest two: {:?}", page.data.iter().map(|it| &it.preview).collect::<Vec<_>>());
    let mut threads = codex.thread_list().limit(2).all();
    let mut oldest = None;
    while let Some(thread) = threads.next().await {
        let thread = thread?;
        println!("{} {:?}", thread.id, thread.preview);
        oldest = Some(thread.id);
    }

    let Some(id) = oldest else { return Err("there is no thread".into()) };
    codex.thread_archive(&id).await?;
    let left = codex.thread_list().await?.data.len();
    println!("archived {id}, {left} threads are left");
    codex.thread_unarchive(&id).await?;
    let name = "The first one";
    codex.thread(&id).set_name(name).await?;
    println!("{name:?} is back: {:?}", codex.thread(&id).read().await?.name);
    codex.close().await;
    Ok(())
}
