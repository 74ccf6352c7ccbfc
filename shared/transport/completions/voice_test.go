package completions

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/chat"
)

// timedChunk is a chunk or an error that comes after a time.
type timedChunk struct {
	after time.Duration
	chunk agent.Chunk
	err   error
}

// slowModel answers its n-th request with the n-th list of chunks, each after its time.
type slowModel struct {
	answers [][]timedChunk
	asked   int
}

func (s *slowModel) Stream(ctx context.Context, _ agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		beats := s.answers[min(s.asked, len(s.answers)-1)]
		s.asked++
		for _, b := range beats {
			select {
			case <-time.After(b.after):
			case <-ctx.Done():
				yield(agent.Chunk{}, fault.New(fault.Timeout, "Late.").WithCode("upstream_timeout").Because(ctx.Err()))
				return
			}
			if !yield(b.chunk, b.err) || b.err != nil {
				return
			}
		}
	}
}

func textAfter(after time.Duration, text string) timedChunk {
	return timedChunk{after: after, chunk: agent.Chunk{Text: text, Model: "m"}}
}
func finishWith(r string) timedChunk { return timedChunk{chunk: agent.Chunk{FinishReason: r}} }
func toolCallAfter(after time.Duration, name string) timedChunk {
	return timedChunk{after: after, chunk: agent.Chunk{ToolCalls: []agent.ToolCallDelta{{Index: 0, ID: "c1", Name: name, Arguments: "{}"}}}}
}

// slowTool is a tool that takes some time.
type slowTool struct {
	takes  time.Duration
	filler string
	action *aurora.Action
}

func (k slowTool) tool() agent.Tool {
	return agent.Tool{Name: "look", Filler: k.filler, Run: func(ctx context.Context, _ agent.Invocation) (agent.ToolResult, error) {
		select {
		case <-time.After(k.takes):
		case <-ctx.Done():
		}
		return agent.ToolResult{Content: "found", Action: k.action}, ctx.Err()
	}}
}

// heardAnswer is what a caller on the phone heard, and when.
type heardAnswer struct {
	text, reason, code string
	at                 []time.Duration // of each piece of text
	done               bool
	session            map[string]any
}

