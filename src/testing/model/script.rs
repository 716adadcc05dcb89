//! Turns the parts of a reply into server-sent events, one at a time.

use std::{collections::VecDeque, vec};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    hold::HoldPoint,
    reply::{Phase, Usage},
};

/// What the server does next.
#[derive(Debug)]
pub(super) enum Step {
    Event(Bytes),
    Hold(HoldPoint),
    Disconnect,
}

/// What a reply consists of, in order.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Phase(Phase),
    Text(String),
    Delta(String),
    EndMessage,
    Reasoning { summary: String, text: String },
    Item(Value),
    Event(Value),
    Raw(Bytes),
    Hold(HoldPoint),
}

/// What comes after the last part.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    Completed,
    Failed { code: String, message: String },
    Incomplete { reason: String },
    Truncated,
    Disconnect,
}

/// A streamed reply as it is scripted.
#[derive(Debug, Clone)]
pub(super) struct Events {
    pub(super) id: Option<String>,
    pub(super) usage: Option<Usage>,
    /// Whether `response.created` comes first.
    pub(super) created: bool,
    pub(super) parts: Vec<Part>,
    pub(super) ending: Ending,
}

impl Events {
    /// `number` is that of the request: it keeps the ids of different replies apart.
    pub(super) fn script(self, number: usize) -> Script {
        let mut script = Script {
            number,
            response_id: self.id.unwrap_or_else(|| format!("resp_{number}")),
            usage: self.usage,
            parts: self.parts.into_iter(),
            ending: Some(self.ending),
            steps: VecDeque::new(),
            phase: None,
            message: None,
            items: 0,
        };
        if self.created {
            let response = json!({ "id": script.response_id });
            script.event(&json!({ "type": "response.created", "response": response }));
        }
        script
    }
}

/// A streamed reply on its way out.
#[derive(Debug)]
pub(super) struct Script {
    number: usize,
    response_id: String,
    usage: Option<Usage>,
    parts: vec::IntoIter<Part>,
    ending: Option<Ending>,
    /// Rendered, not sent yet.
    steps: VecDeque<Step>,
    phase: Option<Phase>,
    message: Option<OpenMessage>,
    /// The output items so far, an open message included.
    items: usize,
}

#[derive(Debug)]
struct OpenMessage {
    id: String,
    index: usize,
    phase: Option<Phase>,
    text: String,
}

impl Iterator for Script {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return Some(step);
            }
            if let Some(part) = self.parts.next() {
                self.play(part);
            } else {
                let ending = self.ending.take()?;
                self.end(ending);
            }
        }
    }
}

impl Script {
    fn play(&mut self, part: Part) {
        match part {
            Part::Phase(phase) => {
                self.end_message();
                self.phase = Some(phase);
            }
            Part::Text(text) => {
                self.end_message();
                let (id, _) = self.next_item("msg");
                let item = message(&id, &text, self.phase);
                self.item_done(&item);
            }
            Part::Delta(delta) => self.delta(&delta),
            Part::EndMessage => self.end_message(),
            Part::Reasoning { summary, text } => {
                self.end_message();
                self.reasoning(&summary, &text);
            }
            Part::Item(item) => {
                self.end_message();
                self.next_item("item");
                self.item_done(&item);
            }
            Part::Event(event) => self.event(&event),
            Part::Raw(bytes) => self.steps.push_back(Step::Event(bytes)),
            Part::Hold(point) => self.steps.push_back(Step::Hold(point)),
        }
    }

    fn end(&mut self, ending: Ending) {
        match ending {
            Ending::Completed => {
                self.end_message();
                let usage = self.usage.map(Usage::to_json);
                let response = json!({ "id": self.response_id, "usage": usage });
                self.event(&json!({ "type": "response.completed", "response": response }));
            }
            Ending::Failed { code, message } => {
                let error = json!({ "code": code, "message": message });
                let response = json!({ "id": self.response_id, "error": error });
                self.event(&json!({ "type": "response.failed", "response": response }));
            }
            Ending::Incomplete { reason } => {
                let details = json!({ "reason": reason });
                let response = json!({ "id": self.response_id, "incomplete_details": details });
                self.event(&json!({ "type": "response.incomplete", "response": response }));
            }
            Ending::Truncated => {}
            Ending::Disconnect => self.steps.push_back(Step::Disconnect),
        }
    }

    fn delta(&mut self, delta: &str) {
        if self.message.is_none() {
            let (id, index) = self.next_item("msg");
            let phase = self.phase;
            self.item_added(&message(&id, "", phase));
            self.message = Some(OpenMessage { id, index, phase, text: String::new() });
        }
        let Some(open) = &mut self.message else { return };
        open.text.push_str(delta);
        let event = json!({
            "type": "response.output_text.delta",
            "item_id": open.id,
            "output_index": open.index,
            "content_index": 0,
            "delta": delta,
        });
        self.event(&event);
    }

    fn end_message(&mut self) {
        if let Some(open) = self.message.take() {
            self.item_done(&message(&open.id, &open.text, open.phase));
        }
    }

    fn reasoning(&mut self, summary: &str, text: &str) {
        let (id, _) = self.next_item("rs");
        let mut item = json!({ "type": "reasoning", "id": id, "summary": [], "content": [] });
        self.item_added(&item);
        if !summary.is_empty() {
            let part = json!({ "type": "summary_text", "text": summary });
            self.event(&json!({
                "type": "response.reasoning_summary_part.added",
                "item_id": id, "summary_index": 0, "part": part,
            }));
            self.event(&json!({
                "type": "response.reasoning_summary_text.delta",
                "item_id": id, "summary_index": 0, "delta": summary,
            }));
            item["summary"] = json!([part]);
        }
        if !text.is_empty() {
            self.event(&json!({
                "type": "response.reasoning_text.delta",
                "item_id": id, "content_index": 0, "delta": text,
            }));
            item["content"] = json!([{ "type": "reasoning_text", "text": text }]);
        }
        self.item_done(&item);
    }

    fn next_item(&mut self, kind: &str) -> (String, usize) {
        let index = self.items;
        self.items += 1;
        (format!("{kind}_{}_{index}", self.number), index)
    }

    fn item_added(&mut self, item: &Value) {
        let index = self.items - 1;
        self.event(&json!({
            "type": "response.output_item.added", "output_index": index, "item": item,
        }));
    }

    /// Items are finished before the next one begins, so this one is the last.
    fn item_done(&mut self, item: &Value) {
        let index = self.items - 1;
        self.event(&json!({
            "type": "response.output_item.done", "output_index": index, "item": item,
        }));
    }

    fn event(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or("message");
        let bytes = Bytes::from(format!("event: {kind}\ndata: {event}\n\n"));
        self.steps.push_back(Step::Event(bytes));
    }
}

fn message(id: &str, text: &str, phase: Option<Phase>) -> Value {
    let content = json!([{ "type": "output_text", "text": text }]);
    let mut item = json!({ "type": "message", "role": "assistant", "id": id, "content": content });
    if let Some(phase) = phase {
        item["phase"] = json!(phase.as_str());
    }
    item
}
