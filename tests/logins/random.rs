//! Whatever happens in which order, each end is told once, to the one whom it concerns.

use codexkit::testing::{FakeServer, Received};
use codexkit::{ChatgptLoginHandle, Codex, Result};
use tokio::task::JoinHandle;

use crate::support::{
    assert_succeeded, begin, chatgpt_reply, complete, expect_cancel, heard, silence, sync, within,
};

const ROUNDS: u64 = 300;
const STEPS: usize = 40;

/// How many starts are in flight at most.
const STARTS: usize = 4;

/// A start that is not answered yet. Its login has ended already, or not.
struct Start {
    login: String,
    request: Received,
    /// Gone if nobody waits for it any more.
    future: Option<JoinHandle<Result<ChatgptLoginHandle>>>,
    has_ended: bool,
}

struct Round {
    random: fastrand::Rng,
    codex: Codex,
    server: FakeServer,
    starts: Vec<Start>,
    open: Vec<ChatgptLoginHandle>,
    ended: Vec<ChatgptLoginHandle>,
    /// The ends that are nobody's.
    nobodys: Vec<String>,
    logins: usize,
}

impl Round {
    async fn step(&mut self) {
        match self.random.u8(..7) {
            0 if self.starts.len() < STARTS => self.begin().await,
            1 if !self.starts.is_empty() => self.accept().await,
            2 if !self.starts.is_empty() => self.refuse().await,
            3 if !self.starts.is_empty() => self.give_up().await,
            4 => self.end().await,
            5 if !self.open.is_empty() => drop(take(&mut self.open, &mut self.random)),
            6 if !self.ended.is_empty() => drop(take(&mut self.ended, &mut self.random)),
            _ => return,
        }
        sync(&self.codex, &mut self.server).await;
    }

    async fn begin(&mut self) {
        self.logins += 1;
        let login = format!("l{}", self.logins);
        let (future, request) = begin(&self.codex, &mut self.server).await;
        self.starts.push(Start { login, request, future: Some(future), has_ended: false });
    }

    async fn accept(&mut self) {
        let start = take(&mut self.starts, &mut self.random);
        self.server.reply(&start.request.id, chatgpt_reply(&start.login)).await;
        match start.future {
            Some(future) => {
                let login = within(future).await.unwrap().unwrap();
                let handles = if start.has_ended { &mut self.ended } else { &mut self.open };
                handles.push(login);
            }
            None if start.has_ended => (),
            None => drop(expect_cancel(&mut self.server, &start.login).await),
        }
    }

    async fn refuse(&mut self) {
        let start = take(&mut self.starts, &mut self.random);
        self.server.reply_error(&start.request.id, -32600, "no").await;
        if let Some(future) = start.future {
            within(future).await.unwrap().unwrap_err();
        }
        if start.has_ended {
            self.nobodys.push(start.login);
        }
    }

    /// Drops the future of a start.
    async fn give_up(&mut self) {
        let start = self.random.choice(&mut self.starts).unwrap();
        if let Some(future) = start.future.take() {
            future.abort();
            future.await.unwrap_err();
        }
    }

    /// Tells of the end of a login that is starting, open, or foreign.
    async fn end(&mut self) {
        let starting: Vec<_> = self.starts.iter_mut().filter(|it| !it.has_ended).collect();
        let login = match self.random.usize(..3) {
            0 if !starting.is_empty() => {
                let start = self.random.choice(starting).unwrap();
                start.has_ended = true;
                start.login.clone()
            }
            1 if !self.open.is_empty() => {
                let login = take(&mut self.open, &mut self.random);
                let id = login.login_id().to_owned();
                self.ended.push(login);
                id
            }
            _ => {
                self.logins += 1;
                let foreign = format!("foreign {}", self.logins);
                self.nobodys.push(foreign.clone());
                foreign
            }
        };
        complete(&mut self.server, &login, None).await;
    }
}

fn take<T>(from: &mut Vec<T>, random: &mut fastrand::Rng) -> T {
    from.swap_remove(random.usize(..from.len()))
}

#[tokio::test(start_paused = true)]
async fn every_end_is_told_once_to_whom_it_concerns() {
    for seed in 0..ROUNDS {
        let (codex, server) = FakeServer::start().await.unwrap();
        let mut feed = codex.notifications();
        let mut round = Round {
            random: fastrand::Rng::with_seed(seed),
            codex,
            server,
            starts: Vec::new(),
            open: Vec::new(),
            ended: Vec::new(),
            nobodys: Vec::new(),
            logins: 0,
        };
        for _ in 0..STEPS {
            round.step().await;
        }
        while !round.starts.is_empty() {
            round.accept().await;
        }
        // What was kept for a start that nobody waits for is given away in the background.
        sync(&round.codex, &mut round.server).await;
        for login in &round.ended {
            assert_succeeded(within(login.wait()).await, login.login_id());
        }
        for login in &round.open {
            let none = login.wait_timeout(std::time::Duration::from_secs(1)).await;
            assert!(none.is_err(), "seed {seed}: {none:?}");
        }
        let mut heard = heard(&mut feed, &mut round.server).await;
        heard.sort();
        round.nobodys.sort();
        assert_eq!(heard, round.nobodys, "seed {seed}");
        silence(&mut round.server).await;
    }
}
