// Package lambdaapp starts a Lambda function: its settings, its log, its metrics and the configuration of the AWS SDK.
//
// # Decisions
//
// Settings report everything that is missing or wrong at once, before the function serves its first request.
//
// Connections are opened before the first event, in parallel and for 400 ms at most. A TLS handshake takes 10 ms of processor
// time. Lambda starts a process with a whole processor and serves events with the share of the function's memory size: at 128 MB
// those 10 ms would be 140 ms of the first caller's time. Connections that die while the process is frozen are opened again by
// the requests that need them.
//
// The AWS configuration is loaded on first use and shared, and so are the connections of all clients that do not change it. Three
// attempts with at most 150 ms between them replace the SDK's defaults, which took up to 3.3 s under throttling while a
// caller was waiting.
//
// Metrics are log lines in CloudWatch's embedded metric format
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
// They need no API call and no agent, and nothing is lost when Lambda freezes the process.
//
// github.com/aws/aws-lambda-go runs the handler, github.com/aws/aws-sdk-go-v2/config loads the AWS configuration, and
// github.com/aws/smithy-go/logging is how the AWS SDK writes its own lines, which go into the log as JSON like all others.
package lambdaapp
