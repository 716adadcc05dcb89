//! What handlers do while they answer, and what goes on beside them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codexkit::protocol::{
    AskForApproval, CommandExecutionStatus, ModelListParams, TextUserInput, ThreadItem, TurnStatus,
    TurnSteerParams, UserInput,
};
use codexkit::testing::{ModelRequest, Reply};
use codexkit::{
    CloseReason, Codex, CommandApproval, Error, HandlerResult, Handlers, Thread, TurnControl,
    TurnResult,
};
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::held::desk;
use crate::support::{SOON, run, within};

/// A model that wants to run a command, unless it has run it or is asked something else.
fn runs_a_command(request: &ModelRequest) -> Reply {
    let is_asked = request.input_texts("user").contains(&"Run it.");
    if is_asked && request.tool_output("call_1").is_none() {
        Reply::new().function_call("call_1", "exec_command", json!({"cmd": "echo ran"}))
    } else {
        "ok".into()
    }
}

/// A thread in which every command has to be approved.
async fn untrusting(codex: &Codex) -> Thread {
    let start = codex.thread_start().params(|it| it.approval_policy(AskForApproval::Untrusted));
    start.await.unwrap()
}

/// How long requests and turns take, in the middle.
#[derive(Clone, Copy, Debug)]
struct Pace {
    request: Duration,
    turn: Duration,
}

impl Pace {
    /// Measures the requests and turns of a thread that asks nothing.
    async fn of(thread: &Thread) -> Pace {
        const ROUNDS: usize = 9;
        let (mut requests, mut turns) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            thread.codex().request(ModelListParams::default()).await.unwrap();
            requests.push(begin.elapsed());
            let begin = Instant::now();
            let result = thread.run("hi").await.unwrap();
            turns.push(begin.elapsed());
            assert_eq!(result.final_response.as_deref(), Some("ok"));
        }
        let median = |mut times: Vec<Duration>| {
            times.sort_unstable();
            times[ROUNDS / 2]
        };
        Pace { request: median(requests), turn: median(turns) }
    }
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "the measured figures")]
async fn a_handler_that_sleeps_delays_neither_requests_nor_other_turns() {
    /// How long the handler sleeps.
    const SLEEP: Duration = Duration::from_secs(5);
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let asleep = Arc::new(Notify::new());
        let falling_asleep = Arc::clone(&asleep);
        let handlers = Handlers::new().command_approval(move |asked: CommandApproval| {
            let asleep = Arc::clone(&falling_asleep);
            async move {
                asleep.notify_one();
                tokio::time::sleep(SLEEP).await;
                asked.accept()
            }
        });
        let codex = place.start_with(place.builder().handler(handlers)).await;
        let other = codex.thread_start().await.unwrap();
        // What is done for the first time takes longer.
        Pace::of(&other).await;
        let alone = Pace::of(&other).await;

        let sleeping = untrusting(&codex).await.turn("Run it.").await.unwrap();
        within(SOON, asleep.notified()).await;
        let begin = Instant::now();
        let beside = Pace::of(&other).await;
        assert!(begin.elapsed() < SLEEP, "the handler was not asleep all the time");
        sleeping.interrupt().await.unwrap();
        assert_eq!(sleeping.result().await.unwrap().status, TurnStatus::Interrupted);

        for (what, alone, beside) in
            [("request", alone.request, beside.request), ("turn", alone.turn, beside.turn)]
        {
            let ratio = beside.as_secs_f64() / alone.as_secs_f64();
            println!(
                "{what}: {alone:?} alone, {beside:?} beside a sleeping handler, {ratio:.2} times"
            );
            // The machine may be busy with other things meanwhile.
            assert!(ratio < 4.0 || beside < SLEEP / 10, "{what}: {ratio:.2}");
        }
    })
    .await;
}

/// Whether the command of a turn was run.
fn has_run(result: &TurnResult) -> bool {
    let commands = result.items.iter().filter_map(|item| match item {
        ThreadItem::CommandExecution(it) => Some(&it.status),
        _ => None,
    });
    match commands.collect::<Vec<_>>()[..] {
        [status] => *status == CommandExecutionStatus::Completed,
        _ => panic!("{:?}", result.items),
    }
}

#[tokio::test]
async fn a_handler_that_waits_is_asked_by_another_turn_all_the_same() {
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let (desk, mut tray) = desk::<CommandApproval, HandlerResult>();
        let handlers = Handlers::new().command_approval(move |it| desk.hold(it));
        let codex = place.start_with(place.builder().handler(handlers)).await;
        let (one, two) = (untrusting(&codex).await, untrusting(&codex).await);
        let waiting = one.turn("Run it.").await.unwrap();
        let first = tray.next().await;
        let quick = two.turn("Run it.").await.unwrap();
        let second = tray.next().await;
        second.request.accept().unwrap();
        second.release(Ok(()));
        assert!(has_run(&quick.result().await.unwrap()));
        assert_eq!(first.request.resolution(), None);
        first.request.accept().unwrap();
        first.release(Ok(()));
        assert!(has_run(&waiting.result().await.unwrap()));
    })
    .await;
}

