package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Agent is what answers: instructions, a model and tools.
type Agent struct {
	Name         string
	Instructions string // the system prompt; may be empty
	ModelName    string
	Model        Model // nil means the turn's Model
	Tools        []Tool
	Options      json.RawMessage // for model requests, see ModelRequest; nil means the turn's Options
	CacheKey     string          // for model requests, see ModelRequest
}

// Turn is one turn of a conversation.
type Turn struct {
	Model Model
	Agent Agent // the agent that begins; a handoff may change it
	// CallerInstructions are added to the instructions of each agent.
	CallerInstructions string
	Messages           []Message // the conversation so far
	// Variables are the context variables of the conversation.
	Variables map[string]any
	// CallerTools are tools that the caller runs itself: a call of one of them ends the turn and is handed back.
	CallerTools []Tool
	Options     json.RawMessage // for model requests, see ModelRequest
	// ToolChoice is the option tool_choice of the first model request; nil means none. The later ones have none: a model
	// that must call a tool each time would never answer.
	ToolChoice json.RawMessage
	// FirstTokenTimeout and WaitWhileThinking are those of each model request, see ModelRequest.
	FirstTokenTimeout time.Duration
	WaitWhileThinking bool
	MaxTurns          int // the most model calls, below 25; 0 means 25
	// MaxCharacters is how many characters the model may be sent in one request; 0 means no limit. A turn that grows longer
	// by what its tools return ends with GiveUpMessage. The first request is not checked: see Characters.
	MaxCharacters int
	// Now is the clock by which TurnResult.ToolRuns says how long tools took; nil measures nothing.
	Now func() time.Time
	// FinishTools says that tools which run when the turn's context ends are waited for, each within its timeout. What they
	// return is part of the result.
	FinishTools bool
	// GiveUpMessage is said if the turn must end without an answer of the model, because it went in circles.
	GiveUpMessage string
}

// Event is a piece of text, the start of tools, or the end of the turn.
type Event struct {
	Text  string
	Model string // the model that speaks, known from the first event on
	// LogProbs are the log probabilities of the text's tokens, as the model's server sent them.
	LogProbs json.RawMessage
	// ToolsStarted are tools that start now, at the same time. The next event comes after the last one has finished.
	ToolsStarted []Tool
	// SoFar is the turn up to this event, for a consumer that stops here. It is set in every event but the last one.
	SoFar *TurnResult
	End   *TurnResult
}

// TurnResult is the result of a turn. After an error it holds what the turn had produced before.
type TurnResult struct {
	Messages    []Message // the turn's own messages, to be added to the conversation
	Text        string    // all text of the turn: as in the events, but without thoughts that became known too late for them
	ActiveAgent string    // the name of the agent that answered last
	Variables   map[string]any
	Usage       Usage
	// Tokens are the tokens that the turn has used. Where a server gave no figures, or the consumer stopped before they
	// came, they are estimated from the characters.
	Tokens       int
	Model        string
	FinishReason string
	LogProbs     []json.RawMessage // of the pieces of text, as in the events
	// CallerToolCalls are handed back to the caller; FinishReason is then FinishToolCalls.
	CallerToolCalls []ToolCall
	Action          *aurora.Action // what the voice server must do now
	ToolRuns        []ToolRun      // for the log
	// SoftError is why the turn gave up. It is not an error of Run, because the caller has an answer: GiveUpMessage.
	SoftError *fault.Error
}

// Run yields the turn as it happens. The last event is always an End event; an error comes together with it. A consumer
// that stops ranging ends the turn.
func (t *Turn) Run(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := t.newRunner(yield)
		for {
			message, stopped, err := r.callModel(ctx)
			if stopped {
				return
			}
			if err == nil && len(message.ToolCalls) > 0 {
				if again, stopped := r.handleToolCalls(ctx, message); again {
					continue
				} else if stopped {
					return
				}
				err = ctx.Err()
			} else if !message.IsEmpty() {
				r.appendMessages(message)
			}
			if r.result.FinishReason == FinishToolCalls && len(r.result.CallerToolCalls) == 0 {
				r.result.FinishReason = FinishStop // the caller would wait for calls that never come
			}
			yield(Event{Model: r.result.Model, End: r.result}, err)
			return
		}
	}
}

// Collect runs a turn to its end and returns the result.
func Collect(events iter.Seq2[Event, error]) (*TurnResult, error) {
	for e, err := range events {
		if e.End != nil || err != nil {
			return e.End, err
		}
	}
	return nil, fault.New(fault.Internal, "The turn did not end.")
}

// runner is the state of a running turn.
type runner struct {
	*Turn
	yield  func(Event, error) bool
	result *TurnResult
	agent  *Agent // the active one
	text   strings.Builder

	modelCalls      int // how often the model was called
	invalidMessages int // messages with a tool call that could not be run
	calls           callCounter
	madeIDs         int  // ids that were made for tool calls without one
	toolsDisabled   bool // an action is decided, so the model may only say its last words
}

func (t *Turn) newRunner(yield func(Event, error) bool) *runner {
	agent := t.Agent
	return &runner{Turn: t, yield: yield, agent: &agent,
		result: &TurnResult{ActiveAgent: agent.Name, Variables: maps.Clone(t.Variables), Model: agent.ModelName}}
}

