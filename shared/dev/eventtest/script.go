package eventtest

import (
	"strings"

	"example.com/aurora/shared/dev/fakeopenai"
)

// scripts are the model's answers by the start of the caller's last message. Ids and token counts are fixed, so that the
// cases can want them.
var scripts = map[string]fakeopenai.Answer{
	"book a cleaning": fakeopenai.ToolCall("call_1", "book_appointment", `{"date":"2026-11-24"}`),
	"what time is it": fakeopenai.ToolCall("call_1", "get_current_time", `{}`),
	"history":         fakeopenai.ToolCall("call_1", "get_caller_history", `{}`),
	"text me":         fakeopenai.ToolCall("call_1", "send_sms", `{"message":"Nine to five."}`),
	"email them":      fakeopenai.ToolCall("call_1", "send_email", `{"subject":"Dana called","body":"Please call back."}`),
	"do not call":     fakeopenai.ToolCall("call_1", "add_to_do_not_call", `{}`),
	"everything":      fakeopenai.ToolCall("call_1", "get_current_time", `{}`).ToolCall("call_2", "send_sms", `{"message":"Hi"}`).ToolCall("call_3", "get_caller_history", `{"limit":1}`).Fragments(3),
	"billing":         fakeopenai.ToolCall("call_1", "transfer_call", `{"destination":"billing"}`),
	"a stranger":      fakeopenai.ToolCall("call_1", "transfer_call", `{"destination":"+15551230999"}`),
	"another tool":    fakeopenai.ToolCall("call_1", "delete_everything", `{}`),
	"broken":          fakeopenai.ToolCall("call_1", "send_sms", `{"message":`),
	"avery":           fakeopenai.ToolCall("call_1", "transfer_to_avery", `{}`),
	"hang up":         fakeopenai.ToolCall("call_1", "endCall", `{}`),
	"goodbye":         fakeopenai.Text("Good", "bye.").ToolCall("call_1", "end_call", `{}`),

	"markup":  fakeopenai.Text("# Hours\n\n", "We are **op", "en** from _nine_ to five \U0001F600.\n", "- Monday\n- [Tues", "day](https://harbor.example.com)\n\n`", "code`"),
	"story":   fakeopenai.Text(strings.Repeat("Once upon a time there was a dentist. ", 20)),
	"unicode": fakeopenai.Text(strings.Repeat("Zażółć gęślą jaźń 😀. ", 30)),
	"hostile": fakeopenai.Text("a\n\ndata: [DONE]\n\n", "</script>\u2028", "event: x\r\n"),

	"think aloud": fakeopenai.Text("<thin", "k>\nThe use", "r says hel", "lo.\n</thi", "nk>\n\n", "Hello! How", " can I help?"),
	"star codes":  fakeopenai.Text("Dial ", "*67 b", "efore the numbe", "r, or", " *69 ", "to call back."),
	"menu":        fakeopenai.Text("Reply with a number:\n1. C", "onfirm\n2. ", "Reschedule\n3. C", "ancel"),
	"as json":     fakeopenai.Text(`{"nam`, `e":"Ada","tags":`, `["*x*"],"nick":nu`, `ll}`),

	"fail":    fakeopenai.Status(500, `{"error":{"message":"sk-canary-0123456789abcdef is over quota"}}`),
	"cut":     fakeopenai.Text("Nine ", "to five.").CloseAfter(1),
	"silence": fakeopenai.Text(),
	"filter":  fakeopenai.Text().Finish("content_filter"),
	"length":  fakeopenai.Text("Nine to").Finish("length"),
}

// script returns the model's answer: a fixed one after a tool's result, else one of scripts, else the opening hours.
func script(_ int, r fakeopenai.Request) fakeopenai.Answer {
	messages := r.Body.Messages
	if n := len(messages); n > 0 && messages[n-1].Role == "tool" {
		return fakeopenai.Text("It is ", "done.").Usage(11, 7)
	}
	said := strings.ToLower(r.Last("user"))
	for words, answer := range scripts {
		if strings.HasPrefix(said, words) {
			return answer.Usage(11, 7)
		}
	}
	return fakeopenai.Text("Nine ", "to five.").Usage(11, 7)
}
