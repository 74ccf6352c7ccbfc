package completions

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/chat"
)

// beat is something a model does after a time.
type beat struct {
	after time.Duration
	chunk agent.Chunk
	err   error
}

// slow is a model that takes its time, a list of beats for each time it is asked.
type slow struct {
	turns [][]beat
	asked int
}

func (s *slow) Stream(ctx context.Context, _ agent.Request) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		beats := s.turns[min(s.asked, len(s.turns)-1)]
		s.asked++
		for _, b := range beats {
			select {
			case <-time.After(b.after):
			case <-ctx.Done():
				yield(agent.Chunk{}, fault.New(fault.Timeout, "Late.").Coded("upstream_timeout").Because(ctx.Err()))
				return
			}
			if !yield(b.chunk, b.err) || b.err != nil {
				return
			}
		}
	}
}

func word(after time.Duration, text string) beat {
	return beat{after: after, chunk: agent.Chunk{Text: text, Model: "m"}}
}
func reason(r string) beat { return beat{chunk: agent.Chunk{FinishReason: r}} }
func call(after time.Duration, name string) beat {
	return beat{after: after, chunk: agent.Chunk{Calls: []agent.Fragment{{Index: 0, ID: "c1", Name: name, Arguments: "{}"}}}}
}

// one is a store with one assistant.
type one struct{ aurora.Assistant }

func (o one) ByID(context.Context, string) (aurora.Assistant, error) { return o.Assistant, nil }
func (o one) ByNumber(context.Context, aurora.Phone) (aurora.Assistant, error) {
	return o.Assistant, nil
}

// kit is a tool that takes its time.
type kit struct {
	takes  time.Duration
	filler string
	action *aurora.Action
}

func (k kit) tool() agent.Tool {
	return agent.Tool{Name: "look", Filler: k.filler, Call: func(ctx context.Context, _ agent.Call) (agent.Outcome, error) {
		select {
		case <-time.After(k.takes):
		case <-ctx.Done():
		}
		return agent.Outcome{Content: "found", Action: k.action}, ctx.Err()
	}}
}

// spoken is what a caller on the phone got, and when.
type spoken struct {
	text, reason, code string
	at                 []time.Duration // of each piece of text
	done               bool
	session            map[string]any
}

