//! Clients that are set up, and starts that fail.

use codexkit::protocol::ChatgptAuthTokensRefreshResponse;
use codexkit::{Codex, Error, StartErrorSource, VersionPolicy};
use serde_json::{Value, json};

use crate::written::Written;
use crate::{KEY, NEW_TOKEN, OTHER, TOKEN};

pub(crate) async fn builders_and_failed_starts(written: &mut Written) {
    let builder = Codex::builder()
        .env("OPENAI_API_KEY", KEY)
        .env("OTHER", OTHER)
        .config("model_providers.x.experimental_bearer_token", TOKEN)
        .config("nested", json!({"list": [KEY], "table": {"key": OTHER}}))
        .arg(OTHER)
        .chatgpt_token_provider(async |_| {
            let tokens = ChatgptAuthTokensRefreshResponse::new("a1", NEW_TOKEN);
            Ok::<_, std::io::Error>(tokens)
        });
    written.debug(&builder);
    written.debug(&VersionPolicy::Exact);
    let missing = builder.clone().binary("/nowhere/codex").start().await;
    is_start_error(written, missing);
    let in_the_way = builder.clone().config("is_null", Value::Null).start().await;
    assert!(matches!(written.failure(in_the_way), Error::InvalidInput(_)));
    let unequal = builder.clone().config("a=b", KEY).start().await;
    assert!(matches!(written.failure(unequal), Error::InvalidInput(_)));
    let homeless = builder.clone().codex_home("relative").start().await;
    assert!(matches!(written.failure(homeless), Error::InvalidInput(_)));
    #[cfg(unix)]
    is_start_error(written, builder.binary("false").start().await);
}

fn is_start_error(written: &mut Written, started: codexkit::Result<Codex>) {
    match written.failure(started) {
        Error::Start(error) => {
            written.debug(&*error);
            written.debug(&error.source);
            if let StartErrorSource::Handshake(error) = &error.source {
                written.error(error);
            }
        }
        other => panic!("{other:?}"),
    }
}
