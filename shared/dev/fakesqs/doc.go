// Package fakesqs is a fake of Amazon SQS: standard and FIFO queues over the AWS JSON protocol, stored on disk.
//
// # Decisions
//
// Where AWS does not define an outcome, the fake chooses the worse one, so that no code depends on the better one: a
// receipt handle that a later receive has replaced deletes nothing, although the request succeeds.
//
// All receivers run on this machine. When the fake opens a file, every message in flight has lost its receiver, so it is
// visible again at once, without waiting for its visibility timeout.
//
// Deduplication ids of a FIFO queue are remembered for five minutes as in SQS, but after a restart only those of messages
// that are still stored. ReceiveRequestAttemptId is not supported: a receive whose answer was lost is undone instead.
package fakesqs
