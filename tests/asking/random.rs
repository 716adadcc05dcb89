//! Whatever happens in which order, no request has two answers, and each has one that the server
//! waits for.

use std::collections::{BTreeMap, BTreeSet};

use codexkit::protocol::RequestId;
use codexkit::testing::{FakeServer, Received};
use codexkit::{Codex, Resolution, ServerRequest, Thread, TurnEvent, TurnHandle};
use serde_json::{Value, json};

use crate::support::{
    Asked, Forward, KINDS, Scene, params, request, resolve_elsewhere, scene_with, within,
};

const ROUNDS: u64 = 300;
const STEPS: usize = 60;
const TURNS: usize = 4;

/// What the server knows of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waits,
    Elsewhere,
}

struct Round {
    seed: u64,
    random: fastrand::Rng,
    codex: Codex,
    server: FakeServer,
    thread: Thread,
    asked: Asked,
    handles: Vec<TurnHandle>,
    kept: Vec<ServerRequest>,
    requests: BTreeMap<u64, State>,
    /// How often each was answered.
    answers: BTreeMap<u64, usize>,
    /// Starts of turns that are not answered.
    starts: Vec<(tokio::task::JoinHandle<codexkit::Result<TurnHandle>>, Value, String)>,
    turns: usize,
    ended: BTreeSet<String>,
}

impl Round {
    async fn new(seed: u64) -> Round {
        let asked = Asked::new();
        let Scene { codex, server, thread } =
            scene_with(Codex::builder().handler(asked.handler("client"))).await;
        Round {
            seed,
            random: fastrand::Rng::with_seed(seed),
            codex,
            server,
            thread,
            asked,
            handles: Vec::new(),
            kept: Vec::new(),
            requests: BTreeMap::new(),
            answers: BTreeMap::new(),
            starts: Vec::new(),
            turns: 0,
            ended: BTreeSet::new(),
        }
    }

    async fn step(&mut self) {
        match self.random.u8(..14) {
            0..=2 => self.ask().await,
            3 => self.repeat().await,
            4 => self.begin_turn().await,
            5 => self.answer_start().await,
            6 => self.end_turn().await,
            7 => self.resolve().await,
            8 => self.read_a_handle().await,
            9 if !self.handles.is_empty() => drop(take(&mut self.handles, &mut self.random)),
            10 => {
                let handler = self.handler();
                self.thread.set_handler(handler);
            }
            11 if self.random.u8(..4) == 0 => {
                self.server.notify("thread/closed", json!({"threadId": "t1"})).await;
            }
            _ => self.act(),
        }
        self.settle().await;
    }

    fn handler(&mut self) -> Forward {
        let mut handler = self.asked.handler("some");
        if self.random.bool() {
            handler.deadline = Some(std::time::Duration::from_secs(self.random.u64(..3)));
        }
        handler
    }

    fn turn(&mut self) -> String {
        format!("u{}", self.random.usize(..=self.turns))
    }

    async fn ask(&mut self) {
        let turn = self.turn();
        let id = self.requests.len() as u64;
        let method = *self.random.choice(&KINDS).unwrap();
        let params = if self.random.u8(..8) == 0 { json!({}) } else { params(method, &turn) };
        self.requests.insert(id, State::Waits);
        self.server.send(request(id, method, &params)).await;
    }

    /// Sends one again, as the runtime does when a thread is resumed.
    async fn repeat(&mut self) {
        if self.requests.is_empty() {
            return;
        }
        let id = self.random.u64(..self.requests.len() as u64);
        let method = *self.random.choice(&KINDS).unwrap();
        let turn = self.turn();
        self.server.send(request(id, method, &params(method, &turn))).await;
    }

    async fn begin_turn(&mut self) {
        if self.starts.len() >= 2 || self.turns >= TURNS {
            return;
        }
        self.turns += 1;
        let id = format!("u{}", self.turns);
        let mut start = self.thread.turn("go");
        if self.random.bool() {
            start = start.park_requests();
        }
        if self.random.bool() {
            let handler = self.handler();
            start = start.handler(handler);
        }
        let start = tokio::spawn(start.into_future());
        let request = self.receive("turn/start").await;
        if self.random.u8(..4) == 0 {
            start.abort();
        }
        self.starts.push((start, request.id, id));
    }

    async fn answer_start(&mut self) {
        if self.starts.is_empty() {
            return;
        }
        let (start, id, turn) = take(&mut self.starts, &mut self.random);
        if self.random.u8(..4) == 0 {
            self.server.reply_error(&id, -32600, "no").await;
        } else {
            let turn =
                json!({"id": turn, "items": [], "status": "inProgress", "itemsView": "full"});
            self.server.reply(&id, json!({"turn": turn})).await;
        }
        if let Ok(Ok(handle)) = within(start).await {
            self.handles.push(handle);
        }
    }

