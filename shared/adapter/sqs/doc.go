// Package sqs sends messages to SQS queues, and serves a worker's batches of messages.
//
// # Decisions
//
// A worker answers with the messages that failed (ReportBatchItemFailures). So a message that always fails neither delays
// nor repeats the others; SQS counts its receives and moves it to the dead-letter queue. A message whose handler panics
// has failed. A message that was not started two seconds before Lambda would kill the function is reported as failed: that
// costs it one receive, while a kill would cost every message of the batch one.
//
// What would change our mind: a FIFO queue, where the messages after a failed one must fail, too. There is none here.
package sqs