func (r *runner) appendMessages(m ...Message) { r.result.Messages = append(r.result.Messages, m...) }

// emit yields an event that is not the last one. It reports whether the consumer still ranges over the events.
func (r *runner) emit(e Event) bool {
	e.Model, e.SoFar = r.result.Model, r.result
	return r.yield(e, nil)
}

// emitText yields text. first says that it begins a message: it then starts on a new line, if other text came before.
func (r *runner) emitText(text string, logProbs json.RawMessage, first bool) bool {
	if first && r.text.Len() > 0 {
		text = "\n" + text
	}
	r.text.WriteString(text)
	r.result.Text = r.text.String()
	if logProbs != nil {
		r.result.LogProbs = append(r.result.LogProbs, logProbs)
	}
	return r.emit(Event{Text: text, LogProbs: logProbs})
}

// withdraw removes the text of the current message from the result, because it was a thought. Its events cannot be taken
// back; the answer begins on a new line after them.
func (r *runner) withdraw(ctx context.Context, textBefore string, logProbsBefore int) bool {
	slog.WarnContext(ctx, "the model's thoughts had no opening tag", "event", "model.thoughts_unmarked", "model", r.result.Model)
	shown := len(r.result.Text) > len(textBefore)
	r.text.Reset()
	r.text.WriteString(textBefore)
	r.result.Text, r.result.LogProbs = textBefore, r.result.LogProbs[:logProbsBefore]
	return !shown || r.emit(Event{Text: "\n"})
}

// callModel calls the model once and yields its text as it comes. stopped means that the consumer stopped ranging.
func (r *runner) callModel(ctx context.Context) (m Message, stopped bool, err error) {
	r.modelCalls++
	result := r.result
	model := r.Model
	if r.agent.Model != nil {
		model = r.agent.Model
	}
	a := accumulator{model: result.Model}
	textBefore, logProbsBefore := result.Text, len(result.LogProbs)
	say := func(text string, withdrawn bool, logProbs json.RawMessage) bool {
		result.Model = a.model
		if withdrawn && !r.withdraw(ctx, textBefore, logProbsBefore) {
			return false
		}
		return text == "" || r.emitText(text, logProbs, a.text.Len() == len(text))
	}
	request := r.modelRequest()
	defer func() {
		if err == nil || a.begun || ctx.Err() != nil || fault.Is(err, fault.Timeout) { // else the server did no work
			result.Tokens += tokensUsed(a.usage, request.Characters()+a.characters)
		}
	}()
	for chunk, chunkErr := range model.Stream(ctx, request) {
		if chunkErr != nil {
			err = chunkErr
			break
		}
		if text, withdrawn := a.add(chunk); !say(text, withdrawn, chunk.LogProbs) {
			return Message{}, true, nil
		}
	}
	if text, withdrawn := a.endText(); !say(text, withdrawn, nil) {
		return Message{}, true, nil
	}
	err = a.finish(ctx, err)
	result.Usage.add(a.usage)
	m = Message{Role: RoleAssistant, Content: a.text.String(), ToolCalls: a.calls.complete(), Sender: r.agent.Name}
	if err != nil || a.finishReason == FinishLength || a.finishReason == FinishContentFilter {
		m.ToolCalls = nil // their arguments may be cut short
	}
	m.Extra = a.extra(len(m.ToolCalls) > 0)
	result.FinishReason = a.finishReason
	return m, false, err
}

func (r *runner) modelRequest() ModelRequest {
	messages := make([]Message, 0, len(r.Messages)+len(r.result.Messages)+1)
	if instructions := joinInstructions(r.agent.Instructions, r.CallerInstructions); instructions != "" {
		messages = append(messages, Message{Role: RoleSystem, Content: instructions})
	}
	messages = append(append(messages, r.Messages...), r.result.Messages...)
	options := r.agent.Options
	if options == nil {
		options = r.Options
	}
	request := ModelRequest{Model: r.agent.ModelName, Messages: messages, Tools: r.availableTools(), Options: options, CacheKey: r.agent.CacheKey,
		FirstTokenTimeout: r.FirstTokenTimeout, WaitWhileThinking: r.WaitWhileThinking}
	if r.modelCalls == 1 && isPossible(r.ToolChoice, request.Tools) {
		request.ToolChoice = r.ToolChoice
	}
	return request
}

// joinInstructions puts both instructions into one text: many servers accept no second system message
// (https://github.com/vllm-project/vllm/issues/41114). Voice servers send the assistant's own prompt back; it is not said
// twice.
func joinInstructions(own, callers string) string {
	if own == "" || callers == "" || strings.Contains(own, callers) {
		return cmp.Or(own, callers)
	}
	return own + "\n\n" + callers
}

// isPossible reports whether a tool choice names no tool, or one of these.
func isPossible(choice json.RawMessage, tools []Tool) bool {
	var named struct {
		Function *struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	_ = json.Unmarshal(choice, &named) // ignored: a choice in another form names no tool
	return named.Function == nil || findTool(tools, named.Function.Name) != nil
}

// availableTools returns the tools that the model may call now: the agent's and the caller's. A tool of the caller
// replaces one of the agent with the same name.
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
