package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// The roles of a message.
const (
	RoleSystem    = "system"
	RoleDeveloper = "developer" // the name that newer models use for system
	RoleUser      = "user"
	RoleAssistant = "assistant"
	RoleTool      = "tool"
)

// Message is one message of a conversation.
type Message struct {
	Role    string
	Content string
	// Parts is content that came as a list (text, images), unchanged. Content is then empty.
	Parts      json.RawMessage
	Name       string
	ToolCalls  []ToolCall // what the assistant asks for, in its message
	ToolCallID string     // the call that a tool's message answers
	// Sender is the agent that wrote the message, ToolName the tool whose result it is. They are stored and returned to
	// the caller, but never sent to a model.
	Sender, ToolName string
	// Extra holds the keys in messageExtraKeys, as the model's server sent them.
	Extra Extra
}

// Extra holds keys that the Chat Completions API does not define. Some servers send them with a message or a tool call and
// need them back unchanged in the next request.
type Extra map[string]json.RawMessage

// messageExtraKeys are the keys of an assistant's message that servers need back: DeepSeek its reasoning beside tool calls
// (https://api-docs.deepseek.com/guides/thinking_mode), OpenRouter the same under other names, Gemini its thought signatures
// (https://ai.google.dev/gemini-api/docs/thought-signatures).
var messageExtraKeys = []string{"reasoning_content", "reasoning", "reasoning_details", extraContentKey}

// extraContentKey is the key of Gemini's signatures, which it needs back in messages without tool calls too.
const extraContentKey = "extra_content"

// ToolCall is a model's request to call a tool. Arguments is what the model wrote; it should be a JSON object.
type ToolCall struct {
	ID, Name, Arguments string
	// Extra holds all other keys of the call, and FunctionExtra those of its function.
	Extra, FunctionExtra Extra
}

// MarshalJSON writes the call as the Chat Completions API defines it, followed by its extra keys.
func (c ToolCall) MarshalJSON() ([]byte, error) {
	function, err := AppendExtra(struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	}{c.Name, c.Arguments}, c.FunctionExtra)
	if err != nil {
		return nil, err
	}
	return AppendExtra(struct {
		ID       string          `json:"id"`
		Type     string          `json:"type"`
		Function json.RawMessage `json:"function"`
	}{c.ID, "function", function}, c.Extra)
}

// AppendExtra encodes an object, which must have a key, and adds extra keys to its end, in the order of their names.
func AppendExtra(object any, extra Extra) ([]byte, error) {
	b, err := json.Marshal(object)
	if err != nil || len(extra) == 0 {
		return b, err
	}
	more, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	b[len(b)-1] = ','
	return append(b, more[1:]...), nil
}

// UnmarshalJSON reads the call as the Chat Completions API defines it. Arguments may also be an object, and the id a number.
func (c *ToolCall) UnmarshalJSON(b []byte) error {
	d, err := DecodeToolCallDelta(b)
	if err == nil {
		*c = ToolCall{ID: d.ID, Name: d.Name, Arguments: d.Arguments, Extra: d.Extra, FunctionExtra: d.FunctionExtra}
	}
	return err
}

// DecodeToolCallDelta reads a tool call, or a part of one. An id that is a number and arguments that are not a string are
// taken as they are written. Index is -1 if there is none.
func DecodeToolCallDelta(b []byte) (ToolCallDelta, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return ToolCallDelta{}, err
	}
	d := ToolCallDelta{Index: -1, ID: scalarText(fields["id"])}
	var function map[string]json.RawMessage
	if raw := fields["function"]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &function); err != nil {
			return ToolCallDelta{}, err
		}
	}
	d.Name = scalarText(function["name"])
	switch args := function["arguments"]; {
	case len(args) > 0 && args[0] == '"':
		_ = json.Unmarshal(args, &d.Arguments) // a valid string: cannot fail
	case string(args) != "null":
		d.Arguments = string(args)
	}
	if index, err := strconv.Atoi(scalarText(fields["index"])); err == nil && index >= 0 {
		d.Index = index
	}
	d.Extra = extraOf(fields, "id", "type", "function", "index")
	d.FunctionExtra = extraOf(function, "name", "arguments")
	return d, nil
}

