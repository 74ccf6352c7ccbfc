package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/text"
)

// Tools does what a model at the provider asks for. Its errors are told to that model by their fault's sentence; an
// unknown tool is one of them.
type Tools interface {
	Call(ctx context.Context, a aurora.Assistant, session ToolSession, id, name string, arguments json.RawMessage) (string, error)
}

// ToolSession says for whom a tool acts; all of it comes from the provider, nothing from the model.
type ToolSession struct {
	CallID  string
	CallSID string       // Twilio's name of the live call; may be empty
	Caller  aurora.Phone // empty where the number is withheld
	// UserMessages is how many messages the caller has said so far, as far as the provider tells.
	UserMessages int
	// Occurrence counts equal calls of one message, from 0.
	Occurrence int
}

const (
	toolTimeout  = 15 * time.Second // for all calls of a message, which run at once; Vapi waits 20 s
	maxToolCalls = 20               // of one message that are run
)

var (
	errUnknownTool        = fault.New(fault.NotFound, "There is no such tool.")
	errArgumentsNotObject = fault.New(fault.Invalid, "The arguments are not a JSON object.")
	errTooManyTools       = fault.New(fault.Invalid, "Too many tools were asked for.")
	errToolTimeout        = fault.New(fault.Timeout, "The tool did not answer in time.")
	errToolFailed         = fault.New(fault.Upstream, "The tool failed.")
	errToolsUnavailable   = fault.New(fault.Unavailable, "The assistant's tools are not available.")
)

// toolCall is one call that a message asks for; refused says why it cannot be made.
type toolCall struct {
	id, name   string
	arguments  json.RawMessage
	occurrence int
	err        error
}

// toolResult is its answer, as Vapi reads it (https://docs.vapi.ai/server-url/events).
type toolResult struct {
	ToolCallID string `json:"toolCallId"`
	Name       string `json:"name"`
	Result     string `json:"result,omitempty"`
	Error      string `json:"error,omitempty"`
}

// answerToolCalls answers tool-calls: every call in its place, whatever became of it.
func (r *Receiver) answerToolCalls(ctx context.Context, m aurora.Message) Response {
	return Response{Body: map[string]any{"results": r.runTools(ctx, m, parseToolCalls(m))}}
}

// answerFunctionCall answers the older form, which knows one call and no errors.
func (r *Receiver) answerFunctionCall(ctx context.Context, m aurora.Message) Response {
	arguments, err := parseArguments(m.Value("functionCall.parameters", "functionCall.arguments"))
	call := toolCall{id: m.Text("functionCall.id", "toolCallId"), name: m.Text("functionCall.name", "functionCall.function.name"), arguments: arguments, err: err}
	result := r.runTools(ctx, m, []toolCall{call})[0]
	if result.Error != "" {
		return Response{Body: map[string]string{"result": "Error: " + result.Error}}
	}
	return Response{Body: map[string]string{"result": result.Result}}
}

// runTools runs the calls at once and answers in their order.
func (r *Receiver) runTools(ctx context.Context, m aurora.Message, calls []toolCall) []toolResult {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	results := make([]toolResult, len(calls))
	if len(calls) == 0 {
		return results
	}
	a, err := r.findToolAssistant(ctx, m)
	if err != nil {
		slog.WarnContext(ctx, "no tools: the assistant is unknown", "error", err)
	}
	session := newToolSession(m)
	pending := make([]<-chan toolResult, len(calls))
	for i, call := range calls {
		switch {
		case call.err != nil:
		case call.name == "":
			call.err = errUnknownTool
		case err != nil:
			call.err = errToolsUnavailable
		case i >= maxToolCalls:
			call.err = errTooManyTools
		case r.Tools == nil:
			call.err = errUnknownTool
		}
		results[i] = toolResult{ToolCallID: call.id, Name: call.name, Error: told(call.err)}
		if call.err == nil {
			session.Occurrence = call.occurrence
			pending[i] = r.startTool(ctx, a, session, call)
		}
	}
	for i, done := range pending {
		if done != nil {
			results[i] = awaitResult(ctx, done, calls[i])
		}
	}
	return results
}

// findToolAssistant is the assistant whose tools a message calls.
func (r *Receiver) findToolAssistant(ctx context.Context, m aurora.Message) (aurora.Assistant, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return r.findAssistant(ctx, m)
}

