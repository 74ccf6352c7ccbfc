// Package typedcall makes a phone call whose caller types: make call uses it with the fake Twilio of the local stack.
//
// The words of both sides appear as they are spoken. A line is a text to say, or a command:
//
//	/after 5 text   says the text after five words of the answer, which interrupts it
//	/press 12#      presses keys
//	/wait 10        says nothing for ten seconds
//	/cough          interrupts and says nothing
//	/drop           breaks the WebSocket between Twilio and the assistant
//	/hangup         hangs up
//
// A text is said once the answer to the previous one was spoken, unless a person types it at a terminal: then it is said at
// once, and interrupts.
package typedcall
