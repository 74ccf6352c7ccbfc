package twilio_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // Twilio signs with it
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	streamURL = "wss://voice.example.com/stream?a=1&b=2"
	statusURL = "https://api.example.com/prod/api/outbound-call-status?record=oc_1"
)

func newCallRequest() aurora.CallRequest {
	return aurora.CallRequest{From: from, To: to, AssistantID: "9395bc40-ee5d-47e1-bcf3-b2af2f63e84a", RecordID: "oc_1", StreamURL: streamURL,
		StatusURL: statusURL, RingTime: 30 * time.Second, TalkTime: 30 * time.Minute}
}

// What Twilio publishes of the parameters of a call's creation: their names, and which values they take.
// https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
var twilioParameters = map[string]func(string) bool{
	"To": isE164, "From": isE164, "CallerId": isE164,
	"Url": isHTTPURL, "FallbackUrl": isHTTPURL, "StatusCallback": isHTTPURL, "RecordingStatusCallback": isHTTPURL, "AsyncAmdStatusCallback": isHTTPURL,
	"ClientNotificationUrl": isHTTPURL,
	"Method":                oneOf("GET", "POST"), "FallbackMethod": oneOf("GET", "POST"), "StatusCallbackMethod": oneOf("GET", "POST"),
	"RecordingStatusCallbackMethod": oneOf("GET", "POST"), "AsyncAmdStatusCallbackMethod": oneOf("GET", "POST"),
	"StatusCallbackEvent":          oneOf("initiated", "ringing", "answered", "completed"),
	"RecordingStatusCallbackEvent": oneOf("in-progress", "completed", "absent"),
	"Timeout":                      between(1, 600), "TimeLimit": between(1, 14400), "MachineDetectionTimeout": between(3, 59),
	"MachineDetection": oneOf("Enable", "DetectMessageEnd"), "AsyncAmd": oneOf("true", "false"),
	"MachineDetectionSpeechThreshold": between(1000, 6000), "MachineDetectionSpeechEndThreshold": between(500, 5000),
	"MachineDetectionSilenceTimeout": between(2000, 10000),
	"Record":                         oneOf("true", "false"), "RecordingChannels": oneOf("mono", "dual"), "RecordingTrack": oneOf("inbound", "outbound", "both"),
	"Trim": oneOf("trim-silence", "do-not-trim"), "Twiml": func(s string) bool { return len(s) <= 4000 },
	"SendDigits": anyText, "SipAuthUsername": anyText, "SipAuthPassword": anyText, "Byoc": anyText, "CallReason": anyText, "CallToken": anyText,
	"ApplicationSid": anyText, "Passports": anyText, "RecordingConfigurationId": anyText,
}

func anyText(string) bool  { return true }
func isE164(s string) bool { p, ok := aurora.ParsePhone(s); return ok && string(p) == s }
func isHTTPURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.Contains(u.Host, "_")
}
func oneOf(values ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(values, s) }
}
func between(low, high int) func(string) bool {
	return func(s string) bool { n, err := strconv.Atoi(s); return err == nil && n >= low && n <= high }
}

// repeatableParameters are the parameters that may be given more than once.
var repeatableParameters = []string{"StatusCallbackEvent", "RecordingStatusCallbackEvent"}

