//! The direct way for what streams gives what the way through a value gives.

use std::collections::BTreeMap;

use codexkit::protocol::{SERVER_NOTIFICATION_METHODS, ServerNotification};
use serde_json::{Value, json};

use crate::arbitrary::{Random, Schema};

/// How many values of the params of each notification.
const VALUES: u64 = 20;

fn streaming() -> Vec<&'static str> {
    let all = SERVER_NOTIFICATION_METHODS.iter().copied();
    all.filter(|it| it.to_lowercase().ends_with("delta")).collect()
}

#[test]
fn streamed_notifications_decode_alike_both_ways() {
    let schema = Schema::pinned();
    let params: BTreeMap<_, _> = schema.methods("ServerNotification").into_iter().collect();
    assert!(streaming().len() > 5, "{:?}", streaming());
    for method in streaming() {
        for seed in 0..VALUES {
            let params = Random::new(&schema, seed).value(params[method]);
            let envelope = |params: &Value| {
                format!(r#"{{"method":"{method}","params":{params},"emittedAtMs":1}}"#)
            };
            let direct: ServerNotification = serde_json::from_str(&envelope(&params)).unwrap();
            assert_eq!(direct, ServerNotification::try_decode(method, &params).unwrap());
            assert_eq!(direct, ServerNotification::decode(method, params.clone()));

            // Without any one of its properties, it decodes both ways or neither.
            for key in params.as_object().unwrap().keys() {
                let mut less = params.clone();
                less.as_object_mut().unwrap().remove(key);
                let direct = serde_json::from_str::<ServerNotification>(&envelope(&less)).ok();
                assert_eq!(direct, ServerNotification::try_decode(method, &less).ok(), "{method}");
            }
        }
    }
}

#[test]
fn streamed_params_that_do_not_fit_are_kept_by_decode_alone() {
    let method = "item/plan/delta";
    let params = json!({ "delta": 1, "itemId": "i", "threadId": "t", "turnId": "u" });
    let text = json!({ "method": method, "params": params }).to_string();
    assert!(serde_json::from_str::<ServerNotification>(&text).is_err());
    assert_eq!(ServerNotification::try_decode(method, &params).unwrap_err().path(), "delta");
    let kept = ServerNotification::decode(method, params.clone());
    assert!(matches!(kept, ServerNotification::Unrecognized(it) if it.params == params));
}

#[test]
fn an_error_of_streamed_params_does_not_repeat_them() {
    let secret = "not-for-print";
    let flag = json!({
        "capReached": secret, "deltaBase64": "", "processId": "p", "stream": "stdout",
    });
    for params in [flag, json!(secret)] {
        let message = json!({ "method": "command/exec/outputDelta", "params": params });
        let error = serde_json::from_str::<ServerNotification>(&message.to_string()).unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
        assert!(error.to_string().contains("expected a"), "{error}");
    }
}

#[test]
fn params_may_stand_before_the_method() {
    let text = r#"{"params":{"delta":"d","itemId":"i","threadId":"t","turnId":"u"},
        "method":"item/plan/delta"}"#;
    let decoded: ServerNotification = serde_json::from_str(text).unwrap();
    assert!(matches!(decoded, ServerNotification::PlanDelta(it) if it.delta == "d"));
}

#[test]
fn a_frequent_notification_is_small() {
    let size = size_of::<ServerNotification>();
    assert!(size <= 128, "{size}");
}
