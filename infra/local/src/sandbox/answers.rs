//! Answers that are no use to whoever gets them.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::Value;

const CHUNK: &[u8] = &[b'x'; 64 * 1_024];

/// A success that cannot be read.
pub(crate) fn garbled(status: StatusCode) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        r#"{"id": "1, "status": "#,
    )
        .into_response()
}

/// A 500 with a page of HTML.
pub(crate) fn broken() -> Response {
    let page = "<html><body><h1>500 Internal Server Error</h1></body></html>";
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        [(header::CONTENT_TYPE, "text/html")],
        page,
    )
        .into_response()
}

/// A 201 with a body of `bytes` bytes, made as it is sent.
pub(crate) fn huge(bytes: u64) -> Response {
    let chunks = stream::unfold(bytes, |left| async move {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK.len());
        (left > 0).then(|| {
            (
                Ok::<_, Infallible>(Bytes::from_static(&CHUNK[..length])),
                left - length as u64,
            )
        })
    });
    json_stream(Body::from_stream(chunks))
}

/// A 201 that comes one byte at a time.
pub(crate) fn dripping(body: &Value, every: Duration) -> Response {
    let bytes = Bytes::from(body.to_string());
    let drops = stream::unfold(bytes, move |mut left| async move {
        tokio::time::sleep(every).await;
        (!left.is_empty()).then(|| (Ok::<_, Infallible>(left.split_to(1)), left))
    });
    json_stream(Body::from_stream(drops))
}

fn json_stream(body: Body) -> Response {
    (
        StatusCode::CREATED,
        [(header::CONTENT_TYPE, "application/json")],
        body,
    )
        .into_response()
}