func TestCreateCall(t *testing.T) {
	d, c := newFakeTwilio(t, respond(201, `{"sid":"`+call+`","status":"queued"}`))
	sid, err := c.CreateCall(t.Context(), newCallRequest())
	if sid != call || err != nil || d.requestCount() != 1 {
		t.Fatalf("%q %v %v", sid, err, d.requests)
	}
	path, query, _ := strings.Cut(d.requests[0], "?")
	if path != "POST /2010-04-01/Accounts/"+account+"/Calls.json" || d.auth[0] != account+":"+token {
		t.Errorf("%s as %s", path, d.auth[0])
	}
	form, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range form {
		check, ok := twilioParameters[name]
		if !ok {
			t.Errorf("Twilio publishes no parameter %s", name)
			continue
		}
		for _, v := range values {
			if !check(v) {
				t.Errorf("%s does not take %q", name, v)
			}
		}
		if len(values) > 1 && !slices.Contains(repeatableParameters, name) {
			t.Errorf("%s stands there %d times", name, len(values))
		}
	}
	for name, want := range map[string]string{"From": string(from), "To": string(to), "Timeout": "30", "TimeLimit": "1800", "MachineDetection": "Enable",
		"AsyncAmd": "true", "AsyncAmdStatusCallback": statusURL, "AsyncAmdStatusCallbackMethod": "POST", "StatusCallback": statusURL,
		"StatusCallbackMethod": "POST", "StatusCallbackEvent": "initiated ringing answered completed"} {
		if got := strings.Join(form[name], " "); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(form) != 12 { // those above, and Twiml
		t.Errorf("%d parameters: %v", len(form), form)
	}
	checkTwiML(t, form.Get("Twiml"), newCallRequest())
}

// checkTwiML checks that a document is exactly the expected elements (F1).
func checkTwiML(t *testing.T, document string, d aurora.CallRequest) {
	t.Helper()
	var got []string
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, document)
		}
		switch token := token.(type) {
		case xml.StartElement:
			text := "<" + token.Name.Local
			slices.SortFunc(token.Attr, func(a, b xml.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) }) // the library has no order
			for _, a := range token.Attr {
				text += " " + a.Name.Local + "=" + a.Value
			}
			got = append(got, text)
		case xml.EndElement:
			got = append(got, "</"+token.Name.Local)
		case xml.CharData:
			if s := strings.TrimSpace(string(token)); s != "" {
				got = append(got, "text "+s)
			}
		case xml.Comment, xml.Directive:
			got = append(got, fmt.Sprintf("%T", token))
		}
	}
	want := []string{"<Response", "<Connect", "<Stream url=" + d.StreamURL,
		"<Parameter name=assistantId value=" + d.AssistantID, "</Parameter", "<Parameter name=callRecordId value=" + d.RecordID, "</Parameter",
		"</Stream", "</Connect", "</Response"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nis  %q\nwant %q", document, got, want)
	}
}