func onThePhone(t *testing.T, m agent.Model, a aurora.Assistant, k *kit, body string) spoken {
	t.Helper()
	if a.AssistantID == "" {
		a.AssistantID = "a1"
	}
	e := endpoint(m)
	service := e.Service.(*chat.Service)
	service.Assistants = one{a}
	if k != nil {
		service.Tools = toolset{k.tool()}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	p := &timed{paper: paper{header: http.Header{}}, start: time.Now()}
	if err := e.Voice(p, r); err != nil {
		t.Fatalf("refused: %v", err)
	}
	return p.read(t)
}

// timed is paper that knows when each write came.
type timed struct {
	paper
	start time.Time
	at    []time.Duration
}

func (p *timed) Write(b []byte) (int, error) {
	p.at = append(p.at, time.Since(p.start))
	return p.paper.Write(b)
}

func (p *timed) read(t *testing.T) (s spoken) {
	t.Helper()
	for i, w := range p.writes {
		data := strings.TrimSuffix(strings.TrimPrefix(w, "data: "), "\n\n")
		if data == "[DONE]" {
			s.done = true
			continue
		}
		var c struct {
			Choices []struct {
				Delta        struct{ Content string }
				Message      struct{ Content string }
				FinishReason string `json:"finish_reason"`
			}
			FullSession map[string]any `json:"full_session"`
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %q", err, w)
		}
		for _, choice := range c.Choices {
			if text := choice.Delta.Content + choice.Message.Content; text != "" {
				s.text += text
				s.at = append(s.at, p.at[i])
			}
			if choice.FinishReason != "" {
				s.reason = choice.FinishReason
			}
		}
		if c.FullSession != nil {
			s.session = c.FullSession
		}
	}
	if e, ok := s.session["error"].(map[string]any); ok {
		s.code, _ = e["code"].(string)
	}
	return s
}

const (
	streamed = `{"stream":true,"messages":[{"role":"user","content":"Hi"}],"call":{"id":"c1","caller_phone_number":"+14155550123","assistantId":"a1"}}`
	inOne    = `{"messages":[{"role":"user","content":"Hi"}],"call":{"id":"c1","caller_phone_number":"+14155550123","assistantId":"a1"}}`
)

// What a caller on the phone hears, whatever happens: the fault table's rows as they are on /voice.
func TestVoiceIsNeverSilent(t *testing.T) {
	broke := beat{err: fault.New(fault.Upstream, "It broke.").Coded("upstream_error")}
	sec := time.Second
	for name, c := range map[string]struct {
		model     [][]beat
		assistant aurora.Assistant
		kit       *kit
		want      spoken
	}{
		"at once": {model: [][]beat{{word(0, "Nine "), word(0, "to five."), reason("stop")}},
			want: spoken{text: "Nine to five.", reason: "stop"}},
		"markup is not spoken": {model: [][]beat{{word(0, "**Ni"), word(0, "ne** to "), word(0, "[five](https://example.com)."), reason("stop")}},
			want: spoken{text: "Nine to five.", reason: "stop"}},
		"a slow first word": {model: [][]beat{{word(2*sec, "Here."), reason("stop")}},
			want: spoken{text: defaultFiller + "Here.", reason: "stop", at: []time.Duration{1500 * time.Millisecond, 2 * sec}}},
		"the assistant's own filler": {model: [][]beat{{word(2*sec, "Here."), reason("stop")}}, assistant: aurora.Assistant{Filler: "Hm. "},
			want: spoken{text: "Hm. Here.", reason: "stop"}},
		"no filler wanted": {model: [][]beat{{word(2*sec, "Here."), reason("stop")}}, assistant: aurora.Assistant{Filler: "-"},
			want: spoken{text: "Here.", reason: "stop", at: []time.Duration{2 * sec}}},
		"09 no first word": {model: [][]beat{{word(time.Hour, "late")}},
			want: spoken{text: defaultFiller + defaultFallback, reason: "stop", code: "upstream_timeout", at: []time.Duration{1500 * time.Millisecond, 8 * sec}}},
		"04 the model fails at once": {model: [][]beat{{broke}},
			want: spoken{text: defaultFallback, reason: "stop", code: "upstream_error"}},
		"11 the model fails in mid-stream": {model: [][]beat{{word(0, "Nine "), broke}},
			want: spoken{text: "Nine " + defaultFallback, reason: "stop", code: "upstream_error"}},
		"12 the model's stream just ends": {model: [][]beat{{word(0, "Nine ")}},
			want: spoken{text: "Nine " + defaultFallback, reason: "stop", code: "upstream_error"}},
		"the assistant's own fallback": {model: [][]beat{{broke}}, assistant: aurora.Assistant{FallbackMessage: "Please call again."},
			want: spoken{text: "Please call again.", reason: "stop", code: "upstream_error"}},
		"19 a filter, without a word": {model: [][]beat{{reason("content_filter")}},
			want: spoken{text: defaultFallback, reason: "content_filter", code: "empty_answer"}},
		"a model that says nothing": {model: [][]beat{{reason("stop")}},
			want: spoken{text: defaultFallback, reason: "stop", code: "empty_answer"}},
		"18 length": {model: [][]beat{{word(0, "Cut off"), reason("length")}},
			want: spoken{text: "Cut off", reason: "length"}},
		"a quick tool": {model: [][]beat{{call(0, "look"), reason("tool_calls")}, {word(0, "Found."), reason("stop")}}, kit: &kit{takes: 100 * time.Millisecond},
			want: spoken{text: "Found.", reason: "stop"}},
		"a slow tool": {model: [][]beat{{call(0, "look"), reason("tool_calls")}, {word(0, "Found."), reason("stop")}}, kit: &kit{takes: 2 * sec},
			want: spoken{text: defaultFiller + "Found.", reason: "stop", at: []time.Duration{700 * time.Millisecond, 2 * sec}}},
		"a slow tool with a filler of its own": {model: [][]beat{{call(0, "look"), reason("tool_calls")}, {word(0, "Found."), reason("stop")}},
			kit: &kit{takes: 2 * sec, filler: "Let me look. "}, want: spoken{text: "Let me look. Found.", reason: "stop"}},
		"one filler a turn": {model: [][]beat{{call(2*sec, "look"), reason("tool_calls")}, {word(0, "Found."), reason("stop")}}, kit: &kit{takes: 2 * sec},
			want: spoken{text: defaultFiller + "Found.", reason: "stop"}},
		"22 the model goes in circles": {model: [][]beat{{call(0, "look"), reason("tool_calls")}}, kit: &kit{},
			want: spoken{text: "I'm sorry, I could not finish that. Could you try it another way?", reason: "stop", code: "turn_limit"}},
	} {
		for form, body := range map[string]string{"streamed": streamed, "whole": inOne} {
			t.Run(name+", "+form, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := onThePhone(t, &slow{turns: c.model}, c.assistant, c.kit, body)
					if got.text != c.want.text || got.reason != c.want.reason || got.code != c.want.code {
						t.Errorf("said %q, %q, %q\nwant %q, %q, %q", got.text, got.reason, got.code, c.want.text, c.want.reason, c.want.code)
					}
					if form == "whole" {
						return
					}
					if !got.done {
						t.Error("no [DONE]")
					}
					for i := range c.want.at {
						if i >= len(got.at) || got.at[i] != c.want.at[i] {
							t.Errorf("pieces at %v, want %v", got.at, c.want.at)
							break
						}
					}
				})
			})
		}
	}
}

