package twilio_test

import (
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
)

func TestListCalls(t *testing.T) {
	const page = `{"calls":[
		{"sid":"CA00000000000000000000000000000002","from":"+15551230100","to":"+14155550100","status":"completed","date_created":"Wed, 18 Nov 2026 17:30:01 +0000","end_time":"Wed, 18 Nov 2026 17:31:00 +0000","duration":"42"},
		{"sid":"CA00000000000000000000000000000001","from":"+15551230100","to":"+14155550100","status":"queued","date_created":"Wed, 18 Nov 2026 17:29:59 +0000","end_time":null,"duration":null},
		{"sid":"CA00000000000000000000000000000003","from":"+15551230100","to":"+14155550199","status":"queued"},
		{"sid":"odd","from":"+15551230100","to":"+14155550100"},{}],"page_size":100,"next_page_uri":null}`
	f, c := newFakeTwilio(t, respond(200, page))
	since := time.Date(2026, 11, 18, 17, 0, 0, 0, time.UTC)
	calls, err := c.ListCalls(t.Context(), from, to, since)
	if err != nil || len(calls) != 2 {
		t.Fatalf("%+v, %v; want the two calls with a sid between the two numbers", calls, err)
	}
	if calls[0].Seconds == nil || *calls[0].Seconds != 42 {
		t.Errorf("the first call's duration is %v, want 42", calls[0].Seconds)
	}
	calls[0].Seconds = nil
	for i, want := range []aurora.ProviderCall{
		{SID: "CA00000000000000000000000000000002", From: from, To: to, Status: aurora.CallCompleted, CreatedAt: since.Add(30*time.Minute + time.Second), EndedAt: since.Add(31 * time.Minute)},
		{SID: "CA00000000000000000000000000000001", From: from, To: to, Status: aurora.CallQueued, CreatedAt: since.Add(30*time.Minute - time.Second)},
	} {
		if calls[i] != want {
			t.Errorf("call %d is %+v, want %+v", i, calls[i], want)
		}
	}
	f.expectRequests(t, 1)
	if got := f.sentRequests()[0]; !strings.HasPrefix(got, "GET /2010-04-01/Accounts/"+account+"/Calls.json?") {
		t.Errorf("the request is %s", got)
	}
}

func TestListCallsError(t *testing.T) {
	f, c := newFakeTwilio(t, respond(500, `{}`))
	if _, err := c.ListCalls(t.Context(), from, to, time.Unix(0, 0)); err == nil {
		t.Error("a response with status 500: no error")
	}
	f.expectRequests(t, 1)
}
