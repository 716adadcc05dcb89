//! What the user says to the questions of the agent is what the model hears.

use codexkit::protocol::{
    ToolRequestUserInputAnswer as Answer, ToolRequestUserInputResponse as Response,
};
use codexkit::testing::Reply;
use codexkit::{Error, Handlers, ServerRequest, TurnHandle, UserInput};
use serde_json::{Value, json};

use crate::asking::{CALL, ask, heard_of, next_request, nothing_went_wrong, untrusting};
use crate::support::{Place, SOON, run, within};

fn questions() -> Reply {
    ask(Reply::new(), CALL, &[("side", &["left", "right"]), ("speed", &["slow", "fast"])])
}

fn heard(place: &Place) -> Value {
    serde_json::from_str(&heard_of(place, CALL)).unwrap()
}

/// A turn that has asked both questions.
async fn asked(place: &Place) -> (TurnHandle, UserInput) {
    let thread = untrusting(place).await;
    place.model.extend([questions(), "Well.".into()]);
    let mut turn = thread.turn("Ask me.").park_requests().await.unwrap();
    match next_request(&mut turn).await {
        ServerRequest::UserInput(request) => (turn, request),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_model_hears_the_answer_to_each_question() {
    run(async |place| {
        let thread = untrusting(place).await;
        place.model.extend([questions(), "Well.".into()]);
        let handlers = Handlers::new().user_input(async |request| {
            let answers = request.questions.iter().map(|question| {
                let options = question.options.as_ref().unwrap();
                (question.id.clone(), options[1].label.clone())
            });
            request.answer(answers)
        });
        let turn = thread.turn("Ask me.").handler(handlers).await.unwrap();
        let result = within(SOON, turn.result()).await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("Well."));
        let answers = json!({"side": {"answers": ["right"]}, "speed": {"answers": ["fast"]}});
        assert_eq!(heard(place), json!({"answers": answers}));
    })
    .await;
}

#[tokio::test]
async fn what_the_user_writes_is_an_answer_too() {
    run(async |place| {
        let (turn, request) = asked(place).await;
        // The runtime lets every question be answered like that.
        assert!(request.questions.iter().all(|it| it.is_other));
        request.answer([("side", "straight on"), ("speed", "slow")]).unwrap();
        turn.result().await.unwrap();
        let answers = json!({"side": {"answers": ["straight on"]}, "speed": {"answers": ["slow"]}});
        assert_eq!(heard(place), json!({"answers": answers}));
    })
    .await;
}

#[tokio::test]
async fn a_question_may_have_several_answers_or_none() {
    run(async |place| {
        let (turn, request) = asked(place).await;
        let both = Answer::new(vec!["left".to_owned(), "right".to_owned()]);
        let none = Answer::new(Vec::<String>::new());
        let answers = [("side".to_owned(), both), ("speed".to_owned(), none)];
        request.respond(Response::new(answers)).unwrap();
        turn.result().await.unwrap();
        let answers = json!({"side": {"answers": ["left", "right"]}, "speed": {"answers": []}});
        assert_eq!(heard(place), json!({"answers": answers}));
    })
    .await;
}

#[tokio::test]
async fn questions_that_are_refused_have_no_answers_and_the_turn_goes_on() {
    run(async |place| {
        let (turn, request) = asked(place).await;
        let codex = request.codex().unwrap();
        let feed = codex.notifications();
        request.refuse().unwrap();
        let result = within(SOON, turn.result()).await.unwrap();
        assert_eq!(result.final_response.as_deref(), Some("Well."));
        assert_eq!(heard(place), json!({"answers": {}}));
        nothing_went_wrong(codex, feed).await;
    })
    .await;
}

#[tokio::test]
async fn answers_that_do_not_fit_the_questions_are_not_sent() {
    run(async |place| {
        let (turn, request) = asked(place).await;
        let others: [(&[(&str, &str)], &str); 3] = [
            (&[], "question `side` has no answer"),
            (&[("side", "left")], "question `speed` has no answer"),
            (&[("side", "left"), ("speed", "slow"), ("width", "1")], "no question `width`"),
        ];
        for (answers, expected) in others {
            match request.answer(answers.iter().copied()) {
                Err(Error::InvalidInput(problem)) => {
                    assert!(problem.contains(expected), "{problem}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(request.resolution(), None);
        }
        request.answer([("side", "left"), ("speed", "slow")]).unwrap();
        turn.result().await.unwrap();
        let answers = json!({"side": {"answers": ["left"]}, "speed": {"answers": ["slow"]}});
        assert_eq!(heard(place), json!({"answers": answers}));
    })
    .await;
}

#[tokio::test]
async fn a_question_says_whether_its_answer_is_a_secret() {
    run(async |place| {
        let thread = untrusting(place).await;
        let option = json!({"label": "none", "description": "there is none"});
        let question = json!({
            "id": "password",
            "header": "Password",
            "question": "What is it?",
            "options": [option],
            "isSecret": true,
        });
        let call = json!({"questions": [question]});
        let call = Reply::new().function_call(CALL, "request_user_input", call);
        place.model.extend([call, "Well.".into()]);
        let mut turn = thread.turn("Ask me.").park_requests().await.unwrap();
        let ServerRequest::UserInput(request) = next_request(&mut turn).await else { panic!() };
        assert!(request.questions[0].is_secret);
        request.answer([("password", "none")]).unwrap();
        turn.result().await.unwrap();
    })
    .await;
}
