package agent

import (
	"bytes"
	"encoding/json"
	"errors"
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
}

// ToolCall is a model's request to call a tool. Arguments is what the model wrote; it should be a JSON object.
type ToolCall struct {
	ID, Name, Arguments string
}

type wireCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function wireFunction `json:"function"`
}

type wireFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// MarshalJSON writes the call as the Chat Completions API defines it.
func (c ToolCall) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireCall{c.ID, "function", wireFunction{c.Name, c.Arguments}})
}

// UnmarshalJSON reads the call as the Chat Completions API defines it. Arguments may also be an object.
func (c *ToolCall) UnmarshalJSON(b []byte) error {
	var w struct {
		ID       string `json:"id"`
		Function struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*c = ToolCall{ID: w.ID, Name: w.Function.Name}
	switch args := w.Function.Arguments; {
	case len(args) > 0 && args[0] == '"':
		return json.Unmarshal(args, &c.Arguments)
	case string(args) != "null":
		c.Arguments = string(args)
	}
	return nil
}

// isEmpty reports whether a server skipped the call: some servers count calls from 1.
func (c ToolCall) isEmpty() bool { return c == ToolCall{} }

type wireMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	Name       string          `json:"name,omitempty"`
	ToolCalls  []ToolCall      `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
	Sender     string          `json:"sender,omitempty"`
	ToolName   string          `json:"tool_name,omitempty"`
}

// MarshalJSON writes the message as the Chat Completions API defines it, with the sender and the tool name.
func (m Message) MarshalJSON() ([]byte, error) {
	w := wireMessage{Role: m.Role, Content: m.Parts, Name: m.Name, ToolCalls: m.ToolCalls, ToolCallID: m.ToolCallID, Sender: m.Sender, ToolName: m.ToolName}
	if m.Parts == nil {
		b, err := json.Marshal(m.Content)
		if err != nil {
			return nil, err
		}
		w.Content = b
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads a message. Content may be a string, a list of parts or null. Our API document spells tool_calls as
// tools_calls, which is read if tool_calls is missing.
func (m *Message) UnmarshalJSON(b []byte) error {
	var w struct {
		wireMessage
		ToolsCalls []ToolCall `json:"tools_calls"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*m = Message{Role: w.Role, Name: w.Name, ToolCalls: w.ToolCalls, ToolCallID: w.ToolCallID, Sender: w.Sender, ToolName: w.ToolName}
	if m.ToolCalls == nil {
		m.ToolCalls = w.ToolsCalls
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