// startTool begins a call. The channel has room, so that a tool that comes late waits for nobody.
func (r *Receiver) startTool(ctx context.Context, a aurora.Assistant, session ToolSession, call toolCall) <-chan toolResult {
	done := make(chan toolResult, 1)
	safego.Go(ctx, func() {
		result := toolResult{ToolCallID: call.id, Name: call.name}
		content, err := r.Tools.Call(ctx, a, session, call.id, call.name, call.arguments)
		if err != nil {
			slog.WarnContext(ctx, "tool failed", "tool", text.Clip(call.name, 64), "error", err)
			if ctx.Err() != nil {
				err = errToolTimeout
			}
			result.Error = told(err)
		} else {
			result.Result = oneLine(content)
		}
		done <- result
	}, func(error) { done <- toolResult{ToolCallID: call.id, Name: call.name, Error: told(errToolFailed)} })
	return done
}

func awaitResult(ctx context.Context, done <-chan toolResult, call toolCall) toolResult {
	select {
	case result := <-done:
		return result
	case <-ctx.Done():
	}
	select {
	case result := <-done: // just in time
		return result
	default:
		return toolResult{ToolCallID: call.id, Name: call.name, Error: told(errToolTimeout)}
	}
}

// told is an error as the model at the provider reads it; only our own sentences leave.
func told(err error) string {
	if err == nil {
		return ""
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return oneLine(f.Message)
	}
	return errToolFailed.Message
}

var lineBreaks = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[ \t]*[\r\n\v\f\x{85}\x{2028}\x{2029}]+\s*`)
})

// oneLine is a result as Vapi reads it: one line, an object as JSON, and never nothing, which it takes for no answer.
func oneLine(text string) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	var compact bytes.Buffer
	if (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Compact(&compact, []byte(text)) == nil {
		text = compact.String()
	}
	if text = lineBreaks().ReplaceAllString(text, " "); text == "" {
		return "Done."
	}
	return text
}

// parseToolCalls are the calls of a message, each once: the lists repeat each other.
func parseToolCalls(m aurora.Message) []toolCall {
	var calls []toolCall
	seen, equal := map[string]bool{}, map[string]int{}
	for _, list := range []string{"toolCallList", "toolCalls", "toolWithToolCallList"} {
		first := len(calls) == 0
		for _, entry := range m.Objects(list) {
			call := parseToolCall(entry)
			if call.id == "" && !first || call.id != "" && seen[call.id] {
				continue
			}
			seen[call.id] = true
			key := call.name + " " + string(call.arguments)
			call.occurrence = equal[key]
			equal[key]++
			calls = append(calls, call)
		}
	}
	return calls
}

// parseToolCall reads one entry: OpenAI's shape, Vapi's flat one, or a tool with its call inside. A tool's own parameters are a
// schema, not arguments.
func parseToolCall(entry aurora.Message) (c toolCall) {
	var err error
	if entry.IsObject("toolCall") {
		c.arguments, err = parseArguments(entry.Value("toolCall.function.arguments", "toolCall.function.parameters", "toolCall.arguments", "toolCall.parameters"))
	} else {
		c.arguments, err = parseArguments(entry.Value("function.arguments", "function.parameters", "arguments", "parameters"))
	}
	c.id = entry.Text("toolCall.id", "id", "toolCallId")
	c.name = entry.Text("toolCall.function.name", "toolCall.name", "function.name", "name")
	c.err = err
	return c
}

// parseArguments makes one JSON object, its keys in order, of arguments that came as an object, as a string of one, or not
// at all.
func parseArguments(v any) (json.RawMessage, error) {
	if text, ok := v.(string); ok {
		v = nil
		if strings.TrimSpace(text) != "" {
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			if !json.Valid([]byte(text)) || d.Decode(&v) != nil || v == nil {
				return nil, errArgumentsNotObject
			}
		}
	}
	switch v := v.(type) {
	case nil:
		return json.RawMessage(`{}`), nil
	case map[string]any:
		b, err := json.Marshal(v)
		if err != nil {
			return nil, errArgumentsNotObject.Because(err)
		}
		return b, nil
	}
	return nil, errArgumentsNotObject
}

func newToolSession(m aurora.Message) ToolSession {
	s := ToolSession{CallID: m.Text("call.id", "callId", "call.callId", "session.callId", "session.id", "session.callSid", "session.streamSid")}
	for _, id := range m.Texts("call.phoneCallProviderId", "call.transport.callSid", "call.callSid", "session.callSid", "callSid", "phoneCallProviderId") {
		if strings.HasPrefix(id, "CA") {
			s.CallSID = id
			break
		}
	}
	s.Caller, _ = m.Phone("customer.number", "call.customer.number", "session.callerPhoneNumber", "session.from", "call.customerNumber")
	for _, list := range []string{"artifact.messages", "messages", "call.messages", "conversation"} {
		for _, said := range m.Objects(list) {
			if said.Text("role") == "user" {
				s.UserMessages++
			}
		}
		if s.UserMessages > 0 {
			break
		}
	}
	return s
}
