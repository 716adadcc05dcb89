//! What is filled into a form fits its fields.

use serde_json::{Value, json};

use crate::elicitations::{asked, elicitation_of};
use crate::support::{ELICITATION, Waiting};

async fn check_form(form: &Value, fits: &[Value], misfits: &[(Value, &str)]) {
    let params = asked("form", &json!({"requestedSchema": form}));
    let mut waiting = Waiting::new().await;
    for (id, content) in (1..).zip(fits) {
        let request = waiting.ask(id, ELICITATION, &params).await;
        let elicitation = elicitation_of(&request);
        for (misfit, because) in misfits {
            let answered = elicitation.accept_with(misfit.clone());
            if let Err(error) = &answered {
                // What the user has filled in may be a secret.
                assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
            }
            waiting.invalid(&request, answered, because).await;
        }
        let answered = elicitation.accept_with(content.clone());
        waiting.sent(answered, id, &json!({"action": "accept", "content": content})).await;
    }
}

/// The same for the values of one field `f`.
async fn check(field: Value, fits: &[Value], misfits: &[(Value, &str)]) {
    let form = json!({"type": "object", "properties": {"f": field}, "required": ["f"]});
    let fits: Vec<_> = fits.iter().map(|it| json!({"f": it})).collect();
    let mut all: Vec<_> =
        misfits.iter().map(|(it, because)| (json!({"f": it}), *because)).collect();
    all.push((json!({}), "`f` is required"));
    all.push((json!({"f": fits[0]["f"], "g": 1}), "the form has no `g`"));
    check_form(&form, &fits, &all).await;
}

#[tokio::test(start_paused = true)]
async fn a_text_is_as_long_as_it_may_be() {
    check(
        json!({"type": "string", "minLength": 2, "maxLength": 4}),
        &[json!("ab"), json!("abcd"), json!("éü"), json!("😀😀😀😀")],
        &[
            (json!("a"), "`f` has at least 2 characters"),
            (json!(""), "at least 2"),
            (json!("😀"), "at least 2"),
            (json!("hush!"), "`f` has at most 4 characters"),
            (json!(7), "`f` is a text"),
            (json!(null), "is a text"),
            (json!(["ab"]), "is a text"),
            (json!({"hush": 1}), "is a text"),
        ],
    )
    .await;
    check(
        json!({"type": "string", "format": "email", "title": "t", "description": "d"}),
        &[json!(""), json!("no address")],
        &[(json!(true), "is a text")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_number_is_between_its_bounds() {
    check(
        json!({"type": "number", "minimum": -1.5, "maximum": 10}),
        &[json!(-1.5), json!(0), json!(10), json!(9.99), json!(10.0)],
        &[
            (json!(-1.6), "`f` is at least -1.5"),
            (json!(10.5), "`f` is at most 10"),
            (json!(u64::MAX), "at most 10"),
            (json!("7"), "`f` is a number"),
            (json!(null), "is a number"),
            (json!(true), "is a number"),
        ],
    )
    .await;
    check(
        json!({"type": "integer", "minimum": 0, "maximum": 5}),
        &[json!(0), json!(5), json!(3.0)],
        &[
            (json!(2.5), "`f` is a whole number"),
            (json!(-1), "at least 0"),
            (json!(6), "at most 5"),
            (json!("hush"), "is a number"),
        ],
    )
    .await;
    check(
        json!({"type": "integer"}),
        &[json!(i64::MIN), json!(u64::MAX), json!(-0.0), json!(1e300)],
        &[(json!(0.1), "whole number"), (json!([1]), "is a number")],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_switch_is_on_or_off() {
    check(
        json!({"type": "boolean", "default": true}),
        &[json!(true), json!(false)],
        &[
            (json!("true"), "`f` is true or false"),
            (json!(1), "is true or false"),
            (json!(null), "is true or false"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_choice_is_one_of_its_options() {
    let constant = |it: &str| json!({"const": it, "title": it.to_uppercase()});
    for field in [
        json!({"type": "string", "enum": ["a", "b"]}),
        json!({"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]}),
        json!({"type": "string", "oneOf": [constant("a"), constant("b")]}),
        json!({"type": "string", "enum": ["a", "b"], "title": "t", "default": "a"}),
    ] {
        check(
            field,
            &[json!("a"), json!("b")],
            &[
                (json!("A"), "`f` is one of the options"),
                (json!("hush"), "is one of the options"),
                (json!(""), "is one of the options"),
                (json!(["a"]), "is one of the options"),
                (json!(null), "is one of the options"),
            ],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn several_options_are_as_many_as_there_may_be() {
    let constant = |it: &str| json!({"const": it, "title": it.to_uppercase()});
    for items in [
        json!({"type": "string", "enum": ["a", "b", "c"]}),
        json!({"anyOf": [constant("a"), constant("b"), constant("c")]}),
    ] {
        check(
            json!({"type": "array", "items": items, "minItems": 1, "maxItems": 2}),
            &[json!(["a"]), json!(["c", "b"])],
            &[
                (json!([]), "`f` has at least 1 of the options"),
                (json!(["a", "b", "c"]), "`f` has at most 2 of the options"),
                (json!(["a", "hush"]), "`f` is a list of options"),
                (json!(["A"]), "is a list of options"),
                (json!([["a"]]), "is a list of options"),
                (json!("a"), "is a list of options"),
                (json!({"hush": "a"}), "is a list of options"),
            ],
        )
        .await;
        check(
            json!({"type": "array", "items": items}),
            &[json!([]), json!(["a", "b", "c"])],
            &[(json!([7]), "is a list of options")],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_required_may_be_left_out() {
    let form = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name"],
    });
    check_form(
        &form,
        &[json!({"name": "bob"}), json!({"name": "", "age": 7})],
        &[
            (json!({"age": 7}), "`name` is required"),
            (json!({}), "`name` is required"),
            (Value::Null, "`name` is required"),
            (json!({"name": "hush", "age": "hush"}), "`age` is a number"),
            (json!({"name": "bob", "hash": "hush"}), "the form has no `hash`"),
            (json!([]), "what is filled in is an object"),
            (json!("hush"), "what is filled in is an object"),
            (json!(7), "what is filled in is an object"),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_form_needs_nothing() {
    let form = json!({"type": "object", "properties": {}});
    check_form(&form, &[json!({})], &[(json!({"x": 1}), "the form has no `x`")]).await;
    let params = asked("form", &json!({"requestedSchema": form}));
    let (mut waiting, request) = Waiting::of(ELICITATION, &params).await;
    let answered = elicitation_of(&request).accept();
    waiting.sent(answered, 1, &json!({"action": "accept"})).await;
}

#[tokio::test(start_paused = true)]
async fn a_form_with_something_required_is_not_accepted_empty() {
    let form = json!({
        "type": "object", "properties": {"f": {"type": "boolean"}}, "required": ["f"],
    });
    let params = asked("form", &json!({"requestedSchema": form}));
    let (mut waiting, request) = Waiting::of(ELICITATION, &params).await;
    let elicitation = elicitation_of(&request);
    waiting.invalid(&request, elicitation.accept(), "`f` is required").await;
    // To say no is possible all the same.
    waiting.sent(elicitation.decline(), 1, &json!({"action": "decline"})).await;
}

#[tokio::test(start_paused = true)]
async fn a_field_of_a_new_kind_takes_anything() {
    check(
        json!({"type": "color", "palette": [1]}),
        &[json!("red"), json!([1, 2, 3]), json!({"r": 1})],
        &[],
    )
    .await;
}
