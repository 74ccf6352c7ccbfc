// Package fakesqs stands in for Amazon SQS: standard queues over the AWS JSON protocol, kept on disk.
//
// # Decisions
//
// Where AWS leaves an outcome open, the stand-in takes the worse one, so that nobody comes to depend on the better:
// a receipt handle that a later receive has replaced deletes nothing, though the request succeeds.
//
// All receivers are on this machine. A stand-in that opens a file therefore knows that every message in flight lost
// its receiver, and shows it again at once instead of waiting for its visibility timeout.
//
// FIFO queues are refused: nothing in Aurora uses them. A use for one would change our mind.
package fakesqs
