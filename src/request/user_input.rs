//! Questions to the user.

use std::collections::BTreeMap;

use zeroize::Zeroize;

use crate::connection::Line;
use crate::error::Result;
use crate::protocol::{
    SecretValue, ToolRequestUserInputAnswer, ToolRequestUserInputParams,
    ToolRequestUserInputQuestion, ToolRequestUserInputResponse, envelope,
};

use super::{Kind, UserInput};

impl UserInput {
    /// Answers each question, by its id, with one text: the label of an option, or what the user
    /// has written, if the question allows that (`isOther`) or has no options. To a question
    /// with several answers, or none, [`respond`](Self::respond) gives a list.
    ///
    /// ```no_run
    /// # fn example(request: codexkit::UserInput) -> codexkit::Result<()> {
    /// let answers = request.questions.iter().filter_map(|question| {
    ///     let first = question.options.as_ref()?.first()?;
    ///     Some((question.id.clone(), first.label.clone()))
    /// });
    /// request.answer(answers)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond): every question needs an answer, and there is none to anything
    /// else.
    pub fn answer<Id: Into<String>, Text: Into<String>>(
        &self,
        answers: impl IntoIterator<Item = (Id, Text)>,
    ) -> Result<()> {
        let answers = answers
            .into_iter()
            .map(|(id, text)| (id.into(), ToolRequestUserInputAnswer::new(vec![text.into()])));
        self.respond(ToolRequestUserInputResponse::new(answers.collect::<BTreeMap<_, _>>()))
    }
}

impl Kind for ToolRequestUserInputParams {
    fn no(&self) -> Option<ToolRequestUserInputResponse> {
        Some(ToolRequestUserInputResponse::new([]))
    }

    fn encode(id: &str, response: &ToolRequestUserInputResponse) -> serde_json::Result<Line> {
        envelope::secret_answer_line(id, &SecretValue::of(response)).map(Line::Secret)
    }

    fn wipe(response: &mut ToolRequestUserInputResponse) {
        let answers = response.answers.values_mut().flat_map(|it| &mut it.answers);
        answers.for_each(Zeroize::zeroize);
    }

    fn check(&self, response: &ToolRequestUserInputResponse) -> Result<(), String> {
        for (id, answer) in &response.answers {
            let Some(question) = self.questions.iter().find(|it| it.id == *id) else {
                return Err(format!("there is no question `{id}`"));
            };
            // What the user has written may be a secret, and is not repeated.
            if !answer.answers.iter().all(|it| is_possible(question, it)) {
                return Err(format!("an answer is none of the options of question `{id}`"));
            }
        }
        match self.questions.iter().find(|it| !response.answers.contains_key(&it.id)) {
            Some(question) => Err(format!(
                "question `{}` has no answer: give it one, or an empty list",
                question.id
            )),
            None => Ok(()),
        }
    }
}

fn is_possible(question: &ToolRequestUserInputQuestion, answer: &str) -> bool {
    match &question.options {
        Some(options) if !question.is_other => options.iter().any(|it| it.label == answer),
        _ => true,
    }
}
