package agent

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Agent is who answers.
type Agent struct {
	Name         string
	Instructions string // the system prompt; may be empty
	Model        string
	// Via is who is asked for it; nil is the turn's Model.
	Via Model
	// Tools are what the agent may do.
	Tools []Tool
	// Options are asked with in place of the turn's; nil is the turn's.
	Options json.RawMessage
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
	// MaxTurns is how often the model may speak; 0 is 10.
	MaxTurns int
	// Apology is said where the turn must end without the model's last word: it went in circles.
	Apology string
}

// Event is something that happens in a turn: a piece of text, the beginning of tool calls, or its End.
type Event struct {
	Text  string
	Model string // the model that speaks, known with the first event
	// Calling are the tools that begin to run now, all at once. Nothing happens until the last is done.
	Calling []Tool
	End     *Result
}

// Result is what a turn came to, or, beside an error, how far it came.
type Result struct {
	// Messages are the turn's own, to be added to the conversation.
	Messages []Message
	// Said is every word of the turn, as the events had them.
	Said         string
	Agent        string // who is active now
	Context      map[string]any
	Usage        Usage
	Model        string
	FinishReason string
	// Calls are handed back to the caller; FinishReason is then ToolCalls.
	Calls []ToolCall
	// Action is what the voice server is to do now.
	Action *aurora.Action
	// Trouble is why the turn ended with an apology; it is not an error, since something was said.
	Trouble *fault.Error
}

// Run yields the turn as it happens. The last event is always an End; an error, if there is one, comes with it.
func (t *Turn) Run(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := t.begin(yield)
		for {
			message, stopped, err := r.ask(ctx)
			if stopped {
				return
			}
			if err == nil && len(message.ToolCalls) > 0 {
				if again, gone := r.act(ctx, message); again {
					continue
				} else if gone {
					return
				}
				err = ctx.Err()
			} else if !message.Empty() {
				r.add(message)
			}
			if r.result.FinishReason == ToolCalls && len(r.result.Calls) == 0 {
				r.result.FinishReason = Stop // a caller would wait for calls that never come
			}
			yield(Event{Model: r.result.Model, End: r.result}, err)
			return
		}
	}
}

// running is a turn under way.
type running struct {
	*Turn
	yield  func(Event, error) bool
	result *Result
	agent  *Agent
	said   strings.Builder

	asked, called, wrong int            // times the model spoke, calls made, messages with calls that could not be made
	seen                 map[string]int // calls with the same arguments
	closing              bool           // an action is decided: the model has the last word, and no tools
}

func (t *Turn) begin(yield func(Event, error) bool) *running {
	context := maps.Clone(t.Context)
	agent := t.Agent
	return &running{Turn: t, yield: yield, agent: &agent, seen: map[string]int{},
		result: &Result{Agent: agent.Name, Context: context, Model: agent.Model}}
}

func (r *running) add(m ...Message) { r.result.Messages = append(r.result.Messages, m...) }

// say passes words on. A message after another one begins on a line of its own.
func (r *running) say(text string, first bool) bool {
	if first && r.said.Len() > 0 {
		text = "\n" + text
	}
	r.said.WriteString(text)
	r.result.Said = r.said.String()
	return r.yield(Event{Text: text, Model: r.result.Model}, nil)
}

// ask lets the model speak once, and passes its words on as they come. stopped means that nobody listens any more.
func (r *running) ask(ctx context.Context) (m Message, stopped bool, err error) {
	r.asked++
	result := r.result
	model := r.Model
	if r.agent.Via != nil {
		model = r.agent.Via
	}
	h := hearing{model: result.Model}
	for chunk, cerr := range model.Stream(ctx, r.request()) {
		if cerr != nil {
			err = cerr
			break
		}
		first := h.text.Len() == 0
		text := h.take(chunk)
		result.Model = h.model
		if text != "" && !r.say(text, first) {
			return Message{}, true, nil
		}
	}
	err = h.end(ctx, err)
	result.Usage.add(h.usage)
	m = Message{Role: Assistant, Content: h.text.String(), ToolCalls: slices.DeleteFunc(h.calls, ToolCall.empty), Sender: r.agent.Name}
	if err != nil || h.reason == Length || h.reason == ContentFilter {
		m.ToolCalls = nil // their arguments may be cut short
	}
	result.FinishReason = h.reason
	return m, false, err
}

func (r *running) request() Request {
	messages := make([]Message, 0, len(r.Messages)+len(r.result.Messages)+1)
	if r.agent.Instructions != "" {
		messages = append(messages, Message{Role: System, Content: r.agent.Instructions})
	}
	messages = append(append(messages, r.Messages...), r.result.Messages...)
	options := r.agent.Options
	if options == nil {
		options = r.Options
	}
	return Request{Model: r.agent.Model, Messages: messages, Tools: r.tools(), Options: options}
}

// tools are what the model may ask for now: the agent's own and the caller's, whose take the place of equal names.
func (r *running) tools() []Tool {
	if r.closing {
		return nil
	}
	own := slices.DeleteFunc(slices.Clone(r.agent.Tools), func(t Tool) bool { return find(r.Offered, t.Name) != nil })
	return append(own, r.Offered...)
}

func find(tools []Tool, name string) *Tool {
	for i := range tools {
		if tools[i].Name == name {
			return &tools[i]
		}
	}
	return nil
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

// Collect runs a turn to its end for a whole answer.
func Collect(events iter.Seq2[Event, error]) (*Result, error) {
	for e, err := range events {
		if e.End != nil || err != nil {
			return e.End, err
		}
	}
	return nil, fault.New(fault.Internal, "The turn did not end.")
}
