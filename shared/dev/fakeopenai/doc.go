// Package fakeopenai stands in for a model that speaks OpenAI's API: a plain one for `make run`, and a scripted one for tests.
//
// As a model it is deterministic and says what it is. As a double it plays any fault that a model or the wire to it
// can have:
//
//	double := fakeopenai.Serve(t, func(n int, r fakeopenai.Request) fakeopenai.Answer {
//		if n == 0 {
//			return fakeopenai.Status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "1")
//		}
//		return fakeopenai.Text("Hel", "lo").ResetAfter(1)
//	})
//
// # What the plain model does
//
// It says that it is a stand-in, and what it heard; a user who writes "slowly" gets a word every 200 ms. What the user
// says last makes it ask for a tool, where that tool is offered (the rules are tried in this order, in any case of the
// letters):
//
//	use <tool> {"json":"…"}       that tool, with those arguments
//	do not call                   add_to_do_not_call
//	transfer me to <name>         transfer_call to the destination of that name, or else the handoff transfer_to_<name>
//	text me <words>               send_sms with these words
//	email <words>                 send_email with these words; at the beginning, or after "please"
//	what time is it, what day …   get_current_time
//	my earlier calls, history     get_caller_history
//	goodbye, hang up              end_call, or the caller's own endCall
//	the words of a tool's name    that tool, without arguments: "book appointment" is book_appointment
//
// When a tool has answered, it says what the answer was. Every call has a new id, as a real model's has, and comes in
// fragments.
//
// Where the request asks for JSON of a schema (response_format json_schema), it fills the schema in from the words of the
// user's messages, the same for the same words: of an enum the first value that was heard, else mostly the first; texts that
// say that it is a stand-in and what it heard; up to three long words as a list, but no actionItems unless somebody wants
// to be called back; a number is how many words there were. A schema with patterns, or with conditions on other fields,
// may be more than it can fit.
//
// Of a report's figures it tells the first few, and that nobody has thought about them.
//
// # Decisions
//
// Tokens are counted as a quarter of the characters, rounded up: good enough to see that usage arrives, and nobody
// pays for it.
package fakeopenai
