// Package webhook holds what a voice provider's messages mean: it answers them, keeps end-of-call reports, and indexes
// them so that one call is one row.
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
//
// # What came of a call
//
// The row is written first and the analyst asked after, so a call counts whatever comes of its analysis. The analysed
// row's version is the report's with "+a" behind it: greater than the report's own, less than any newer report's. So a
// redelivery neither undoes an analysis nor repeats it, and an analysis that comes late spoils no newer report.
//
// An analysis is kept under analysis/, beside its report and written once, before the row: what was paid for is not
// asked again, and reindexing needs no model. Of two workers that asked at once the first one's is kept, and counts. Where
// the bucket refuses it the row gets it all the same, and it is kept from there when the message comes again. An assistant
// whose wishes change later does not have its old calls analysed anew.
//
// # One call is one row
//
// Providers name one call differently, SQS keeps no order and repeats, and a worker may die between any two writes. The
// ledger has a record for each name of a call. The records of one call form a tree that only ever grows: a root may get
// a parent, and nothing loses one. So two trees that turn out to be one call are joined by a single conditional write,
// and names that an earlier report brought follow without being touched. Of two roots the older wins, so the row that
// reports may have seen already is the one that stays; a root's age and name never change, so concurrent workers agree
// and no cycle can form.
//
// The row lies at the root's latest place. A record remembers every place where the row may have been written while it
// was the root. Whoever follows a record to the root moves what lies at those places to the row's place (the newer
// content stays) and deletes it, on condition that it has not changed. A worker reads the root again after its last
// write, and starts over where it changed meanwhile. So a row can be left at an old place only by a worker that died or
// will start over; its message is delivered again, goes through the same records, and finds it.
//
// What is read back decides, never whether a write was "ours": a lost reply changes nothing (fault row 36).
//
// What would change our mind: transactions in the store we test with. Then joining and moving would be one write.
package webhook
