//! What starting, resuming and forking a thread have in common.

/// The options of `$builder`, whose field `params` is a `protocol::$params`.
macro_rules! thread_options {
    ($builder:ident, $params:ident) => {
        impl $builder {
            /// The model, by its slug.
            pub fn model(self, model: impl Into<String>) -> Self {
                self.params(|params| params.model(model))
            }

            /// The provider of the model, by its name in the configuration.
            pub fn model_provider(self, name: impl Into<String>) -> Self {
                self.params(|params| params.model_provider(name))
            }

            /// The directory that the agent works in. A relative path begins at the working
            /// directory of the runtime.
            pub fn cwd(mut self, path: impl AsRef<std::path::Path>) -> Self {
                match $crate::path::text(path.as_ref()) {
                    Ok(path) => self.params.cwd = Some(path),
                    Err(problem) => {
                        self.problem.get_or_insert(problem);
                    }
                }
                self
            }

            /// Where the commands of the agent may write: a [`Sandbox`](crate::Sandbox), or a mode
            /// of the protocol.
            pub fn sandbox(self, sandbox: impl Into<$crate::protocol::SandboxMode>) -> Self {
                self.params(|params| params.sandbox(sandbox))
            }

            /// Who decides when the agent wants to do more than its sandbox allows. Nothing is said
            /// about it if this is not called: there is no mode that this crate prefers.
            pub fn approval_mode(self, mode: $crate::ApprovalMode) -> Self {
                self.params(|mut params| {
                    mode.apply(&mut params.approval_policy, &mut params.approvals_reviewer);
                    params
                })
            }

            /// Overrides one value of the configuration, by its path such as
            /// `model_verbosity` or `features.goals`. It holds as long as this runtime has the
            /// thread loaded, and is not stored.
            pub fn config(
                self,
                key: impl Into<String>,
                value: impl Into<serde_json::Value>,
            ) -> Self {
                self.params(|mut params| {
                    params.config.get_or_insert_default().insert(key.into(), value.into());
                    params
                })
            }

            /// The service tier, such as `flex`. `None` asks for the standard one, which is not the
            /// same as not calling this. The runtime ignores a name that it does not know.
            pub fn service_tier(self, tier: Option<String>) -> Self {
                self.params(|params| params.service_tier(tier))
            }

            /// Changes the params of the request as they will be sent, for everything that has no
            /// method of its own here: what is experimental, such as permission profiles and
            /// environments, and the personality, which the schema calls deprecated.
            pub fn params(
                mut self,
                change: impl FnOnce($crate::protocol::$params) -> $crate::protocol::$params,
            ) -> Self {
                self.params = change(self.params);
                self
            }

            /// Answers the requests of the server about this thread, before the handler of the
            /// client is asked: see [`ServerRequestHandler`](crate::ServerRequestHandler). One that
            /// the thread has in this client already is replaced.
            ///
            /// The handler is let go of when the thread is closed or unsubscribed, or the connection
            /// ends. Until then it must not hold a [`Codex`](crate::Codex) of this connection, nor
            /// what belongs to one, which would keep itself open like that:
            /// [`PendingRequest::codex`](crate::PendingRequest::codex) gives one.
            pub fn handler(mut self, handler: impl $crate::ServerRequestHandler) -> Self {
                self.answering.set_handler(handler);
                self
            }

            /// One more tool of the client's that the agent can call: see [`Tool`](crate::Tool). A
            /// thread that is resumed or forked knows already what it was told of its tools when it
            /// was started; there this says what runs when one is called.
            #[cfg(feature = "experimental")]
            pub fn tool(mut self, tool: $crate::Tool) -> Self {
                self.answering.tools.add(tool);
                self
            }

            /// A namespace of such tools.
            #[cfg(feature = "experimental")]
            pub fn tool_namespace(mut self, namespace: $crate::ToolNamespace) -> Self {
                self.answering.tools.add_namespace(namespace);
                self
            }

            /// Sends the request. Whoever answers for the thread is there when the answer is read:
            /// behind that of a resumed one comes what the runtime still waits for.
            async fn open(
                mut self,
            ) -> $crate::Result<(
                $crate::Codex,
                <$crate::protocol::$params as $crate::protocol::Request>::Response,
            )> {
                if let Some(problem) = self.problem {
                    return Err($crate::Error::InvalidInput(problem));
                }
                let effect = $crate::connection::Effect::Open(self.answering.scope()?);
                let response = self.codex.connection.change(&self.params, Some(effect)).await?;
                Ok((self.codex, response))
            }
        }

        impl std::fmt::Debug for $builder {
            /// Leaves out the params: their configuration may hold secrets.
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($builder)).finish_non_exhaustive()
            }
        }
    };
}

/// Whether a thread that goes on from a history, with `$builder` and its `protocol::$params`, comes
/// with it.
macro_rules! thread_history_options {
    ($builder:ident, $params:ident) => {
        impl $builder {
            pub(crate) fn new(codex: $crate::Codex, id: String) -> $builder {
                let params = $crate::protocol::$params::new(id);
                let answering = $crate::thread::ThreadAnswering::default();
                $builder { codex, params, problem: None, answering }.include_turns(false)
            }

            /// Whether the answer holds the whole history, as [`ThreadOpened::thread`] then shows
            /// it. It does not if this is not called: [`Thread::turns`] and [`Thread::items`] give
            /// the history in pages, and the runtime calls it deprecated to ask for all of it at
            /// once. A runtime before 0.151 without the experimental API always sends all of it.
            pub fn include_turns(mut self, yes: bool) -> Self {
                self.params.exclude_turns = None;
                let without_turns = self.params.clone().exclude_turns(true);
                // A runtime that cannot leave them out is not asked to.
                if !yes && self.codex.connection.supports(&without_turns).is_ok() {
                    self.params = without_turns;
                }
                self
            }
        }
    };
}
