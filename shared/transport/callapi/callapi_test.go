package callapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/outbound"
)

const sid = "CAdfbe15114bfabe08c3c017dcdea96264"

// fakePlacer places every call and remembers the request.
type fakePlacer struct{ request outbound.Request }

func (p *fakePlacer) Place(_ context.Context, r outbound.Request) (outbound.PlacedCall, error) {
	p.request = r
	return outbound.PlacedCall{AssistantNumber: "4639465275", Name: r.Name, Number: r.PhoneNumber, SID: sid, Replayed: r.IdempotencyKey == "again"}, nil
}

// place sends a body to a route, with values of the header Idempotency-Key.
func place(t *testing.T, p Placer, route, body string, keys ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header["Idempotency-Key"] = keys
	return w, PlaceHandler(p, route, "deployed", "https://aurora.example.com/")(w, r)
}

// The example of the API document, byte for byte.
func TestDocumentedExample(t *testing.T) {
	t.Parallel()
	p := &fakePlacer{}
	w, err := place(t, p, outbound.RouteHyperscale, `{ "phoneNumber": "+40742070688", "name": "John Doe", "info": "Some relevant info" }`, "again")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"data":"Call initiated from assistaintPhoneNumber = 4639465275 to John Doe at +40742070688. Call sid = ` + sid + `","status":"success"}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("%d %s\nwant 200 %s", w.Code, w.Body, want)
	}
	if got := w.Header().Get("Idempotent-Replayed"); got != "true" {
		t.Errorf("Idempotent-Replayed is %q, want true", got)
	}
	if p.request.PublicURL != "https://aurora.example.com" {
		t.Errorf("callbacks go to %q, want PUBLIC_URL without its slash", p.request.PublicURL)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	client := func(fields string) string {
		return `{"client":{"phoneNumber":"+14155550100","name":"Ann"` + fields + `},"assistantId":"a1","info":"outside"}`
	}
	uat := func(change func(r *outbound.Request)) outbound.Request {
		r := outbound.Request{Route: outbound.RouteUAT, FieldPrefix: "client.", AssistantID: "a1", PhoneNumber: "+14155550100", Name: "Ann"}
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		route, body string
		want        outbound.Request
	}{
		"uat":                      {outbound.RouteUAT, client(`,"email":"ann@example.com"`), uat(func(r *outbound.Request) { r.Email = "ann@example.com" })},
		"uat ignores info":         {outbound.RouteUAT, client(`,"info":"inside"`), uat(func(*outbound.Request) {})},
		"unknown fields":           {outbound.RouteUAT, client(`,"extra":[1]`), uat(func(*outbound.Request) {})},
		"null is a missing field":  {outbound.RouteUAT, client(`,"email":null`), uat(func(*outbound.Request) {})},
		"an escaped field name":    {outbound.RouteUAT, client(`,"e\u006dail":"ann@example.com"`), uat(func(r *outbound.Request) { r.Email = "ann@example.com" })},
		"a field name in capitals": {outbound.RouteUAT, client(`,"EMAIL":"ann@example.com"`), uat(func(*outbound.Request) {})},
		"e-mail is an object":      {outbound.RouteUAT, client(`,"email":{}`), uat(func(r *outbound.Request) { r.WrongType = outbound.FieldEmail })},
		"two wrong types":          {outbound.RouteUAT, client(`,"info":1,"email":2`), uat(func(r *outbound.Request) { r.WrongType = outbound.FieldEmail })},
		"name is a number": {outbound.RouteUAT, `{"client":{"phoneNumber":"+14155550100","name":5},"assistantId":"a1"}`,
			uat(func(r *outbound.Request) { r.Name, r.WrongType = "", outbound.FieldName })},
		"assistantId is a number": {outbound.RouteUAT, `{"client":{"phoneNumber":"+14155550100","name":"Ann"},"assistantId":7}`,
			uat(func(r *outbound.Request) { r.AssistantID, r.WrongType = "", outbound.FieldAssistantID })},
		"phoneNumber is a number": {outbound.RouteUAT, `{"client":{"phoneNumber":14155550100,"name":"Ann"},"assistantId":"a1"}`,
			uat(func(r *outbound.Request) { r.PhoneNumber = "" })},
		"hyperscale": {outbound.RouteHyperscale, `{"phoneNumber":"+14155550100","name":"Ann","info":"i","email":"ignored","assistantId":"ignored"}`,
			outbound.Request{Route: outbound.RouteHyperscale, AssistantID: "deployed", PhoneNumber: "+14155550100", Name: "Ann", Info: "i"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &fakePlacer{}
			if _, err := place(t, p, c.route, c.body); err != nil {
				t.Fatal(err)
			}
			got := p.request
			if !equal(got, c.want) {
				t.Errorf("decoded %+v\nwant    %+v", got, c.want)
			}
		})
	}
}

