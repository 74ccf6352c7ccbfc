// Package dynamo keeps assistants, calls and the ledger in DynamoDB.
//
// # Decisions
//
// Assistants are read through a cache: fresh for 30 seconds, and used up to 5 minutes old when the table does not
// answer within three tries and 600 ms, since a caller on the telephone waits (fault rows 33 and 34). Where nothing is
// remembered to fall back on, the three tries may take 1.5 s: a cold start pays for its first connection, and a late
// answer is better than none. A try that gets no answer in 400 ms is given up for the next. "No such assistant" is kept
// for 5 seconds, so that a burst of calls to a wrong number costs one read; nothing stale is kept of it. Concurrent
// readers of one assistant share one read.
//
// An item is decoded into plain JSON and read by aurora.ParseAssistant, so that the table, the operator's file and the
// API have one lenient reader, and fields this version does not know survive.
//
// Every write to calls and ledger is conditional on one item and says whether it was done. "Not done" is no error and
// no answer either: the SDK repeats a write whose reply was lost, and then the condition fails against our own success
// (fault row 36). So the caller reads back and decides by what is there; no owner token is needed, because no decision
// rests on who wrote.
//
// Claims of idempotency keys need an owner, because whoever claims a key acts on it: after a lost reply the claim is
// known again by its owner. Package idempotency decides what a claim means; this package stores it.
//
// A session's variables are kept as one JSON string, not as attributes: every number comes back with its digits.
//
// Outbound calls do need owners, since a decision rests on who wrote: an idempotency key holds the record that claimed
// it, and a counter the last that took from it. A counter is given back in one try, without the SDK's repeats, because
// giving back twice would let a call too many through.
//
// A day's calls are read by eventually consistent queries, at half the price: a report is made hours after the calls
// that it counts, or, asked for by hand, while they still arrive, and then no reading is the last. They are read page by
// page and by hand, attribute for attribute, because a month may hold 50,000 of them: by way of JSON, as Row goes, a row
// takes thirty times as long (BenchmarkDayRow). Only Row reads consistently, since the index decides by it.
//
// Expired items are filtered here: DynamoDB deletes them up to days late
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html).
//
// That a number is one assistant's is checked by a query of its index before the write. The index lags behind the
// table, so two operators at the same second could both pass; one claim item per number would close that, and is not
// worth its upkeep while one operator command is the only writer. ByNumber settles a tie by the smaller id, and says so
// in the log.
package dynamo
