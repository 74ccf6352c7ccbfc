// Package lambdaapp starts a Lambda function: its settings, its log, its metrics and the configuration of the AWS SDK.
//
// # Decisions
//
// Settings report everything that is missing or wrong at once, before the function serves its first request.
//
// The AWS configuration is loaded on first use and shared. An authorizer that answers from its cache never pays for it. Three
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
