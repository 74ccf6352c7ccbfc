package chat_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// recordingModel answers "Yes." and records the request.
type recordingModel struct{ request agent.ModelRequest }

func (m *recordingModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		m.request = r
		_ = yield(agent.Chunk{Text: "Yes.", Model: "m"}, nil) && yield(agent.Chunk{FinishReason: "stop", Usage: &agent.Usage{TotalTokens: 3}}, nil)
	}
}

func storedAssistant(id, prompt string) aurora.Assistant {
	return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: aurora.Text(id), AssistantPrompt: aurora.Text(prompt)}}
}

var (
	clock      = func() time.Time { return time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC) }
	userSaysHi = []agent.Message{{Role: agent.RoleUser, Content: "Hi"}}
)

// runTurn runs one turn and returns the request to the model and the session after the turn.
func runTurn(t *testing.T, s *chat.Service, r chat.Request) (agent.ModelRequest, *chat.Session, error) {
	t.Helper()
	m := &recordingModel{}
	s.Chain, s.Now = singleModel(m), clock
	if s.Assistants == nil {
		s.Assistants = testkit.NewAssistants()
	}
	turn, err := s.Turn(t.Context(), r)
	if err != nil {
		return agent.ModelRequest{}, nil, err
	}
	end, err := chat.Collect(turn.Events)
	if err != nil {
		t.Fatal(err)
	}
	return m.request, end.Session, nil
}