func callVoice(t *testing.T, m agent.Model, a aurora.Assistant, k *slowTool, body string) heardAnswer {
	t.Helper()
	if a.AssistantID == "" {
		a.AssistantID = "a1"
	}
	e := newHandler(m)
	service := e.Service.(*chat.Service)
	service.Assistants = testkit.EveryAssistant(a)
	if k != nil {
		service.Tools = fixedTools{k.tool()}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	p := &timedWriter{recordingWriter: recordingWriter{header: http.Header{}}, start: time.Now()}
	if err := e.ServeVoice(p, r); err != nil {
		t.Fatalf("the request was rejected: %v", err)
	}
	return p.parse(t)
}

// timedWriter also records the time of each write.
type timedWriter struct {
	recordingWriter
	start time.Time
	at    []time.Duration
}

func (p *timedWriter) Write(b []byte) (int, error) {
	p.at = append(p.at, time.Since(p.start))
	return p.recordingWriter.Write(b)
}

func (p *timedWriter) parse(t *testing.T) (s heardAnswer) {
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
	streamedBody = `{"stream":true,"messages":[{"role":"user","content":"Hi"}],"call":{"id":"c1","caller_phone_number":"+14155550123","assistantId":"a1"}}`
	wholeBody    = `{"messages":[{"role":"user","content":"Hi"}],"call":{"id":"c1","caller_phone_number":"+14155550123","assistantId":"a1"}}`
)

// What a caller on the phone hears after each fault of the model.
func TestVoiceIsNeverSilent(t *testing.T) {
	broke := timedChunk{err: fault.New(fault.Upstream, "It broke.").WithCode("upstream_error")}
	sec := time.Second
	for name, c := range map[string]struct {
		model     [][]timedChunk
		assistant aurora.Assistant
		kit       *slowTool
		want      heardAnswer
	}{
		"a fast answer": {model: [][]timedChunk{{textAfter(0, "Nine "), textAfter(0, "to five."), finishWith("stop")}},
			want: heardAnswer{text: "Nine to five.", reason: "stop"}},
		"markup is not spoken": {model: [][]timedChunk{{textAfter(0, "**Ni"), textAfter(0, "ne** to "), textAfter(0, "[five](https://example.com)."), finishWith("stop")}},
			want: heardAnswer{text: "Nine to five.", reason: "stop"}},
		"a slow first word gets a filler": {model: [][]timedChunk{{textAfter(2*sec, "Here."), finishWith("stop")}},
			want: heardAnswer{text: defaultFiller + "Here.", reason: "stop", at: []time.Duration{1500 * time.Millisecond, 2 * sec}}},
		"the assistant's own filler": {model: [][]timedChunk{{textAfter(2*sec, "Here."), finishWith("stop")}}, assistant: aurora.Assistant{Filler: "Hm. "},
			want: heardAnswer{text: "Hm. Here.", reason: "stop"}},
		"no filler wanted": {model: [][]timedChunk{{textAfter(2*sec, "Here."), finishWith("stop")}}, assistant: aurora.Assistant{Filler: "-"},
			want: heardAnswer{text: "Here.", reason: "stop", at: []time.Duration{2 * sec}}},
		"fault 9: no first word": {model: [][]timedChunk{{textAfter(time.Hour, "late")}},
			want: heardAnswer{text: defaultFiller + defaultFallback, reason: "stop", code: "upstream_timeout", at: []time.Duration{1500 * time.Millisecond, 8 * sec}}},
		"fault 4: the model fails before its first word": {model: [][]timedChunk{{broke}},
			want: heardAnswer{text: defaultFallback, reason: "stop", code: "upstream_error"}},
		"fault 11: the model fails in mid-stream": {model: [][]timedChunk{{textAfter(0, "Nine "), broke}},
			want: heardAnswer{text: "Nine " + defaultFallback, reason: "stop", code: "upstream_error"}},
		"fault 12: the model's stream ends without a finish reason": {model: [][]timedChunk{{textAfter(0, "Nine ")}},
			want: heardAnswer{text: "Nine " + defaultFallback, reason: "stop", code: "upstream_error"}},
		"the assistant's own fallback": {model: [][]timedChunk{{broke}}, assistant: aurora.Assistant{FallbackMessage: "Please call again."},
			want: heardAnswer{text: "Please call again.", reason: "stop", code: "upstream_error"}},
		"fault 19: a content filter, without a word": {model: [][]timedChunk{{finishWith("content_filter")}},
			want: heardAnswer{text: defaultFallback, reason: "content_filter", code: "empty_answer"}},
		"a model that says nothing": {model: [][]timedChunk{{finishWith("stop")}},
			want: heardAnswer{text: defaultFallback, reason: "stop", code: "empty_answer"}},
		"fault 18: the answer is cut by length": {model: [][]timedChunk{{textAfter(0, "Cut off"), finishWith("length")}},
			want: heardAnswer{text: "Cut off", reason: "length"}},
		"a quick tool": {model: [][]timedChunk{{toolCallAfter(0, "look"), finishWith("tool_calls")}, {textAfter(0, "Found."), finishWith("stop")}}, kit: &slowTool{takes: 100 * time.Millisecond},
			want: heardAnswer{text: "Found.", reason: "stop"}},
		"a slow tool": {model: [][]timedChunk{{toolCallAfter(0, "look"), finishWith("tool_calls")}, {textAfter(0, "Found."), finishWith("stop")}}, kit: &slowTool{takes: 2 * sec},
			want: heardAnswer{text: defaultFiller + "Found.", reason: "stop", at: []time.Duration{700 * time.Millisecond, 2 * sec}}},
		"a slow tool with a filler of its own": {model: [][]timedChunk{{toolCallAfter(0, "look"), finishWith("tool_calls")}, {textAfter(0, "Found."), finishWith("stop")}},
			kit: &slowTool{takes: 2 * sec, filler: "Let me look. "}, want: heardAnswer{text: "Let me look. Found.", reason: "stop"}},
		"one filler a turn": {model: [][]timedChunk{{toolCallAfter(2*sec, "look"), finishWith("tool_calls")}, {textAfter(0, "Found."), finishWith("stop")}}, kit: &slowTool{takes: 2 * sec},
			want: heardAnswer{text: defaultFiller + "Found.", reason: "stop"}},
		"fault 22: the model calls tools without end": {model: [][]timedChunk{{toolCallAfter(0, "look"), finishWith("tool_calls")}}, kit: &slowTool{},
			want: heardAnswer{text: "I'm sorry, I could not finish that. Could you try it another way?", reason: "stop", code: "turn_limit"}},
	} {
		for form, body := range map[string]string{"streamed": streamedBody, "whole": wholeBody} {
			t.Run(name+", "+form, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := callVoice(t, &slowModel{answers: c.model}, c.assistant, c.kit, body)
					wantText := c.want.text
					if form == "whole" { // a filler would come together with the answer
						for _, filler := range []string{defaultFiller, "Hm. ", "Let me look. "} {
							wantText = strings.TrimPrefix(wantText, filler)
						}
					}
					if got.text != wantText || got.reason != c.want.reason || got.code != c.want.code {
						t.Errorf("heard %q, finish reason %q, code %q\nwant %q, %q, %q", got.text, got.reason, got.code, wantText, c.want.reason, c.want.code)
					}
					if form == "whole" {
						return
					}
					if !got.done {
						t.Error("the stream does not end with [DONE]")
					}
					for i := range c.want.at {
						if i >= len(got.at) || got.at[i] != c.want.at[i] {
							t.Errorf("heard pieces at %v, want %v", got.at, c.want.at)
							break
						}
					}
				})
			})
		}
	}
}

