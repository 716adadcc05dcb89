//! What a secret leaves behind in the memory of the process that sent it: nothing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

use codexkit::protocol::{
    ChatgptAuthTokensLoginAccountParams, ChatgptAuthTokensRefreshResponse, LoginAccountParams,
};

use codexkit::SecretString;
use codexkit::testing::{MockIssuer, MockModel, Reply, TestHome};

/// Text that is nowhere in memory, unless somebody asks for it.
#[derive(Clone)]
struct Hidden(Vec<u8>);

const MASK: u8 = 0xa5;

impl Hidden {
    fn new() -> Hidden {
        let masked = |_| u8::try_from(fastrand::alphanumeric()).unwrap() ^ MASK;
        Hidden((0..40).map(masked).collect())
    }

    /// `prefix` with the text behind it, of which this is the only copy.
    fn reveal(&self, prefix: &str) -> String {
        let mut text = String::with_capacity(prefix.len() + self.0.len());
        text.push_str(prefix);
        text.extend(self.0.iter().map(|byte| char::from(byte ^ MASK)));
        text
    }

    /// The end of it, which stays when an allocator writes into the beginning of what it gets back.
    fn end(&self) -> &[u8] {
        &self.0[self.0.len() - 16..]
    }

    /// Where in the memory of this process the text is, apart from what is read of it here.
    fn found(&self) -> Vec<String> {
        let memory = File::open("/proc/self/mem").unwrap();
        let mut buffer = vec![0; 1 << 16];
        let own = buffer.as_ptr_range();
        let own = own.start.addr() as u64..own.end.addr() as u64;
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut found = Vec::new();
        for map in maps.lines().filter(|it| it.split(' ').nth(1).unwrap().starts_with("rw")) {
            let (begin, end) = map.split(' ').next().unwrap().split_once('-').unwrap();
            let address = |it| u64::from_str_radix(it, 16).unwrap();
            self.find(&memory, address(begin)..address(end), &mut buffer, |at| {
                if !own.contains(&at) {
                    found.push(format!("{at:x} in {map}"));
                }
            });
        }
        found
    }

    fn find(
        &self,
        memory: &File,
        map: std::ops::Range<u64>,
        buffer: &mut [u8],
        mut found: impl FnMut(u64),
    ) {
        let end = self.end();
        let mut begin = map.start;
        while begin < map.end {
            let wanted = buffer.len().min(usize::try_from(map.end - begin).unwrap());
            // A map may be gone by now, or be shorter.
            let Ok(count @ 1..) = memory.read_at(&mut buffer[..wanted], begin) else { return };
            for (at, window) in buffer[..count].windows(end.len()).enumerate() {
                if window.iter().zip(end).all(|(it, masked)| it ^ MASK == *masked) {
                    found(begin + at as u64);
                }
            }
            if count < end.len() {
                return;
            }
            // What lies across two reads is whole in the second one.
            begin += (count - end.len() + 1) as u64;
        }
    }
}

#[tokio::test]
async fn a_key_and_a_token_that_were_sent_are_nowhere_in_memory() {
    let kept = Hidden::new();
    assert_eq!(kept.found(), [""; 0]);
    let text = kept.reveal("");
    assert_eq!(kept.found().len(), 1, "{:?}", kept.found());
    drop(text);

    let (home, model) = (TestHome::new().unwrap(), MockModel::start().await.unwrap());
    let issuer = MockIssuer::start().await.unwrap();
    let (key, token) = (Hidden::new(), Hidden::new());
    let renewed = token.clone();
    let builder = issuer.configure(home.builder(&model)).chatgpt_token_provider(move |_| {
        // As this is no token at all, the runtime brings it to no server, of which one is here.
        let response = ChatgptAuthTokensRefreshResponse::new("account-1", renewed.reveal("none-"));
        async { Ok::<_, io::Error>(response) }
    });
    let codex = builder.start().await.unwrap();
    // Of several lengths, for buffers that grow in several ways.
    for length in (0..300).step_by(50) {
        let beginning = format!("sk-{}", "x".repeat(length));
        codex.login_api_key(SecretString::from(key.reveal(&beginning))).await.unwrap();
        assert_eq!(key.found(), [""; 0]);
    }
    codex.require_account().await.unwrap();

    codex.logout().await.unwrap();
    let first = ChatgptAuthTokensLoginAccountParams::new("account-1", issuer.issue_token());
    codex.request(LoginAccountParams::from(first)).await.unwrap();
    model.push(Reply::unauthorized());
    let error = codex.thread_start().await.unwrap().run("hi").await.unwrap_err();
    assert!(error.to_string().contains("auth refresh returned invalid credentials"), "{error}");
    assert_eq!(token.found(), [""; 0]);
    codex.close().await;
}
