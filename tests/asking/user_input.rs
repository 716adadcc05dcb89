//! Each question gets an answer that it can have.

use codexkit::protocol::ToolRequestUserInputResponse;
use codexkit::{ServerRequest, UserInput};
use serde_json::{Value, json};

use crate::support::{USER_INPUT, Waiting, params};

fn option(label: &str) -> Value {
    json!({"label": label, "description": "d"})
}

fn question(id: &str, options: &Value, is_other: bool, is_secret: bool) -> Value {
    json!({
        "id": id, "header": "h", "question": "?", "options": options,
        "isOther": is_other, "isSecret": is_secret,
    })
}

fn asked(questions: &[Value]) -> Value {
    let mut params = params(USER_INPUT, "u1");
    params["questions"] = json!(questions);
    params
}

fn input_of(request: &ServerRequest) -> UserInput {
    match request {
        ServerRequest::UserInput(request) => request.clone(),
        other => panic!("{other:?}"),
    }
}

/// What is sent of lists of answers.
fn lists(answers: &Value) -> Value {
    let answers = answers.as_object().unwrap().iter();
    json!({"answers": answers.map(|(id, list)| (id.clone(), json!({"answers": list}))).collect::<serde_json::Map<_, _>>()})
}

fn response(answers: &Value) -> ToolRequestUserInputResponse {
    serde_json::from_value(lists(answers)).unwrap()
}

async fn check(questions: &[Value], fits: &[Value], misfits: &[(Value, &str)]) {
    let asked = asked(questions);
    let mut waiting = Waiting::new().await;
    for (id, answers) in (1..).zip(fits) {
        let request = waiting.ask(id, USER_INPUT, &asked).await;
        let input = input_of(&request);
        for (misfit, because) in misfits {
            let answered = input.respond(response(misfit));
            waiting.invalid(&request, answered, because).await;
        }
        waiting.sent(input.respond(response(answers)), id, &lists(answers)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_the_options_is_an_answer_and_nothing_else_is() {
    let options = json!([option("A (Recommended)"), option("B")]);
    check(
        &[question("q1", &options, false, false)],
        &[
            json!({"q1": ["B"]}),
            json!({"q1": ["A (Recommended)"]}),
            json!({"q1": ["A (Recommended)", "B"]}),
            json!({"q1": []}),
        ],
        &[
            (json!({}), "question `q1` has no answer: give it one, or an empty list"),
            (json!({"q1": ["A"]}), "none of the options of question `q1`"),
            (json!({"q1": ["b"]}), "none of the options"),
            (json!({"q1": [""]}), "none of the options"),
            (json!({"q1": ["B", "C"]}), "none of the options"),
            (json!({"q1": ["B"], "q2": ["B"]}), "there is no question `q2`"),
            (json!({"Q1": ["B"]}), "there is no question `Q1`"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn whatever_the_user_writes_is_an_answer_where_that_is_possible() {
    let options = json!([option("A")]);
    for question in [
        question("q1", &options, true, false),
        question("q1", &json!(null), false, false),
        question("q1", &json!(null), true, true),
        json!({"id": "q1", "header": "h", "question": "?"}),
    ] {
        check(
            &[question],
            &[json!({"q1": ["A"]}), json!({"q1": ["written"]}), json!({"q1": [""]})],
            &[(json!({}), "has no answer"), (json!({"q1": ["A"], "q0": []}), "no question `q0`")],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_questions_want_an_answer() {
    let options = json!([option("A")]);
    check(
        &[question("q1", &options, false, false), question("q2", &json!(null), false, false)],
        &[json!({"q1": ["A"], "q2": ["x"]}), json!({"q1": [], "q2": []})],
        &[
            (json!({"q1": ["A"]}), "question `q2` has no answer"),
            (json!({"q2": ["x"]}), "question `q1` has no answer"),
            (json!({"q1": ["x"], "q2": ["x"]}), "none of the options of question `q1`"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_questions_want_no_answers() {
    check(&[], &[json!({})], &[(json!({"q1": []}), "there is no question `q1`")]).await;
    // Those of one id have one answer.
    let twice =
        [question("q1", &json!(null), true, false), question("q1", &json!(null), true, false)];
    check(&twice, &[json!({"q1": ["x"]})], &[(json!({}), "has no answer")]).await;
}

#[tokio::test(start_paused = true)]
async fn one_text_per_question_is_the_usual_answer() {
    let options = json!([option("A"), option("B")]);
    let questions =
        [question("q1", &options, false, false), question("q2", &json!(null), true, true)];
    let (mut waiting, request) = Waiting::of(USER_INPUT, &asked(&questions)).await;
    let input = input_of(&request);
    waiting.invalid(&request, input.answer([("q1", "A")]), "`q2` has no answer").await;
    let none: [(String, String); 0] = [];
    waiting.invalid(&request, input.answer(none), "has no answer").await;
    let foreign = input.answer([("q1", "A"), ("q2", "x"), ("q3", "x")]);
    waiting.invalid(&request, foreign, "there is no question `q3`").await;
    let answered = input.answer([("q2", "written"), ("q1", "B")]);
    waiting.sent(answered, 1, &lists(&json!({"q1": ["B"], "q2": ["written"]}))).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_user_has_written_is_not_repeated_in_an_error() {
    let options = json!([option("A")]);
    for is_secret in [true, false] {
        let questions = [question("q1", &options, false, is_secret)];
        let (mut waiting, request) = Waiting::of(USER_INPUT, &asked(&questions)).await;
        let input = input_of(&request);
        let error = input.answer([("q1", "hush")]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        waiting.sent(input.answer([("q1", "A")]), 1, &lists(&json!({"q1": ["A"]}))).await;
    }
}
