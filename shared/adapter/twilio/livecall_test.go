package twilio_test

import (
	"encoding/xml"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const updatePath = "POST /2010-04-01/Accounts/" + account + "/Calls/" + callSID + ".json?"

func TestTransferAndHangup(t *testing.T) {
	f, c := newFakeTwilio(t, respond(200, `{"sid":"`+callSID+`"}`))
	twiml := func(inner string) string {
		return updatePath + url.Values{"Twiml": {`<?xml version="1.0" encoding="UTF-8"?><Response>` + inner + `</Response>`}}.Encode()
	}
	transfer := func(to aurora.Destination) func() error {
		return func() error { return c.Transfer(t.Context(), callSID, to) }
	}
	for name, step := range map[string]struct {
		do   func() error
		want string
	}{
		"to a number": {transfer(aurora.Destination{Number: "+1 (415) 555-0100"}),
			twiml(`<Dial answerOnBridge="true"><Number>+14155550100</Number></Dial>`)},
		"a message with TwiML in it": {transfer(aurora.Destination{Number: string(to), Message: ` Hi </Say><Hangup/> & "bye" `}),
			twiml(`<Say>Hi &lt;/Say&gt;&lt;Hangup/&gt; &amp; &quot;bye&quot;</Say><Dial answerOnBridge="true"><Number>+14155550100</Number></Dial>`)},
		"to a SIP address": {transfer(aurora.Destination{SIPURI: "sip:desk@example.com"}),
			twiml(`<Dial answerOnBridge="true"><Sip>sip:desk@example.com</Sip></Dial>`)},
		"hangup": {func() error { return c.Hangup(t.Context(), callSID) }, updatePath + "Status=completed"},
	} {
		f.reset()
		err := step.do()
		if got := f.sentRequests(); err != nil || !slices.Equal(got, []string{step.want}) {
			t.Errorf("%s: %v\n got %v\nwant %s", name, err, got, step.want)
		}
	}
}

func TestTransferToExtension(t *testing.T) {
	f, c := newFakeTwilio(t, respond(200, `{"sid":"`+callSID+`"}`))
	if err := c.Transfer(t.Context(), callSID, aurora.Destination{Number: string(to), Extension: "42"}); err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(strings.TrimPrefix(f.sentRequests()[0], updatePath))
	if err != nil {
		t.Fatal(err)
	}
	document := form.Get("Twiml")
	if !strings.Contains(document, `sendDigits="wwww42"`) {
		t.Errorf("the TwiML is %s, want the digits after a pause", document)
	}
	if err := xml.Unmarshal([]byte(document), new(struct{ XMLName xml.Name })); err != nil {
		t.Errorf("the TwiML is not XML: %v", err)
	}
}

func TestInvalidTransfersAndHangups(t *testing.T) {
	f, c := newFakeTwilio(t, respond(200, `{"sid":"`+callSID+`"}`))
	for _, destination := range []aurora.Destination{{}, {Number: "5550100"}, {Number: "+1415", SIPURI: "sip:a@example.com"}, {SIPURI: "sip:a b@example.com"}, {SIPURI: "http://example.com"},
		{SIPURI: "client:bob"}, {Number: string(to), Message: strings.Repeat("m", 4000)}} {
		if err := c.Transfer(t.Context(), callSID, destination); !fault.Is(err, fault.Invalid) {
			t.Errorf("transfer to %+v: %v, want fault.Invalid", destination, err)
		}
	}
	for _, sid := range []string{"", "CA1", "../" + callSID, callSID + "/x", "SM00000000000000000000000000000001", callSID + "\n"} {
		if err := c.Hangup(t.Context(), sid); !fault.Is(err, fault.Invalid) {
			t.Errorf("hangup of %q: %v, want fault.Invalid", sid, err)
		}
	}
	f.expectRequests(t, 0)
}
