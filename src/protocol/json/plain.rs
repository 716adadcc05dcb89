//! The types of JSON itself.

use serde_json::{Map, Number, Value};

use super::{super::error::DecodeError, Json, entries};

impl Json for Value {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        Ok(value.clone())
    }

    fn to_json(&self) -> Value {
        self.clone()
    }
}

impl Json for Map<String, Value> {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        entries(value).cloned()
    }

    fn to_json(&self) -> Value {
        Value::Object(self.clone())
    }
}

impl Json for String {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        match value {
            Value::String(it) => Ok(it.clone()),
            _ => Err(DecodeError::expected("a string", value)),
        }
    }

    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Json for bool {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        value.as_bool().ok_or_else(|| DecodeError::expected("a boolean", value))
    }

    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Json for f64 {
    fn from_json(value: &Value) -> Result<Self, DecodeError> {
        value.as_f64().ok_or_else(|| DecodeError::expected("a number", value))
    }

    fn to_json(&self) -> Value {
        // Whole numbers as the server writes them, without a fraction.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.fract() == 0.0
            && self.abs() < EXACT
            && let Ok(whole) = format!("{self:.0}").parse::<i64>()
        {
            return Value::from(whole);
        }
        Number::from_f64(*self).map_or(Value::Null, Value::Number)
    }
}

macro_rules! json_integer {
    ($($ty:ty, $read:ident;)*) => {$(
        impl Json for $ty {
            fn from_json(value: &Value) -> Result<Self, DecodeError> {
                let res = value.$read().and_then(|it| Self::try_from(it).ok());
                res.ok_or_else(|| DecodeError::expected(concat!("an integer (", stringify!($ty), ")"), value))
            }

            fn to_json(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

json_integer! {
    i32, as_i64;
    i64, as_i64;
    u8, as_u64;
    u16, as_u64;
    u32, as_u64;
    u64, as_u64;
}
