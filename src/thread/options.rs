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

            /// Where the commands of the agent may write.
            pub fn sandbox(self, sandbox: $crate::Sandbox) -> Self {
                self.params(|params| params.sandbox(sandbox))
            }

            /// Who decides when the agent wants to do more than its sandbox allows. Nothing is said
            /// about it if this is not called: there is no mode that this crate prefers.
            pub fn approval_mode(self, mode: $crate::ApprovalMode) -> Self {
                self.params(|mut params| {
                    params.approval_policy = Some(mode.policy());
                    params.approvals_reviewer = mode.reviewer().or(params.approvals_reviewer);
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
            /// same as not calling this.
            pub fn service_tier(self, tier: Option<String>) -> Self {
                self.params(|params| params.service_tier(tier))
            }

            /// Changes the params of the request as they will be sent, for everything that has no
            /// method of its own here: what is experimental, such as tools of the client
            /// (`dynamic_tools`), permission profiles and environments, and the personality, which
            /// the schema calls deprecated.
            pub fn params(
                mut self,
                change: impl FnOnce($crate::protocol::$params) -> $crate::protocol::$params,
            ) -> Self {
                self.params = change(self.params);
                self
            }

            /// Sends the request.
            async fn open(
                self,
                effect: Option<$crate::connection::Effect>,
            ) -> $crate::Result<(
                $crate::Codex,
                <$crate::protocol::$params as $crate::protocol::Request>::Response,
            )> {
                if let Some(problem) = self.problem {
                    return Err($crate::Error::InvalidInput(problem));
                }
                let response = self.codex.connection.change(&self.params, effect).await?;
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