    async fn end_turn(&mut self) {
        let turn = self.turn();
        self.server.complete_turn("t1", &turn, "completed").await;
        self.ended.insert(turn);
    }

    async fn resolve(&mut self) {
        let Some((id, _)) = self.random.choice(&self.requests) else { return };
        let id = *id;
        // One that was answered before is resolved by that.
        self.requests.insert(id, State::Elsewhere);
        resolve_elsewhere(&mut self.server, id).await;
    }

    async fn read_a_handle(&mut self) {
        let Some(handle) = self.random.choice(&mut self.handles) else { return };
        let next = tokio::time::timeout(std::time::Duration::from_millis(1), handle.next()).await;
        if let Ok(Some(Ok(TurnEvent::Request(request)))) = next {
            assert_eq!(request.resolution(), None, "seed {}", self.seed);
            self.kept.push(request);
        }
    }

    /// Does something with a request that somebody has kept.
    fn act(&mut self) {
        if self.kept.is_empty() {
            return;
        }
        let request = take(&mut self.kept, &mut self.random);
        match self.random.u8(..6) {
            0 => drop(request.refuse()),
            1 => request.pass(),
            2 => drop(request),
            3 => {
                self.kept.push(request.clone());
                request.pass();
            }
            _ => accept(&request),
        }
    }

    /// Takes in answers until this request comes.
    async fn receive(&mut self, method: &str) -> Received {
        loop {
            let said = within(self.server.receive()).await.unwrap();
            if !said.method.is_empty() {
                assert_eq!(said.method, method);
                return said;
            }
            let id = said.id.as_u64().unwrap();
            *self.answers.entry(id).or_default() += 1;
            assert_eq!(self.answers[&id], 1, "seed {}: {id} is answered twice", self.seed);
        }
    }

    /// Lets everything arrive, and takes in what the client says.
    async fn settle(&mut self) {
        let asked = codexkit::protocol::ThreadLoadedListParams::default();
        let synced = tokio::spawn(self.codex.request(asked).into_future());
        let request = self.receive("thread/loaded/list").await;
        self.server.reply(&request.id, json!({"data": []})).await;
        within(synced).await.unwrap().unwrap();
        while let Some((_, request)) = self.asked.try_next() {
            self.kept.push(request);
        }
    }
}

fn accept(request: &ServerRequest) {
    // It may be over, or take no such answer.
    let _ = match request {
        ServerRequest::CommandApproval(it) => it.accept(),
        ServerRequest::FileChangeApproval(it) => it.accept(),
        ServerRequest::Elicitation(it) => it.accept(),
        ServerRequest::UserInput(it) => it.answer([("q1", "x")]),
        ServerRequest::Attestation(it) => it.answer("x"),
        ServerRequest::CurrentTime(it) => it.answer(std::time::SystemTime::now()),
        other => other.refuse(),
    };
}

fn take<T>(from: &mut Vec<T>, random: &mut fastrand::Rng) -> T {
    from.swap_remove(random.usize(..from.len()))
}

#[tokio::test(start_paused = true)]
async fn each_request_has_one_answer_or_was_resolved_elsewhere() {
    for seed in 0..ROUNDS {
        let mut round = Round::new(seed).await;
        for _ in 0..STEPS {
            round.step().await;
        }
        while !round.starts.is_empty() {
            round.answer_start().await;
        }
        round.handles.clear();
        round.settle().await;
        while !round.kept.is_empty() {
            round.kept.clear();
            round.settle().await;
        }
        // Until the last deadline is over.
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        round.settle().await;
        for (id, state) in &round.requests {
            let answers = round.answers.get(id).copied().unwrap_or_default();
            match state {
                State::Waits => assert_eq!(answers, 1, "seed {seed}: request {id}"),
                State::Elsewhere => assert!(answers <= 1, "seed {seed}: request {id}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_knows_how_it_ended() {
    for seed in 0..100 {
        let mut round = Round::new(seed).await;
        let mut all = Vec::new();
        for _ in 0..STEPS {
            round.step().await;
            all.extend(round.kept.iter().cloned());
        }
        drop(round.server);
        within(round.codex.closed()).await;
        for request in all {
            let RequestId::Integer(id) = *request.id() else { panic!("{request:?}") };
            let id = u64::try_from(id).unwrap();
            let resolution = within(request.resolved()).await;
            let was_answered = round.answers.contains_key(&id);
            let expects_answer = match resolution {
                Resolution::Answered
                | Resolution::Refused
                | Resolution::TimedOut
                | Resolution::TurnEnded => true,
                Resolution::Elsewhere => false,
                // What nobody reads any more may have been written.
                Resolution::Closed => was_answered,
                other => panic!("{other:?}"),
            };
            assert_eq!(was_answered, expects_answer, "seed {seed}: {request:?}");
            assert_eq!(request.resolution(), Some(resolution));
        }
    }
}
