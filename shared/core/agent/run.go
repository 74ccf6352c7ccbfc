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
	ModelName    string
	// Via is who is asked for it; nil is the turn's Model.
	Model Model
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
	Variables map[string]any
	// Offered are the caller's own tools: a call to one of them ends the turn and is handed back.
	CallerTools []Tool
	// Options are further parameters for the model, as in Request.
	Options json.RawMessage
	// MaxTurns is how often the model may speak; 0 is 10.
	MaxTurns int
	// Apology is said where the turn must end without the model's last word: it went in circles.
	GiveUpMessage string
}

// Event is something that happens in a turn: a piece of text, the beginning of tool calls, or its End.
type Event struct {
	Text  string
	Model string // the model that speaks, known with the first event
	// Calling are the tools that begin to run now, all at once. Nothing happens until the last is done.
	ToolsStarted []Tool
	// SoFar is the turn up to this event, for a consumer that stops here. It is set in every event but the last one.
	SoFar *TurnResult
	End   *TurnResult
}

// TurnResult is what a turn came to, or, beside an error, how far it came.
type TurnResult struct {
	// Messages are the turn's own, to be added to the conversation.
	Messages []Message
	// Said is every word of the turn, as the events had them.
	Text         string
	ActiveAgent  string // who is active now
	Variables    map[string]any
	Usage        Usage
	Model        string
	FinishReason string
	// Calls are handed back to the caller; FinishReason is then FinishToolCalls.
	CallerToolCalls []ToolCall
	// Action is what the voice server is to do now.
	Action *aurora.Action
	// Trouble is why the turn ended with an apology; it is not an error, since something was said.
	SoftError *fault.Error
}

// Run yields the turn as it happens. The last event is always an End; an error, if there is one, comes with it.
func (t *Turn) Run(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := t.newRunner(yield)
		for {
			message, stopped, err := r.callModel(ctx)
			if stopped {
				return
			}
			if err == nil && len(message.ToolCalls) > 0 {
				if again, gone := r.handleToolCalls(ctx, message); again {
					continue
				} else if gone {
					return
				}
				err = ctx.Err()
			} else if !message.IsEmpty() {
				r.appendMessages(message)
			}
			if r.result.FinishReason == FinishToolCalls && len(r.result.CallerToolCalls) == 0 {
				r.result.FinishReason = FinishStop // a caller would wait for calls that never come
			}
			yield(Event{Model: r.result.Model, End: r.result}, err)
			return
		}
	}
}

// runner is a turn under way.
type runner struct {
	*Turn
	yield  func(Event, error) bool
	result *TurnResult
	agent  *Agent
	text   strings.Builder

	modelCalls      int // how often the model was called
	invalidMessages int // messages with a tool call that could not be run
	calls           callCounter
	toolsDisabled   bool // an action is decided: the model has the last word, and no tools
}

func (t *Turn) newRunner(yield func(Event, error) bool) *runner {
	agent := t.Agent
	return &runner{Turn: t, yield: yield, agent: &agent,
		result: &TurnResult{ActiveAgent: agent.Name, Variables: maps.Clone(t.Variables), Model: agent.ModelName}}
}

func (r *runner) appendMessages(m ...Message) { r.result.Messages = append(r.result.Messages, m...) }

// emitText passes words on. A message after another one begins on a line of its own.
func (r *runner) emitText(text string, first bool) bool {
	if first && r.text.Len() > 0 {
		text = "\n" + text
	}
	r.text.WriteString(text)
	r.result.Text = r.text.String()
	return r.yield(Event{Text: text, Model: r.result.Model, SoFar: r.result}, nil)
}

// callModel lets the model speak once, and passes its words on as they come. stopped means that nobody listens any more.
func (r *runner) callModel(ctx context.Context) (m Message, stopped bool, err error) {
	r.modelCalls++
	result := r.result
	model := r.Model
	if r.agent.Model != nil {
		model = r.agent.Model
	}
	h := accumulator{model: result.Model}
	for chunk, cerr := range model.Stream(ctx, r.modelRequest()) {
		if cerr != nil {
			err = cerr
			break
		}
		first := h.text.Len() == 0
		text := h.add(chunk)
		result.Model = h.model
		if text != "" && !r.emitText(text, first) {
			return Message{}, true, nil
		}
	}
	err = h.finish(ctx, err)
	result.Usage.add(h.usage)
	m = Message{Role: RoleAssistant, Content: h.text.String(), ToolCalls: slices.DeleteFunc(h.calls, ToolCall.isEmpty), Sender: r.agent.Name}
	if err != nil || h.finishReason == FinishLength || h.finishReason == FinishContentFilter {
		m.ToolCalls = nil // their arguments may be cut short
	}
	result.FinishReason = h.finishReason
	return m, false, err
}

func (r *runner) modelRequest() ModelRequest {
	messages := make([]Message, 0, len(r.Messages)+len(r.result.Messages)+1)
	if r.agent.Instructions != "" {
		messages = append(messages, Message{Role: RoleSystem, Content: r.agent.Instructions})
	}
	messages = append(append(messages, r.Messages...), r.result.Messages...)
	options := r.agent.Options
	if options == nil {
		options = r.Options
	}
	return ModelRequest{Model: r.agent.ModelName, Messages: messages, Tools: r.availableTools(), Options: options}
}

// availableTools are what the model may ask for now: the agent's own and the caller's, whose take the place of equal names.
func (r *runner) availableTools() []Tool {
	if r.toolsDisabled {
		return nil
	}
	own := slices.DeleteFunc(slices.Clone(r.agent.Tools), func(t Tool) bool { return findTool(r.CallerTools, t.Name) != nil })
	return append(own, r.CallerTools...)
}

func findTool(tools []Tool, name string) *Tool {
	for i := range tools {
		if tools[i].Name == name {
			return &tools[i]
		}
	}
	return nil
}

// mergeDeltas adds fragments to the calls they belong to. Servers differ: several fragments in one chunk, an index or none,
// id and name once or in each.
func mergeDeltas(calls []ToolCall, fragments []ToolCallDelta) []ToolCall {
	for i, f := range fragments {
		at := f.Index
		if at < 0 {
			at = callIndex(calls, f, i, len(fragments))
		}
		if at >= maxToolCallsPerMessage {
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

// callIndex says to which call a fragment without an index belongs: to the one with its id, which may be a new one; without
// an id to the one that is being written, or, where several come in one chunk, to the one in its place.
func callIndex(calls []ToolCall, f ToolCallDelta, i, of int) int {
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
func Collect(events iter.Seq2[Event, error]) (*TurnResult, error) {
	for e, err := range events {
		if e.End != nil || err != nil {
			return e.End, err
		}
	}
	return nil, fault.New(fault.Internal, "The turn did not end.")
}