func parseSession(t *testing.T, body string) *chat.Session {
	t.Helper()
	var s chat.Session
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// messagesOf builds messages from a short form: "u:Hi" is a message of the user.
func messagesOf(lines ...string) []agent.Message {
	roles := map[string]string{"s": agent.RoleSystem, "d": agent.RoleDeveloper, "u": agent.RoleUser, "a": agent.RoleAssistant}
	var ms []agent.Message
	for _, l := range lines {
		role, content, _ := strings.Cut(l, ":")
		ms = append(ms, agent.Message{Role: roles[role], Content: content})
	}
	return ms
}

// compactForm is the inverse of messagesOf.
func compactForm(ms []agent.Message) []string {
	out := []string{}
	for _, m := range ms {
		out = append(out, m.Role[:1]+":"+m.Content)
	}
	return out
}

func TestHistorySentToModel(t *testing.T) {
	for name, c := range map[string]struct {
		call, messages []string // a nil call means that none is sent
		sent, session  []string // the messages that the model gets, and those of the session after the turn
	}{
		"no call": {nil, []string{"u:Hi"}, []string{"s:P", "u:Hi"}, []string{"u:Hi", "a:Yes."}},
		"new messages are appended to the call's":        {[]string{"u:1", "a:2"}, []string{"u:3"}, []string{"s:P", "u:1", "a:2", "u:3"}, []string{"u:1", "a:2", "u:3", "a:Yes."}},
		"an assistant's message marks the whole history": {[]string{"u:1", "a:2"}, []string{"a:Hello", "u:3"}, []string{"s:P", "a:Hello", "u:3"}, []string{"a:Hello", "u:3", "a:Yes."}},
		"only the later system messages of the call are kept": {[]string{"s:old", "u:1", "d:late", "a:2"}, []string{"u:3"},
			[]string{"s:P", "u:1", "d:late", "a:2", "u:3"}, []string{"u:1", "d:late", "a:2", "u:3", "a:Yes."}},
		"leading system messages are one with the prompt, later ones stay": {[]string{"u:1"}, []string{"s:A", "d:B", "u:2", "s:C"},
			[]string{"s:P\n\nA\n\nB", "u:1", "u:2", "s:C"}, []string{"u:1", "u:2", "s:C", "a:Yes."}},
		"system messages inside a whole history": {[]string{"u:1"}, []string{"a:0", "s:A", "u:2"}, []string{"s:P", "a:0", "s:A", "u:2"}, []string{"a:0", "s:A", "u:2", "a:Yes."}},
		"two messages of the assistant":          {nil, []string{"u:1", "a:Well ", "a:I am sorry.", "a:Again?", "u:2"}, []string{"s:P", "u:1", "a:Well I am sorry. Again?", "u:2"}, []string{"u:1", "a:Well I am sorry. Again?", "u:2", "a:Yes."}},
		"an empty message of the assistant":      {nil, []string{"u:1", "a:", "u:2"}, []string{"s:P", "u:1", "u:2"}, []string{"u:1", "u:2", "a:Yes."}},
		"only the call has messages":             {[]string{"u:1"}, []string{}, []string{"s:P", "u:1"}, []string{"u:1", "a:Yes."}},
		"only system messages":                   {nil, []string{"s:A"}, []string{"s:P\n\nA"}, []string{"a:Yes."}},
	} {
		t.Run(name, func(t *testing.T) {
			r := chat.Request{TargetAssistantID: "a1", Messages: messagesOf(c.messages...)}
			if c.call != nil {
				r.Session = &chat.Session{ID: "c1", Messages: messagesOf(c.call...)}
			}
			sent, session, err := runTurn(t, &chat.Service{Assistants: testkit.NewAssistants(storedAssistant("a1", "P"))}, r)
			if err != nil {
				t.Fatal(err)
			}
			if got := compactForm(sent.Messages); !reflect.DeepEqual(got, c.sent) {
				t.Errorf("the model got %q, want %q", got, c.sent)
			}
			if got := compactForm(session.Messages); !reflect.DeepEqual(got, c.session) {
				t.Errorf("the session holds %q, want %q", got, c.session)
			}
		})
	}
}

// A turn that is repeated with the same request must find the same messages.
func TestTurnDoesNotModifyItsRequest(t *testing.T) {
	history := make([]agent.Message, 2, 10)
	copy(history, messagesOf("s:x", "u:1"))
	r := chat.Request{Session: &chat.Session{ID: "c", Messages: history}, Messages: messagesOf("s:A", "u:2")}
	before, _ := json.Marshal([]any{r.Messages, r.Session})
	for range 2 {
		if _, _, err := runTurn(t, &chat.Service{}, r); err != nil {
			t.Fatal(err)
		}
	}
	if after, _ := json.Marshal([]any{r.Messages, r.Session}); string(after) != string(before) {
		t.Errorf("the request was\n%s\nand is\n%s", before, after)
	}
}

func TestAssistantLookupOrder(t *testing.T) {
	withNumber := storedAssistant("number", "number")
	withNumber.AssistantPhoneNumber = "+15551230100"
	stored := []aurora.Assistant{withNumber}
	for _, id := range []string{"target", "config", "call", "snake"} {
		stored = append(stored, storedAssistant(id, id))
	}
	const number = "+1 (555) 123-0100"
	for name, c := range map[string]struct {
		target, call, number string
		want                 string // the prompt; "" for a plain completion
		lookups              []string
		sessionID            string
	}{
		"the target comes first":           {"target", `{"assistant_config":{"assistantId":"config"},"assistantId":"call"}`, number, "target", []string{"target"}, "call"},
		"then the id in assistant_config":  {"", `{"assistant_config":"{\"assistantId\":\"config\"}","assistantId":"call"}`, number, "config", []string{"config"}, "call"},
		"then the id in the call":          {"", `{"assistant_config":{},"assistantId":"call","assistant_id":"snake"}`, number, "call", []string{"call"}, "call"},
		"in the spelling assistant_id":     {"", `{"assistant_id":"snake"}`, number, "snake", []string{"snake"}, "snake"},
		"then the called number":           {"", `{"id":"c"}`, number, "number", []string{"+15551230100"}, "number"},
		"the called number without a call": {"", ``, number, "number", []string{"+15551230100"}, ""},
		"a number that is invalid":         {"", `{"id":"c"}`, "5551230100", "", nil, ""},
		"a number of no assistant":         {"", `{"id":"c"}`, "+15559999999", "", []string{"+15559999999"}, ""},
		"an unknown id is a plain turn":    {"", `{"assistantId":"nobody"}`, "", "", []string{"nobody"}, "nobody"},
		"a hostile id is never looked up":  {"", `{"assistantId":"../../x"}`, "", "", nil, "../../x"},
		"nothing names an assistant":       {"", ``, "", "", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := testkit.NewAssistants(stored...)
			r := chat.Request{TargetAssistantID: c.target, Number: c.number, Messages: userSaysHi}
			if c.call != "" {
				r.Session = parseSession(t, c.call)
			}
			sent, session, err := runTurn(t, &chat.Service{Assistants: all}, r)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if sent.Messages[0].Role == agent.RoleSystem {
				got = sent.Messages[0].Content
			}
			if got != c.want || !slices.Equal(all.Lookups(), c.lookups) {
				t.Errorf("prompt %q after looking up %q; want %q after %q", got, all.Lookups(), c.want, c.lookups)
			}
			if c.call != "" && session.AssistantID != c.sessionID {
				t.Errorf("the session's assistant is %q, want %q", session.AssistantID, c.sessionID)
			}
		})
	}
	for _, id := range []string{"nobody", "../../x"} {
		_, _, err := runTurn(t, &chat.Service{Assistants: testkit.NewAssistants(stored...)}, chat.Request{TargetAssistantID: id, Messages: userSaysHi})
		if f := fault.From(err); !fault.Is(err, fault.NotFound) || f.Param != "target_assistant_id" || f.Code != "assistant_not_found" {
			t.Errorf("target %q: %+v, want assistant_not_found that names target_assistant_id", id, f)
		}
	}
}

