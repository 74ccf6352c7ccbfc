package tools

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/optout"
)

var allBuiltins = []string{"add_to_do_not_call", "end_call", "get_caller_history", "get_current_time", "send_email", "send_sms", "transfer_call"}

func TestBuiltinNames(t *testing.T) {
	check(t, "names", BuiltinNames(), allBuiltins)
}

func TestAvailableTools(t *testing.T) {
	without := func(missing ...string) []string {
		var left []string
		for _, name := range allBuiltins {
			if !strings.Contains(" "+strings.Join(missing, " ")+" ", " "+name+" ") {
				left = append(left, name)
			}
		}
		return left
	}
	for name, c := range map[string]struct {
		change func(*Kit, *Scope)
		want   []string
	}{
		"all that functions name":                {func(*Kit, *Scope) {}, allBuiltins},
		"nothing that functions do not name":     {func(_ *Kit, s *Scope) { s.Assistant.Functions = aurora.List{"end_call"} }, []string{"end_call"}},
		"each name once":                         {func(_ *Kit, s *Scope) { s.Assistant.Functions = aurora.List{"end_call", "end_call"} }, []string{"end_call"}},
		"a name of no tool":                      {func(_ *Kit, s *Scope) { s.Assistant.Functions = aurora.List{"rm_rf", "end_call"} }, []string{"end_call"}},
		"an assistant that is not stored":        {func(_ *Kit, s *Scope) { s.Assistant.AssistantID = "" }, []string{"end_call", "get_current_time"}},
		"a caller without a number":              {func(_ *Kit, s *Scope) { s.Caller = "" }, without("send_sms", "get_caller_history")},
		"a caller's number that is only claimed": {func(_ *Kit, s *Scope) { s.CallerIsClaimed = true }, without("send_sms", "get_caller_history", "add_to_do_not_call")},
		"no sender":                              {func(_ *Kit, s *Scope) { s.Assistant.TextFromNumber = "5551230100" }, without("send_sms")},
		"no recipients":                          {func(_ *Kit, s *Scope) { s.Assistant.Emails = nil }, without("send_email")},
		"no destinations":                        {func(_ *Kit, s *Scope) { s.Assistant.TransferDestinations = nil }, without("transfer_call")},
		"the caller transfers itself":            {func(_ *Kit, s *Scope) { s.CallerTools = []string{"transferCall"} }, without("transfer_call")},
		"the caller ends its calls itself":       {func(_ *Kit, s *Scope) { s.CallerTools = []string{"endCall"} }, without("end_call")},
		"the caller's own of the same names":     {func(_ *Kit, s *Scope) { s.CallerTools = []string{"end_call", "transfer_call"} }, without("end_call", "transfer_call")},
		"Twilio not set up":                      {func(k *Kit, _ *Scope) { k.SMS, k.Control = nil, nil }, without("send_sms")},
		"SES not set up":                         {func(k *Kit, _ *Scope) { k.Mail = nil }, without("send_email")},
		"no call history":                        {func(k *Kit, _ *Scope) { k.History = nil }, without("get_caller_history")},
		"no idempotency store":                   {func(k *Kit, _ *Scope) { k.Idempotency = nil }, without("send_sms", "send_email", "add_to_do_not_call")},
		"no do-not-call list":                    {func(k *Kit, _ *Scope) { k.DoNotCall = nil }, without("add_to_do_not_call")},
		"no guard of messages":                   {func(k *Kit, _ *Scope) { k.Contacts = nil }, without("send_sms", "send_email")},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := newKit(t)
			s := testScope()
			c.change(k, &s)
			check(t, "tools", toolNames(k.ForScope(t.Context(), s)), c.want)
		})
	}
}

// TestUnstoredAssistantHasNoServers: an assistant that comes with the request reaches no server (security.md E2).
func TestUnstoredAssistantHasNoServers(t *testing.T) {
	k, _ := newKit(t)
	s := testScope()
	s.Assistant.AssistantID = ""
	s.Assistant.Tools = []aurora.HTTPTool{{Name: "evil", URL: "https://example.com/"}}
	s.Assistant.MCPServers = []aurora.MCPServer{{URL: "https://example.com/mcp"}}
	check(t, "tools", toolNames(k.ForScope(t.Context(), s)), []string{"end_call", "get_current_time"})
}

