// Package phonecall carries the conversation of a phone call that Twilio connects with us by ConversationRelay.
//
// # Decisions
//
// Each message of Twilio is handled by a process of its own, at the same time as others and in any order. So the state of a call
// is one small item, and every change is a function of that state which is written on the condition that it is still the same.
// A prompt and an interruption increase the generation. A turn knows its generation, reads the item every 150 ms, before each
// message to Twilio and before its tools, and says nothing more once the number has changed. Of messages that arrive out of order, the
// time at which they reached the gateway decides; it is the only order that they have.
//
// Words that no turn has answered wait in the state. The next turn answers all of them, as one message. A turn that was
// interrupted keeps what was heard of it and all that its tools did; it is never removed as a whole, because the model would
// repeat itself and forget what it has done. What was heard is stored beside what was planned, and the model's view is cut when
// the history is built: the interruption is often handled before the turn has ended. If it is handled after the next turn has
// read the conversation, and that turn has neither said nor done anything, the turn begins again.
//
// A tool that runs when its turn is interrupted is not cancelled: what it does is done, and the model must know. The next turn
// waits until the result is stored.
//
// Twilio waits for an end of each turn, without which it stays silent. Every turn that speaks ends with an empty last token,
// also after an error. A turn that was superseded sends none: it would end the newer turn. After an interruption the empty
// token is sent by the handler of the interruption.
//
// The gateway waits 29 seconds for an answer and then sends a message of its own to Twilio, which is an error there. After 20
// seconds a turn says a filler, stores what it has said and done, and a worker goes on with it. A tool that may take longer than
// what is left is not started before that.
//
// end_call and transfer_call do not act through Twilio's REST API here: the session is ended by a message of our own once the
// words were spoken, because ending it at once would cut them.
package phonecall
