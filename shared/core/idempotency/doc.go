// Package idempotency runs an effect once for each key, over claims that a store holds.
//
// # Decisions
//
// A claim is one item that is written only on a condition. Its owner is a token that no other claimant has. If a
// write reports that the condition failed, the claim is read: the AWS SDK repeats a write whose reply was lost, and the
// condition then fails against our own claim (shared/docs/faults.md row 36).
//
// A claim in progress holds for 60 seconds, and an effect may take 50 seconds. After the lease the next caller takes the
// claim over, because a Lambda function that was killed never releases it. An effect can then happen twice, but only if
// a process died between the effect and the write of its result.
//
// An effect that ended without an answer is in the state "unknown" and is never tried again. Results are stored for a
// day, because a turn that is tried again must get them word for word. Mails are remembered for 400 days, as long as
// the calls that a report is about.
//
// Outbound calls store claims in the same way, but do not use Runner: their claim leads to the record of a call, which
// has a state of its own and is looked up at the provider.
//
// The package is in core because both tools (core) and use cases build on it, and use cases do not import each other.
package idempotency
