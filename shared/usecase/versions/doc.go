// Package versions publishes assistants as numbered versions, keeps their drafts, and writes who did what.
//
// # Decisions
//
// The table of assistants stays the published copy. So the webhook and the chats read one item, as they did before versions
// existed, and no reader knows about them.
//
// Every step writes one item on a condition, because DynamoDB's transactions are not needed for it and the local emulation has
// none. A publication writes the version, then an audit event in the state "begun", then the published copy, which is the
// moment at which the change counts, and then what can be repaired: the time at which the version began to answer, the state
// "done" of the event, the claim of the old number, the draft. If the process ends before the published copy is written, the
// version stays in the history as one that never answered. Its number is not used again. If it ends afterwards, the next
// publication and the next reader of the audit finish the rest.
//
// A write whose reply was lost is read back: the published copy and the version have the id of the publication, and a draft and
// a claim have the id of the write.
//
// A number is claimed in the ledger before the published copy is written. The claim is also a lock for 30 seconds, and the
// published copy is written within 15 seconds of it or not at all. So a claim that is older, of an assistant that does not have
// the number, was left by a process that ended, and another assistant may take it over. An assistant that has its number since
// before claims existed is found by the index.
//
// A draft that is deleted leaves its revision behind, so that a revision is never used twice: an editor with an old page must
// not overwrite a draft that was begun later.
//
// The command line may publish a handoff to an assistant that does not exist yet, because two assistants that hand off to each
// other could not be stored otherwise. The API rejects it.
//
// github.com/aymanbagabas/go-udiff compares long texts line by line. It is the comparison of Go's own tools as a module, with no
// dependencies.
//
// A change of the published copy by something else between our read and our write, which is a few milliseconds, is lost if it
// leaves the version's number in place. A change before that is recorded as a version of its own first.
package versions
