// Package callcontrol decides what Twilio does with a phone call: when it comes in, and when its session with the assistant or
// a dialled leg has ended.
//
// # Decisions
//
// A decision is never an error. A caller is on the line, so whatever fails becomes an apology and, if the assistant has a
// fallback number, a call to it. Failures are counted as AnswerDegraded.
//
// The state of the call is stored before the call is connected. Its key is Twilio's sid, so a request that is repeated finds it.
// A repeated request gets the same answer with another token: only Twilio's first request can have been lost.
//
// What follows a session is decided from the stored state. The hand-off data of Twilio's request is only compared with the
// id in the state, and the destination of a transfer comes from there. If a session ends although the assistant has asked for
// the end, without hand-off data or with an error, the assistant's wish counts.
//
// A session whose connection is lost is followed by another one, twice in a call. It has no greeting, unless no session has
// connected before. After Twilio's error for an invalid parameter (64101) it leaves out what was taken from the assistant's
// fields for the voice: another voice is better than no call. A transfer that fails also counts as one of the two, so that
// the model cannot dial for ever.
//
// The fallback number is not called if it is one of our own numbers or the caller's: the call would come back. While the
// assistants cannot be read, only the assistant's own numbers are known. That is enough to prevent an endless loop: the
// call that comes back then finds no assistant.
//
// Do-not-call does not apply to calls that come in. A caller may place a number of calls in a minute, and an assistant may get
// a number of calls in a minute; both are counted in the ledger as the limits of outbound calls are. There is no limit of calls
// at the same time: the end of a call is not certain to be reported, and a counter that only grows would refuse callers.
// When the counters cannot be written, calls are answered. A call above the caller's limit, and one from our own numbers, is
// rejected unanswered, which costs nothing.
package callcontrol