// TestNoToolTakesIdentityParameters: the identity comes from the scope, and no parameter could name another one
// (security.md E1).
func TestNoToolTakesIdentityParameters(t *testing.T) {
	k, _ := newKit(t)
	for _, tool := range k.ForScope(t.Context(), testScope()) {
		var schema struct {
			Properties           map[string]any
			AdditionalProperties *bool
		}
		if err := json.Unmarshal(tool.Parameters, &schema); err != nil {
			t.Fatal(err)
		}
		if schema.AdditionalProperties == nil || *schema.AdditionalProperties {
			t.Errorf("%s accepts any parameter", tool.Name)
		}
		for name := range schema.Properties {
			switch name {
			case "message", "subject", "body", "limit", "destination":
			default:
				t.Errorf("%s has the parameter %q", tool.Name, name)
			}
		}
		for _, field := range []string{"to", "from", "number", "phoneNumber", "caller", "assistantId", "emails"} {
			if err := tool.Validate(json.RawMessage(`{"` + field + `":"+14155550199"}`)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s with the argument %s: error = %v, want invalid", tool.Name, field, err)
			}
		}
		if len(tool.Description) < 40 || strings.HasSuffix(tool.Description, "\n") {
			t.Errorf("%s: the description %q is too short or ends with a line break", tool.Name, tool.Description)
		}
	}
}

