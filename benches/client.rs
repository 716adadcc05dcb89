//! What the client itself costs: `cargo bench`, or `cargo bench --bench client -- 64` for the rows
//! that have `64` in their name.
//!
//! Each workload runs against a child process that writes lines made in advance, so that what is
//! measured is the pipe and this crate. The child is this program, started as an app-server.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use codexkit::protocol::{ServerNotification, ThreadLoadedListParams};
use codexkit::{Codex, Result, Thread};

const DELTAS: usize = 200_000;
const TURNS: usize = 64;
const SEQUENTIAL: usize = 20_000;
const PIPELINED: usize = 10_000;
const RUNS: usize = 5;

/// How many turns the child waits for before it begins to write.
const TURNS_VARIABLE: &str = "CODEXKIT_BENCH_TURNS";

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some("app-server") {
        serve();
        return Ok(());
    }
    println!("median and best of {RUNS} runs, on a runtime with one thread and on one with many\n");
    println!("| workload | one thread | best | many threads | best |");
    println!("|---|---|---|---|---|");
    row("200,000 deltas of one turn", |runtime| runtime.block_on(flood(1)))?;
    row("200,000 deltas of 64 turns, each with its reader", |runtime| {
        runtime.block_on(flood(TURNS))
    })?;
    row("20,000 requests one after the other", |runtime| runtime.block_on(sequential()))?;
    row("10,000 requests at once", |runtime| runtime.block_on(pipelined()))?;
    if is_wanted("memory") {
        let waiting = one_thread().block_on(waiting())?;
        println!("\nmemory with 200,000 deltas waiting for their reader: {waiting}");
    }
    Ok(())
}

fn row(name: &str, run: impl Fn(&tokio::runtime::Runtime) -> Result<Duration>) -> Result<()> {
    if !is_wanted(name) {
        return Ok(());
    }
    let measure = |runtime: &dyn Fn() -> tokio::runtime::Runtime| -> Result<_> {
        let mut times = (0..RUNS).map(|_| run(&runtime())).collect::<Result<Vec<_>>>()?;
        times.sort();
        Ok((times[RUNS / 2], times[0]))
    };
    let (one, one_best) = measure(&one_thread)?;
    let (many, many_best) = measure(&many_threads)?;
    println!("| {name} | {one:.1?} | {one_best:.1?} | {many:.1?} | {many_best:.1?} |");
    Ok(())
}

