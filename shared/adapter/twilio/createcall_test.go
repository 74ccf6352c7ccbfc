package twilio_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
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

// twilioParameters are the documented parameters of a request for a call, with a check of their values.
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

// repeatableParameters may be sent more than once.
var repeatableParameters = []string{"StatusCallbackEvent", "RecordingStatusCallbackEvent"}

func TestCreateCall(t *testing.T) {
	f, c := newFakeTwilio(t, respond(201, `{"sid":"`+callSID+`","status":"queued"}`))
	if sid, err := c.CreateCall(t.Context(), newCallRequest()); sid != callSID || err != nil {
		t.Fatalf("sid %q, %v; want %s", sid, err, callSID)
	}
	f.expectRequests(t, 1)
	path, query, _ := strings.Cut(f.sentRequests()[0], "?")
	if want := "POST /2010-04-01/Accounts/" + account + "/Calls.json"; path != want {
		t.Errorf("the request is %s, want %s", path, want)
	}
	if f.auth[0] != account+":"+token {
		t.Errorf("the credentials are %s, want those of the account", f.auth[0])
	}
	form, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	checkParameters(t, form)
	for name, want := range map[string]string{"From": string(from), "To": string(to), "Timeout": "30", "TimeLimit": "1800", "MachineDetection": "Enable",
		"AsyncAmd": "true", "AsyncAmdStatusCallback": statusURL, "AsyncAmdStatusCallbackMethod": "POST", "StatusCallback": statusURL,
		"StatusCallbackMethod": "POST", "StatusCallbackEvent": "initiated ringing answered completed"} {
		if got := strings.Join(form[name], " "); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(form) != 12 { // those above, and Twiml
		t.Errorf("%d parameters, want 12: %v", len(form), form)
	}
	checkTwiML(t, form.Get("Twiml"), newCallRequest())
}

// checkParameters checks a form against what Twilio documents.
func checkParameters(t *testing.T, form url.Values) {
	t.Helper()
	for name, values := range form {
		isValid, ok := twilioParameters[name]
		if !ok {
			t.Errorf("Twilio documents no parameter %s", name)
			continue
		}
		for _, v := range values {
			if !isValid(v) {
				t.Errorf("%s does not accept %q", name, v)
			}
		}
		if len(values) > 1 && !slices.Contains(repeatableParameters, name) {
			t.Errorf("%s was sent %d times", name, len(values))
		}
	}
}

// checkTwiML checks that a document has exactly the expected elements (threat F1 in shared/docs/security.md).
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
			t.Fatalf("%s is not XML: %v", document, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			text := "<" + token.Name.Local
			slices.SortFunc(token.Attr, func(a, b xml.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) }) // the library writes attributes in any order
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
		t.Errorf("the elements of %q\nare  %q\nwant %q", document, got, want)
	}
}

func TestCreateCallErrors(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		code  string
	}{
		"fault 44: 21211":                      {respondError(400, 21211), fault.Invalid, "twilio_21211"},
		"fault 44: 21216":                      {respondError(400, 21216), fault.Invalid, "twilio_21216"},
		"fault 44: 21202":                      {respondError(400, 21202), fault.Invalid, "twilio_21202"},
		"fault 44: 21215 with status 403":      {respondError(403, 21215), fault.Unavailable, "telephone_auth"},
		"fault 44: 21215 with status 400":      {respondError(400, 21215), fault.Invalid, "twilio_21215"},
		"fault 44: a code of text messages":    {respondError(400, 21610), fault.Invalid, "twilio_21610"},
		"fault 44: an unknown code":            {respondError(400, 29999), fault.Invalid, "twilio_29999"},
		"fault 45: busy":                       {respondError(429, 20429), fault.RateLimited, "twilio_20429"},
		"fault 46: 500":                        {respondError(500, 20500), fault.Timeout, "state_unknown"},
		"fault 46: 503 with HTML":              {respond(503, "<html>"), fault.Timeout, "state_unknown"},
		"fault 46: the response is lost":       {dropConnection, fault.Timeout, "state_unknown"},
		"fault 46: the response is incomplete": {respondPartly, fault.Timeout, "state_unknown"},
		"fault 48: 201 without a sid":          {respond(201, `{}`), fault.Timeout, "state_unknown"},
		"fault 48: 201 with an invalid sid":    {respond(201, `{"sid":"../Calls"}`), fault.Timeout, "state_unknown"},
		"fault 48: 201 that is not JSON":       {respond(201, `<html>`), fault.Timeout, "state_unknown"},
		"a redirect":                           {redirect, fault.Timeout, "state_unknown"},
		"429 with HTML":                        {respond(429, "<html>"), fault.RateLimited, "twilio_20429"},
		"403 with HTML":                        {respond(403, "<html>"), fault.Unavailable, "telephone_auth"},
		"404 with HTML":                        {respond(404, "<html>"), fault.Invalid, "twilio_error"},
		"20003: a wrong auth token":            {respondError(401, 20003), fault.Unavailable, "telephone_auth"},
		"20003 with status 403: no permission": {respondError(403, 20003), fault.Unavailable, "telephone_auth"},
		"20005: the account is suspended":      {respondError(401, 20005), fault.Unavailable, "telephone_account"},
		"10001: the account is not active":     {respondError(400, 10001), fault.Unavailable, "telephone_account"},
		"30002 with status 429":                {respondError(429, 30002), fault.Unavailable, "telephone_account"},
		"402: no money":                        {respondError(402, 20402), fault.Unavailable, "telephone_account"},
	} {
		t.Run(name, func(t *testing.T) {
			f, client := newFakeTwilio(t, c.serve)
			_, err := client.CreateCall(t.Context(), newCallRequest())
			expectFault(t, err, c.kind, c.code)
			if wait := fault.From(err).RetryAfter; c.kind == fault.Unavailable && wait != fault.NoRetry {
				t.Errorf("RetryAfter is %s for an error that an operator must correct", wait)
			}
			f.expectRequests(t, 1)
		})
	}
}

