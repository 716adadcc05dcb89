//! What the public types promise to whoever stores them, moves them and awaits them.

use codexkit::{
    AccountEvents, Call, ChatgptLoginHandle, Codex, CodexBuilder, ConnectionEvent,
    DeviceCodeLoginHandle, Error, Fs, Items, List, LoginStart, Notifications, Thread, ThreadFork,
    ThreadOpened, ThreadResume, ThreadStart, TurnControl, TurnEvent, TurnHandle, TurnResult,
    TurnStart, protocol,
};
use futures_core::Stream;

fn anywhere<T: Send + Sync + Unpin + 'static>() {}

fn cloned<T: Clone>() {}

fn spawned<T: Send + 'static>(_: T) {}

fn streamed<T: Stream>() {}

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
    anywhere::<Fs>();
    anywhere::<AccountEvents>();
    anywhere::<ChatgptLoginHandle>();
    anywhere::<DeviceCodeLoginHandle>();
    anywhere::<LoginStart<protocol::ChatgptLoginAccountParams>>();
    anywhere::<Items<protocol::ThreadListParams>>();
    anywhere::<List<protocol::ThreadListParams>>();
    anywhere::<ThreadFork>();
    anywhere::<ThreadOpened>();
    anywhere::<ThreadResume>();
    anywhere::<ThreadStart>();
    anywhere::<TurnStart<TurnHandle>>();
    cloned::<Codex>();
    cloned::<ChatgptLoginHandle>();
    cloned::<DeviceCodeLoginHandle>();
    cloned::<Thread>();
    cloned::<TurnControl>();
    cloned::<List<protocol::ThreadListParams>>();
    cloned::<ThreadFork>();
    cloned::<ThreadResume>();
    cloned::<ThreadStart>();
    cloned::<TurnStart<TurnHandle>>();
    cloned::<TurnStart<TurnResult>>();
}

#[test]
fn feeds_are_streams() {
    streamed::<AccountEvents>();
    streamed::<Notifications>();
}

/// Never called: that it compiles is the claim.
#[expect(dead_code, reason = "the compiler is the test")]
fn futures_can_be_spawned(codex: &Codex, thread: &Thread, turn: TurnHandle) {
    spawned(Codex::start());
    spawned(codex.thread_start().into_future());
    spawned(codex.login_chatgpt().into_future());
    spawned(codex.login_chatgpt_device_code().into_future());
    let (client, key) = (codex.clone(), String::from("key"));
    spawned(async move { client.login_api_key(key).await });
    let client = codex.clone();
    spawned(async move { client.require_account().await });
    spawned(codex.thread_resume("id").into_future());
    spawned(codex.thread_fork("id").into_future());
    spawned(codex.request(protocol::ModelListParams::default()).into_future());
    spawned(codex.models().into_future());
    let (mut models, fs) = (codex.models().all(), codex.fs());
    spawned(async move { models.next().await });
    spawned(async move { fs.read("/a").await });
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
