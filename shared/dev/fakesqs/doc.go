// Package fakesqs is a fake of Amazon SQS: standard queues over the AWS JSON protocol, stored on disk.
//
// # Decisions
//
// Where AWS does not define an outcome, the fake chooses the worse one, so that no code depends on the better one: a
// receipt handle that a later receive has replaced deletes nothing, although the request succeeds.
//
// All receivers run on this machine. When the fake opens a file, every message in flight has lost its receiver, so it is
// visible again at once, without waiting for its visibility timeout.
//
// FIFO queues are rejected: Aurora does not use them.
package fakesqs
