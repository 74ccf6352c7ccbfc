package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/core/trace"
)

// Tools returns the tools that an assistant may use for a call.
type Tools interface {
	ForScope(ctx context.Context, s aurora.ToolScope) []agent.Tool
}

const toolsTimeout = 15 * time.Second // for all calls of a message, which run at the same time; Vapi waits 20 s

var (
	errUnknownTool      = fault.New(fault.NotFound, "There is no such tool.")
	errToolsUnavailable = fault.New(fault.Unavailable, "The assistant's tools are not available.")
)

// toolResult is what came of one call, as Vapi reads it (https://docs.vapi.ai/server-url/events).
type toolResult struct {
	ToolCallID string `json:"toolCallId"`
	Name       string `json:"name"`
	Result     string `json:"result,omitempty"`
	Error      string `json:"error,omitempty"`
}

// answerToolCalls answers a tool-calls message with one result for every call, in the order of the calls.
func (r *Receiver) answerToolCalls(ctx context.Context, p auth.Principal, m providermsg.Message) Response {
	return Response{Body: map[string]any{"results": r.runTools(ctx, p, m, parseToolCalls(m))}}
}

// answerFunctionCall answers the older form, which has one call and no field for an error.
func (r *Receiver) answerFunctionCall(ctx context.Context, p auth.Principal, m providermsg.Message) Response {
	call := agent.ToolCall{ID: m.Text("functionCall.id", "toolCallId"), Name: m.Text("functionCall.name", "functionCall.function.name"),
		Arguments: argumentsText(m.Value("functionCall.parameters", "functionCall.arguments"))}
	result := r.runTools(ctx, p, m, []agent.ToolCall{call})[0]
	if result.Error != "" {
		return Response{Body: map[string]string{"result": "Error: " + result.Error}}
	}
	return Response{Body: map[string]string{"result": result.Result}}
}

// runTools runs the calls at the same time and returns their results in the order of the calls.
func (r *Receiver) runTools(ctx context.Context, p auth.Principal, m providermsg.Message, calls []agent.ToolCall) []toolResult {
	ctx, cancel := context.WithTimeout(ctx, toolsTimeout)
	defer cancel()
	results := make([]toolResult, len(calls))
	if len(calls) == 0 {
		return results
	}
	var outcomes []agent.ToolOutcome
	a, err := r.findToolAssistant(ctx, p, m)
	if err != nil {
		metric.CountFailure(ctx, metricErrorAnswered, err)
		trace.Failed(ctx, err)
		slog.WarnContext(ctx, "no tools: the assistant is unknown", "event", "tools.unavailable", "callId", text.Clip(m.CallID(), 64), "error", err)
	} else {
		outcomes = agent.RunTools(ctx, r.Archive.Now, r.toolsFor(ctx, p, a, m, calls), calls)
	}
	for i, call := range calls {
		results[i] = toolResult{ToolCallID: call.ID, Name: call.Name}
		_, invalid := agent.CanonicalArguments(call.Arguments)
		switch {
		case invalid != nil: // whatever else is wrong with the call
			results[i].Error = agent.ErrBadArguments.Message
		case call.Name == "":
			results[i].Error = errUnknownTool.Message
		case fault.Is(err, fault.Forbidden):
			results[i].Error = fault.From(err).Message
		case err != nil:
			results[i].Error = errToolsUnavailable.Message
		case outcomes[i].Err != nil:
			results[i].Error = oneLine(outcomes[i].Err.Message)
		default:
			results[i].Result = oneLine(outcomes[i].Result.Content)
		}
	}
	return results
}

// findToolAssistant returns the assistant whose tools a message calls.
func (r *Receiver) findToolAssistant(ctx context.Context, p auth.Principal, m providermsg.Message) (aurora.Assistant, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return r.findAssistant(ctx, p, m)
}

