package fakeopenai

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	wire "github.com/sashabaranov/go-openai"
)

var (
	usePattern      = regexp.MustCompile(`(?is)\buse\s+([a-z0-9_-]+)\s*(\{.*\})?`)
	transferPattern = regexp.MustCompile(`(?is)\btransfer me to\s+(.+)`)
	smsPattern      = regexp.MustCompile(`(?is)\btext me\b\W*(.*)`)
	mailPattern     = regexp.MustCompile(`(?is)(?:^\W*|\bplease\W+)e-?mail\b\W*(.*)`)
)

// phrases map what a user says to tools without arguments, in the order in which they are tried.
var phrases = []struct {
	said  []string
	tools []string // the first one that is offered is called
}{
	{[]string{"what time is it", "what day is it"}, []string{"get_current_time"}},
	{[]string{"my earlier calls", "history"}, []string{"get_caller_history"}},
	{[]string{"goodbye", "hang up"}, []string{"end_call", "endCall"}},
}

// chooseTool returns the tool call for the last user message, or no tool.
func chooseTool(r Request) (name, arguments string, wanted bool) {
	said, ok := lastUserText(r)
	if choice, _ := r.Body.ToolChoice.(string); !ok || choice == "none" || len(r.Body.Tools) == 0 {
		return "", "", false
	}
	o := offeredToolsOf(r)
	lower := strings.ToLower(said)
	if m := usePattern.FindStringSubmatch(said); m != nil && o.has(m[1]) {
		if m[2] == "" {
			m[2] = "{}"
		}
		return m[1], m[2], true
	}
	if strings.Contains(lower, "do not call") && o.has("add_to_do_not_call") {
		return "add_to_do_not_call", "{}", true
	}
	if m := transferPattern.FindStringSubmatch(lower); m != nil {
		if name, arguments, ok := o.findTransfer(m[1]); ok {
			return name, arguments, true
		}
	}
	if m := smsPattern.FindStringSubmatch(said); m != nil && o.has("send_sms") {
		return "send_sms", mustJSON(map[string]string{"message": orDefault(m[1], "As you asked: a text message.")}), true
	}
	if m := mailPattern.FindStringSubmatch(said); m != nil && o.has("send_email") {
		return "send_email", mustJSON(map[string]string{"subject": "A message from a conversation", "body": orDefault(m[1], "The caller asked for an e-mail.")}), true
	}
	for _, p := range phrases {
		if !slices.ContainsFunc(p.said, func(phrase string) bool { return strings.Contains(lower, phrase) }) {
			continue
		}
		if i := slices.IndexFunc(p.tools, o.has); i >= 0 {
			return p.tools[i], "{}", true
		}
	}
	for _, t := range o {
		if strings.Contains(lower, spokenName(t.Name)) {
			return t.Name, "{}", true
		}
	}
	return "", "", false
}

// lastUserText returns the last user message, if it is not answered yet.
func lastUserText(r Request) (string, bool) {
	for _, m := range slices.Backward(r.Body.Messages) {
		if m.Role != "system" && m.Role != "developer" {
			return messageText(m), m.Role == "user"
		}
	}
	return "", false
}

// toolResults returns the results of the last tool calls, in order.
func toolResults(r Request) []string {
	var said []string
	for _, m := range slices.Backward(r.Body.Messages) {
		if m.Role != "tool" {
			break
		}
		said = append(said, messageText(m))
	}
	slices.Reverse(said)
	return said
}

// offeredTools returns the tools of a request.
type offeredTools []wire.FunctionDefinition

func offeredToolsOf(r Request) offeredTools {
	var o offeredTools
	for _, t := range r.Body.Tools {
		if t.Function != nil {
			o = append(o, *t.Function)
		}
	}
	return o
}

func (o offeredTools) has(name string) bool {
	return slices.ContainsFunc(o, func(t wire.FunctionDefinition) bool { return t.Name == name })
}

// findTransfer finds the destination of transfer_call, or the handoff, that a text names.
func (o offeredTools) findTransfer(who string) (name, arguments string, ok bool) {
	for _, t := range o {
		if t.Name != "transfer_call" {
			continue
		}
		for _, destination := range destinations(t.Parameters) {
			if strings.Contains(who, strings.ToLower(destination)) {
				return t.Name, mustJSON(map[string]string{"destination": destination}), true
			}
		}
	}
	for _, t := range o {
		if to, is := strings.CutPrefix(t.Name, "transfer_to_"); is && strings.Contains(who, spokenName(to)) {
			return t.Name, "{}", true
		}
	}
	return "", "", false
}

// destinations returns the destinations in the schema of transfer_call.
func destinations(parameters any) []string {
	var schema struct {
		Properties struct{ Destination struct{ Enum []string } }
	}
	if json.Unmarshal([]byte(mustJSON(parameters)), &schema) != nil {
		return nil
	}
	return schema.Properties.Destination.Enum
}

// spokenName returns a tool's name as people say it: get_current_time is "get current time".
func spokenName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", " ")) }

func orDefault(said, otherwise string) string {
	if said = strings.TrimSpace(said); said != "" {
		return said
	}
	return otherwise
}
