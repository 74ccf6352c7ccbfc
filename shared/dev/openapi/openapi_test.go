package openapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	chat       = "/api/v1/openai/chat/completions"
	voice      = "/api/v1/openai/voice/chat/completions"
	sms        = "/api/v1/openai/chat/completions/sms"
	webChat    = "/api/v1/openai/chat/completions/chat"
	webhook    = "/api/webhook"
	uat        = "/api/outbound-call-uat"
	hyperscale = "/api/hyperscale/outbound-call"

	statusCallback = "/api/outbound-call-status"
	weekly         = "/api/reports/aurora-report/weekly"
	allMonthly     = "/api/reports/aurora-internal-report/monthly"
	view           = "/api/reports/view"
	earlierView    = "/api/reports/view/{token}"

	reportMade = `{"status":"success","message":"Weekly report generated successfully for assistant a","report":{"period":"weekly","from":"2026-11-16T00:00:00Z",` +
		`"until":"2026-11-23T00:00:00Z","calls":{"total":0,"answered":0,"voicemail":0,"failed":0,"inbound":0,"outbound":0,"transferred":0},"minutes":0,` +
		`"cost":{"total":0,"currency":"USD","unknownCalls":0},"mailed":0},"warnings":["The assistant has no e-mail addresses."]}`
	reportsStarted = `{"status":"success","message":"Internal report generation process started for all assistants for the monthly period."}`

	callRequest = `{"client":{"phoneNumber":"+1 (415) 555-0142","name":"John Doe","email":"john.doe@example.com"},"assistantId":"a"}`
	callPlaced  = `{"data":"Call initiated from assistaintPhoneNumber = +15551230300 to John Doe at +1 (415) 555-0142. Call sid = CAdfbe15114bfabe08c3c017dcdea96264","status":"success"}`
	statusForm  = `AccountSid=AC00000000000000000000000000000001&CallSid=CA00000000000000000000000000000001&CallStatus=ringing&SequenceNumber=1`

	problem        = `{"status":"error","message":"No.","error":{"message":"No.","type":"server_error","param":null,"code":"internal_error"},"requestId":"r-1"}`
	chunk          = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763800000,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}`
	stop           = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763800000,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	usage          = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763800000,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	session        = `{"full_session":{"id":"call-1","messages":[{"role":"user","content":"Hi"}]}}`
	sessionChunk   = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763800000,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":null}],"full_session":{"messages":[]}}`
	failed         = `{"error":{"message":"No.","type":"upstream_error","param":null,"code":"upstream_error"}}`
	hello          = `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`
	transferAnswer = `{"full_session":{"messages":[],"action":{"type":"transfer_call","destination":{"name":"billing","number":"+15551230911"},"toolCallId":"call_1","carriedOut":false}}}`
	chatRequest    = `{"messages":[{"role":"user","content":"Hi"}],"call":{"id":"web-1"},"target_assistant_id":"a"}`
	text           = `{"id":"chatcmpl-1","object":"chat.completion","created":1763800000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},"finish_reason":"stop","logprobs":null}]}`
	completion     = `{"id":"chatcmpl-1","object":"chat.completion","created":1763800000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","refusal":null,"tools_calls":null},"finish_reason":"stop","logprobs":null}]}`
)

func configuration(change ...string) string {
	text := `{"assistantId":"a","aiResponseLengthMinimum":"","assistantFirstMessage":"","assistantName":"","assistantPhoneNumber":"",` +
		`"assistantPhoneNumberName":"","assistantPrompt":"","deepgramModel":"","elevenLabsModel":"","elevenLabsVoiceId":"","emails":[],` +
		`"functions":[],"gracePeriodMs":"","minimumTimeBeforeAiResponds":"","orgName":"","phoneNumbers":[],"quickFinalizeDelayMs":"",` +
		`"textFromNumber":"","timeZone":""}`
	return strings.NewReplacer(change...).Replace(text)
}

func events(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "data: %s\n\n", line)
	}
	return b.String()
}