// A call with an assistant_config and an assistantId must find its assistant again in the next turn.
func TestAssistantIsFoundAgainInTheNextTurn(t *testing.T) {
	all := testkit.NewAssistants(storedAssistant("a1", "stored"))
	session := parseSession(t, `{"id":"c","assistant_config":{"orgName":"X"},"assistantId":"a1"}`)
	for range 3 {
		sent, next, err := runTurn(t, &chat.Service{Assistants: all}, chat.Request{Session: session, Messages: userSaysHi})
		if err != nil || sent.Messages[0].Content != "stored" {
			t.Fatalf("the model got %+v, error %v; want the stored prompt", sent.Messages, err)
		}
		b, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		session = parseSession(t, string(b))
	}
}

func TestAssistantStoreUnavailable(t *testing.T) {
	unavailable := fault.New(fault.Unavailable, "The assistants cannot be read now.")
	for name, c := range map[string]struct {
		r    chat.Request
		want string // the first message that the model gets; "" for an error
	}{
		"an assistant_config is used":  {chat.Request{Session: parseSession(t, `{"assistant_config":{"assistantId":"a1","assistantPrompt":"Mine."}}`), Messages: userSaysHi}, "Mine."},
		"a system message is used":     {chat.Request{Session: parseSession(t, `{"assistantId":"a1"}`), Messages: messagesOf("s:Mine.", "u:Hi")}, "Mine."},
		"with neither it is an error":  {chat.Request{Session: parseSession(t, `{"assistantId":"a1"}`), Messages: userSaysHi}, ""},
		"with a target it is an error": {chat.Request{TargetAssistantID: "a1", Session: parseSession(t, `{"assistant_config":{"assistantPrompt":"Mine."}}`), Messages: userSaysHi}, ""},
		"no assistant is named":        {chat.Request{Messages: userSaysHi}, "Hi"},
	} {
		t.Run(name, func(t *testing.T) {
			sent, _, err := runTurn(t, &chat.Service{Assistants: &testkit.Assistants{Err: unavailable}}, c.r)
			switch {
			case c.want == "" && !fault.Is(err, fault.Unavailable):
				t.Errorf("error = %v, want fault.Unavailable", err)
			case c.want != "" && (err != nil || sent.Messages[0].Content != c.want):
				t.Errorf("the model got %+v, error %v; want %q first", sent.Messages, err, c.want)
			}
		})
	}
}

