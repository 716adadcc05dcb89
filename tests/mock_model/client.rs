//! A plain HTTP client that shows what a library would hide: chunks, and how a connection ends.

use std::io;

use codexkit::testing::MockModel;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) async fn connect(model: &MockModel) -> Self {
        let stream = TcpStream::connect(address(model)).await.unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Connects and asks the model once.
    pub(crate) async fn ask(model: &MockModel) -> Self {
        let mut client = Self::connect(model).await;
        client.post(&json!({ "input": [] })).await;
        client
    }

    pub(crate) async fn post(&mut self, body: &Value) {
        self.send("POST", "/v1/responses", "", body.to_string().as_bytes()).await;
    }

    /// `headers` are whole lines.
    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await.unwrap();
        self.stream.write_all(body).await.unwrap();
    }

    pub(crate) async fn head(&mut self) -> Head {
        let status_line = self.line().await.unwrap();
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().await.unwrap();
            if line.is_empty() {
                return Head { status, headers };
            }
            let (name, value) = line.split_once(": ").unwrap();
            headers.push((name.to_lowercase(), value.to_owned()));
        }
    }

    /// The next event of a stream. The server sends each in one chunk.
    pub(crate) async fn event(&mut self) -> io::Result<Option<Value>> {
        let Some(chunk) = self.chunk().await? else { return Ok(None) };
        let text = String::from_utf8(chunk).unwrap();
        let (name, data) = text.split_once('\n').unwrap();
        let event: Value = serde_json::from_str(
            data.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap(),
        )
        .unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), event["type"]);
        Ok(Some(event))
    }

    /// Everything up to the end of a stream, which must be a clean one.
    pub(crate) async fn events(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.event().await.unwrap() {
            events.push(event);
        }
        events
    }

    /// `None` is the last chunk, an error a body that ends before it.
    pub(crate) async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let size = usize::from_str_radix(&self.line().await?, 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; size];
        self.stream.read_exact(&mut chunk).await?;
        assert_eq!(self.line().await?, "");
        Ok((size > 0).then_some(chunk))
    }

    /// The body of a response with a length.
    pub(crate) async fn text(&mut self, head: &Head) -> String {
        let mut body = vec![0; head.header("content-length").unwrap().parse().unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    /// What has arrived already, without waiting for more.
    pub(crate) fn arrived(&mut self) -> Vec<u8> {
        let mut arrived = self.stream.buffer().to_vec();
        let mut more = [0; 4096];
        while let Ok(count @ 1..) = self.stream.get_ref().try_read(&mut more) {
            arrived.extend_from_slice(&more[..count]);
        }
        arrived
    }

    /// The bytes up to the end of the connection. A reset is an end like any other.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest).await {
            Ok(_) => rest,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) => panic!("{error}"),
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(line.to_owned())
    }
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn address(model: &MockModel) -> String {
    let url = model.base_url();
    url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().to_owned()
}

/// Asks once and gives the events of the stream.
pub(crate) async fn events(model: &MockModel) -> Vec<Value> {
    let mut client = Client::ask(model).await;
    assert_eq!(client.head().await.status, 200);
    client.events().await
}

/// Asks once and gives the text of the message in the reply.
pub(crate) async fn text(model: &MockModel) -> String {
    let events = events(model).await;
    let done = events.iter().find(|event| event["type"] == "response.output_item.done").unwrap();
    done["item"]["content"][0]["text"].as_str().unwrap().to_owned()
}
