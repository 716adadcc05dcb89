//! Values with secrets in them.

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroize;

use super::json::Json;

/// What something looks like on the wire. Its strings are wiped when it is dropped.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct SecretValue(Value);

impl SecretValue {
    #[allow(private_bounds, reason = "only the generated types are meant")]
    pub(crate) fn of(it: &impl Json) -> SecretValue {
        SecretValue(it.to_json())
    }
}

impl From<Value> for SecretValue {
    fn from(value: Value) -> SecretValue {
        SecretValue(value)
    }
}

impl AsRef<Value> for SecretValue {
    fn as_ref(&self) -> &Value {
        &self.0
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(elements) => elements.iter_mut().for_each(wipe),
        Value::Object(properties) => properties.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}
