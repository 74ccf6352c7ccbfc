// Package dynamo stores assistants and their versions, calls and the ledger in DynamoDB.
//
// # Decisions
//
// Assistants are read through a cache. An entry is fresh for 30 seconds. If the table does not answer within three
// attempts and 600 ms, an entry up to 5 minutes old is used, because a caller on the phone waits (shared/docs/faults.md
// rows 33 and 34). Without such an entry the attempts may take 1.5 s: a cold start must connect first, and a late answer
// is better than none. An attempt without an answer ends after 400 ms. "No such assistant" is cached for 5 seconds, so
// that many calls to a wrong number cost one read; it is never used when it is older. Concurrent reads of one assistant
// share one request.
//
// An item is converted to plain JSON and read by aurora.ParseAssistant. So the table, the operator's file and the API have
// one lenient reader, and fields that this version does not know are kept.
//
// Every write to calls and ledger has a condition on one item and reports whether it was done. "Not done" is neither an
// error nor a final answer: the SDK repeats a write whose reply was lost, and then the condition fails because the first
// write succeeded (faults.md row 36). So the caller reads the item and decides by what is there.
//
// Writes need an owner if a decision depends on who wrote: a claim of an idempotency key, the sid of an outbound call,
// and a quota, which stores who took from it last. After a lost reply the caller finds its own name. A quota is returned
// with one request, without the SDK's repeats, because returning it twice would allow one call too many. What a claim
// means is decided by package idempotency.
//
// A session's variables are stored as one JSON string and not as attributes, so that every number keeps its digits.
//
// The calls of a day are read with eventually consistent queries, at half the price. A report is made hours after its
// calls. If an operator asks for one earlier, calls still arrive anyway. Items are read page by page and attribute by
// attribute, because a month may have 50,000 of them: through JSON, as Row does it, one item takes thirty times as long
// (BenchmarkDayRow). Only Row reads consistently, because the call index decides by it.
//
// The state of a phone call is read, changed and written on the condition that it has not changed since, and again if it
// has: prompts, interruptions and keys of one call are handled at the same time by several processes. One UpdateItem for each
// kind of message would save a read, about 4 ms, and would put the rules of a conversation into update expressions. The
// state's item has no messages, because it is read every 150 ms while the assistant speaks; the turns with their messages
// are items of their own. There is no transaction over both, which dynalite does not have: a turn is written first, and counts
// whether or not the state was written after it.
//
// Expired items are left out by this package, because DynamoDB deletes them up to days late
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html).
//
// A published assistant's item says which version it is, in attributes whose names begin with an underscore. They are in the same
// item, so that a reader needs no second one, and no reader of the document sees them. The version counts only if the hash in
// the item fits the document: an item that was changed by hand has no version.
//
// The versions of an assistant are compressed. A prompt may have 100,000 characters, up to 400 KB, which is the limit of an item.
//
// If two assistants have one number, ByNumber returns the one with the smaller id and logs an error. Package versions prevents it
// for everything that it publishes.
package dynamo
