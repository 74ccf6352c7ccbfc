package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// accumulator builds a model's message from chunks.
type accumulator struct {
	text         strings.Builder
	thoughts     thoughtFilter
	calls        callMerger
	reasoning    map[string][]json.RawMessage // by its key, in the order in which it came
	usage        Usage
	finishReason string
	model        string
	refused      bool
	ended        bool
	begun        bool // the model has sent something
	characters   int  // of all that it has sent: text, thoughts and tool calls
}

// add adds a chunk and returns its text without thoughts. withdrawn says that the message's text before it was a thought.
func (a *accumulator) add(c Chunk) (text string, withdrawn bool) {
	if c.Model != "" {
		a.model = c.Model
	}
	if c.Usage != nil {
		a.usage = *c.Usage // replaces: some servers send the usage so far with every chunk
	}
	if c.FinishReason != "" {
		a.finishReason = c.FinishReason
	}
	for i, d := range c.ToolCalls {
		a.calls.add(d, i, len(c.ToolCalls))
	}
	for key, value := range c.Reasoning {
		if a.reasoning == nil {
			a.reasoning = map[string][]json.RawMessage{}
		}
		a.reasoning[key] = append(a.reasoning[key], value)
	}
	a.begun = true
	a.characters += len(c.Text) + len(c.Refusal) + c.Reasoning.characters()
	for i := range c.ToolCalls {
		a.characters += len(c.ToolCalls[i].Name) + len(c.ToolCalls[i].Arguments)
	}
	a.refused = a.refused || c.Refusal != ""
	a.ended = a.ended || c.Ended
	text, withdrawn = a.thoughts.write(c.Text + c.Refusal) // a refusal is said like other text; the finish reason tells them apart
	a.addText(text, withdrawn)
	return text, withdrawn
}

// endText ends the text and returns what add held back of it.
func (a *accumulator) endText() (text string, withdrawn bool) {
	text, withdrawn = a.thoughts.close(a.finishReason == FinishLength)
	a.addText(text, withdrawn)
	return text, withdrawn
}

func (a *accumulator) addText(text string, withdrawn bool) {
	if withdrawn {
		a.text.Reset()
	}
	a.text.WriteString(text)
}

// finish returns the error of the message after its stream has ended with err. A finish reason makes the message complete.
// The end mark of a stream does as well, unless a tool call is cut short: some servers send no finish reason
// (https://github.com/earendil-works/pi/issues/6226).
func (a *accumulator) finish(ctx context.Context, err error) error {
	if err == nil && a.finishReason == "" && a.ended {
		a.finishReason = a.impliedReason()
	}
	switch {
	case a.finishReason != "" && err != nil:
		slog.WarnContext(ctx, "the model's stream broke after its end", "event", "model.stream_broken", "error", err)
		err = nil // nothing of the message is missing
	case a.finishReason == "" && err == nil:
		err = fault.New(fault.Upstream, "The model's answer broke off.").WithCode("upstream_error")
	}
	if a.refused && err == nil {
		a.finishReason = FinishContentFilter
	}
	return err
}

// impliedReason returns the finish reason of a message whose server sent none, or "" if the message is cut short.
func (a *accumulator) impliedReason() string {
	calls := a.calls.complete()
	for _, c := range calls {
		if c.Arguments != "" && !json.Valid([]byte(c.Arguments)) {
			return ""
		}
	}
	if len(calls) > 0 {
		return FinishToolCalls
	}
	return FinishStop
}

// extra returns what the message's server needs back. What a model thought is needed beside tool calls only; DeepSeek
// rejects it in other messages (https://api-docs.deepseek.com/guides/reasoning_model).
func (a *accumulator) extra(hasToolCalls bool) Extra {
	var extra Extra
	for key, values := range a.reasoning {
		if !hasToolCalls && key != extraContentKey {
			continue
		}
		if extra == nil {
			extra = Extra{}
		}
		extra[key] = joinValues(values)
	}
	return extra
}

// joinValues joins the parts of a value: texts to one text, lists to one list. Of other values the last one counts.
func joinValues(values []json.RawMessage) json.RawMessage {
	if len(values) == 1 {
		return values[0]
	}
	var text string
	var list []json.RawMessage
	for _, v := range values {
		var t string
		var l []json.RawMessage
		switch {
		case json.Unmarshal(v, &t) == nil:
			text += t
		case json.Unmarshal(v, &l) == nil:
			list = append(list, l...)
		default:
			return values[len(values)-1]
		}
	}
	var joined any = text
	if list != nil {
		joined = list
	}
	b, _ := json.Marshal(joined) // a string or valid JSON: cannot fail
	return b
}