func TestValidate(t *testing.T) {
	t.Parallel()
	ask := func(kind string) string { return `{"message":{"type":"` + kind + `"}}` }
	for name, c := range map[string]struct {
		path, body string
		status     int
		kind       string
		answer     string
		wrong      string // part of the complaint; "" is none
	}{
		"configuration":                     {webhook, ask("assistant-request"), 201, "", configuration(), ""},
		"configuration outbound":            {webhook, ask("assistant-request"), 201, "", configuration(`"timeZone"`, `"outboundCall":{},"timeZone"`), ""},
		"a key is missing":                  {webhook, ask("assistant-request"), 201, "", configuration(`,"timeZone":""`, ``), "timeZone"},
		"a key too many":                    {webhook, ask("assistant-request"), 201, "", configuration(`"timeZone"`, `"twilioAuthToken":"x","timeZone"`), "twilioAuthToken"},
		"null for a list":                   {webhook, ask("assistant-request"), 201, "", configuration(`"emails":[]`, `"emails":null`), "emails"},
		"a number for a text":               {webhook, ask("assistant-request"), 201, "", configuration(`"gracePeriodMs":""`, `"gracePeriodMs":300`), "gracePeriodMs"},
		"report":                            {webhook, ask("end-of-call-report"), 200, "", `{}`, ""},
		"report, hostile":                   {webhook, `{"message":{"type":"end-of-call-report","call":7,"messages":"[]","cost":"0.1"}}`, 200, "", `{}`, ""},
		"unknown message type":              {webhook, ask("brand-new"), 200, "", `{}`, ""},
		"spoken error":                      {webhook, ask("assistant-request"), 200, "", `{"error":"Nobody is here."}`, ""},
		"vapi":                              {webhook, ask("assistant-request"), 200, "", `{"assistantId":"x","assistantOverrides":{}}`, ""},
		"destination":                       {webhook, ask("transfer-destination-request"), 200, "", `{"destination":{"type":"number"}}`, ""},
		"documents":                         {webhook, ask("knowledge-base-request"), 200, "", `{"documents":[]}`, ""},
		"something else":                    {webhook, ask("status-update"), 200, "", `{"ok":true}`, "not as described"},
		"good without message":              {webhook, `{}`, 200, "", `{}`, "message"},
		"bad without message":               {webhook, `{}`, 400, "", problem, ""},
		"session of a wrong kind":           {webhook, `{"message":{"type":"assistant-request","session":[]}}`, 201, "", configuration(), "session"},
		"status that is not described":      {webhook, ask("hang"), 418, "", problem, "418"},
		"error without requestId":           {webhook, `{}`, 400, "", strings.Replace(problem, `,"requestId":"r-1"`, "", 1), "requestId"},
		"error with a stack":                {webhook, `{}`, 500, "", strings.Replace(problem, `"requestId"`, `"stack":"x","requestId"`, 1), "stack"},
		"gateway's own message":             {webhook, `{}`, 403, "", `{"message":"Forbidden"}`, "status"},
		"503 without Retry-After":           {chat, hello, 503, "", problem, "Retry-After"},
		"not streamed":                      {chat, hello, 200, "", completion, ""},
		"not streamed, without tools_calls": {chat, hello, 200, "", strings.Replace(completion, `,"tools_calls":null`, "", 1), "tools_calls"},
		"not streamed, with a session":      {chat, hello, 200, "", strings.TrimSuffix(completion, "}") + `,"full_session":{"messages":[{"role":"assistant"}]}}`, ""},
		"a session with an unknown role":    {chat, hello, 200, "", strings.TrimSuffix(completion, "}") + `,"full_session":{"messages":[{"role":"robot"}]}}`, "role"},
		"messages as a text":                {chat, `{"messages":"[]","call":"{}"}`, 200, "", completion, ""},
		"temperature out of range":          {chat, `{"messages":[],"temperature":3}`, 200, "", completion, "temperature"},
		"html":                              {chat, hello, 200, "text/html", "<p>", "Content-Type"},
		"stream":                            {chat, hello, 200, "text/event-stream", events(chunk, stop, session, "[DONE]"), ""},
		"stream for openai":                 {chat, hello, 200, "text/event-stream; charset=utf-8", events(chunk, stop, sessionChunk, usage, "[DONE]"), ""},
		"stream that failed":                {chat, hello, 200, "text/event-stream", events(chunk, session, failed), ""},
		"stream with a comment":             {chat, hello, 200, "text/event-stream", ": hold\n\n" + events(stop, "[DONE]"), ""},
		"stream cut between events":         {chat, hello, 200, "text/event-stream", events(chunk, stop), "neither"},
		"stream cut within an event":        {chat, hello, 200, "text/event-stream", events(chunk) + "data: {", "breaks off"},
		"cut stream that looks done":        {chat, hello, 200, "text/event-stream", events(chunk, session, "[DONE]"), "looks finished"},
		"stream that goes on":               {chat, hello, 200, "text/event-stream", events(stop, "[DONE]", chunk), "after the end"},
		"error and done":                    {chat, hello, 200, "text/event-stream", events(stop, failed, "[DONE]"), "after the end"},
		"stream with an unknown event":      {chat, hello, 200, "text/event-stream", events(`{"ping":1}`, stop, "[DONE]"), "ChatEvent"},
		"voice, whatever is asked":          {voice, `{"messages":7,"temperature":"warm"}`, 200, "text/event-stream", events(chunk, stop, "[DONE]"), ""},
		"voice, no object":                  {voice, `[]`, 200, "text/event-stream", events(chunk, stop, "[DONE]"), "not as described"},
		"action":                            {voice, hello, 200, "text/event-stream", events(chunk, stop, transferAnswer, "[DONE]"), ""},
		"action of another kind":            {voice, hello, 200, "text/event-stream", events(chunk, stop, strings.Replace(transferAnswer, "transfer_call", "self_destruct", 1), "[DONE]"), "ChatEvent"},
		"action without carriedOut":         {voice, hello, 200, "text/event-stream", events(chunk, stop, strings.Replace(transferAnswer, `,"carriedOut":false`, "", 1), "[DONE]"), "ChatEvent"},
		"sms":                               {sms, hello, 200, "", text, ""},
		"sms with tools_calls":              {sms, hello, 200, "", completion, "tools_calls"},
		"sms, streamed":                     {sms, hello, 200, "text/event-stream", events(chunk, stop, "[DONE]"), "Content-Type"},
		"web chat":                          {webChat, chatRequest, 200, "", completion, ""},
		"web chat without a call":           {webChat, hello, 200, "", completion, "call"},
		"web chat with a session":           {webChat, chatRequest, 200, "", strings.TrimSuffix(completion, "}") + `,"full_session":{"messages":[]}}`, "not as described"},
		"web chat without tools_calls":      {webChat, chatRequest, 200, "", text, "tools_calls"},
		"call":                              {uat, callRequest, 200, "", callPlaced, ""},
		"call without a client":             {uat, `{"assistantId":"a"}`, 200, "", callPlaced, "client"},
		"call without an assistant":         {uat, strings.Replace(callRequest, `,"assistantId":"a"`, "", 1), 200, "", callPlaced, "assistantId"},
		"call, another sentence":            {uat, callRequest, 200, "", strings.Replace(callPlaced, "assistaint", "assistant", 1), "data"},
		"call without a sid":                {uat, callRequest, 200, "", strings.Replace(callPlaced, "CAdfbe", "", 1), "data"},
		"call, more than asked for":         {uat, callRequest, 200, "", strings.Replace(callPlaced, `"status"`, `"sid":"CA1","status"`, 1), "sid"},
		"call, rejected":                    {uat, `{}`, 400, "", problem, ""},
		"hyperscale call":                   {hyperscale, `{"phoneNumber":"+14155550142","name":"John Doe","info":"Some relevant info"}`, 200, "", callPlaced, ""},
		"hyperscale call, no info":          {hyperscale, `{"phoneNumber":"4155550142","name":"John Doe","info":null}`, 200, "", callPlaced, ""},
		"hyperscale call, no number":        {hyperscale, `{"phoneNumber":"tel:+14155550142","name":"John Doe"}`, 200, "", callPlaced, "phoneNumber"},
		"limit without Retry-After":         {hyperscale, `{}`, 429, "", problem, "Retry-After"},
		"conflict without Retry-After":      {hyperscale, `{}`, 409, "", problem, ""},
		"period report":                     {weekly, `{"ASSISTANT_ID":"a","until":"2026-11-23","resend":"true"}`, 200, "", reportMade, ""},
		"report without an id":              {weekly, `{"until":"2026-11-23"}`, 200, "", reportMade, "ASSISTANT_ID"},
		"report, another sentence":          {weekly, `{"ASSISTANT_ID":"a"}`, 200, "", strings.Replace(reportMade, "Weekly", "weekly", 1), "message"},
		"report of another period":          {"/api/reports/aurora-report/daily", `{"ASSISTANT_ID":"a"}`, 200, "", reportMade, "period"},
		"another period, rejected":          {"/api/reports/aurora-report/daily", `{"ASSISTANT_ID":"a"}`, 400, "", problem, ""},
		"internal reports":                  {allMonthly, ``, 200, "", reportsStarted, ""},
		"internal, another sentence":        {allMonthly, ``, 200, "", strings.Replace(reportsStarted, "period.", "period", 1), "message"},
		"unknown path":                      {"/api/nothing", `{}`, 404, "", problem, ""},
		"unknown path, answered":            {"/api/nothing", `{}`, 200, "", `{}`, "not described"},
		"unknown path, another's error":     {"/api/nothing", `{}`, 404, "", `{"message":"Missing Authentication Token"}`, "Error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:3000"+c.path, nil)
			request.Header.Set("Content-Type", "application/json")
			header := http.Header{"Content-Type": {"application/json"}}
			if c.kind != "" {
				header.Set("Content-Type", c.kind)
			}
			err := Validate(Exchange{request, []byte(c.body), c.status, header, []byte(c.answer)})
			switch {
			case c.wrong == "" && err != nil:
				t.Error(err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
				t.Errorf("the complaint should name %q: %v", c.wrong, err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	request := httptest.NewRequest(http.MethodPost, chat, nil)
	request.Header.Set("Content-Type", "application/json")
	header := http.Header{"Content-Type": {"application/json"}, "Retry-After": {"1"}}
	Check(t, request, []byte(hello), http.StatusServiceUnavailable, header, []byte(problem))
	header = http.Header{"Content-Type": {"application/json"}, "Allow": {"POST"}}
	Check(t, httptest.NewRequest(http.MethodGet, chat, nil), nil, http.StatusMethodNotAllowed, header, []byte(problem))
}

// Every route of template.yaml is described, under the authorizer that the template gives it, with every error.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	doc, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Properties struct {
				Events map[string]struct {
					Type       string `yaml:"Type"`
					Properties struct {
						Path   string `yaml:"Path"`
						Method string `yaml:"Method"`
						Auth   struct {
							Authorizer string `yaml:"Authorizer"`
						} `yaml:"Auth"`
					} `yaml:"Properties"`
				} `yaml:"Events"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{
		"bearer":  {"bearer"},
		"webhook": {"flaskApiKey", "binarytintApiKey", "binarytintApiKeyDashed", "vapiSecret", "bearer", "vapiSignature", "retellSignature"},
		"partner": {"internalKey", "externalKey"}, "internal": {"internalKey"},
		"operator": {"operatorKey", "operatorSession"},
	}
	signed := map[string][]string{statusCallback: {"twilioSignature"}, "/twilio/voice": {"twilioSignature"}, "/twilio/voice/after": {"twilioSignature"},
		"/twilio/voice/status": {"twilioSignature"}, "/twilio/messages": {"twilioSignature"}, "/twilio/messages/status": {"twilioSignature"}, view: nil, earlierView: nil, "/api/v1/session": nil} // routes without an authorizer
	var described []string
	for id, r := range template.Resources {
		for _, e := range r.Properties.Events {
			if e.Type != "Api" {
				continue
			}
			if !slices.Contains(described, e.Properties.Path) {
				described = append(described, e.Properties.Path)
			}
			item := doc.Paths.Find(e.Properties.Path)
			if item == nil || item.GetOperation(e.Properties.Method) == nil {
				t.Errorf("%s: %s %s is not described", id, e.Properties.Method, e.Properties.Path)
				continue
			}
			operation := item.GetOperation(e.Properties.Method)
			var named []string
			for _, one := range *operation.Security {
				for key := range one {
					named = append(named, key)
				}
			}
			want := keys[e.Properties.Auth.Authorizer]
			if e.Properties.Auth.Authorizer == "" {
				want = signed[e.Properties.Path]
			}
			_, isSigned := signed[e.Properties.Path]
			if len(want) == 0 && !isSigned || !slices.Equal(named, want) {
				t.Errorf("%s: %s takes the keys %v, and the document says %v", id, e.Properties.Path, want, named)
			}
			for _, status := range []int{400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 502, 503, 504} {
				if operation.Responses.Status(status) == nil {
					t.Errorf("%s: %d is not described", e.Properties.Path, status)
				}
			}
		}
	}
	if len(described) != doc.Paths.Len() {
		t.Errorf("template.yaml has %v, and the document %v", described, doc.Paths.Keys())
	}
}

// A status callback is a form, and is answered with nothing.
func TestStatusCallback(t *testing.T) {
	t.Parallel()
	header := http.Header{"Content-Type": {"application/json"}}
	for body, wrong := range map[string]string{statusForm: "", strings.Replace(statusForm, "CallSid", "Sid", 1): "CallSid"} {
		request := httptest.NewRequest(http.MethodPost, statusCallback+"?record=rec-1", nil)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		err := Validate(Exchange{request, []byte(body), http.StatusOK, header, []byte(`{}`)})
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Every code that a route which places calls may answer with stands in the document, with what it means.
func TestCallCodesAreDescribed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "usecase", "outbound", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`WithCode\("([a-z_]+)"\)|"([a-z]+_limit|budget_exhausted)"`)
	codes := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range code.FindAllStringSubmatch(string(text), -1) {
			codes[found[1]+found[2]] = !strings.HasSuffix(file, "_test.go") || codes[found[1]+found[2]]
		}
	}
	if len(codes) < 20 {
		t.Errorf("only %v were found", codes)
	}
	for name, ours := range codes {
		// A status callback's alone, which its sender does not read.
		if ours && name != "call_not_found" && !strings.Contains(string(Document()), "`"+name+"`") {
			t.Errorf("%s is not described", name)
		}
	}
}
