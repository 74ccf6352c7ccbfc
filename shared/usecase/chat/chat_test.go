package chat_test

import (
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

// recordingModel answers "Yes." and remembers what it was asked.
type recordingModel struct{ asked agent.ModelRequest }

func (m *recordingModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		m.asked = r
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

// take runs one turn and returns what the model was asked and what the session is then.
func take(t *testing.T, s *chat.Service, r chat.Request) (agent.ModelRequest, *chat.Session, error) {
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
	return m.asked, end.Session, nil
}

func parseSession(t *testing.T, body string) *chat.Session {
	t.Helper()
	var s chat.Session
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// messagesOf builds messages from a compact form: "u:Hi" is a user's.
func messagesOf(lines ...string) []agent.Message {
	roles := map[string]string{"s": agent.RoleSystem, "d": agent.RoleDeveloper, "u": agent.RoleUser, "a": agent.RoleAssistant}
	var ms []agent.Message
	for _, l := range lines {
		role, content, _ := strings.Cut(l, ":")
		ms = append(ms, agent.Message{Role: roles[role], Content: content})
	}
	return ms
}

func compactForm(ms []agent.Message) []string {
	out := []string{}
	for _, m := range ms {
		out = append(out, m.Role[:1]+":"+m.Content)
	}
	return out
}

func TestHistorySentToModel(t *testing.T) {
	for name, c := range map[string]struct {
		call, messages []string // call nil is none
		asked, session []string
	}{
		"no call":                             {nil, []string{"u:Hi"}, []string{"s:P", "u:Hi"}, []string{"u:Hi", "a:Yes."}},
		"appended":                            {[]string{"u:1", "a:2"}, []string{"u:3"}, []string{"s:P", "u:1", "a:2", "u:3"}, []string{"u:1", "a:2", "u:3", "a:Yes."}},
		"an assistant's message is the whole": {[]string{"u:1", "a:2"}, []string{"a:Hello", "u:3"}, []string{"s:P", "a:Hello", "u:3"}, []string{"a:Hello", "u:3", "a:Yes."}},
		"system messages of the call are dropped": {[]string{"s:old", "u:1", "d:old", "a:2"}, []string{"u:3"}, []string{"s:P", "u:1", "a:2", "u:3"}, []string{"u:1", "a:2", "u:3", "a:Yes."}},
		"the caller's come after the prompt, in order": {[]string{"u:1"}, []string{"s:A", "u:2", "d:B", "s:C"},
			[]string{"s:P", "s:A", "d:B", "s:C", "u:1", "u:2"}, []string{"u:1", "u:2", "a:Yes."}},
		"and where they are the whole": {[]string{"u:1"}, []string{"a:0", "s:A", "u:2"}, []string{"s:P", "s:A", "a:0", "u:2"}, []string{"a:0", "u:2", "a:Yes."}},
		"the call's alone":             {[]string{"u:1"}, []string{}, []string{"s:P", "u:1"}, []string{"u:1", "a:Yes."}},
		"system messages alone":        {nil, []string{"s:A"}, []string{"s:P", "s:A"}, []string{"a:Yes."}},
	} {
		t.Run(name, func(t *testing.T) {
			r := chat.Request{TargetAssistantID: "a1", Messages: messagesOf(c.messages...)}
			if c.call != nil {
				r.Session = &chat.Session{ID: "c1", Messages: messagesOf(c.call...)}
			}
			asked, session, err := take(t, &chat.Service{Assistants: testkit.NewAssistants(storedAssistant("a1", "P"))}, r)
			if err != nil {
				t.Fatal(err)
			}
			if got := compactForm(asked.Messages); !reflect.DeepEqual(got, c.asked) {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			if got := compactForm(session.Messages); !reflect.DeepEqual(got, c.session) {
				t.Errorf("session %q, want %q", got, c.session)
			}
		})
	}
}

// The caller's slices are its own: a retried turn must find what the first one found.
func TestTurnDoesNotModifyItsRequest(t *testing.T) {
	history := make([]agent.Message, 2, 10)
	copy(history, messagesOf("s:x", "u:1"))
	r := chat.Request{Session: &chat.Session{ID: "c", Messages: history}, Messages: messagesOf("s:A", "u:2")}
	before, _ := json.Marshal([]any{r.Messages, r.Session})
	for range 2 {
		if _, _, err := take(t, &chat.Service{}, r); err != nil {
			t.Fatal(err)
		}
	}
	if after, _ := json.Marshal([]any{r.Messages, r.Session}); string(after) != string(before) {
		t.Errorf("%s\nbecame\n%s", before, after)
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
		want                 string // the prompt; "" is a plain completion
		asked                []string
		sessionID            string
	}{
		"the target first":                {"target", `{"assistant_config":{"assistantId":"config"},"assistantId":"call"}`, number, "target", []string{"target"}, "call"},
		"then the configuration's":        {"", `{"assistant_config":"{\"assistantId\":\"config\"}","assistantId":"call"}`, number, "config", []string{"config"}, "call"},
		"then the call's":                 {"", `{"assistant_config":{},"assistantId":"call","assistant_id":"snake"}`, number, "call", []string{"call"}, "call"},
		"in its other spelling":           {"", `{"assistant_id":"snake"}`, number, "snake", []string{"snake"}, "snake"},
		"then by number":                  {"", `{"id":"c"}`, number, "number", []string{"+15551230100"}, "number"},
		"by number without a call":        {"", ``, number, "number", []string{"+15551230100"}, ""},
		"a number that is none":           {"", `{"id":"c"}`, "5551230100", "", nil, ""},
		"a number nobody has":             {"", `{"id":"c"}`, "+15559999999", "", []string{"+15559999999"}, ""},
		"an unknown id is a plain turn":   {"", `{"assistantId":"nobody"}`, "", "", []string{"nobody"}, "nobody"},
		"a hostile id is never looked up": {"", `{"assistantId":"../../x"}`, "", "", nil, "../../x"},
		"nobody":                          {"", ``, "", "", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := testkit.NewAssistants(stored...)
			r := chat.Request{TargetAssistantID: c.target, Number: c.number, Messages: userSaysHi}
			if c.call != "" {
				r.Session = parseSession(t, c.call)
			}
			asked, session, err := take(t, &chat.Service{Assistants: all}, r)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if asked.Messages[0].Role == agent.RoleSystem {
				got = asked.Messages[0].Content
			}
			if got != c.want || !slices.Equal(all.Lookups(), c.asked) {
				t.Errorf("prompt %q after looking up %q; want %q after %q", got, all.Lookups(), c.want, c.asked)
			}
			if c.call != "" && session.AssistantID != c.sessionID {
				t.Errorf("session's assistant %q, want %q", session.AssistantID, c.sessionID)
			}
		})
	}
	for _, id := range []string{"nobody", "../../x"} {
		_, _, err := take(t, &chat.Service{Assistants: testkit.NewAssistants(stored...)}, chat.Request{TargetAssistantID: id, Messages: userSaysHi})
		if f := fault.From(err); !fault.Is(err, fault.NotFound) || f.Param != "target_assistant_id" || f.Code != "assistant_not_found" {
			t.Errorf("target %q: %+v", id, f)
		}
	}
}

// A call that names its assistant beside its configuration must find it again in the next turn.
func TestAssistantIsFoundAgainInTheNextTurn(t *testing.T) {
	all := testkit.NewAssistants(storedAssistant("a1", "stored"))
	session := parseSession(t, `{"id":"c","assistant_config":{"orgName":"X"},"assistantId":"a1"}`)
	for range 3 {
		asked, next, err := take(t, &chat.Service{Assistants: all}, chat.Request{Session: session, Messages: userSaysHi})
		if err != nil || asked.Messages[0].Content != "stored" {
			t.Fatalf("asked %+v, %v", asked.Messages, err)
		}
		b, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		session = parseSession(t, string(b))
	}
}

func TestAssistantStoreUnavailable(t *testing.T) {
	away := fault.New(fault.Unavailable, "The assistants cannot be read now.")
	for name, c := range map[string]struct {
		r    chat.Request
		want string // the first message that goes out; "" is an error
	}{
		"with a configuration":      {chat.Request{Session: parseSession(t, `{"assistant_config":{"assistantId":"a1","assistantPrompt":"Mine."}}`), Messages: userSaysHi}, "Mine."},
		"with a system message":     {chat.Request{Session: parseSession(t, `{"assistantId":"a1"}`), Messages: messagesOf("s:Mine.", "u:Hi")}, "Mine."},
		"with neither":              {chat.Request{Session: parseSession(t, `{"assistantId":"a1"}`), Messages: userSaysHi}, ""},
		"with a target":             {chat.Request{TargetAssistantID: "a1", Session: parseSession(t, `{"assistant_config":{"assistantPrompt":"Mine."}}`), Messages: userSaysHi}, ""},
		"and no assistant is named": {chat.Request{Messages: userSaysHi}, "Hi"},
	} {
		t.Run(name, func(t *testing.T) {
			asked, _, err := take(t, &chat.Service{Assistants: &testkit.Assistants{Err: away}}, c.r)
			switch {
			case c.want == "" && !fault.Is(err, fault.Unavailable):
				t.Errorf("error = %v", err)
			case c.want != "" && (err != nil || asked.Messages[0].Content != c.want):
				t.Errorf("asked %+v, %v", asked.Messages, err)
			}
		})
	}
}

// Exactly what the caller's configuration may say: a field that is new in Configuration fails here until somebody has
// decided.
func TestCallerConfigurationOverrides(t *testing.T) {
	may := map[string]bool{"AssistantPrompt": true, "AssistantFirstMessage": true, "AssistantName": true, "AssistantPhoneNumberName": true, "OrgName": true,
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
				t.Fatalf("a field of another type: %s", v.Type().Field(i).Name)
			}
		}
		return c
	}
	own := fill("stored")
	chat.ApplyOverrides(&own, fill("sent"))
	kept := fill("stored")
	chat.ApplyOverrides(&kept, aurora.Configuration{})
	if !reflect.DeepEqual(kept, fill("stored")) {
		t.Errorf("an empty configuration changed something: %+v", kept)
	}
	v := reflect.ValueOf(own)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		got, _ := json.Marshal(v.Field(i).Interface())
		if changed := strings.Contains(string(got), "sent"); changed != may[name] {
			t.Errorf("%s was overridden: %v, want %v", name, changed, may[name])
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
		"the assistant's":       {&half, map[string]json.RawMessage{"seed": json.RawMessage(`1`)}, `{"seed":1,"temperature":0.5}`},
		"zero is a temperature": {&zero, nil, `{"temperature":0}`},
		"the request's wins":    {&half, map[string]json.RawMessage{"temperature": json.RawMessage(`0`)}, `{"temperature":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := storedAssistant("a1", "")
			a.Temperature = c.own
			asked, _, err := take(t, &chat.Service{Assistants: testkit.NewAssistants(a)}, chat.Request{TargetAssistantID: "a1", Messages: userSaysHi, Options: c.sent})
			if err != nil || string(asked.Options) != c.want {
				t.Errorf("options %s, %v", asked.Options, err)
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
	asks := agent.Message{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "t1", Name: "f", Arguments: strings.Repeat("x", 100_000)}}}
	for name, c := range map[string]struct {
		r    chat.Request
		code string // "" is fine
	}{
		"200 messages":                     {chat.Request{Messages: many(200)}, ""},
		"201 messages":                     {chat.Request{Messages: many(201)}, "too_many_messages"},
		"200 with the call's":              {chat.Request{Session: &chat.Session{Messages: many(150)}, Messages: many(50)}, ""},
		"201 with the call's":              {chat.Request{Session: &chat.Session{Messages: many(150)}, Messages: many(51)}, "too_many_messages"},
		"200,000 characters":               {chat.Request{Messages: long(200_000)}, ""},
		"200,001 characters":               {chat.Request{Messages: long(200_001)}, "conversation_too_long"},
		"arguments count":                  {chat.Request{Messages: append([]agent.Message{asks}, long(100_001)...)}, "conversation_too_long"},
		"no message":                       {chat.Request{}, ""},
		"an unknown role":                  {chat.Request{Messages: []agent.Message{{Role: "function"}}}, "invalid_role"},
		"a tool message after its call":    {chat.Request{Messages: []agent.Message{asks, tool("t1")}}, ""},
		"one whose call is in the session": {chat.Request{Session: &chat.Session{Messages: []agent.Message{asks}}, Messages: []agent.Message{tool("t1")}}, ""},
		"a tool message before its call":   {chat.Request{Messages: []agent.Message{tool("t1"), asks}}, "unmatched_tool_message"},
		"one of another call":              {chat.Request{Messages: []agent.Message{asks, tool("t2")}}, "unmatched_tool_message"},
		"a model that is not allowed":      {chat.Request{Model: "gpt-9", Messages: userSaysHi}, "model_not_found"},
		"one that is":                      {chat.Request{Model: "gpt-4o", Messages: userSaysHi}, ""},
		"the default is":                   {chat.Request{Model: "small", Messages: userSaysHi}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked, _, err := take(t, &chat.Service{DefaultModels: []string{"small"}, AllowedModels: []string{"gpt-4o"}}, c.r)
			if c.code == "" && len(c.r.Messages) == 0 {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("error = %v", err)
				}
				return
			}
			if f, _ := errors.AsType[*fault.Error](err); c.code == "" && err != nil || c.code != "" && (f == nil || f.Kind != fault.Invalid || f.Code != c.code) {
				t.Errorf("error = %v, want %q", err, c.code)
			}
			if want := c.r.Model; err == nil && want != "" && asked.Model != want || err == nil && want == "" && asked.Model != "small" {
				t.Errorf("asked %q", asked.Model)
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
		t.Errorf("%s, %v", b, err)
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

// singleModel is a chain of one model, whatever is asked for.
func singleModel(m agent.Model) func([]aurora.ModelRef) agent.Model {
	return func([]aurora.ModelRef) agent.Model { return m }
}
