//! Tools that the client provides to the agent.

mod namespace;
mod output;
mod set;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::codex::BoxFuture;
use crate::protocol;
use crate::request::ToolCall;

pub use self::namespace::ToolNamespace;
pub use self::output::ToolOutput;
pub(crate) use self::set::ToolSet;

/// A tool of the client that the agent can call: a function of Rust with a name, a description and
/// a schema of its arguments, which the model reads (`dynamicTools` of `thread/start`,
/// `item/tool/call`).
///
/// [`ThreadStart::tool`](crate::ThreadStart::tool) gives it to a thread. The thread keeps what the
/// model is told of the tool, also when it is resumed or forked; the function has to be given again
/// then ([`ThreadResume::tool`](crate::ThreadResume::tool)).
///
/// What the function gives is what the model reads. If it fails, the text of its error and of what
/// caused that: nothing secret may be in it. Arguments that do not fit are such a failure as well,
/// so that the model can correct itself. If it panics or takes longer than its
/// [deadline](Self::deadline), the model reads that there is no result, and
/// [`ConnectionEvent::RequestRefused`](crate::ConnectionEvent::RequestRefused) says why. Calls run
/// concurrently, each in a task of its own, which is dropped when the turn ends.
///
/// Tools are experimental: they need the feature of that name, and
/// [`CodexBuilder::experimental_api`](crate::CodexBuilder::experimental_api).
///
/// A name has letters, digits, `_` and `-`, at most 128 of them, and does not begin with `mcp`. The
/// runtime does not say so when it has a tool of that name itself, and calls its own.
#[cfg_attr(
    feature = "schemars",
    doc = r#"
```
use codexkit::Tool;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    /// The name of a city.
    city: String,
}

let weather = Tool::new("weather", "The weather in a city.", async |place: Place| {
    if place.city.is_empty() { Err("there is no such city") } else { Ok("It rains.") }
});
```

A function that uses something clones it for each call:

```
# use codexkit::Tool;
# #[derive(serde::Deserialize, schemars::JsonSchema)]
# struct Place { city: String }
# fn example(cities: std::sync::Arc<Vec<String>>) -> Tool {
Tool::new("weather", "The weather in a city.", move |place: Place| {
    let cities = cities.clone();
    async move { if cities.contains(&place.city) { Ok("It rains.") } else { Err("unknown city") } }
})
# }
```
"#
)]
#[derive(Clone)]
#[must_use = "a tool does nothing until a thread has it"]
pub struct Tool {
    name: String,
    description: String,
    schema: Value,
    defer_loading: bool,
    deadline: Option<Duration>,
    run: Run,
}

/// Decodes the arguments of a call and runs the function with them.
type Run = Arc<dyn Fn(ToolCall) -> BoxFuture<Result<ToolOutput, Failure>> + Send + Sync>;

/// Why a call has no output.
type Failure = Box<dyn StdError + Send + Sync>;

impl Tool {
    /// A tool whose function takes `T`, of which schema and arguments are made. `T` derives
    /// `JsonSchema` of the crate `schemars`, which has to be version 1 of it, and is a struct, or
    /// whatever else is an object in JSON.
    #[cfg(feature = "schemars")]
    pub fn new<T, F, Fut, O, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        function: F,
    ) -> Tool
    where
        T: DeserializeOwned + schemars::JsonSchema,
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<ToolOutput>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Tool::with_call(name, description, move |arguments, _| function(arguments))
    }

    /// The same with a function that also takes the call: to know its thread and its turn, and to
    /// use the client ([`PendingRequest::codex`](crate::PendingRequest::codex)), which the function
    /// of a tool must not hold.
    #[cfg(feature = "schemars")]
    pub fn with_call<T, F, Fut, O, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        function: F,
    ) -> Tool
    where
        T: DeserializeOwned + schemars::JsonSchema,
        F: Fn(T, ToolCall) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<ToolOutput>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Tool::with_schema(name, description, schema_of::<T>(), function)
    }

    /// The same with a JSON schema that was not made of `T`. The runtime does not check arguments
    /// against it: they only have to be a `T`, which may be a
    /// [`Value`].
    pub fn with_schema<T, F, Fut, O, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        schema: impl Into<Value>,
        function: F,
    ) -> Tool
    where
        T: DeserializeOwned,
        F: Fn(T, ToolCall) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        O: Into<ToolOutput>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let run = move |call: ToolCall| -> BoxFuture<Result<ToolOutput, Failure>> {
            match T::deserialize(&call.arguments) {
                Ok(arguments) => {
                    let output = function(arguments, call);
                    Box::pin(async move { output.await.map(Into::into).map_err(Into::into) })
                }
                Err(error) => {
                    let failure = format!("the arguments do not fit: {error}").into();
                    Box::pin(std::future::ready(Err(failure)))
                }
            }
        };
        Tool {
            name: name.into(),
            description: description.into(),
            schema: schema.into(),
            defer_loading: false,
            deadline: None,
            run: Arc::new(run),
        }
    }

    /// Whether the model is told of the tool only when it searches for tools. The runtime takes that
    /// of tools in a [namespace](ToolNamespace) alone.
    pub fn defer_loading(mut self, yes: bool) -> Tool {
        self.defer_loading = yes;
        self
    }

    /// How long a call may take. 5 minutes by default.
    pub fn deadline(mut self, after: Duration) -> Tool {
        self.deadline = Some(after);
        self
    }

    /// What the runtime is told of the tool.
    fn function(&self) -> protocol::FunctionDynamicToolSpec {
        let (name, description) = (self.name.clone(), self.description.clone());
        let spec = protocol::FunctionDynamicToolSpec::new(name, description, self.schema.clone());
        if self.defer_loading { spec.defer_loading(true) } else { spec }
    }
}

/// References inside of a schema are resolved, as far as it has an end: not every provider of models
/// follows them.
#[cfg(feature = "schemars")]
fn schema_of<T: schemars::JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|it| {
        it.inline_subschemas = true;
        it.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().into()
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}
