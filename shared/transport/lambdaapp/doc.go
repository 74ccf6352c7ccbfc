// Package lambdaapp starts a Lambda: settings that complain about everything at once, a logger that cannot leak, metrics
// and the AWSConfig configuration.
//
// # Decisions
//
// The AWSConfig configuration is made on first use and shared: an authorizer that answers from its cache never pays for it.
// Three attempts with at most 150 ms between them replace the SDK's defaults, which took up to 3.3 s under throttling
// while a caller waits.
//
// Metrics are lines of the log in CloudWatch's embedded metric format
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html):
// no call, no agent, nothing to lose when the process is frozen.
//
// github.com/aws/aws-lambda-go and github.com/aws/aws-sdk-go-v2/config: what the project is for.
package lambdaapp