// Lists the fields that a caller may override. A new field of Configuration fails here until it is in the list or handled.
func TestCallerConfigurationOverrides(t *testing.T) {
	overridable := map[string]bool{"AssistantPrompt": true, "AssistantFirstMessage": true, "AssistantName": true, "AssistantPhoneNumberName": true, "OrgName": true,
		"AIResponseLengthMinimum": true, "GracePeriodMs": true, "MinimumTimeBeforeAIResponds": true, "QuickFinalizeDelayMs": true}
	fill := func(with string) (c aurora.Configuration) {
		v := reflect.ValueOf(&c).Elem()
		for i := range v.NumField() {
			switch f := v.Field(i).Addr().Interface().(type) {
			case *aurora.Text:
				*f = aurora.Text(with + v.Type().Field(i).Name)
			case *aurora.List:
				*f = aurora.List{with + v.Type().Field(i).Name}
			default:
				t.Fatalf("this test cannot fill the type of the field %s", v.Type().Field(i).Name)
			}
		}
		return c
	}
	overridden := fill("stored")
	chat.ApplyOverrides(&overridden, fill("sent"))
	unchanged := fill("stored")
	chat.ApplyOverrides(&unchanged, aurora.Configuration{})
	if !reflect.DeepEqual(unchanged, fill("stored")) {
		t.Errorf("an empty configuration changed something: %+v", unchanged)
	}
	v := reflect.ValueOf(overridden)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		got, _ := json.Marshal(v.Field(i).Interface())
		if changed := strings.Contains(string(got), "sent"); changed != overridable[name] {
			t.Errorf("%s was overridden: %v, want %v", name, changed, overridable[name])
		}
	}
}

