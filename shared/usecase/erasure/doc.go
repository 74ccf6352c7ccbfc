// Package erasure finds, exports and erases the data of one person, who is known by a phone number.
//
// # Decisions
//
// A search reads everything: all items of the tables, all versions of all objects, all messages that can be received. An
// index would not lead to a number in a transcript, in a message of an unknown type, or in a replaced version. Such a search
// is rare and may take minutes.
//
// What belongs to the person is removed: the calls whose other side has the number, all that is stored under an id of such a
// call, and what has the number in its key. A call's ids come from callers, so an id counts only together with its assistant.
//
// A number that stands elsewhere, such as in what another caller said, is replaced by [erased] in the newest version, and
// older versions with it are removed. The rest of the other person's data stays. A number that is spoken in words, and the
// person's name in other people's calls, are not found.
//
// Before anything is removed, the ids of the person's calls are remembered as hashes for 90 days. So a run that was
// interrupted finds what is left, although what led to it may be gone, and the call worker removes a report that the
// provider sends again. After a run that ended only the worker looks for the ids, together with the time of the call: an id may be
// used again.
//
// The state of a phone call and its words are kept for two days, also of one that is going on. They are removed at once: what is
// still said is not stored, and no report follows.
//
// A run ends only after a search that found nothing. What was written during the run is found by the next search. Versions of
// objects never change, so each is read once.
//
// Reports that list a call of the person are made again from the rows that are left. One that cannot be made again, or that
// still holds the number, is removed.
//
// The entry on the do-not-call list stays, in clear: it keeps the person from being called again. A hash of a phone number
// would not protect it, because all numbers can be hashed within minutes. Consent is removed.
package erasure
