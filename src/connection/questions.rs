//! Requests of the server that the user's code answers.

use std::sync::Arc;

use super::outgoing::Line;
use super::shared::Shared;
use crate::feed::FeedItem;
use crate::protocol::envelope;
use crate::request::{Question, Refusal, Unanswered};
use crate::trace;

impl Shared {
    /// Has a request answered in the background, for as long as the connection lasts.
    pub(super) fn ask(self: &Arc<Self>, question: Question) {
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::select! {
                () = shared.answer(question) => (),
                _ = shared.closed() => (),
            }
        });
    }

    async fn answer(&self, question: Question) {
        let Question { id, request, params, provider } = question;
        let unanswered = match provider.refresh(params).await {
            Ok(answer) => match envelope::secret_answer_line(&id, &answer) {
                Ok(line) => {
                    trace::event!(debug, method = request.method, "answered a request");
                    self.send(Line::Secret(line));
                    return;
                }
                Err(error) => Unanswered {
                    problem: "the answer cannot be encoded".to_owned(),
                    source: Some(Arc::new(error)),
                },
            },
            Err(unanswered) => unanswered,
        };
        trace::event!(warn, method = request.method, "a request of the server was not answered");
        let refusal = Refusal::of(request, unanswered);
        if let Ok(line) = refusal.line(&id) {
            self.send(Line::Plain(line));
        }
        self.state().publish(|| FeedItem::refused(refusal));
    }
}