func TestTemperature(t *testing.T) {
	half, zero := 0.5, 0.0
	for name, c := range map[string]struct {
		own  *float64
		sent map[string]json.RawMessage
		want string
	}{
		"neither":               {nil, nil, `null`},
		"the assistant's own":   {&half, map[string]json.RawMessage{"seed": json.RawMessage(`1`)}, `{"seed":1,"temperature":0.5}`},
		"zero is a temperature": {&zero, nil, `{"temperature":0}`},
		"the request's wins":    {&half, map[string]json.RawMessage{"temperature": json.RawMessage(`0`)}, `{"temperature":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := storedAssistant("a1", "")
			a.Temperature = c.own
			sent, _, err := runTurn(t, &chat.Service{Assistants: testkit.NewAssistants(a)}, chat.Request{TargetAssistantID: "a1", Messages: userSaysHi, Options: c.sent})
			if err != nil || string(sent.Options) != c.want {
				t.Errorf("options %s, error %v; want %s", sent.Options, err, c.want)
			}
			if _, added := c.sent["temperature"]; added && c.own != nil && string(c.sent["temperature"]) != "0" {
				t.Error("the request's own map was changed")
			}
		})
	}
}

func TestRequestLimits(t *testing.T) {
	many := func(n int) []agent.Message {
		return messagesOf(strings.Split(strings.Repeat("u:x,", n-1)+"u:x", ",")...)
	}
	long := func(n int) []agent.Message { return messagesOf("u:" + strings.Repeat("ü", n)) }
	tool := func(id string) agent.Message { return agent.Message{Role: agent.RoleTool, ToolCallID: id} }
	toolCall := agent.Message{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "t1", Name: "f", Arguments: strings.Repeat("x", 100_000)}}}
	for name, c := range map[string]struct {
		r    chat.Request
		code string // "" if the request is accepted
	}{
		"200 messages":                                {chat.Request{Messages: many(200)}, ""},
		"201 messages":                                {chat.Request{Messages: many(201)}, "too_many_messages"},
		"200 with those of the call":                  {chat.Request{Session: &chat.Session{Messages: many(150)}, Messages: many(50)}, ""},
		"201 with those of the call":                  {chat.Request{Session: &chat.Session{Messages: many(150)}, Messages: many(51)}, "too_many_messages"},
		"200,000 characters":                          {chat.Request{Messages: long(200_000)}, ""},
		"200,001 characters":                          {chat.Request{Messages: long(200_001)}, "conversation_too_long"},
		"arguments of tool calls count":               {chat.Request{Messages: append([]agent.Message{toolCall}, long(100_001)...)}, "conversation_too_long"},
		"no message at all":                           {chat.Request{}, ""},
		"an unknown role":                             {chat.Request{Messages: []agent.Message{{Role: "function"}}}, "invalid_role"},
		"a tool message after its call":               {chat.Request{Messages: []agent.Message{toolCall, tool("t1")}}, ""},
		"a tool message whose call is in the session": {chat.Request{Session: &chat.Session{Messages: []agent.Message{toolCall}}, Messages: []agent.Message{tool("t1")}}, ""},
		"a tool message before its call":              {chat.Request{Messages: []agent.Message{tool("t1"), toolCall}}, ""},
		"a tool message of an unknown call":           {chat.Request{Messages: []agent.Message{toolCall, tool("t2")}}, ""},
		"201 messages by SMS":                         {chat.Request{Channel: chat.SMS, Messages: many(201)}, ""},
		"an unknown role by SMS":                      {chat.Request{Channel: chat.SMS, Messages: []agent.Message{{Role: "function"}}}, "invalid_role"},
		"a model that is not allowed":                 {chat.Request{Model: "gpt-9", Messages: userSaysHi}, "model_not_found"},
		"a model that is allowed":                     {chat.Request{Model: "gpt-4o", Messages: userSaysHi}, ""},
		"a default model is allowed":                  {chat.Request{Model: "small", Messages: userSaysHi}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			sent, _, err := runTurn(t, &chat.Service{DefaultModels: []string{"small"}, AllowedModels: []string{"gpt-4o"}}, c.r)
			if c.code == "" && len(c.r.Messages) == 0 {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("error = %v, want fault.Invalid", err)
				}
				return
			}
			if f, _ := errors.AsType[*fault.Error](err); c.code == "" && err != nil || c.code != "" && (f == nil || f.Kind != fault.Invalid || f.Code != c.code) {
				t.Errorf("error = %v, want code %q", err, c.code)
			}
			if want := cmp.Or(c.r.Model, "small"); err == nil && sent.Model != want {
				t.Errorf("asked the model %q, want %q", sent.Model, want)
			}
		})
	}
}

func TestFailedTurnReturnsPartialSession(t *testing.T) {
	broke := fault.New(fault.Upstream, "It broke.").WithCode("upstream_error").Because(errors.New("secret detail"))
	s := &chat.Service{Assistants: testkit.NewAssistants(), Chain: singleModel(failingModel{text: "Half", err: broke}), Now: clock}
	turn, err := s.Turn(t.Context(), chat.Request{Session: parseSession(t, `{"id":"c"}`), Messages: userSaysHi})
	if err != nil {
		t.Fatal(err)
	}
	end, err := chat.Collect(turn.Events)
	if !errors.Is(err, broke) {
		t.Errorf("the turn failed with %v, want the model's error", err)
	}
	b, err := json.Marshal(end.Session)
	want := `{"context_variables":{},"error":{"code":"upstream_error","message":"It broke."},"id":"c","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Half"}],` +
		`"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}`
	if err != nil || string(b) != want {
		t.Errorf("session %s, error %v\nwant %s", b, err, want)
	}
}

// failingModel says its text and then fails.
type failingModel struct {
	text string
	err  error
}

func (m failingModel) Stream(context.Context, agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		_ = yield(agent.Chunk{Text: m.text}, nil) && yield(agent.Chunk{}, m.err)
	}
}

// singleModel returns a chain that consists of m, whatever models it should have.
func singleModel(m agent.Model) func([]aurora.ModelRef) agent.Model {
	return func([]aurora.ModelRef) agent.Model { return m }
}

// Also where every model is allowed, a name has a limit: models are kept in memory by their names.
func TestLongModelName(t *testing.T) {
	for length, code := range map[int]string{200: "", 201: "model_not_found"} {
		sent, _, err := runTurn(t, &chat.Service{DefaultModels: []string{"small"}}, chat.Request{Model: strings.Repeat("m", length), Messages: userSaysHi})
		if f := fault.From(err); code == "" && (err != nil || len(sent.Model) != length) || code != "" && (f == nil || f.Code != code) {
			t.Errorf("%d bytes: model %q, error %v, want code %q", length, sent.Model, err, code)
		}
	}
}
