package fakeopenai

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sync"
)

// safeName is the form of the names of people and tools that OpenAI accepts.
var safeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) })

// Rejection returns why OpenAI's API, or a stricter server, would reject the messages of a request's body; "" if all of them
// accept it.
func Rejection(body []byte) string {
	var request struct {
		Messages   []map[string]json.RawMessage `json:"messages"`
		Tools      []strictTool                 `json:"tools"`
		ToolChoice json.RawMessage              `json:"tool_choice"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return err.Error()
	}
	open := map[string]bool{}
	previous := ""
	for i, m := range request.Messages {
		s := newStrictMessage(m)
		if why := s.rejection(open, previous, i); why != "" {
			return fmt.Sprintf("message %d: %s", i, why)
		}
		delete(open, s.toolCallID)
		for _, c := range s.calls {
			open[c.ID] = true
		}
		previous = s.role
	}
	if len(open) > 0 {
		return fmt.Sprintf("calls without results at the end: %v", open)
	}
	return rejectionOfTools(request.Tools, request.ToolChoice)
}

type strictTool struct {
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

// strictMessage is a message as a strict server reads it.
type strictMessage struct {
	role, name, toolCallID string
	hasContent, isNull     bool
	calls                  []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	}
	wrong error
}

func newStrictMessage(m map[string]json.RawMessage) strictMessage {
	var s strictMessage
	for name, target := range map[string]any{"role": &s.role, "name": &s.name, "tool_call_id": &s.toolCallID, "tool_calls": &s.calls} {
		if raw, ok := m[name]; ok && s.wrong == nil {
			s.wrong = json.Unmarshal(raw, target)
		}
	}
	_, s.hasContent = m["content"]
	s.isNull = string(m["content"]) == "null" || string(m["content"]) == `""`
	return s
}

// rejection returns what is wrong with a message. open are the calls before it that have no result yet.
func (s *strictMessage) rejection(open map[string]bool, previous string, i int) string {
	isSystem := s.role == "system" || s.role == "developer"
	switch {
	case s.wrong != nil:
		return s.wrong.Error()
	case !s.hasContent:
		return "no content"
	case s.name != "" && !safeName().MatchString(s.name):
		return fmt.Sprintf("the name %q", s.name)
	case s.role == "tool" && !open[s.toolCallID]:
		return "a result without a call"
	case s.role != "tool" && len(open) > 0:
		return fmt.Sprintf("calls before it without results: %v", open)
	case s.role == "assistant" && s.isNull && len(s.calls) == 0:
		return "it is empty"
	case s.role == "assistant" && previous == "assistant":
		return "two messages of the assistant in a row"
	case i == 1 && isSystem && previous == "system":
		return "a second leading system message"
	}
	seen := map[string]bool{}
	for _, c := range s.calls {
		if c.ID == "" || seen[c.ID] || !safeName().MatchString(c.Function.Name) || c.Function.Arguments == "" {
			return fmt.Sprintf("the call %+v", c)
		}
		seen[c.ID] = true
	}
	return ""
}

func rejectionOfTools(tools []strictTool, choice json.RawMessage) string {
	known := map[string]bool{}
	for _, t := range tools {
		if known[t.Function.Name] || !safeName().MatchString(t.Function.Name) {
			return fmt.Sprintf("the tool %q", t.Function.Name)
		}
		known[t.Function.Name] = true
	}
	var named strictTool
	if json.Unmarshal(choice, &named) == nil && named.Function.Name != "" && !known[named.Function.Name] {
		return fmt.Sprintf("the choice of the tool %q", named.Function.Name)
	}
	if choice != nil && len(tools) == 0 {
		return "a choice among no tools"
	}
	return ""
}