func TestCreateCallPassesRetryAfterOn(t *testing.T) {
	for header, want := range map[string]time.Duration{"": 0, "30": 30 * time.Second, "soon": 0, "90000": 24 * time.Hour} {
		_, client := newFakeTwilio(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			respondError(429, 20429)(w, r)
		})
		_, err := client.CreateCall(t.Context(), newCallRequest())
		expectFault(t, err, fault.RateLimited, "twilio_20429")
		if got := fault.From(err).RetryAfter; got != want {
			t.Errorf("Retry-After %q: %s, want %s", header, got, want)
		}
	}
}

// respondPartly ends the connection within the response.
func respondPartly(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"sid":"`)
	panic(http.ErrAbortHandler)
}

func TestFault47CreateCallWithoutConnection(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	_, err := twilio.New(twilio.Options{BaseURL: closed.URL, Credentials: testCredentials}).CreateCall(t.Context(), newCallRequest())
	expectFault(t, err, fault.Unavailable, "telephone_unreachable")
	if fault.From(err).RetryAfter == 0 {
		t.Error("the error has no RetryAfter, so the call would not be tried again")
	}
}

// Go's transport would repeat a request on a new connection if a reused one died. That must not happen here: Twilio may
// have accepted the call.
func TestCreateCallOverDeadConnection(t *testing.T) {
	n := 0
	f, c := newFakeTwilio(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 2 {
			panic(http.ErrAbortHandler)
		}
		respond(201, `{"sid":"`+callSID+`"}`)(w, r)
	})
	if _, err := c.CreateCall(t.Context(), newCallRequest()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateCall(t.Context(), newCallRequest()); !fault.Is(err, fault.Timeout) {
		t.Errorf("%v, want fault.Timeout", err)
	}
	f.expectRequests(t, 2)
}

func TestCreateCallRejectsBadInput(t *testing.T) {
	f, c := newFakeTwilio(t, respond(201, `{"sid":"`+callSID+`"}`))
	long := newCallRequest()
	long.StreamURL = "wss://voice.example.com/" + strings.Repeat("x", 4000)
	if _, err := c.CreateCall(t.Context(), long); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a stream URL that is too long: %v, want fault.Unavailable", err)
	}
	for name, r := range map[string]aurora.CallRequest{"no recipient": {From: from, StreamURL: streamURL}, "no caller": {To: to, StreamURL: streamURL}} {
		if _, err := c.CreateCall(t.Context(), r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", name, err)
		}
	}
	invalid := twilio.New(twilio.Options{BaseURL: f.URL, Credentials: func(context.Context) (string, error) {
		return `{"accountSid":"` + account + `","authToken":"not-hex"}`, nil
	}})
	_, err := invalid.CreateCall(t.Context(), newCallRequest())
	expectFault(t, err, fault.Unavailable, "telephone_auth")
	f.expectRequests(t, 0)
}

func TestCreateCallWithoutStatusURL(t *testing.T) {
	f, c := newFakeTwilio(t, respond(201, `{"sid":"`+callSID+`"}`))
	r := newCallRequest()
	r.StatusURL = ""
	if _, err := c.CreateCall(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := f.sentRequests()[0]; strings.Contains(got, "StatusCallback") {
		t.Errorf("the request asks for callbacks: %s", got)
	}
}

// Whatever the ids and the address hold, the TwiML is XML with exactly the expected elements, or no call is placed.
func FuzzTwiML(f *testing.F) {
	for _, s := range []string{"riley", `"/><Dial>+19005551234</Dial>`, "</Stream>", "]]>", "&amp;", "<!--", "a\nb", "ä\u202e", `' onload='`} {
		f.Add(s, "oc_1", "wss://voice.example.com/"+s)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		respond(201, `{"sid":"`+callSID+`"}`)(w, r)
		receivedTwiML <- r.PostForm.Get("Twiml")
	}))
	f.Cleanup(server.Close)
	c := twilio.New(twilio.Options{BaseURL: server.URL, Credentials: testCredentials})
	f.Fuzz(func(t *testing.T, assistantID, recordID, stream string) {
		d := newCallRequest()
		d.AssistantID, d.RecordID, d.StreamURL = assistantID, recordID, stream
		if _, err := c.CreateCall(t.Context(), d); err != nil {
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("%v, want fault.Unavailable", err)
			}
			return
		}
		document := <-receivedTwiML
		for _, s := range []string{assistantID, recordID, stream} {
			if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '\ufffd' || r >= '\ufffe' && r <= '\uffff' }) {
				checkElementNames(t, document) // characters that XML cannot hold are replaced or left out
				return
			}
		}
		checkTwiML(t, document, d)
	})
}

var receivedTwiML = make(chan string, 1)

// checkElementNames checks the names of the elements only.
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
			t.Fatalf("%q is not XML: %v", document, err)
		}
		if start, ok := token.(xml.StartElement); ok {
			got = append(got, start.Name.Local)
		}
	}
	if strings.Join(got, " ") != "Response Connect Stream Parameter Parameter" {
		t.Errorf("the elements of %q are %v", document, got)
	}
}
