package fakeopenai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Answer describes how the fake answers one request. Build one with Text, ToolCall, Chunks, Raw, Status, Hang, Reset
// or Close, and change it with its methods, each of which returns a changed copy.
type Answer struct {
	words  []string // content of a model's answer
	calls  []call
	split  int    // characters of a tool call's arguments for each fragment; 0 is all
	finish string // stop, or tool_calls where there are calls, unless given
	usage  *[2]int

	verbatim   []string // bytes that are sent as they are, instead of a model's answer
	status     int
	header     http.Header
	singleBody bool // verbatim is one body, not a stream

	hang      bool            // before the headers
	each      time.Duration   // before every piece of content
	gate      <-chan struct{} // one receive before every piece of content
	endAfter  int             // pieces of content before the configured end; -1 is never
	ending    ending
	noDone    bool
	noFinish  bool
	midLine   bool
	onHeaders func()
}

type ending int

const (
	endWhole ending = iota
	endReset
	endClose
	endHang
)

type call struct {
	Index    int    `json:"index"`
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

func newAnswer() Answer {
	return Answer{status: http.StatusOK, header: http.Header{}, endAfter: -1}
}

// Text is the model's answer: one chunk for each word in a stream, one message otherwise.
func Text(words ...string) Answer {
	a := newAnswer()
	a.words = words
	return a
}

// ToolCall returns an answer with a tool call. Add more with ToolCall on the answer.
func ToolCall(id, name, arguments string) Answer { return newAnswer().ToolCall(id, name, arguments) }

// ToolCall adds a tool call to the answer.
func (a Answer) ToolCall(id, name, arguments string) Answer {
	c := call{Index: len(a.calls), ID: id, Type: "function"}
	c.Function.Name, c.Function.Arguments = name, arguments
	a.calls = append(append([]call(nil), a.calls...), c)
	return a
}

// Fragments sends tool calls as OpenAI does: first the name, then the arguments in fragments of so many characters.
func (a Answer) Fragments(characters int) Answer { a.split = characters; return a }

// Chunks returns a stream of exactly these events, one `data:` line each. Nothing is added, not even [DONE].
func Chunks(data ...string) Answer {
	a := newAnswer()
	for _, d := range data {
		a.verbatim = append(a.verbatim, "data: "+d+"\n\n")
	}
	return a
}

// Raw returns a stream of exactly these bytes. Each piece is flushed.
func Raw(pieces ...string) Answer {
	a := newAnswer()
	a.verbatim = pieces
	return a
}

// Status returns an answer with a status, a body and headers, which alternate names and values.
func Status(status int, body string, header ...string) Answer {
	a := newAnswer()
	a.status, a.verbatim, a.singleBody = status, []string{body}, true
	a.header.Set("Content-Type", "application/json")
	return a.Header(header...)
}

// Hang accepts the request and never answers, until the client disconnects or the server is closed.
func Hang() Answer {
	a := newAnswer()
	a.hang = true
	return a
}

// Reset streams the words and then resets the connection; with no words before any header.
func Reset(words ...string) Answer { return Text(words...).ResetAfter(len(words)) }

// Close streams the words and then ends the stream cleanly: no finish reason, no [DONE].
func Close(words ...string) Answer { return Text(words...).CloseAfter(len(words)) }

// ResetAfter resets the connection after n pieces of content; after 0 before any header.
func (a Answer) ResetAfter(n int) Answer { a.endAfter, a.ending = n, endReset; return a }

// CloseAfter ends the stream cleanly after n pieces of content.
func (a Answer) CloseAfter(n int) Answer { a.endAfter, a.ending = n, endClose; return a }

// HangAfter sends nothing more after n pieces of content, and keeps the connection.
func (a Answer) HangAfter(n int) Answer { a.endAfter, a.ending = n, endHang; return a }

// MidLine sends half of the next piece before the end that ResetAfter, CloseAfter or HangAfter set.
func (a Answer) MidLine() Answer { a.midLine = true; return a }

// Each waits before every piece of content.
func (a Answer) Each(d time.Duration) Answer { a.each = d; return a }

// Gate waits for one receive from a channel before every piece of content; a closed channel never blocks again.
func (a Answer) Gate(gate <-chan struct{}) Answer { a.gate = gate; return a }

// Header sets headers, which alternate names and values.
func (a Answer) Header(header ...string) Answer {
	a.header = a.header.Clone()
	for i := 0; i+1 < len(header); i += 2 {
		a.header.Set(header[i], header[i+1])
	}
	return a
}

// Finish sets the finish reason: length, content_filter, …
func (a Answer) Finish(reason string) Answer { a.finish = reason; return a }

// NoFinish leaves the finish reason out.
func (a Answer) NoFinish() Answer { a.noFinish = true; return a }

// NoDone leaves [DONE] out.
func (a Answer) NoDone() Answer { a.noDone = true; return a }

// Usage sets the token counts; without it they are estimated.
func (a Answer) Usage(prompt, completion int) Answer { a.usage = &[2]int{prompt, completion}; return a }

// OnHeaders sets a function that is called after the status and headers were sent.
func (a Answer) OnHeaders(f func()) Answer { a.onHeaders = f; return a }

func (a Answer) reason() string {
	switch {
	case a.finish != "":
		return a.finish
	case len(a.calls) > 0:
		return "tool_calls"
	}
	return "stop"
}

func (a Answer) tokens(r Request) map[string]int {
	counts := a.usage
	if counts == nil {
		said := 0
		for _, m := range r.Body.Messages {
			said += len([]rune(messageText(m)))
		}
		answered := len([]rune(strings.Join(a.words, "")))
		for _, c := range a.calls {
			answered += len(c.Function.Name) + len(c.Function.Arguments)
		}
		counts = &[2]int{(said + 3) / 4, (answered + 3) / 4}
	}
	return map[string]int{"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": counts[0] + counts[1]}
}

// body returns the answer to a request without streaming.
func (a Answer) body(r Request, id string, created int64) string {
	message := map[string]any{"role": "assistant", "content": strings.Join(a.words, ""), "refusal": nil}
	if len(a.calls) > 0 {
		calls := make([]map[string]any, len(a.calls))
		for i, c := range a.calls {
			calls[i] = map[string]any{"id": c.ID, "type": c.Type, "function": c.Function}
		}
		message["tool_calls"] = calls
		if len(a.words) == 0 {
			message["content"] = nil
		}
	}
	return mustJSON(chunk{ID: id, Object: "chat.completion", Created: created, Model: r.Body.Model,
		Choices: []choice{{Message: message, Finish: a.reason()}}, Usage: json.RawMessage(mustJSON(a.tokens(r)))})
}

// chunk is one event of a stream, its fields in OpenAI's order.
type chunk struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

// delta is a pointer in a choice, so that an empty one is sent and a missing one is not.
type delta map[string]any

type choice struct {
	Index    int            `json:"index"`
	Delta    *delta         `json:"delta,omitempty"`
	Message  map[string]any `json:"message,omitempty"`
	Logprobs any            `json:"logprobs"`
	Finish   any            `json:"finish_reason"`
}

// pieces returns the events of the stream. The pieces of content, which ResetAfter and others count, are [first, last).
func (a Answer) pieces(r Request, id string, created int64) (pieces []string, first, last int) {
	if a.verbatim != nil {
		return a.verbatim, 0, len(a.verbatim)
	}
	counted := r.Body.StreamOptions != nil && r.Body.StreamOptions.IncludeUsage
	event := func(choices []choice, usage map[string]int) {
		c := chunk{ID: id, Object: "chat.completion.chunk", Created: created, Model: r.Body.Model, Choices: choices}
		if counted {
			c.Usage = json.RawMessage(mustJSON(usage)) // null but in the last
		}
		pieces = append(pieces, "data: "+mustJSON(c)+"\n\n")
	}
	say := func(d delta, finish any) { event([]choice{{Delta: &d, Finish: finish}}, nil) }
	say(delta{"role": "assistant", "content": ""}, nil)
	first = len(pieces)
	for _, w := range a.words {
		say(delta{"content": w}, nil)
	}
	for _, c := range a.calls {
		if a.split <= 0 {
			say(delta{"tool_calls": []call{c}}, nil)
			continue
		}
		arguments := []rune(c.Function.Arguments)
		c.Function.Arguments = ""
		say(delta{"tool_calls": []call{c}}, nil)
		for next := range slices.Chunk(arguments, a.split) {
			say(delta{"tool_calls": []any{map[string]any{"index": c.Index, "function": map[string]string{"arguments": string(next)}}}}, nil)
		}
	}
	last = len(pieces)
	if !a.noFinish {
		say(delta{}, a.reason())
	}
	if counted {
		event([]choice{}, a.tokens(r))
	}
	if !a.noDone {
		pieces = append(pieces, "data: [DONE]\n\n")
	}
	return pieces, first, last
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("openai: the answer of a script is not JSON: %v", err)) // maps and strings always are
	}
	return string(b)
}
