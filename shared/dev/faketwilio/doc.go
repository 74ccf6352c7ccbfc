// Package faketwilio is a fake of Twilio's REST API: it accepts text messages, simulates calls with their status callbacks,
// and stores everything in memory for tests and developers to inspect.
//
// # Calls
//
// A call rings, is answered by a person after half a second, and ends a second later. Each step is posted, signed, to its
// StatusCallback and AsyncAmdStatusCallback. These destinations behave differently:
//
//	+14155550101  busy
//	+14155550102  no answer
//	+14155550103  cannot be connected: failed
//	+14155550104  answered by a machine
//	+14155550105  answered, and no callback is ever posted
//	+14155550106  answered; every callback comes twice, at the end, the last one first
//	+14155550110  rejected: 21211, not a valid number
//	+14155550111  rejected: 21216, the account may not call it
//	+14155550112  429 (20429) at every other request, beginning with the first
//	+14155550113  accepted, and answered 500
//	+14155550114  accepted, and the connection breaks before the answer
//	+14155550115  accepted, and answered 201 with {}
//	+14155550116  rejected: 21215, no permission for its country
//	+14155550117  not accepted, and answered 500
//	+14155550118  always 429 (20429)
//	+14155550119  accepted, and answered 20 s later
//	+14155550120  as …114, and no callback is ever posted
//	+14155550130  answered by the person at the page, who types
//
// A call whose TwiML leads to ConversationRelay is a conversation: see package fakerelay. The person who answers asks who is
// calling and says goodbye; a machine records for half a minute.
//
// StartInbound, or POST /phone/calls with From and To, is a call from a person. Its TwiML is requested at VoiceURL and played
// verb by verb, as strictly as package stricttwiml reads it: ConversationRelay, Dial, Say, Recording and the others, with the
// requests that Twilio makes for each. The destinations of Dial behave as those of outbound calls. The routes under /phone
// are for a person at the page and for make call: say, press, listen, leave, cough (an interruption without words), drop (the
// WebSocket breaks) and hangup, with the events of the call as Server-Sent Events.
//
// # Text messages
//
// ReceiveText, or POST /inbound-messages with the form fields From, To and Body, is a person's text message. It is posted, signed, to
// MessageURL, once more if no connection could be made. As on a real account, a message that is STOP, START, HELP or a synonym and
// comes by SMS is also answered by Twilio itself, and after a STOP further messages are rejected with 21610. /texts is a page on
// which a person texts. Each message that we send is reported to its StatusCallback. These destinations behave differently:
//
//	+14155550130  not delivered: 30003, unreachable
//	+14155550131  not delivered: 30034, our number is not registered
//	+14155550132  every callback comes twice, the last one first
//	+14155550133  accepted, and answered 500
//	+14155550134  accepted, and the connection breaks before the answer
//	+14155550135  not accepted, and answered 500
//	+14155550136  429 (20429) at every other request, beginning with the first
//	+14155550137  accepted, and answered 20 s later
//
// # Decisions
//
// Numbers are rejected as Twilio's own test credentials reject them
// (https://www.twilio.com/docs/iam/test-credentials): +15005550001 is not a valid number, +15005550004 has unsubscribed,
// and so on. Every other E.164 number is accepted, also as a sender, except +14155550100 to +14155550199: they belong to
// other people, so a call from one of them is rejected with 21210. A test needs no script to see a rejection.
//
// No voice server is connected to <Stream>, since there is no audio: such a call ends a second after its answer.
//
// AddInbound, or POST /inbound-calls with the form fields From and To, adds an inbound call that nothing plays. Every other
// well-formed sid is a call in progress without numbers until an update ends it.
//
// A callback is posted once, to any http address: Twilio accepts public addresses only (21609), but here the stack is on one machine.
// Only a request that could not connect is made a second time, with the same I-Twilio-Idempotency-Token:
// https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
//
// The newest thousand of each kind are in memory. Close ends the calls in progress and leaves no goroutine behind.
package faketwilio
