// Package fakerelay plays the telephone and Twilio's side of ConversationRelay for one call: what is heard, what is said, and
// the WebSocket between them.
//
// A Phone speaks the words that arrive at the pace of a voice, so that the words until an interruption are those that were
// really spoken. It is strict: a message that differs from its documentation is recorded as error 64107, and so are words that
// arrive after an interruption, words that the end of the session cuts, and turns that are not closed.
//
// # Decisions
//
// The messages are those of https://www.twilio.com/docs/voice/conversationrelay/websocket-messages and the attributes those of
// https://www.twilio.com/docs/voice/twiml/connect/conversationrelay. The message info is not in that documentation; its form is
// that of public projects which agree: name and value, with ts in milliseconds.
//
// Words are spoken as they come. The documentation does not say what Twilio does with text that arrives after an interruption.
// Here it is spoken, the worst case, and recorded.
//
// The number durationUntilInterruptMs is a string in every second interruption, since the documentation has both forms. The
// address in the TwiML is signed without its query, whose names and values follow it, as Twilio's own Python library checks it.
//
// github.com/coder/websocket is the WebSocket library: it takes contexts, is maintained, and has no dependencies.
package fakerelay
