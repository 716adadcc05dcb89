//! A turn whose answer is a Rust type.
//!
//! `cargo run --features schemars,testing --example structured_output` runs it against an embedded
//! model: no account, no network. Once the runtime is logged in (`codex login`), `--account` behind
//! it, after `--`, asks the real model.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use codexkit::testing::{MockModel, TestHome};
use codexkit::{Codex, Error, Sandbox};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the model reads as well: these lines are part of the schema.
#[derive(Deserialize, JsonSchema)]
struct Recipe {
    name: String,
    /// Without the time to cool down.
    minutes: u32,
    ingredients: Vec<Ingredient>,
    /// Null if it has none.
    warning: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Ingredient {
    name: String,
    amount: Amount,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "unit", rename_all = "snake_case")]
enum Amount {
    Grams { grams: f64 },
    Pieces { pieces: u32 },
    ToTaste,
}

/// What the embedded model answers.
const ANSWER: &str = r#"{
    "name": "Pancakes",
    "minutes": 20,
    "ingredients": [
        {"name": "flour", "amount": {"unit": "grams", "grams": 250}},
        {"name": "eggs", "amount": {"unit": "pieces", "pieces": 3}},
        {"name": "salt", "amount": {"unit": "to_taste"}}
    ],
    "warning": null
}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|arg| arg == "--account") {
        return cook(Codex::start().await?).await;
    }
    let home = TestHome::new()?;
    let model = MockModel::start().await?;
    model.push(ANSWER);
    cook(home.builder(&model).start().await?).await
}

async fn cook(codex: Codex) -> Result<(), Box<dyn std::error::Error>> {
    let thread = codex.thread_start().sandbox(Sandbox::ReadOnly).await?;
    match thread.run_typed::<Recipe>("How do I make pancakes?").await {
        Ok(result) => {
            let recipe = result.value;
            println!("{} in {} minutes", recipe.name, recipe.minutes);
            for Ingredient { name, amount } in recipe.ingredients {
                match amount {
                    Amount::Grams { grams } => println!("- {grams} g of {name}"),
                    Amount::Pieces { pieces } => println!("- {pieces} {name}"),
                    Amount::ToTaste => println!("- {name}, as you like"),
                }
            }
            println!("warning: {}", recipe.warning.as_deref().unwrap_or("none"));
        }
        Err(Error::Output(error)) => {
            println!("{error}: {}", error.text().unwrap_or("nothing at all"));
        }
        Err(error) => return Err(error.into()),
    }
    codex.close().await;
    Ok(())
}
