// Package callindex writes one row for each call from the end-of-call reports in the bucket, and has calls analysed.
//
// # Decisions
//
// The row is written before the analysis is asked for, so that a call counts even if its analysis fails. An analysed
// row's version is the report's version with "+a" behind it: greater than the report's own, smaller than any newer
// report's. So a redelivery neither undoes an analysis nor repeats it, and a late analysis does not overwrite a newer
// report. An older report is analysed only if no newer one has a readable transcript.
//
// An analysis is stored under analysis/, beside its report. It is written once and before the row, so that no model is
// paid twice, and `make reindex` needs no model. If two workers analyse one report at once, the first stored analysis
// counts. If the bucket does not take an analysis, the row gets it all the same; the next delivery of the message copies
// it from the row to the bucket. Old calls are not analysed again when an assistant's schema changes.
//
// The worker applies the assistant's storage setting once more, to the report that it read and to the analysis: they may be older
// than the setting. So a row is written only when the assistant can be read.
//
// # A row has several sources
//
// A call's reports and the telephone provider's callbacks arrive in any order, more than once, and a newer one may say less.
// So each field comes from the newest source that says it (merge.go), and FieldVersions has the versions of those that are
// older than the row's. The disposition and the outcome are derived from the merged facts. Merging is commutative,
// associative and idempotent, so that the row does not depend on the order.
//
// # One call is one row
//
// Providers give one call several ids, SQS keeps no order and repeats messages, and a worker may die between any two
// writes. The ledger has an alias record for each id of a call. The alias records of one call form a tree that only
// grows: a root may get a parent, and no record ever loses one. So two trees that turn out to be one call are joined by
// a single conditional write, and records written by earlier reports follow without being touched. Of two roots the
// older one wins, so that a row which reports may have counted already stays where it is. A root's age and name never
// change. So concurrent workers choose the same root, and no cycle can form.
//
// Ids are chosen by others: two owners may send reports of calls with one id. So a tree belongs to the assistant of its row, and
// a call of another assistant gets a name of its own for that id (trees.go). Which of the two has the plain name depends on which
// came first, and matters to none. A report that names no assistant is added to the tree that its id leads to: keys that are
// limited to some assistants cannot send one.
//
// The row lies at the root's latest row key. A record lists every key where the row may have been written while the
// record was the root. A worker that follows a record to the root moves the rows at those keys to the root's key (their
// contents are merged), and deletes each on condition that it has not changed. After its last write a worker reads the
// root again, and starts over if the root changed meanwhile. So only a worker that died, or that will start over, can
// leave a row at an old key. Its message is delivered again, leads through the same records, and finds that row.
//
// Only what is read back counts, never whether a write was "ours": so a lost reply changes nothing (fault 36).
//
// What would change our mind: transactions in dynalite, which the tests use. Then joining and moving would be one write.
package callindex
