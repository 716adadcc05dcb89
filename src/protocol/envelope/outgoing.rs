//! The lines that the client writes.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::protocol::SecretValue;

/// Writes a request as one line.
pub(crate) fn request_line<P: Serialize>(
    id: i64,
    method: &'static str,
    params: &P,
) -> serde_json::Result<String> {
    line(&OutgoingRequest { method, id, params })
}

/// The same with a secret in its params, of which the line is the only copy that is made here.
pub(crate) fn secret_request_line<P: Serialize>(
    id: i64,
    method: &'static str,
    params: &P,
) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    secret_line(&OutgoingRequest { method, id, params })
}

/// Writes a notification without params as one line.
pub(crate) fn notification_line(method: &'static str) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Notification {
        method: &'static str,
    }
    line(&Notification { method })
}

/// Writes the answer to a request of the server as one line; `id` is the JSON of its id.
pub(crate) fn answer_line(
    id: &str,
    answer: Result<&Value, (i64, &str)>,
) -> serde_json::Result<String> {
    line(&OutgoingAnswer::new(id, answer)?)
}

/// The same with a secret in it, of which the line is the only copy that is made here.
pub(crate) fn secret_answer_line(
    id: &str,
    answer: &SecretValue,
) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    secret_line(&OutgoingAnswer::new(id, Ok(answer.as_ref()))?)
}

#[derive(Serialize)]
struct OutgoingRequest<'a, P> {
    method: &'static str,
    id: i64,
    params: &'a P,
}

#[derive(Serialize)]
struct OutgoingAnswer<'a> {
    id: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: i64,
    message: &'a str,
}

impl<'a> OutgoingAnswer<'a> {
    fn new(id: &'a str, answer: Result<&'a Value, (i64, &'a str)>) -> serde_json::Result<Self> {
        let id = serde_json::from_str(id)?;
        Ok(match answer {
            Ok(result) => OutgoingAnswer { id, result: Some(result), error: None },
            Err((code, message)) => {
                OutgoingAnswer { id, result: None, error: Some(Failure { code, message }) }
            }
        })
    }
}

fn line<T: Serialize>(message: &T) -> serde_json::Result<String> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    Ok(line)
}

/// A buffer that grows leaves copies behind, so that this one has its length from the start.
fn secret_line<T: Serialize>(message: &T) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, message)?;
    let mut line = Zeroizing::new(Vec::with_capacity(length.0 + 1));
    serde_json::to_writer(&mut *line, message)?;
    line.push(b'\n');
    Ok(line)
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_with_a_secret_is_the_usual_one_in_a_buffer_that_did_not_grow() {
        let params = json!({ "key": "a\"b\\c\u{1}é😀", "list": [1, null, "x".repeat(300)] });
        let line = secret_request_line(7, "a/b", &params).unwrap();
        assert_eq!(line.as_slice(), request_line(7, "a/b", &params).unwrap().as_bytes());
        assert_eq!(line.capacity(), line.len());
    }
}