// Only a body that is no JSON is refused on the phone.
func TestVoiceTakesOddInput(t *testing.T) {
	m := func() agent.Model { return script{chunks: hello} }
	for _, body := range []string{`{}`, `{"messages":null,"stream":true}`, `{"messages":"what?"}`, `{"messages":[7,{"role":"user","content":"Hi"}]}`, `{"messages":[{"role":"tool","tool_call_id":"x","content":"y"},{"role":"user","content":"Hi"}]}`,
		`{"messages":[{"role":"robot","content":"x"},{"role":"user","content":"Hi"}],"temperature":"hot","n":3,"functions":[{}],"tools":[{}],"max_tokens":-1,"stream":"yes"}`,
		`{"messages":[` + strings.Repeat(`{"role":"user","content":"x"},`, 500) + `{"role":"user","content":"Hi"}]}`, `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 300_000) + `"}]}`,
		`{"messages":[{"role":"user","content":"Hi"}],"call":7}`, `{"messages":[{"role":"user","content":"Hi"}],"call":{"assistant_config":"{"}}`, `{"messages":[{"role":"user","content":"Hi"}],"target_assistant_id":"nobody"}`} {
		e := endpoint(m())
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		p := &timed{paper: paper{header: http.Header{}}, start: time.Now()}
		if err := e.Voice(p, r); err != nil {
			t.Errorf("%.80s: refused: %v", body, err)
			continue
		}
		if s := p.read(t); s.text == "" {
			t.Errorf("%.80s: silence", body)
		}
	}
	for _, body := range []string{``, `{`, `[]`, `null`} {
		e := endpoint(m())
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		if err := e.Voice(&paper{header: http.Header{}}, r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestVoiceEndsWhenTheListenerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := endpoint(&slow{turns: [][]beat{{word(0, "a "), word(time.Second, "b "), word(time.Hour, "c")}}})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(streamed))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Voice(&paper{header: http.Header{}, full: 2}, r); !errors.Is(err, errGone) {
			t.Errorf("err = %v", err)
		}
	})
}

// An action is told once the last words were spoken.
func TestVoiceTellsTheAction(t *testing.T) {
	action := &aurora.Action{Type: aurora.EndCall, ToolCallID: "c1"}
	m := &slow{turns: [][]beat{{word(0, "Goodbye."), call(0, "look"), reason("tool_calls")}, {word(0, "never asked"), reason("stop")}}}
	got := onThePhone(t, m, aurora.Assistant{}, &kit{action: action}, streamed)
	if got.text != "Goodbye." || got.reason != "stop" || m.asked != 1 {
		t.Errorf("said %q, %q, asked %d times", got.text, got.reason, m.asked)
	}
	if a, _ := got.session["action"].(map[string]any); a["type"] != "end_call" || a["toolCallId"] != "c1" || a["carriedOut"] != false {
		t.Errorf("action = %v", got.session["action"])
	}
}