func TestBuiltinTools(t *testing.T) {
	long := strings.Repeat("ä", 1600)
	for name, c := range map[string]struct {
		tool, arguments string
		change          func(*Scope, *fakeBackends)
		content         string // a part of the content
		errorMessage    string // a part of the error's message; "" for success
		action          *aurora.Action
		effect          func(*fakeBackends) any
		want            any // what effect must return
	}{
		"the time where the assistant is": {tool: "get_current_time", arguments: `{}`, content: "Sunday, 22 November 2026, 12:30 (America/New_York, UTC-05:00)"},
		"the time in UTC without a zone":  {tool: "get_current_time", arguments: `{}`, change: func(s *Scope, _ *fakeBackends) { s.Assistant.TimeZone = "Mars/Base" }, content: "17:30 (UTC, UTC+00:00)"},

		"SMS to the caller": {tool: "send_sms", arguments: `{"message":"Hi\u0000 there"}`, content: "was sent",
			effect: func(w *fakeBackends) any { return w.sentSMS }, want: []string{sender + " " + string(caller) + " Hi there"}},
		"SMS of 1600 characters":                        {tool: "send_sms", arguments: `{"message":"` + long + `"}`, content: "was sent"},
		"SMS of 1601 characters":                        {tool: "send_sms", arguments: `{"message":"` + long + `x"}`, errorMessage: "message: maxLength"},
		"empty SMS":                                     {tool: "send_sms", arguments: `{"message":"  "}`, errorMessage: "message: must match"},
		"SMS without a message":                         {tool: "send_sms", arguments: `{}`, errorMessage: "message: is missing."},
		"SMS to another number":                         {tool: "send_sms", arguments: `{"message":"a","to":"+14155550199"}`, errorMessage: "to: is not a parameter of this tool."},
		"SMS of a list":                                 {tool: "send_sms", arguments: `{"message":["a"]}`, errorMessage: "message: must be string, not array."},
		"SMS to a number on the do-not-call list":       {tool: "send_sms", arguments: `{"message":"a"}`, change: func(_ *Scope, w *fakeBackends) { w.doNotCall[caller] = "x" }, errorMessage: "on the do-not-call list", effect: func(w *fakeBackends) any { return len(w.sentSMS) }, want: 0},
		"SMS while the do-not-call list cannot be read": {tool: "send_sms", arguments: `{"message":"a"}`, change: func(_ *Scope, w *fakeBackends) { w.ledgerErr = errors.New("down") }, errorMessage: "cannot be read now, so no text message was sent", effect: func(w *fakeBackends) any { return len(w.sentSMS) }, want: 0},

		"e-mail to the team": {tool: "send_email", arguments: `{"subject":"Call back","body":"Please."}`, content: "was sent",
			effect: func(w *fakeBackends) any { return w.sentMail }, want: []aurora.Mail{{To: []string{"team@example.com", "boss@example.com"}, Subject: "Call back",
				Text: "Please.\n\n--\nAssistant: Riley\nCaller: +14155550123\nCall: call-1\n"}}},
		"e-mail with a second header": {tool: "send_email", arguments: `{"subject":"a\r\nBcc: x@example.com","body":"b"}`, errorMessage: "subject: must match"},

		"history": {tool: "get_caller_history", arguments: `{"limit":2}`, change: func(_ *Scope, w *fakeBackends) {
			seconds := 61.4
			w.calls = []aurora.Call{{ID: "call-1"}, {ID: "c0", Disposition: aurora.DispositionAnswered, StartedAt: testNow, Seconds: &seconds, Summary: "Asked\nfor prices."},
				{CallKey: aurora.CallKey{Day: "2026-11-01"}, Disposition: aurora.DispositionNoAnswer}, {ID: "old", Summary: "too old"}}
		}, content: "- Sun 22 Nov 2026, 12:30, answered, 61 s: Asked for prices.\n- 2026-11-01, no-answer: no summary",
			effect: func(w *fakeBackends) any { return w.historyQueries }, want: []string{"a1 +14155550123"}},
		"no history":                    {tool: "get_caller_history", arguments: `{}`, content: "There are no earlier calls"},
		"history while the store fails": {tool: "get_caller_history", arguments: `{"limit":1.0}`, change: func(_ *Scope, w *fakeBackends) { w.err = errors.New("down") }, errorMessage: "cannot be read now"},
		"history of too many calls":     {tool: "get_caller_history", arguments: `{"limit":11}`, errorMessage: "limit: maximum"},

		"transfer by the voice server": {tool: "transfer_call", arguments: `{"destination":"sales"}`, content: "goodbye",
			action: &aurora.Action{Type: aurora.ActionTransferCall, ToolCallID: "t1", Destination: &aurora.Destination{Name: "sales", Description: "For prices.", Number: "+14155550111"}},
			effect: func(w *fakeBackends) any { return len(w.callControl) + len(w.results) }, want: 0},
		"transfer to a destination without a name": {tool: "transfer_call", arguments: `{"destination":"destination 3"}`,
			action: &aurora.Action{Type: aurora.ActionTransferCall, ToolCallID: "t1", Destination: &aurora.Destination{SIPURI: "sip:desk@example.com"}}},
		"security.md E5: transfer to another number": {tool: "transfer_call", arguments: `{"destination":"+14155550199"}`, errorMessage: `destination: must be one of "sales", "support", "destination 3".`},
		"transfer by Aurora": {tool: "transfer_call", arguments: `{"destination":"sales"}`, change: func(s *Scope, _ *fakeBackends) {
			s.Assistant.CallControl, s.CallSID = aurora.CallControlAurora, callSID
		},
			content: "being transferred", effect: func(w *fakeBackends) any { return w.callControl }, want: []string{"transfer " + callSID + " +14155550111"},
			action: &aurora.Action{Type: aurora.ActionTransferCall, ToolCallID: "t1", CarriedOut: true, Destination: &aurora.Destination{Name: "sales", Description: "For prices.", Number: "+14155550111"}}},
		"transfer that Twilio rejects": {tool: "transfer_call", arguments: `{"destination":"sales"}`, change: func(s *Scope, w *fakeBackends) {
			s.Assistant.CallControl, s.CallSID = aurora.CallControlAurora, callSID
			w.err = fault.New(fault.Conflict, "The call is over already.")
		}, errorMessage: "over already"},
		"end by the voice server, without a call SID": {tool: "end_call", arguments: `{}`, change: func(s *Scope, _ *fakeBackends) { s.Assistant.CallControl = aurora.CallControlAurora },
			action: &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "t1"}, effect: func(w *fakeBackends) any { return len(w.callControl) }, want: 0},
		"end by the voice server, without callControl": {tool: "end_call", arguments: `{}`, change: func(s *Scope, _ *fakeBackends) { s.CallSID = callSID },
			action: &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "t1"}, effect: func(w *fakeBackends) any { return len(w.callControl) }, want: 0},
		"end by Aurora": {tool: "end_call", arguments: `{}`, change: func(s *Scope, _ *fakeBackends) {
			s.Assistant.CallControl, s.CallSID = aurora.CallControlAurora, callSID
		},
			action: &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "t1", CarriedOut: true}, effect: func(w *fakeBackends) any { return w.callControl }, want: []string{"hangup " + callSID}},

		"do-not-call list": {tool: "add_to_do_not_call", arguments: `{}`, content: "do-not-call list",
			effect: func(w *fakeBackends) any { return w.doNotCall }, want: map[aurora.Phone]string{caller: "assistant a1"}},
		"do-not-call list without a number": {tool: "add_to_do_not_call", arguments: `{}`, change: func(s *Scope, _ *fakeBackends) { s.Caller = "" }, errorMessage: "nothing was recorded",
			effect: func(w *fakeBackends) any { return w.counted }, want: []string{optout.MetricNotRecorded}},
		"do-not-call list for another number": {tool: "add_to_do_not_call", arguments: `{"number":"+14155550199"}`, errorMessage: "number: is not a parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			k, w := newKit(t)
			s := testScope()
			if c.change != nil {
				c.change(&s, w)
			}
			got, err := callTool(t, findTool(t, k.ForScope(t.Context(), s), c.tool), c.arguments)
			if c.errorMessage == "" != (err == nil) || err != nil && !strings.Contains(fault.From(err).Message, c.errorMessage) {
				t.Errorf("error = %v, want %q", err, c.errorMessage)
			}
			if !strings.Contains(got.Content, c.content) {
				t.Errorf("content = %q, want %q in it", got.Content, c.content)
			}
			check(t, "action", got.Action, c.action)
			if c.effect != nil {
				check(t, "effect", c.effect(w), c.want)
			}
		})
	}
}