// equal compares what a body decides; the API key holds a slice, so that requests are not comparable.
func equal(a, b outbound.Request) bool {
	return a.Route == b.Route && a.FieldPrefix == b.FieldPrefix && a.WrongType == b.WrongType && a.AssistantID == b.AssistantID &&
		a.PhoneNumber == b.PhoneNumber && a.Name == b.Name && a.Email == b.Email && a.Info == b.Info
}

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body  string
		keys  []string
		code  string
		param string
	}{
		"an array":             {`[]`, nil, "invalid_json", ""},
		"null":                 {`null`, nil, "invalid_json", ""},
		"half an object":       {`{`, nil, "invalid_json", ""},
		"client is an array":   {`{"client":[],"assistantId":"x"}`, nil, "", "client"},
		"client is a string":   {`{"client":"{}","assistantId":"x"}`, nil, "", "client"},
		"no client":            {`{"phoneNumber":"+14155550100","name":"A","assistantId":"x"}`, nil, "", "client"},
		"a name twice":         {`{"client":{"name":"a","NAME":"b"},"assistantId":"x"}`, nil, "duplicate_key", ""},
		"two idempotency keys": {`{"client":{},"assistantId":"x"}`, []string{"a", "b"}, "", "Idempotency-Key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := place(t, &fakePlacer{}, outbound.RouteUAT, c.body, c.keys...)
			f := fault.From(err)
			if err == nil || f.Kind != fault.Invalid || f.Code != c.code || f.Param != c.param {
				t.Errorf("%v, code %q, param %q; want invalid, %q, %q", err, f.Code, f.Param, c.code, c.param)
			}
		})
	}
	if _, err := place(t, &fakePlacer{}, outbound.RouteUAT, `{"client":{},"assistantId":"x"}`, "a", "a"); err != nil {
		t.Errorf("one idempotency key, sent twice: %v", err)
	}
}

func TestDecodeCallback(t *testing.T) {
	t.Parallel()
	form := func(more ...string) url.Values {
		v := url.Values{"CallSid": {sid}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	cb, err := decodeCallback("oc_1", form("CallStatus", "completed", "AnsweredBy", "human", "Timestamp", "Wed, 18 Nov 2026 17:30:40 +0000", "CallDuration", "42"))
	if err != nil {
		t.Fatal(err)
	}
	if cb.Seconds == nil || *cb.Seconds != 42 {
		t.Errorf("seconds %v, want 42", cb.Seconds)
	}
	cb.Seconds = nil
	want := outbound.Callback{RecordID: "oc_1", SID: sid, Status: aurora.CallCompleted, AnsweredBy: "human", At: time.Date(2026, 11, 18, 17, 30, 40, 0, time.UTC)}
	if cb != want {
		t.Errorf("decoded %+v, want %+v", cb, want)
	}
	for name, more := range map[string][]string{
		"a new status":        {"CallStatus", "soon-to-be-invented"},
		"a long AnsweredBy":   {"AnsweredBy", strings.Repeat("x", 41)},
		"a negative duration": {"CallDuration", "-1"},
		"a huge duration":     {"CallDuration", "1e9"},
		"no duration":         {"CallDuration", "NaN"},
		"an odd time":         {"Timestamp", "yesterday"},
	} {
		if cb, err := decodeCallback("", form(more...)); err != nil || cb != (outbound.Callback{SID: sid}) {
			t.Errorf("%s: %+v, %v; want it left out", name, cb, err)
		}
	}
	for name, c := range map[string]struct {
		record string
		form   url.Values
		param  string
	}{
		"no sid":               {"oc_1", url.Values{}, "CallSid"},
		"half a sid":           {"oc_1", url.Values{"CallSid": {"CA1"}}, "CallSid"},
		"a sid with a newline": {"oc_1", url.Values{"CallSid": {sid + "\n"}}, "CallSid"},
		"a path as record":     {"../x", form(), "record"},
	} {
		if _, err := decodeCallback(c.record, c.form); !fault.Is(err, fault.Invalid) || fault.From(err).Param != c.param {
			t.Errorf("%s: %v; want invalid %s", name, err, c.param)
		}
	}
}

// fakeCalls rejects every signature, or takes every callback.
type fakeCalls struct {
	unsigned error
	got      []outbound.Callback
	address  string
}

func (f *fakeCalls) VerifySignature(_ context.Context, address string, _ url.Values, _ string) error {
	f.address = address
	return f.unsigned
}

func (f *fakeCalls) HandleCallback(_ context.Context, cb outbound.Callback) error {
	f.got = append(f.got, cb)
	return nil
}

func TestCallbackHandler(t *testing.T) {
	t.Parallel()
	send := func(f *fakeCalls) error {
		body := url.Values{"CallSid": {sid}, "CallStatus": {"ringing"}}.Encode()
		r := httptest.NewRequest(http.MethodPost, "/api/outbound-call-status?record=oc_1", strings.NewReader(body))
		return CallbackHandler(f, f, "https://aurora.example.com/v1/")(httptest.NewRecorder(), r)
	}
	signed := &fakeCalls{}
	if err := send(signed); err != nil || len(signed.got) != 1 || signed.got[0].RecordID != "oc_1" {
		t.Errorf("a signed callback: %v, received %+v", err, signed.got)
	}
	if want := "https://aurora.example.com/v1/api/outbound-call-status?record=oc_1"; signed.address != want {
		t.Errorf("the signature was verified for %s, want %s", signed.address, want)
	}
	unsigned := &fakeCalls{unsigned: errors.New("no signature")}
	if err := send(unsigned); err == nil || len(unsigned.got) != 0 {
		t.Errorf("an unsigned callback: %v, received %+v", err, unsigned.got)
	}
}