// extraOf returns the fields whose names are not among the known ones, without those that are null.
func extraOf(fields map[string]json.RawMessage, known ...string) Extra {
	var extra Extra
	for name, value := range fields {
		if slices.Contains(known, name) || string(value) == "null" {
			continue
		}
		if extra == nil {
			extra = Extra{}
		}
		extra[name] = value
	}
	return extra
}

// scalarText returns the text of a JSON string, or a number as it is written. It returns "" for anything else.
func scalarText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

// isEmpty reports whether nothing of the call has come.
func (c ToolCall) isEmpty() bool { return c.ID == "" && c.Name == "" && c.Arguments == "" }

type wireMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	Name       string          `json:"name,omitempty"`
	ToolCalls  []ToolCall      `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
	Sender     string          `json:"sender,omitempty"`
	ToolName   string          `json:"tool_name,omitempty"`
}

// MarshalJSON writes the message as the Chat Completions API defines it, with the sender, the tool name and the extra keys.
func (m Message) MarshalJSON() ([]byte, error) {
	w := wireMessage{Role: m.Role, Content: m.Parts, Name: m.Name, ToolCalls: m.ToolCalls, ToolCallID: m.ToolCallID, Sender: m.Sender, ToolName: m.ToolName}
	if m.Parts == nil {
		b, err := json.Marshal(m.Content)
		if err != nil {
			return nil, err
		}
		w.Content = b
	}
	return AppendExtra(w, m.Extra)
}

// UnmarshalJSON reads a message. Content may be a string, a list of parts or null. Our API document spells tool_calls as
// tools_calls, which is read if tool_calls is missing.
func (m *Message) UnmarshalJSON(b []byte) error {
	var w struct {
		wireMessage
		ToolsCalls       []ToolCall      `json:"tools_calls"`
		ReasoningContent json.RawMessage `json:"reasoning_content"`
		Reasoning        json.RawMessage `json:"reasoning"`
		ReasoningDetails json.RawMessage `json:"reasoning_details"`
		ExtraContent     json.RawMessage `json:"extra_content"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*m = Message{Role: w.Role, Name: w.Name, ToolCalls: w.ToolCalls, ToolCallID: w.ToolCallID, Sender: w.Sender, ToolName: w.ToolName}
	if m.ToolCalls == nil {
		m.ToolCalls = w.ToolsCalls
	}
	for i, value := range []json.RawMessage{w.ReasoningContent, w.Reasoning, w.ReasoningDetails, w.ExtraContent} {
		if len(value) > 0 && string(value) != "null" {
			if m.Extra == nil {
				m.Extra = Extra{}
			}
			m.Extra[messageExtraKeys[i]] = value
		}
	}
	switch content := bytes.TrimSpace(w.Content); {
	case len(content) == 0 || string(content) == "null":
	case content[0] == '"':
		return json.Unmarshal(content, &m.Content)
	case content[0] == '[':
		m.Parts = content
	default:
		return errors.New("content must be a string or a list")
	}
	return nil
}

// IsEmpty reports whether the message has neither content nor tool calls.
func (m *Message) IsEmpty() bool { return m.Content == "" && m.Parts == nil && len(m.ToolCalls) == 0 }

// Text returns the words of the message, also if its content is a list of parts.
func (m *Message) Text() string {
	if m.Parts == nil {
		return m.Content
	}
	var parts []struct {
		Text    string `json:"text"`
		Refusal string `json:"refusal"`
	}
	_ = json.Unmarshal(m.Parts, &parts) // ignored: an element that is not a part has no words
	var texts []string
	for _, p := range parts {
		if words := p.Text + p.Refusal; words != "" {
			texts = append(texts, words)
		}
	}
	return strings.Join(texts, " ")
}