// toolsFor returns the tools of an assistant for the call that a message is about. Everything about the call comes from
// the provider, nothing from the model.
func (r *Receiver) toolsFor(ctx context.Context, p auth.Principal, a aurora.Assistant, m providermsg.Message, calls []agent.ToolCall) []agent.Tool {
	if r.Tools == nil {
		return nil
	}
	s := newScope(m)
	s.PrincipalID, s.KeyShare = p.ID, p.Share()
	if s.CallID == "" && s.CallSID == "" {
		s.RequestHash = hashOf(calls)
	}
	s.Assistant, s.CalledID, s.CalledNumbers = a, a.ID(), a.Numbers()
	s.CallDetails, _ = json.Marshal(map[string]string{"id": s.CallID, "caller_phone_number": string(s.Caller)}) // strings: cannot fail
	return r.Tools.ForScope(ctx, s)
}

// hashOf identifies the calls of a message by the ids that the provider gave them, so that a message that arrives a second
// time has no second effect. It is empty if a call has no id.
func hashOf(calls []agent.ToolCall) string {
	h := sha256.New()
	for _, call := range calls {
		if call.ID == "" {
			return ""
		}
		_, _ = fmt.Fprintf(h, "%q", call.ID) // a hash accepts every write
	}
	return hex.EncodeToString(h.Sum(nil))
}

var lineBreaks = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[ \t]*[\r\n\v\f\x{85}\x{2028}\x{2029}]+\s*`)
})

// oneLine returns a result in the form that Vapi needs: on one line, JSON compacted, and never empty, because Vapi takes an
// empty result for no answer.
func oneLine(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	var compact bytes.Buffer
	if (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) && json.Compact(&compact, []byte(s)) == nil {
		s = compact.String()
	}
	if s = lineBreaks().ReplaceAllString(s, " "); s == "" {
		return "Done."
	}
	return s
}

// parseToolCalls returns the calls of a message, each once: its lists repeat each other.
func parseToolCalls(m providermsg.Message) []agent.ToolCall {
	var calls []agent.ToolCall
	seen := map[string]bool{}
	for _, list := range []string{"toolCallList", "toolCalls", "toolWithToolCallList"} {
		first := len(calls) == 0
		for _, entry := range m.Objects(list) {
			call := parseToolCall(entry)
			if call.ID == "" && !first || call.ID != "" && seen[call.ID] {
				continue
			}
			seen[call.ID] = true
			calls = append(calls, call)
		}
	}
	return calls
}

// parseToolCall reads one entry: OpenAI's shape, Vapi's flat one, or a tool with its call inside. In the last, the
// parameters beside the call are the tool's schema, not arguments.
func parseToolCall(entry providermsg.Message) agent.ToolCall {
	paths := []string{"function.arguments", "function.parameters", "arguments", "parameters"}
	if entry.IsObject("toolCall") {
		paths = []string{"toolCall.function.arguments", "toolCall.function.parameters", "toolCall.arguments", "toolCall.parameters"}
	}
	return agent.ToolCall{ID: entry.Text("toolCall.id", "id", "toolCallId"), Arguments: argumentsText(entry.Value(paths...)),
		Name: entry.Text("toolCall.function.name", "toolCall.name", "function.name", "name")}
}

// argumentsText returns the JSON text of arguments that came as text, as an object or not at all.
func argumentsText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, _ := json.Marshal(v) // v comes from JSON: cannot fail
	return string(b)
}

// newScope reads for whom the tools of a message act.
func newScope(m providermsg.Message) aurora.ToolScope {
	s := aurora.ToolScope{CallID: m.CallID(), CallSID: m.CallSID()}
	s.Caller, _ = m.Caller()
	for _, list := range []string{"artifact.messages", "messages", "call.messages", "chat.messages", "chat.input", "conversation"} {
		for _, message := range m.Objects(list) {
			if message.Text("role") == "user" {
				s.UserMessageCount++
			}
		}
		if s.UserMessageCount > 0 {
			break
		}
	}
	return s
}