// Operators find the request of a failed turn by the request id in the log line.
func TestFallbackIsLoggedWithTheRequest(t *testing.T) {
	log := testkit.CaptureLogOf(t, func(w io.Writer) *slog.Logger { return lambdaapp.NewLogger(w, slog.LevelInfo) })
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(wholeBody))
	if err != nil {
		t.Fatal(err)
	}
	e := newHandler(scriptedModel{err: fault.New(fault.Upstream, "It broke.").WithCode("upstream_error")})
	if err := e.ServeVoice(&recordingWriter{header: http.Header{}}, r); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"event":"fallback.spoken"`) {
			if !strings.Contains(line, `"requestId":"req-1"`) || !strings.Contains(line, `"callId":"c1"`) {
				t.Errorf("the line must name the request and the call: %s", line)
			}
			return
		}
	}
	t.Errorf("no line with the event fallback.spoken in the log:\n%s", log.String())
}

// On the phone, only a body that is not JSON is rejected.
func TestVoiceAcceptsInvalidFields(t *testing.T) {
	m := func() agent.Model { return scriptedModel{chunks: helloChunks} }
	for _, body := range []string{`{}`, `{"messages":null,"stream":true}`, `{"messages":"what?"}`, `{"messages":[7,{"role":"user","content":"Hi"}]}`, `{"messages":[{"role":"tool","tool_call_id":"x","content":"y"},{"role":"user","content":"Hi"}]}`,
		`{"messages":[{"role":"robot","content":"x"},{"role":"user","content":"Hi"}],"temperature":"hot","n":3,"functions":[{}],"tools":[{}],"max_tokens":-1,"stream":"yes"}`,
		`{"messages":[` + strings.Repeat(`{"role":"user","content":"x"},`, 500) + `{"role":"user","content":"Hi"}]}`, `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 300_000) + `"}]}`,
		`{"messages":[{"role":"user","content":"Hi"}],"call":7}`, `{"messages":[{"role":"user","content":"Hi"}],"call":{"assistant_config":"{"}}`, `{"messages":[{"role":"user","content":"Hi"}],"target_assistant_id":"nobody"}`} {
		e := newHandler(m())
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		p := &timedWriter{recordingWriter: recordingWriter{header: http.Header{}}, start: time.Now()}
		if err := e.ServeVoice(p, r); err != nil {
			t.Errorf("%.80s: rejected: %v", body, err)
			continue
		}
		if s := p.parse(t); s.text == "" {
			t.Errorf("%.80s: the caller heard nothing", body)
		}
	}
	for _, body := range []string{``, `{`, `[]`, `null`} {
		e := newHandler(m())
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		if err := e.ServeVoice(&recordingWriter{header: http.Header{}}, r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: error %v, want fault.Invalid", body, err)
		}
	}
}

func TestVoiceEndsWhenReaderDisconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newHandler(&slowModel{answers: [][]timedChunk{{textAfter(0, "a "), textAfter(time.Second, "b "), textAfter(time.Hour, "c")}}})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(streamedBody))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.ServeVoice(&recordingWriter{header: http.Header{}, failAt: 2}, r); !errors.Is(err, errReaderGone) {
			t.Errorf("error = %v, want the write's error", err)
		}
	})
}

// The session has the action that the voice server must carry out after the last words.
func TestVoiceReturnsAction(t *testing.T) {
	action := &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "c1"}
	m := &slowModel{answers: [][]timedChunk{{textAfter(0, "Goodbye."), toolCallAfter(0, "look"), finishWith("tool_calls")}, {textAfter(0, "never asked"), finishWith("stop")}}}
	got := callVoice(t, m, aurora.Assistant{}, &slowTool{action: action}, streamedBody)
	if got.text != "Goodbye." || got.reason != "stop" || m.asked != 1 {
		t.Errorf("heard %q, finish reason %q after %d requests to the model; want Goodbye., stop after 1", got.text, got.reason, m.asked)
	}
	if a, _ := got.session["action"].(map[string]any); a["type"] != "end_call" || a["toolCallId"] != "c1" || a["carriedOut"] != false {
		t.Errorf("action = %v, want an end_call that is not carried out yet", got.session["action"])
	}
}
