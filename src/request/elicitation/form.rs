//! Whether what was filled in fits the form.

use serde_json::{Map, Value};

use crate::protocol::{
    McpElicitationEnumSchema as Choice, McpElicitationMultiSelectEnumSchema as Several,
    McpElicitationNumberSchema, McpElicitationNumberType, McpElicitationPrimitiveSchema as Field,
    McpElicitationSchema, McpElicitationSingleSelectEnumSchema as One, McpElicitationStringSchema,
};

/// Says what does not fit, without repeating what the user has filled in.
pub(super) fn check(form: &McpElicitationSchema, content: Option<&Value>) -> Result<(), String> {
    let nothing = Map::new();
    let content = match content {
        None => &nothing,
        Some(Value::Object(content)) => content,
        Some(_) => return Err("what is filled in is an object".into()),
    };
    let mut required = form.required.iter().flatten();
    if let Some(missing) = required.find(|name| !content.contains_key(*name)) {
        return Err(format!("`{missing}` is required"));
    }
    for (name, value) in content {
        let Some(field) = form.properties.get(name) else {
            return Err(format!("the form has no `{name}`"));
        };
        check_field(field, value).map_err(|problem| format!("`{name}` {problem}"))?;
    }
    Ok(())
}

fn check_field(field: &Field, value: &Value) -> Result<(), String> {
    match field {
        Field::Boolean(_) if !value.is_boolean() => Err("is true or false".into()),
        Field::Number(number) => check_number(number, value),
        Field::String(string) => check_string(string, value),
        Field::Enum(choice) => check_choice(choice, value),
        Field::Boolean(_) | Field::Unrecognized(_) => Ok(()),
    }
}

fn check_number(schema: &McpElicitationNumberSchema, value: &Value) -> Result<(), String> {
    let Some(number) = value.as_f64() else { return Err("is a number".into()) };
    if schema.type_ == McpElicitationNumberType::Integer && number.fract() != 0.0 {
        return Err("is a whole number".into());
    }
    match (schema.minimum, schema.maximum) {
        (Some(minimum), _) if number < minimum => Err(format!("is at least {minimum}")),
        (_, Some(maximum)) if number > maximum => Err(format!("is at most {maximum}")),
        _ => Ok(()),
    }
}

fn check_string(schema: &McpElicitationStringSchema, value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Err("is a text".into()) };
    let length = text.chars().count();
    let fits = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    match (schema.min_length.map(fits), schema.max_length.map(fits)) {
        (Some(least), _) if length < least => Err(format!("has at least {least} characters")),
        (_, Some(most)) if length > most => Err(format!("has at most {most} characters")),
        _ => Ok(()),
    }
}

fn check_choice(choice: &Choice, value: &Value) -> Result<(), String> {
    match choice {
        Choice::LegacyTitled(it) => check_one(it.enum_.iter(), value),
        Choice::SingleSelect(One::Untitled(it)) => check_one(it.enum_.iter(), value),
        Choice::SingleSelect(One::Titled(it)) => {
            check_one(it.one_of.iter().map(|it| &it.const_), value)
        }
        Choice::MultiSelect(Several::Untitled(it)) => {
            check_several(&it.items.enum_, (it.min_items, it.max_items), value)
        }
        Choice::MultiSelect(Several::Titled(it)) => {
            let options: Vec<_> = it.items.any_of.iter().map(|it| it.const_.clone()).collect();
            check_several(&options, (it.min_items, it.max_items), value)
        }
        Choice::Unrecognized(_)
        | Choice::SingleSelect(One::Unrecognized(_))
        | Choice::MultiSelect(Several::Unrecognized(_)) => Ok(()),
    }
}

fn check_one<'a>(
    mut options: impl Iterator<Item = &'a String>,
    value: &Value,
) -> Result<(), String> {
    let is_option = value.as_str().is_some_and(|text| options.any(|it| it == text));
    if is_option { Ok(()) } else { Err("is one of the options".into()) }
}

fn check_several(
    options: &[String],
    (least, most): (Option<u64>, Option<u64>),
    value: &Value,
) -> Result<(), String> {
    let Some(chosen) = value.as_array() else { return Err("is a list of options".into()) };
    for it in chosen {
        check_one(options.iter(), it).map_err(|_| "is a list of options".to_owned())?;
    }
    let count = u64::try_from(chosen.len()).unwrap_or(u64::MAX);
    match (least, most) {
        (Some(least), _) if count < least => Err(format!("has at least {least} of the options")),
        (_, Some(most)) if count > most => Err(format!("has at most {most} of the options")),
        _ => Ok(()),
    }
}
