// Package sqs sends messages to SQS queues, and serves a worker's batches of messages.
//
// # Decisions
//
// A worker answers with the messages that failed (ReportBatchItemFailures). So a message that always fails neither delays
// nor repeats the others; SQS counts its receives and moves it to the dead-letter queue. A message whose handler panics
// has failed. A message that was not started two seconds before Lambda would kill the function is reported as failed: that
// costs it one receive, while a kill would cost every message of the batch one.
//
// The messages of a FIFO queue are handled group by group. A worker that fails at one message reports the later ones of its group
// too: Lambda deletes every message that is not reported, and one that was handled before an earlier one would be out of order.
package sqs
