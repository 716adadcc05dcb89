use serde_json::json;

use super::*;

fn turn(status: protocol::TurnStatus, error: Option<protocol::TurnError>) -> Box<TurnResult> {
    Box::new(TurnResult {
        id: "u1".into(),
        status,
        error,
        started_at: None,
        completed_at: None,
        duration_ms: None,
        final_response: None,
        items: Vec::new(),
        usage: None,
    })
}

fn failure(error: Option<protocol::TurnError>) -> String {
    let turn = *turn(protocol::TurnStatus::Failed, error);
    Error::TurnFailed(Box::new(TurnFailure { turn })).to_string()
}

fn turn_error(error: serde_json::Value) -> protocol::TurnError {
    serde_json::from_value(error).unwrap()
}

#[test]
fn a_failed_turn_says_which_why_and_the_details() {
    let error = turn_error(json!({"message": "no", "additionalDetails": "quota of 5 h"}));
    assert_eq!(failure(Some(error)), "turn u1 failed: no; quota of 5 h");
    let error = turn_error(json!({"message": "no", "additionalDetails": ""}));
    assert_eq!(failure(Some(error)), "turn u1 failed: no");
    assert_eq!(failure(None), "turn u1 failed: no reason given");
}

#[test]
fn a_deadline_that_passed_says_whether_the_turn_was_interrupted() {
    let text = |status| {
        let after = Duration::from_millis(1500);
        Error::TurnTimeout { after, turn: turn(status, None) }.to_string()
    };
    let expected = "turn u1 was not done within 1.5s and was interrupted";
    assert_eq!(text(protocol::TurnStatus::Interrupted), expected);
    let expected = "turn u1 was not done within 1.5s and could not be interrupted";
    assert_eq!(text(protocol::TurnStatus::InProgress), expected);
}
