//! The other side is AWS's own runtime, in a real process: this test binary, started again as a function.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::json;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(20);

/// What the child runs.
#[tokio::test]
#[ignore = "the function that the other tests start"]
async fn function() {
    println!("starting");
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        println!("doing {}", event.payload["do"]);
        match event.payload["do"].as_str() {
            Some("fail") => Err(Error::from("as asked")),
            Some("panic") => panic!("as asked"),
            Some("exit") => std::process::exit(7),
            Some("hang") => std::future::pending().await,
            _ => Ok(json!({
                "pid": std::process::id(),
                "event": event.payload,
                "request": event.context.request_id,
                "arn": event.context.invoked_function_arn,
                "remaining": event.context.deadline().duration_since(std::time::SystemTime::now())?.as_secs(),
                "setting": std::env::var("A_SETTING").ok(),
            })),
        }
    }))
    .await
    .unwrap();
}

fn real_binary(timeout: Duration) -> RealBinary {
    RealBinary::launching(timeout, launch())
}

fn launch() -> Launch {
    Launch {
        name: "function".to_owned(),
        memory: 128,
        program: std::env::current_exe().unwrap(),
        arguments: [
            "--exact",
            "runtime_api::tests::function",
            "--ignored",
            "--nocapture",
        ]
        .map(str::to_owned)
        .into(),
        environment: BTreeMap::from([("A_SETTING".to_owned(), "given".to_owned())]),
    }
}

#[tokio::test]
async fn a_real_process_answers_event_after_event() {
    let binary = real_binary(TIMEOUT);
    assert_eq!(binary.pid(), None, "it is started by its first event");
    let first = binary.invoke(json!({ "n": 1 })).await.unwrap();
    assert_eq!(first["event"], json!({ "n": 1 }));
    assert_eq!(
        first["arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:function"
    );
    assert_eq!(first["setting"], "given");
    assert!((TIMEOUT.as_secs() - 5..=TIMEOUT.as_secs()).contains(&first["remaining"].as_u64().unwrap()));
    assert_eq!(first["pid"].as_u64().unwrap(), u64::from(binary.pid().unwrap()));
    assert!(binary.init_time().unwrap() > Duration::ZERO);

    let second = binary.invoke(json!({ "n": 2 })).await.unwrap();
    assert_eq!(second["pid"], first["pid"], "the same process");
    assert_ne!(second["request"], first["request"]);
    assert!(binary.take_output().iter().any(|line| line.contains("starting")));
}

#[tokio::test]
async fn a_frozen_process_goes_on_when_it_is_thawed() {
    let binary = real_binary(TIMEOUT);
    assert!(!binary.freeze().await, "there is none yet");
    let first = binary.invoke(json!({})).await.unwrap();
    assert!(binary.freeze().await);
    let invocation = binary.invoke(json!({ "n": 1 }));
    tokio::pin!(invocation);
    tokio::select! {
        answer = &mut invocation => panic!("frozen, and yet: {answer:?}"),
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    assert!(binary.thaw().await);
    assert_eq!(invocation.await.unwrap()["pid"], first["pid"]);

    binary.freeze().await;
    binary.kill().await;
    assert_eq!(binary.pid(), None, "frozen or not, SIGKILL ends it");
}

#[tokio::test]
async fn a_functions_own_failures_are_told_and_survived() {
    let binary = real_binary(TIMEOUT);
    let error = binary.invoke(json!({ "do": "fail" })).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Failed { message, .. } if message == "as asked"),
        "{error:?}"
    );
    let pid = binary.pid();
    let error = binary.invoke(json!({ "do": "panic" })).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Failed { message, .. } if message.contains("as asked")),
        "{error:?}"
    );
    assert!(pid.is_some());
    assert_eq!(binary.pid(), pid);
}

#[tokio::test]
async fn a_process_that_dies_in_the_middle_is_noticed_and_replaced() {
    let binary = real_binary(TIMEOUT);
    let error = binary.invoke(json!({ "do": "exit" })).await.unwrap_err();
    assert!(
        matches!(&error, InvokeError::Died(status) if status.contains('7')),
        "{error:?}"
    );
    assert_eq!(binary.pid(), None);
    assert!(binary.invoke(json!({})).await.is_ok());
}

#[tokio::test]
async fn it_can_be_killed_in_the_middle() {
    let binary = real_binary(TIMEOUT);
    binary.start().await.unwrap();
    let before = binary.pid().unwrap();
    let invocation = tokio::spawn({
        let binary = binary.clone();
        async move { binary.invoke(json!({ "do": "hang" })).await }
    });
    while !binary.take_output().iter().any(|line| line.contains("hang")) {
        tokio::task::yield_now().await;
    }
    binary.kill().await;
    let error = invocation.await.unwrap().unwrap_err();
    assert!(
        matches!(&error, InvokeError::Died(status) if status.contains("signal: 9")),
        "{error:?}"
    );
    let after = binary.invoke(json!({})).await.unwrap();
    assert_ne!(after["pid"], before);
}

#[tokio::test]
async fn one_that_is_not_done_in_time_is_killed() {
    let binary = real_binary(Duration::from_millis(100));
    let error = binary.invoke(json!({ "do": "hang" })).await.unwrap_err();
    assert_eq!(error, InvokeError::TimedOut(Duration::from_millis(100)));
    assert_eq!(binary.pid(), None);
}

#[tokio::test]
async fn one_that_cannot_start_says_so() {
    let ends_at_once = Launch {
        arguments: vec!["--list".to_owned()],
        ..launch()
    };
    let is_not_there = Launch {
        program: "/nowhere".into(),
        ..launch()
    };
    for launch in [ends_at_once, is_not_there] {
        let outcome = RealBinary::launching(TIMEOUT, launch).invoke(json!({})).await;
        assert!(matches!(&outcome, Err(InvokeError::NotStarted(_))), "{outcome:?}");
    }
}
