// Package sqs hands work to workers, and serves workers.
//
// # Decisions
//
// A worker answers with the records that failed (ReportBatchItemFailures), so that one poisoned message neither holds
// up nor repeats the others; SQS counts its receives and moves it to the dead-letter queue. A record that panics has
// failed; one that was not begun two seconds before the function is killed is given back as failed, which costs it one
// receive, where being killed would cost every record of the batch one.
//
// What would change our mind: a FIFO queue, where records after a failed one must fail too. There is none here.
package sqs
