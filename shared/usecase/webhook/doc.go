// Package webhook answers a voice provider's messages and stores end-of-call reports.
//
// # Decisions
//
// Storing a report is one PUT. Everything else happens later and is started by the bucket's notification. The body is
// read once before the PUT: one pass removes credentials, hashes what is left, and takes out the fields that the
// object's key is made of. The bytes around a removed value stay as they came: names that occur twice, digits beyond a
// float64's, escapes. Bytes that are not UTF-8 are replaced as encoding/json replaces them.
//
// If the bucket does not accept a report within four seconds, it goes to the raw queue, compressed. The worker stores it
// later. If the queue does not accept it either, the answer is 503, and the provider sends it again.
//
// What an assistant does not let be stored is removed before the PUT, in a second pass that only the assistants that ask for
// it pay for. All others pay for one read of the assistant, which is cached for 30 seconds. If the assistant cannot be read, the
// report goes to the raw queue as it is: to store it as it is might break the promise for good, and to remove what the
// assistant may want to keep would lose it for good.
//
// A message of an unknown type is stored under unrecognised/ and answered with {}, so that it is not lost. If it cannot be
// stored, the answer is 503: a 200 would lose it.
//
// A body that cannot be read but may be an end-of-call report is stored under unrecognised/invalid/ before it is answered
// with 400: the sender may have no other copy. Credentials are removed from it as from a text, and personal data unless it names
// an assistant that stores everything: the end, where it may name another one, can be missing.
//
// Calls of tools are always answered with 200, with an error in the result of each call that failed: another status would
// fail the other calls, too. All three lists of a tool-calls message are read, since each provider fills only some of them;
// a call is identified by its id.
//
// Vapi speaks an "error" to the caller, but ends the call on any status other than 200. So questions in Vapi's own shape
// are always answered with 200. The API document's callers get the status of the error.
package webhook
