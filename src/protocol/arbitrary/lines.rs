//! Whole messages as the server writes them, sound or spoiled.

use fastrand::Rng;
use serde_json::Value;

use super::{Random, Schema, Spoil, shuffled};

/// What there is to send.
pub(crate) struct Lines<'a> {
    schema: &'a Schema,
    notifications: Vec<(&'a str, &'a Value)>,
    requests: Vec<(&'a str, &'a Value)>,
    results: Vec<&'a Value>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            notifications: schema.methods("ServerNotification"),
            requests: schema.methods("ServerRequest"),
            results: schema.responses(),
        }
    }

    /// One line from a seed, with some damage. What streams comes as often as everything else.
    pub(crate) fn line(&self, seed: u64, spoils: &[Spoil]) -> String {
        let mut rng = Rng::with_seed(seed);
        let mut random = Random::new(self.schema, seed);
        let mut body = |schema: &Value, rng: &mut Rng| {
            let mut value = random.value(schema);
            for it in spoils {
                it.tree(&mut value, rng);
            }
            value
        };
        let mut res = match rng.u8(0..8) {
            0 => {
                let (method, schema) = pick(&self.requests, &mut rng);
                let params = shuffled(&body(schema, &mut rng), &mut rng);
                let ids = ["7", "\"s\"", "-1", "1.5", "null"];
                let id = ids[rng.usize(0..if spoils.is_empty() { 3 } else { 5 })];
                envelope(&mut rng, &[("method", &quoted(method)), ("id", id), ("params", &params)])
            }
            1 | 2 => {
                let result = body(pick(&self.results, &mut rng), &mut rng).to_string();
                envelope(&mut rng, &[("id", "7"), ("result", &result)])
            }
            kind => {
                let (method, schema) = self.notification(kind < 5, &mut rng);
                let params = body(schema, &mut rng);
                let params = if rng.bool() { scoped(&params) } else { shuffled(&params, &mut rng) };
                let stamp = rng.u32(..).to_string();
                let fields =
                    [("method", &*quoted(method)), ("params", &params), ("emittedAtMs", &stamp)];
                envelope(&mut rng, &fields)
            }
        };
        for it in spoils {
            it.text(&mut res, &mut rng);
        }
        res
    }

    fn notification(&self, streams: bool, rng: &mut Rng) -> (&'a str, &'a Value) {
        loop {
            let it = pick(&self.notifications, rng);
            if !streams || it.0.to_lowercase().ends_with("delta") {
                return it;
            }
        }
    }
}

/// The fields in their order, or rarely in another.
fn envelope(rng: &mut Rng, fields: &[(&str, &str)]) -> String {
    let mut fields: Vec<String> =
        fields.iter().map(|it| format!("\"{}\":{}", it.0, it.1)).collect();
    if rng.u8(0..4) == 0 {
        rng.shuffle(&mut fields);
    }
    format!("{{{}}}", fields.join(","))
}

/// The params with the ids of thread and turn in front, as the runtime often writes them.
fn scoped(params: &Value) -> String {
    let Some(map) = params.as_object() else { return params.to_string() };
    let is_first = |key: &str| ["threadId", "turnId", "turn"].contains(&key);
    let first = map.iter().filter(|it| is_first(it.0));
    let rest = map.iter().filter(|it| !is_first(it.0));
    // `turn` sorts behind `threadId` and before `turnId`, which never stands beside it.
    let entries: Vec<String> =
        first.chain(rest).map(|(key, it)| format!("{}:{it}", quoted(key))).collect();
    format!("{{{}}}", entries.join(","))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn pick<T: Copy>(of: &[T], rng: &mut Rng) -> T {
    of[rng.usize(0..of.len())]
}
