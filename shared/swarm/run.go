package swarm

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"aurora/shared/fault"
)

// Agent is who answers.
type Agent struct {
	Name         string
	Instructions string // the system prompt; may be empty
	Model        string
}

// Turn is one turn of a conversation.
type Turn struct {
	Model Model
	Agent Agent
	// Messages are the conversation so far: the caller's system messages, then the history.
	Messages []Message
	// Context are the variables that the conversation carries.
	Context map[string]any
	// Offered are the caller's own tools: a call to one of them ends the turn and is handed back.
	Offered []Tool
	// Options are further parameters for the model, as in Request.
	Options json.RawMessage
}

// Event is something that happens in a turn: a piece of text, or its End.
type Event struct {
	Text  string
	Model string // the model that speaks, known with the first event
	End   *Result
}

// Result is what a turn came to, or, beside an error, how far it came.
type Result struct {
	// Messages are the turn's own, to be added to the conversation.
	Messages     []Message
	Agent        string // who is active now
	Context      map[string]any
	Usage        Usage
	Model        string
	FinishReason string
	// Calls are handed back to the caller; FinishReason is then ToolCalls.
	Calls []ToolCall
}

// Run yields the turn as it happens. The last event is always an End; an error, if there is one, comes with it.
func (t *Turn) Run(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		result := &Result{Agent: t.Agent.Name, Context: t.Context, Model: t.Agent.Model}
		message, stopped, err := t.ask(ctx, result, yield)
		if stopped {
			return
		}
		if err == nil {
			err = t.handBack(result, &message)
		}
		if !message.Empty() {
			result.Messages = append(result.Messages, message)
		}
		yield(Event{Model: result.Model, End: result}, err)
	}
}

// ask lets the model speak once, and passes its words on as they come. stopped means that nobody listens any more.
func (t *Turn) ask(ctx context.Context, result *Result, yield func(Event, error) bool) (m Message, stopped bool, err error) {
	var text strings.Builder
	var calls []ToolCall
	var usage Usage
	reason, refused := "", false
	for chunk, cerr := range t.Model.Stream(ctx, t.request()) {
		if cerr != nil {
			err = cerr
			break
		}
		if chunk.Model != "" {
			result.Model = chunk.Model
		}
		if chunk.Usage != nil {
			usage = *chunk.Usage // of the answer so far: some servers send it with every chunk
		}
		if chunk.FinishReason != "" {
			reason = chunk.FinishReason
		}
		calls = gather(calls, chunk.Calls)
		if chunk.Refusal != "" { // said like any other words; the reason tells
			chunk.Text, refused = chunk.Text+chunk.Refusal, true
		}
		if chunk.Text == "" {
			continue
		}
		text.WriteString(chunk.Text)
		if !yield(Event{Text: chunk.Text, Model: result.Model}, nil) {
			return Message{}, true, nil
		}
	}
	result.Usage.add(usage)
	m = Message{Role: Assistant, Content: text.String(), ToolCalls: slices.DeleteFunc(calls, ToolCall.empty), Sender: t.Agent.Name}
	switch {
	case reason != "" && err != nil:
		slog.WarnContext(ctx, "the model's stream broke after its end", "error", err)
		err = nil // nothing of the answer is missing
	case reason == "" && err == nil:
		err = fault.New(fault.Upstream, "The model's answer broke off.").Coded("upstream_error")
	}
	if refused && err == nil {
		reason = ContentFilter
	}
	if err != nil || reason == Length || reason == ContentFilter {
		m.ToolCalls = nil // their arguments may be cut short
	}
	result.FinishReason = reason
	return m, false, err
}

func (t *Turn) request() Request {
	messages := make([]Message, 0, len(t.Messages)+1)
	if t.Agent.Instructions != "" {
		messages = append(messages, Message{Role: System, Content: t.Agent.Instructions})
	}
	return Request{Model: t.Agent.Model, Messages: append(messages, t.Messages...), Tools: t.Offered, Options: t.Options}
}

// handBack ends the turn on calls to the caller's tools. A call that cannot be handed back leaves the message: nobody
// would ever answer it, and a model refuses a history with such a call.
func (t *Turn) handBack(result *Result, m *Message) error {
	for _, c := range m.ToolCalls {
		if !t.offers(c.Name) {
			m.ToolCalls = nil
			return fault.Newf(fault.Upstream, "The model asked for a tool that was not offered.").Coded("unknown_tool")
		}
	}
	switch {
	case len(m.ToolCalls) > 0:
		result.Calls, result.FinishReason = m.ToolCalls, ToolCalls
	case result.FinishReason == ToolCalls:
		result.FinishReason = Stop // a caller would wait for calls that never come
	}
	return nil
}

func (t *Turn) offers(name string) bool {
	for i := range t.Offered {
		if t.Offered[i].Name == name {
			return true
		}
	}
	return false
}

// gather adds fragments to the calls they belong to. Servers differ: several fragments in one chunk, an index or none,
// id and name once or in each.
func gather(calls []ToolCall, fragments []Fragment) []ToolCall {
	for i, f := range fragments {
		at := f.Index
		if at < 0 {
			at = place(calls, f, i, len(fragments))
		}
		if at >= maxCalls {
			continue
		}
		for len(calls) <= at {
			calls = append(calls, ToolCall{})
		}
		c := &calls[at]
		if f.ID != "" {
			c.ID = f.ID
		}
		if f.Name != "" && f.Name != c.Name {
			c.Name += f.Name
		}
		c.Arguments += f.Arguments
	}
	return calls
}

// place says to which call a fragment without an index belongs: to the one with its id, which may be a new one; without
// an id to the one that is being written, or, where several come in one chunk, to the one in its place.
func place(calls []ToolCall, f Fragment, i, of int) int {
	if f.ID == "" && of > 1 {
		return i
	}
	if f.ID == "" {
		return max(len(calls)-1, 0)
	}
	if at := slices.IndexFunc(calls, func(c ToolCall) bool { return c.ID == f.ID }); at >= 0 {
		return at
	}
	return len(calls)
}

// maxCalls bounds the calls of one message, whatever index a server claims.
const maxCalls = 128

// Collect runs a turn to its end for a whole answer.
func Collect(events iter.Seq2[Event, error]) (*Result, error) {
	for e, err := range events {
		if e.End != nil || err != nil {
			return e.End, err
		}
	}
	return nil, fault.New(fault.Internal, "The turn did not end.")
}