func TestCreateCallErrors(t *testing.T) {
	says := func(status, code int) http.HandlerFunc {
		return respond(status, fmt.Sprintf(`{"code":%d,"message":"To %s of account %s","more_info":"x","status":%d}`, code, to, account, status))
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		code  string
	}{
		"44: 21211":                   {says(400, 21211), fault.Invalid, "twilio_21211"},
		"44: 21216":                   {says(400, 21216), fault.Invalid, "twilio_21216"},
		"44: 21202":                   {says(400, 21202), fault.Invalid, "twilio_21202"},
		"44: 21215":                   {says(403, 21215), fault.Unavailable, "telephone_auth"},
		"44: 21215 as Twilio says it": {says(400, 21215), fault.Invalid, "twilio_21215"},
		"44: a code of text messages": {says(400, 21610), fault.Invalid, "twilio_21610"},
		"44: a code nobody knows":     {says(400, 29999), fault.Invalid, "twilio_29999"},
		"45: busy":                    {says(429, 20429), fault.RateLimited, "twilio_20429"},
		"46: 500":                     {says(500, 20500), fault.Timeout, "state_unknown"},
		"46: 503 with HTML":           {respond(503, "<html>"), fault.Timeout, "state_unknown"},
		"46: the answer lost":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Timeout, "state_unknown"},
		"46: the answer cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"sid":"`)
			panic(http.ErrAbortHandler)
		}, fault.Timeout, "state_unknown"},
		"48: 201 without sid":     {respond(201, `{}`), fault.Timeout, "state_unknown"},
		"48: 201 with an odd sid": {respond(201, `{"sid":"../Calls"}`), fault.Timeout, "state_unknown"},
		"48: 201 that is no JSON": {respond(201, `<html>`), fault.Timeout, "state_unknown"},
		"a redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, fault.Timeout, "state_unknown"},
		"20003: a wrong auth token": {says(401, 20003), fault.Unavailable, "telephone_auth"},
	} {
		t.Run(name, func(t *testing.T) {
			d, client := newFakeTwilio(t, c.serve)
			_, err := client.CreateCall(t.Context(), newCallRequest())
			f := fault.From(err)
			if err == nil || f.Kind != c.kind || f.Code != c.code || d.requestCount() != 1 {
				t.Errorf("%v, %q, %d posts", err, f.Code, d.requestCount())
			}
			checkNoSecrets(t, err)
		})
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	_, err := twilio.New(twilio.Options{BaseURL: closed.URL, Credentials: testCredentials}).CreateCall(t.Context(), newCallRequest())
	if !fault.Is(err, fault.Unavailable) || fault.From(err).RetryAfter == 0 {
		t.Errorf("47: %v", err)
	}
	checkNoSecrets(t, err)
}

// A connection that was kept and has died is not used for a second request: bytes may have been taken.
func TestCreateCallOverDeadConnection(t *testing.T) {
	n := 0
	d, c := newFakeTwilio(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 2 {
			panic(http.ErrAbortHandler)
		}
		respond(201, `{"sid":"`+call+`"}`)(w, r)
	})
	if _, err := c.CreateCall(t.Context(), newCallRequest()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateCall(t.Context(), newCallRequest()); !fault.Is(err, fault.Timeout) || d.requestCount() != 2 {
		t.Errorf("%v, %d posts", err, d.requestCount())
	}
}

func TestCreateCallRejectsBadInput(t *testing.T) {
	d, c := newFakeTwilio(t, respond(201, `{"sid":"`+call+`"}`))
	long := newCallRequest()
	long.StreamURL = "wss://voice.example.com/" + strings.Repeat("x", 4000)
	if _, err := c.CreateCall(t.Context(), long); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	for _, bad := range []aurora.CallRequest{{From: from, StreamURL: streamURL}, {To: to, StreamURL: streamURL}} {
		if _, err := c.CreateCall(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
	}
	if d.requestCount() != 0 {
		t.Errorf("sent %v", d.requests)
	}
	odd := twilio.New(twilio.Options{BaseURL: d.URL, Credentials: func(context.Context) (string, error) {
		return `{"accountSid":"` + account + `","authToken":"not-hex"}`, nil
	}})
	if _, err := odd.CreateCall(t.Context(), newCallRequest()); !fault.Is(err, fault.Unavailable) || fault.From(err).Code != "telephone_auth" || d.requestCount() != 0 {
		t.Error(err)
	}
	plain := newCallRequest()
	plain.StatusURL = ""
	if _, err := c.CreateCall(t.Context(), plain); err != nil || strings.Contains(d.requests[0], "StatusCallback") {
		t.Errorf("%v %v", err, d.requests)
	}
}

func (d *fakeTwilio) requestCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.requests)
}

// Whatever an id or an address holds, the TwiML is XML with exactly the expected elements, or no call.
func FuzzTwiML(f *testing.F) {
	for _, s := range []string{"riley", `"/><Dial>+19005551234</Dial>`, "</Stream>", "]]>", "&amp;", "<!--", "a\nb", "ä\u202e", `' onload='`} {
		f.Add(s, "oc_1", "wss://voice.example.com/"+s)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		respond(201, `{"sid":"`+call+`"}`)(w, r)
		receivedTwiML <- r.PostForm.Get("Twiml")
	}))
	f.Cleanup(server.Close)
	c := twilio.New(twilio.Options{BaseURL: server.URL, Credentials: testCredentials})
	f.Fuzz(func(t *testing.T, assistant, record, stream string) {
		d := newCallRequest()
		d.AssistantID, d.RecordID, d.StreamURL = assistant, record, stream
		if _, err := c.CreateCall(t.Context(), d); err != nil {
			if !fault.Is(err, fault.Unavailable) {
				t.Error(err)
			}
			return
		}
		document := <-receivedTwiML
		for _, s := range []string{assistant, record, stream} {
			if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '\ufffd' || r >= '\ufffe' && r <= '\uffff' }) {
				checkElementNames(t, document) // what XML cannot hold is replaced or left out
				return
			}
		}
		checkTwiML(t, document, d)
	})
}

var receivedTwiML = make(chan string, 1)

