// Package callfinder finds everything that a stack has of one call: lines of logs, objects of the bucket and items of the tables.
//
// # Decisions
//
// An id may be any that leads to the call: one of its own, or one of a request, a completion or a text message. The search goes
// on with every id that it finds, through the logs, the records of ids in the ledger, and the reports.
//
// Two assistants may have calls with one id. So a call belongs to an assistant here, and each has a history of its own. A log line
// without an assistant belongs to the one of its request; a line without a call, to the call of its request, unless the
// request was about several.
//
// Nothing is printed that was said. Of rows and records the fields are named one by one, and numbers are masked.
//
// The steps of turns and messages, and the verdict, are those of package timeline, from the table of traces. The log lines of the
// same records are printed too: the table may be sampled.
//
// The queues are not read: each receive counts toward the limit after which a message becomes a dead letter.
//
// github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs asks CloudWatch Logs Insights, for the logs of a deployed stack. It is for
// the operator only; no function links it.
package callfinder