func TestCheckTools(t *testing.T) {
	good := testScope().Assistant
	good.Tools = []aurora.HTTPTool{{Name: "book", URL: "https://tools.example.com/book", Parameters: json.RawMessage(`{"type":"object"}`)}}
	good.MCPServers = []aurora.MCPServer{{URL: "https://mcp.example.com/"}}
	good.Functions = append(good.Functions, "book")
	if err := CheckTools(good); err != nil {
		t.Errorf("a valid assistant: %v", err)
	}
	bad := good
	bad.Functions = aurora.List{"rm_rf", "end_call", "end_call", "transfer_to_x"}
	bad.Tools = []aurora.HTTPTool{
		{Name: "end_call", URL: "http://tools.example.com/"},
		{Name: "a b", URL: "https://127.0.0.1/"},
		{Name: "c", URL: "https://tools.example.com:8443/", Parameters: json.RawMessage(`{"type":"string"}`)},
		{Name: "c", URL: "https://user:pw@tools.example.com/", Parameters: json.RawMessage(`{"$ref":"https://example.com/schema"}`)},
	}
	bad.MCPServers = []aurora.MCPServer{{URL: "ftp://example.com"}}
	bad.TransferDestinations = append(bad.TransferDestinations, aurora.Destination{Name: "sales"})
	err := CheckTools(bad)
	if err == nil {
		t.Fatal("no error for an assistant with many")
	}
	for _, want := range []string{`functions.0: there is no tool "rm_rf"`, `functions.2: "end_call" is named twice`, "functions.3", "tools.0.name", "tools.0.url", "tools.1.name", "tools.1.url",
		"tools.2.url", "tools.2.parameters: its type must be object", `tools.3.name: "c" is the name of another`, "tools.3.url", "tools.3.parameters", "mcpServers.0.url", "transferDestinations.3.name"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "pw@") {
		t.Error("the error repeats a password")
	}
	local := aurora.Assistant{Tools: []aurora.HTTPTool{{Name: "book", URL: "http://127.0.0.1:9999/book"}}}
	if CheckTools(local) == nil {
		t.Error("a private host is accepted although it is not in the list")
	}
	if err := CheckTools(local, "127.0.0.1:9999"); err != nil {
		t.Errorf("a private host in the list: %v", err)
	}
}
