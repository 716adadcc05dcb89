//! A turn whose answer is a Rust type.

mod strict;

use std::future::IntoFuture;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::codex::BoxFuture;
use crate::error::{Error, OutputError, Result};
use crate::input::TurnInput;
use crate::thread::Thread;

use self::strict::StrictSchema;
use super::{TurnResult, TurnStart};

/// What a turn gave, with its answer as a value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TypedResult<T> {
    /// The answer of the agent.
    pub value: T,
    /// The turn, with the text of the answer in its `final_response`.
    pub turn: TurnResult,
}

impl Thread {
    /// Runs one turn to its end, and reads its answer as a `T`. Await it, after setting what should
    /// differ from the thread.
    ///
    /// `T` derives `JsonSchema` of the crate `schemars`, which has to be version 1 of it.
    ///
    /// The model is bound to the JSON schema of `T`, in the form that it takes as strict: it gives
    /// every field, and no other ones. So a field with a default of serde is always given, one that
    /// is an `Option` may be null, and descriptions in the documentation of `T` are read by the
    /// model. A map, or any value, has no such form: a list of structs has. The fields come in the
    /// order of their names, unless the feature `preserve_order` of `serde_json` is on in the build.
    ///
    /// Lengths of texts, unknown formats and other bounds that models do not know are left out, and
    /// not enforced: what has to hold is checked when the value is there. An enum with a tag inside,
    /// one of whose variants is nothing but the enum itself, has no end: `schemars` overflows the
    /// stack over it.
    ///
    /// ```no_run
    /// # async fn example(thread: codexkit::Thread) -> codexkit::Result<()> {
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Review {
    ///     /// One sentence.
    ///     verdict: String,
    ///     files: Vec<String>,
    /// }
    ///
    /// let review = thread.run_typed::<Review>("Review the last commit.").await?;
    /// println!("{} ({} files)", review.value.verdict, review.value.files.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_typed<T>(&self, input: impl Into<TurnInput>) -> TurnStart<TypedResult<T>>
    where
        T: DeserializeOwned + JsonSchema + 'static,
    {
        TurnStart::new(self, input.into())
    }
}

impl<T> IntoFuture for TurnStart<TypedResult<T>>
where
    T: DeserializeOwned + JsonSchema + 'static,
{
    type Output = Result<TypedResult<T>>;
    type IntoFuture = BoxFuture<Result<TypedResult<T>>>;

    /// The output schema is that of `T`, whatever was set.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInput`] if no strict schema describes `T`, before anything is sent.
    /// [`Error::Output`] with the turn if it gave no answer, or one that is no `T`. Else as for
    /// [`Thread::run`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped after the request was sent, the turn runs without a listener,
    /// unless [`TurnStart::interrupt_on_drop`] says otherwise.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let schema = StrictSchema::of::<T>()?;
            let start = self.output_schema(schema.as_value().clone());
            let turn = start.start().await?.result().await?;
            let read = turn.final_response.as_deref().map(|text| schema.read::<T>(text));
            match read {
                Some(Ok(value)) => Ok(TypedResult { value, turn }),
                Some(Err(error)) => Err(output_error(turn, Some(error))),
                None => Err(output_error(turn, None)),
            }
        })
    }
}

fn output_error(turn: TurnResult, source: Option<serde_json::Error>) -> Error {
    Error::Output(Box::new(OutputError { turn, source }))
}
