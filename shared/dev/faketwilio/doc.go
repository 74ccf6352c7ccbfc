// Package faketwilio stands in for Twilio: it takes text messages, places calls that nobody hears, tells of them as Twilio
// does, and keeps it all for tests and developers to look at.
//
// # Calls
//
// A call that is created rings, is answered by a person after half a second, and is over a second later. What becomes of
// it is told to its StatusCallback and AsyncAmdStatusCallback, signed. These destinations have another fate:
//
//	+14155550101  busy
//	+14155550102  nobody answers
//	+14155550103  cannot be connected: failed
//	+14155550104  answered by a machine
//	+14155550105  answered, and no callback is ever posted
//	+14155550106  answered; every callback comes twice, at the end, the last one first
//	+14155550110  refused: 21211, not a valid number
//	+14155550111  refused: 21216, the account may not call it
//	+14155550112  429 (20429) at every other request, beginning with the first
//	+14155550113  taken, and answered 500
//	+14155550114  taken, and the connection breaks before the answer
//	+14155550115  taken, and answered 201 with {}
//	+14155550116  refused: 21215, no permission for its country
//	+14155550117  not taken, and answered 500
//	+14155550118  always 429 (20429)
//	+14155550119  taken, and answered 20 s later
//	+14155550120  as …114, and no callback is ever posted
//
// # Decisions
//
// Numbers are refused as Twilio's own test credentials refuse them
// (https://www.twilio.com/docs/iam/test-credentials): +15005550001 is no valid number, +15005550004 has unsubscribed,
// and so on. Every other number in E.164 is taken, as a sender too, but those from +14155550100 to +14155550199: they are
// other people's, so a call from one of them is refused with 21210. So a test needs no script to see a refusal.
//
// Of TwiML only its form is looked at. No voice server is connected with a call, since there is no voice.
//
// A call that was not created here is one of somebody's telephone: every well-formed sid is a call in progress until it
// was ended.
//
// A callback is posted once, to any http address: Twilio takes public ones alone (21609), but the stack is on one machine.
//
// Everything is in memory, the newest thousand of each: what was sent is looked at while the stack runs. Close ends the
// calls under way, and leaves no goroutine behind.
package faketwilio