/// Whether the command line names this row, or none.
fn is_wanted(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn many_threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

async fn start(turns: usize) -> Result<Codex> {
    let program = std::env::current_exe().expect("the path of this program");
    Codex::builder().binary(program).env(TURNS_VARIABLE, turns.to_string()).start().await
}

async fn flood(turns: usize) -> Result<Duration> {
    let codex = start(turns).await?;
    let mut threads = Vec::new();
    for _ in 0..turns {
        threads.push(codex.thread_start().await?);
    }
    let begin = Instant::now();
    let readers: Vec<_> = threads.into_iter().map(|it| tokio::spawn(count_deltas(it))).collect();
    let mut deltas = 0;
    for reader in readers {
        deltas += reader.await.expect("a reader that does not panic")?;
    }
    assert_eq!(deltas, DELTAS / turns * turns);
    let took = begin.elapsed();
    codex.close().await;
    Ok(took)
}

async fn count_deltas(thread: Thread) -> Result<usize> {
    let mut turn = thread.turn("go").await?;
    let mut deltas = 0;
    while let Some(event) = turn.next().await {
        if let Some(ServerNotification::AgentMessageDelta(delta)) = event?.into_notification() {
            deltas += usize::from(!delta.delta.is_empty());
        }
    }
    Ok(deltas)
}

async fn sequential() -> Result<Duration> {
    let codex = start(1).await?;
    let begin = Instant::now();
    for _ in 0..SEQUENTIAL {
        codex.request(ThreadLoadedListParams::default()).await?;
    }
    let took = begin.elapsed();
    codex.close().await;
    Ok(took)
}

async fn pipelined() -> Result<Duration> {
    let codex = start(1).await?;
    let begin = Instant::now();
    let requests: Vec<_> = (0..PIPELINED)
        .map(|_| tokio::spawn(codex.request(ThreadLoadedListParams::default()).into_future()))
        .collect();
    for request in requests {
        request.await.expect("a request that does not panic")?;
    }
    let took = begin.elapsed();
    codex.close().await;
    Ok(took)
}

/// How much more memory the process has needed at most when nobody read the events of a turn.
async fn waiting() -> Result<String> {
    let codex = start(1).await?;
    let thread = codex.thread_start().await?;
    let before = resident("VmRSS");
    let turn = thread.turn("go").await?;
    // The child answers in order, so that all events have arrived when this is answered.
    codex.request(ThreadLoadedListParams::default()).await?;
    let after = resident("VmRSS");
    let result = turn.result().await?;
    assert_eq!(result.items.len(), 0);
    codex.close().await;
    Ok(match (before, after) {
        (Some(before), Some(after)) => format!("{} KiB", after.saturating_sub(before)),
        _ => "not known on this system".into(),
    })
}

/// A line of `/proc/self/status`, in KiB.
fn resident(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The child: answers requests, and writes the deltas once all turns have been started.
fn serve() {
    let turns: usize = std::env::var(TURNS_VARIABLE).unwrap_or_default().parse().unwrap_or(1);
    let mut output = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut threads = 0;
    let mut started: Vec<String> = Vec::new();
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let message: serde_json::Value = serde_json::from_str(&line).expect("a message");
        let id = &message["id"];
        let result = match message["method"].as_str().unwrap_or_default() {
            "initialize" => r#"{"userAgent":"codexkit/0.0.0 (x)","codexHome":"/","platformFamily":"unix","platformOs":"linux"}"#.into(),
            "thread/start" => {
                threads += 1;
                format!(r#"{{"thread":{{"cliVersion":"x","createdAt":1,"cwd":"/","ephemeral":false,"id":"{}","modelProvider":"x","preview":"","projectId":null,"sessionId":"x","source":"cli","status":{{"type":"idle"}},"turns":[],"updatedAt":1}},"approvalPolicy":"never","approvalsReviewer":"user","cwd":"/","model":"x","modelProvider":"x","sandbox":{{"type":"readOnly"}}}}"#, thread_id(threads - 1))
            }
            "turn/start" => {
                started.push(message["params"]["threadId"].as_str().unwrap_or_default().into());
                format!(r#"{{"turn":{{"id":"{}","items":[],"status":"inProgress"}}}}"#, turn_id(started.len() - 1))
            }
            "thread/loaded/list" => r#"{"data":[],"nextCursor":null}"#.into(),
            _ => continue,
        };
        let mut wrote = writeln!(output, r#"{{"id":{id},"result":{result}}}"#);
        if wrote.is_ok() && started.len() == turns {
            wrote = write_turns(&mut output, &std::mem::take(&mut started));
        }
        if wrote.and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

fn write_turns(output: &mut impl Write, threads: &[String]) -> io::Result<()> {
    for (n, thread) in threads.iter().enumerate() {
        let turn = turn_id(n);
        writeln!(
            output,
            r#"{{"method":"turn/started","params":{{"threadId":"{thread}","turn":{{"id":"{turn}","items":[],"status":"inProgress"}}}},"emittedAtMs":1}}"#
        )?;
    }
    let lines: Vec<String> = threads
        .iter()
        .enumerate()
        .map(|(n, thread)| {
            let turn = turn_id(n);
            let item = "msg_0f3ac1d20000000000000000000000c4a7bd9155e2f68a";
            let method = "item/agentMessage/delta";
            format!("{{\"method\":\"{method}\",\"params\":{{\"threadId\":\"{thread}\",\"turnId\":\"{turn}\",\"itemId\":\"{item}\",\"delta\":\"twenty bytes of it \\n\"}},\"emittedAtMs\":1795233146415}}\n")
        })
        .collect();
    for _ in 0..DELTAS / threads.len() {
        for line in &lines {
            output.write_all(line.as_bytes())?;
        }
    }
    for (n, thread) in threads.iter().enumerate() {
        let turn = turn_id(n);
        writeln!(
            output,
            r#"{{"method":"turn/completed","params":{{"threadId":"{thread}","turn":{{"id":"{turn}","items":[],"status":"completed"}}}},"emittedAtMs":1}}"#
        )?;
    }
    Ok(())
}

fn thread_id(n: usize) -> String {
    format!("01a1fc3b-e4c2-7a91-8d68-{n:012x}")
}

fn turn_id(n: usize) -> String {
    format!("01a1fc3b-e4d1-7981-bba1-{n:012x}")
}
