// Package fakeopenai is a fake of a model server with OpenAI's API: a default model for `make run`, and a scripted one for
// tests.
//
// The default model is deterministic and says that it is a fake. A script can produce every fault of a model server or of
// the connection to it:
//
//	double := fakeopenai.Serve(t, func(n int, r fakeopenai.Request) fakeopenai.Answer {
//		if n == 0 {
//			return fakeopenai.Status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "1")
//		}
//		return fakeopenai.Text("Hel", "lo").ResetAfter(1)
//	})
//
// # The default model
//
// It says that it is a fake, and repeats what it received. A user who writes "slowly" gets a word every 200 ms. The last
// user message can make it call a tool, if that tool is offered. The rules are tried in this order, in any letter case:
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
// After a tool result it repeats the result. Every tool call has a new id, as from a real model, and comes in fragments.
//
// For a request with response_format json_schema it fills the schema from the words of the user's messages. The same words
// give the same answer. An enum gets the first value that occurs in the messages, else mostly the first one; a string says
// that it is from a fake and repeats the messages; a list has up to three long words, and actionItems is empty unless a
// callback was requested; a number is the number of words. A schema with patterns or with conditions on other fields may
// not be satisfied.
//
// For a report's narrative it repeats the first few figures and says that there is no analysis.
//
// # Decisions
//
// Tokens are counted as a quarter of the characters, rounded up: enough to see
// that usage arrives.
package fakeopenai
