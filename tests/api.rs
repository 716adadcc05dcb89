//! What the public types promise to whoever stores them, moves them and awaits them.

use codexkit::{
    Call, Codex, CodexBuilder, ConnectionEvent, Error, Notifications, Thread, ThreadStart,
    TurnControl, TurnEvent, TurnHandle, TurnResult, TurnStart, protocol,
};

fn anywhere<T: Send + Sync + Unpin + 'static>() {}

fn cloned<T: Clone>() {}

fn spawned<T: Send + 'static>(_: T) {}

#[test]
fn handles_can_be_stored_and_sent_anywhere() {
    anywhere::<Codex>();
    anywhere::<CodexBuilder>();
    anywhere::<Thread>();
    anywhere::<TurnHandle>();
    anywhere::<TurnControl>();
    anywhere::<Notifications>();
    anywhere::<ConnectionEvent>();
    anywhere::<TurnEvent>();
    anywhere::<TurnResult>();
    anywhere::<Error>();
    anywhere::<Call<protocol::ModelListParams>>();
    anywhere::<ThreadStart>();
    anywhere::<TurnStart<TurnHandle>>();
    cloned::<Codex>();
    cloned::<Thread>();
    cloned::<TurnControl>();
    cloned::<ThreadStart>();
    cloned::<TurnStart<TurnHandle>>();
    cloned::<TurnStart<TurnResult>>();
}

/// Never called: that it compiles is the claim.
#[expect(dead_code, reason = "the compiler is the test")]
fn futures_can_be_spawned(codex: &Codex, thread: &Thread, turn: TurnHandle) {
    spawned(Codex::start());
    spawned(codex.thread_start().into_future());
    spawned(codex.request(protocol::ModelListParams::default()).into_future());
    spawned(thread.run("go").into_future());
    spawned(thread.turn("go").into_future());
    let control = turn.control();
    spawned(async move { control.interrupt().await });
    spawned(turn.result());
}

#[test]
fn an_error_is_small() {
    assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
}