// checkElementNames checks the elements' names alone.
func checkElementNames(t *testing.T, document string) {
	t.Helper()
	var got []string
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in %q", err, document)
		}
		if start, ok := token.(xml.StartElement); ok {
			got = append(got, start.Name.Local)
		}
	}
	if strings.Join(got, " ") != "Response Connect Stream Parameter Parameter" {
		t.Errorf("%q", document)
	}
}

func TestListCalls(t *testing.T) {
	const page = `{"calls":[
		{"sid":"CA00000000000000000000000000000002","from":"+15551230100","to":"+14155550100","status":"completed","date_created":"Wed, 18 Nov 2026 17:30:01 +0000","end_time":"Wed, 18 Nov 2026 17:31:00 +0000","duration":"42"},
		{"sid":"CA00000000000000000000000000000001","from":"+15551230100","to":"+14155550100","status":"queued","date_created":"Wed, 18 Nov 2026 17:29:59 +0000","end_time":null,"duration":null},
		{"sid":"CA00000000000000000000000000000003","from":"+15551230100","to":"+14155550199","status":"queued"},
		{"sid":"odd","from":"+15551230100","to":"+14155550100"},{}],"page_size":100,"next_page_uri":null}`
	d, c := newFakeTwilio(t, respond(200, page))
	since := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	calls, err := c.ListCalls(t.Context(), from, to, since)
	if err != nil || len(calls) != 2 || calls[0].SID != "CA00000000000000000000000000000002" || calls[0].Status != aurora.CallCompleted || *calls[0].Seconds != 42 ||
		!calls[0].CreatedAt.Equal(since.Add(30*time.Minute+time.Second)) || !calls[0].EndedAt.Equal(since.Add(31*time.Minute)) || calls[1].Seconds != nil || !calls[1].EndedAt.IsZero() {
		t.Errorf("%+v %v", calls, err)
	}
	if d.requestCount() != 1 || !strings.HasPrefix(d.requests[0], "GET /2010-04-01/Accounts/"+account+"/Calls.json?") {
		t.Errorf("%v", d.requests)
	}
	d, c = newFakeTwilio(t, respond(500, `{}`))
	if _, err := c.ListCalls(t.Context(), from, to, since); err == nil || d.requestCount() != 1 {
		t.Errorf("%v, %d requests", err, d.requestCount())
	}
}

// signature is Twilio's: HMAC-SHA1 over the address and the fields in order, as its page on security says.
func signature(token, address string, fields map[string]string) string {
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = io.WriteString(mac, address)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		_, _ = io.WriteString(mac, name+fields[name])
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestVerifySignature(t *testing.T) {
	_, c := newFakeTwilio(t, respond(200, `{}`))
	form := url.Values{"AccountSid": {account}, "CallSid": {call}, "CallStatus": {"ringing"}, "To": {string(to)}}
	sign := func(token, address string, form url.Values) string {
		fields := map[string]string{}
		for name := range form {
			fields[name] = form.Get(name)
		}
		return signature(token, address, fields)
	}
	good := sign(token, statusURL, form)
	if err := c.VerifySignature(t.Context(), statusURL, form, good); err != nil {
		t.Fatal(err)
	}
	with := func(name string, values ...string) url.Values {
		changed := url.Values{}
		for k, v := range form {
			changed[k] = v
		}
		changed[name] = values
		return changed
	}
	elsewhere := with("AccountSid", "AC00000000000000000000000000000000")
	for name, c2 := range map[string]struct {
		address string
		form    url.Values
		sig     string
	}{
		"none":               {statusURL, form, ""},
		"another token":      {statusURL, form, sign("another", statusURL, form)},
		"another record":     {strings.Replace(statusURL, "oc_1", "oc_2", 1), form, good},
		"another status":     {statusURL, with("CallStatus", "completed"), good},
		"a field more":       {statusURL, with("AnsweredBy", "human"), good},
		"a field twice":      {statusURL, with("CallStatus", "ringing", "completed"), good},
		"another account":    {statusURL, elsewhere, sign(token, statusURL, elsewhere)},
		"a signature's part": {statusURL, form, good[:10]},
	} {
		if err := c.VerifySignature(t.Context(), c2.address, c2.form, c2.sig); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) { return "", io.ErrUnexpectedEOF }})
	if err := broken.VerifySignature(t.Context(), statusURL, form, good); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}
