package fakeopenai_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	wire "github.com/sashabaranov/go-openai"

	"example.com/aurora/shared/dev/fakeopenai"
)

// toolsNamed returns tools with these names. transfer_call has two destinations.
func toolsNamed(names ...string) []wire.Tool {
	var all []wire.Tool
	for _, name := range names {
		parameters := json.RawMessage(`{"type":"object","properties":{}}`)
		if name == "transfer_call" {
			parameters = json.RawMessage(`{"type":"object","properties":{"destination":{"type":"string","enum":["Billing","front desk"]}}}`)
		}
		all = append(all, wire.Tool{Type: "function", Function: &wire.FunctionDefinition{Name: name, Parameters: parameters}})
	}
	return all
}

// The default model follows the rules in the package's documentation.
func TestDefaultModelCallsTools(t *testing.T) {
	double := fakeopenai.Serve(t, nil)
	c := client(t, double.URL)
	all := toolsNamed("add_to_do_not_call", "end_call", "get_caller_history", "get_current_time", "send_email", "send_sms", "transfer_call", "transfer_to_front_desk", "transfer_to_aurora", "book_appointment")
	for said, want := range map[string]string{
		"What time is it?":                           "get_current_time {}",
		"what DAY is it":                             "get_current_time {}",
		"Text me your address, please":               `send_sms {"message":"your address, please"}`,
		"text me":                                    `send_sms {"message":"As you asked: a text message."}`,
		"Email them that Dana called":                `send_email {"body":"them that Dana called","subject":"A message from a conversation"}`,
		"Please email: Dana called":                  `send_email {"body":"Dana called","subject":"A message from a conversation"}`,
		"What is your email?":                        "",
		"Do you know my earlier calls?":              "get_caller_history {}",
		"Is there a history?":                        "get_caller_history {}",
		"Transfer me to billing.":                    `transfer_call {"destination":"Billing"}`,
		"Transfer me to the front desk":              `transfer_call {"destination":"front desk"}`,
		"Please transfer me to Aurora!":              "transfer_to_aurora {}",
		"Transfer me to nobody":                      "",
		"Goodbye":                                    "end_call {}",
		"you can hang up now":                        "end_call {}",
		"Do not call me again, goodbye":              "add_to_do_not_call {}",
		`use send_sms {"message":"a {b} c"} twice`:   `send_sms {"message":"a {b} c"}`,
		`use book_appointment {"date": nonsense}`:    `book_appointment {"date": nonsense}`,
		"use get_current_time":                       "get_current_time {}",
		`use nothing {"a":1}`:                        "",
		"Could you book appointment for me?":         "book_appointment {}",
		"Hello there":                                "",
		"I use it every day and the price is right.": "",
	} {
		if got := askedTool(t, c, said, all, nil); got != want {
			t.Errorf("%q: the model asked for %q, want %q", said, got, want)
		}
		if got := askedTool(t, c, said, nil, nil); got != "" {
			t.Errorf("%q: the model asked for %q, which was not offered", said, got)
		}
		if got := askedTool(t, c, said, all, "none"); got != "" {
			t.Errorf("%q: the model asked for %q although tool_choice is none", said, got)
		}
	}
	for said, want := range map[string]string{"Transfer me to the front desk": "transfer_to_front_desk {}", "Goodbye": "endCall {}"} {
		if got := askedTool(t, c, said, toolsNamed("transfer_to_front_desk", "endCall"), nil); got != want {
			t.Errorf("%q: the model asked for %q, want %q", said, got, want)
		}
	}
}

func newRequest(said string, offered []wire.Tool) wire.ChatCompletionRequest {
	return wire.ChatCompletionRequest{Model: "gpt-4o", Tools: offered,
		Messages: []wire.ChatCompletionMessage{{Role: "user", Content: said}, {Role: "system", Content: "Be brief."}}}
}

// askedTool returns the tool and the arguments that the model asks for in a buffered reply. It checks that a streamed reply
// has the same call with another id.
func askedTool(t *testing.T, c *wire.Client, said string, offered []wire.Tool, choice any) string {
	t.Helper()
	q := newRequest(said, offered)
	q.ToolChoice = choice
	reply, err := c.CreateChatCompletion(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	calls := reply.Choices[0].Message.ToolCalls
	if len(calls) == 0 {
		if !strings.Contains(reply.Choices[0].Message.Content, "You said: "+said) {
			t.Errorf("%q: the reply %+v does not repeat the text", said, reply.Choices[0].Message)
		}
		return ""
	}
	id, name, arguments, fragments := streamed(t, c, q)
	if name != calls[0].Function.Name || arguments != calls[0].Function.Arguments || id == calls[0].ID || id == "" {
		t.Errorf("%q: buffered %+v, streamed id %s, name %s, arguments %s; want the same call with another id", said, calls[0], id, name, arguments)
	}
	if len(arguments) > 10 && fragments < 3 {
		t.Errorf("%q: %d fragments of %s, want at least 3", said, fragments, arguments)
	}
	return name + " " + arguments
}

func streamed(t *testing.T, c *wire.Client, q wire.ChatCompletionRequest) (id, name, arguments string, fragments int) {
	t.Helper()
	stream, err := c.CreateChatCompletionStream(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	finish := wire.FinishReason("")
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if finish != "tool_calls" {
				t.Errorf("finish reason %q", finish)
			}
			return id, name, arguments, fragments
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, choice := range chunk.Choices {
			finish = choice.FinishReason
			for _, call := range choice.Delta.ToolCalls {
				id, name, arguments = id+call.ID, name+call.Function.Name, arguments+call.Function.Arguments
				fragments++
			}
		}
	}
}

func TestDefaultModelRepeatsToolResults(t *testing.T) {
	double := fakeopenai.Serve(t, nil)
	q := newRequest("What time is it?", toolsNamed("get_current_time"))
	q.Messages = append(q.Messages[:1],
		wire.ChatCompletionMessage{Role: "assistant", ToolCalls: []wire.ToolCall{{ID: "a", Type: "function"}, {ID: "b", Type: "function"}}},
		wire.ChatCompletionMessage{Role: "tool", ToolCallID: "a", Content: "nine"}, wire.ChatCompletionMessage{Role: "tool", ToolCallID: "b", Content: "ten"})
	reply, err := client(t, double.URL).CreateChatCompletion(t.Context(), q)
	if err != nil || !strings.HasSuffix(reply.Choices[0].Message.Content, "The tool answered: nine And: ten") {
		t.Errorf("reply %+v, error %v; want both tool results repeated", reply, err)
	}
}
