// Package webhook answers a voice provider's messages and stores end-of-call reports.
//
// # Decisions
//
// Keeping a report is one PUT; all else happens later, from the bucket's notification. Before the PUT the report is read
// once to remove credentials and to hash what is left. The bytes around a removed value stay as they came: names that
// occur twice, digits beyond a float's, escapes. Text that is not valid UTF-8 is mended as encoding/json would.
//
// A message of a type that nobody knows is kept under unrecognised/ and answered {}, so that it is not lost. One that
// cannot be kept is a 503: answering 200 would lose it.
//
// Tools that a model at the provider calls are answered 200 in every case, each error in its own result: another status
// would fail the calls that went well. All three lists of a tool-calls message are read, since providers fill some of
// them; a call is known by its id.
//
// Vapi speaks an "error" to its caller but treats another status as a failed call, so questions in Vapi's own shape
// are answered 200 whatever happens. The document's callers get statuses.
package webhook
