package rehearsal

import (
	"strings"

	"aurora/shared/standin/openai"
)

// scripts are what the model answers, by what the caller said last. Ids and counts are fixed, so that goldens hold.
var scripts = map[string]openai.Answer{
	"book a cleaning": openai.ToolCall("call_1", "book_appointment", `{"date":"2026-11-24"}`),
	"what time is it": openai.ToolCall("call_1", "get_current_time", `{}`),
	"history":         openai.ToolCall("call_1", "get_caller_history", `{}`),
	"text me":         openai.ToolCall("call_1", "send_sms", `{"message":"Nine to five."}`),
	"email them":      openai.ToolCall("call_1", "send_email", `{"subject":"Dana called","body":"Please call back."}`),
	"do not call":     openai.ToolCall("call_1", "add_to_do_not_call", `{}`),
	"everything":      openai.ToolCall("call_1", "get_current_time", `{}`).ToolCall("call_2", "send_sms", `{"message":"Hi"}`).ToolCall("call_3", "get_caller_history", `{"limit":1}`).Fragments(3),
	"billing":         openai.ToolCall("call_1", "transfer_call", `{"destination":"billing"}`),
	"a stranger":      openai.ToolCall("call_1", "transfer_call", `{"destination":"+15551230999"}`),
	"another tool":    openai.ToolCall("call_1", "delete_everything", `{}`),
	"broken":          openai.ToolCall("call_1", "send_sms", `{"message":`),
	"avery":           openai.ToolCall("call_1", "transfer_to_avery", `{}`),
	"hang up":         openai.ToolCall("call_1", "endCall", `{}`),
	"goodbye":         openai.Text("Good", "bye.").ToolCall("call_1", "end_call", `{}`),

	"markup":  openai.Text("# Hours\n\n", "We are **op", "en** from _nine_ to five \U0001F600.\n", "- Monday\n- [Tues", "day](https://harbor.example.com)\n\n`", "code`"),
	"story":   openai.Text(strings.Repeat("Once upon a time there was a dentist. ", 20)),
	"unicode": openai.Text(strings.Repeat("Zażółć gęślą jaźń 😀. ", 30)),
	"hostile": openai.Text("a\n\ndata: [DONE]\n\n", "</script>\u2028", "event: x\r\n"),

	"fail":    openai.Status(500, `{"error":{"message":"sk-canary-0123456789abcdef is over quota"}}`),
	"cut":     openai.Text("Nine ", "to five.").CloseAfter(1),
	"silence": openai.Text(),
	"filter":  openai.Text().Finish("content_filter"),
	"length":  openai.Text("Nine to").Finish("length"),
}

// script answers by the words of the last user message, after a tool by saying so, and anything else plainly.
func script(_ int, r openai.Request) openai.Answer {
	messages := r.Body.Messages
	if n := len(messages); n > 0 && messages[n-1].Role == "tool" {
		return openai.Text("It is ", "done.").Usage(11, 7)
	}
	said := strings.ToLower(r.Last("user"))
	for words, answer := range scripts {
		if strings.HasPrefix(said, words) {
			return answer.Usage(11, 7)
		}
	}
	return openai.Text("Nine ", "to five.").Usage(11, 7)
}