/// Has `handler` asked whether a command may run, and gives back how the turn ends.
async fn asked<Fut>(
    codex: &Codex,
    handler: impl Fn(CommandApproval) -> Fut + Send + Sync + 'static,
) -> codexkit::Result<TurnResult>
where
    Fut: Future<Output = HandlerResult> + Send + 'static,
{
    let handlers = Handlers::new().command_approval(handler);
    let thread = untrusting(codex).await;
    within(SOON, thread.run("Run it.").handler(handlers).into_future()).await
}

#[tokio::test]
async fn a_handler_can_ask_the_server_before_it_answers() {
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let codex = place.start().await;
        let result = asked(&codex, async |request| {
            let codex = request.codex().ok_or("the client is gone")?;
            let models = codex.request(ModelListParams::default()).await?;
            let thread = codex.thread(&request.thread_id).read().await?;
            assert!(!models.data.is_empty() && thread.id == request.thread_id);
            Ok(request.accept()?)
        });
        assert!(has_run(&result.await.unwrap()));
    })
    .await;
}

#[tokio::test]
async fn a_handler_can_have_another_turn_before_it_answers() {
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let codex = place.start().await;
        let result = asked(&codex, async |request| {
            let codex = request.codex().ok_or("the client is gone")?;
            let opinion = codex.thread_start().await?.run("May it run?").await?;
            assert_eq!(opinion.final_response.as_deref(), Some("ok"));
            Ok(request.accept()?)
        });
        assert!(has_run(&result.await.unwrap()));
    })
    .await;
}

#[tokio::test]
async fn a_handler_can_steer_its_turn_by_the_client() {
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let codex = place.start().await;
        let result = asked(&codex, async |request| {
            let codex = request.codex().ok_or("the client is gone")?;
            let input = UserInput::from(TextUserInput::new("Quietly."));
            let steer = TurnSteerParams::new(&*request.thread_id, &*request.turn_id, vec![input]);
            codex.request(steer).await?;
            Ok(request.accept()?)
        });
        assert!(has_run(&result.await.unwrap()));
        let request = place.model.requests().pop().unwrap();
        assert!(request.input_texts("user").ends_with(&["Run it.", "Quietly."]));
    })
    .await;
}

/// Has `handler` asked whether a command may run, with what controls the turn.
async fn in_control<Fut>(
    codex: &Codex,
    handler: impl Fn(CommandApproval, TurnControl) -> Fut + Send + Sync + 'static,
) -> codexkit::Result<TurnResult>
where
    Fut: Future<Output = HandlerResult> + Send + 'static,
{
    let (tell, control) = watch::channel(None);
    let handler = Arc::new(handler);
    let handlers = Handlers::new().command_approval(move |request| {
        let (mut control, handler) = (control.clone(), Arc::clone(&handler));
        async move {
            let control = control.wait_for(Option::is_some).await?.clone();
            handler(request, control.ok_or("nobody controls the turn")?).await
        }
    });
    let turn = untrusting(codex).await.turn("Run it.").handler(handlers).await?;
    tell.send_replace(Some(turn.control()));
    within(SOON, turn.result()).await
}

#[tokio::test]
async fn a_handler_can_steer_its_turn() {
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let codex = place.start().await;
        let result = in_control(&codex, async |request, turn| {
            assert_eq!(turn.id(), request.turn_id);
            turn.steer("Quietly.").await?;
            Ok(request.accept()?)
        });
        assert!(has_run(&result.await.unwrap()));
        let request = place.model.requests().pop().unwrap();
        assert!(request.input_texts("user").ends_with(&["Run it.", "Quietly."]));
    })
    .await;
}

#[tokio::test]
async fn a_handler_can_interrupt_its_turn() {
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let codex = place.start().await;
        let result = in_control(&codex, async |_, turn| Ok(turn.interrupt().await?));
        assert_eq!(result.await.unwrap().status, TurnStatus::Interrupted);
        let result = codex.thread_start().await.unwrap().run("hi").await.unwrap();
        assert_eq!(result.status, TurnStatus::Completed);
    })
    .await;
}

#[tokio::test]
async fn a_handler_can_close_its_client() {
    run(async |place| {
        place.model.answer_with(runs_a_command);
        let codex = place.start().await;
        let result = asked(&codex, async |request| {
            request.codex().ok_or("the client is gone")?.close().await;
            Ok(())
        });
        assert!(matches!(result.await, Err(Error::Closed(CloseReason::Local))));
        assert!(matches!(codex.closed().await, CloseReason::Local));
    })
    .await;
}
