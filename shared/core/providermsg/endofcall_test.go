package providermsg_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/golden"
)

// parseReport reads the report with these members, written as JSON without the braces.
func parseReport(t testing.TB, fields string) providermsg.EndOfCall {
	t.Helper()
	m, err := providermsg.ParseMessage([]byte(`{"message":{"type":"end-of-call-report"` + strings.TrimSuffix(","+fields, ",") + `}}`))
	if err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return m.EndOfCall()
}

// webhookBodies returns the bodies of the webhook's cases, by the cases' names.
func webhookBodies(t testing.TB) map[string]string {
	t.Helper()
	bodies, err := eventcase.Payloads(filepath.Join("..", "..", ".."), "webhook")
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}

func TestEndOfCallGoldens(t *testing.T) {
	bodies := webhookBodies(t)
	for _, name := range []string{"report of our phone service", "report of Vapi", "report of the API document with the least fields",
		"report of a call that was not answered", "report of a call that reached voicemail", "report of a call whose model failed",
		"report with fields of odd types", "report with the call sid in a session as JSON"} {
		t.Run(name, func(t *testing.T) {
			m, err := providermsg.ParseMessage([]byte(bodies[name]))
			if err != nil {
				t.Fatal(err)
			}
			golden.JSON(t, eventcase.Slug(name), m.EndOfCall())
		})
	}
}

func TestUnknownCostAndSecondsAreNil(t *testing.T) {
	for fields, want := range map[string]string{
		``:                                            "nil nil",
		`"cost":0,"durationSeconds":0`:                "0 0",
		`"cost":"0","durationMs":"0"`:                 "0 0",
		`"cost":null,"duration":null`:                 "nil nil",
		`"cost":"","duration":""`:                     "nil nil",
		`"cost":-1,"durationSeconds":-1`:              "nil nil",
		`"cost":"NaN","duration":"Inf"`:               "nil nil",
		`"cost":1e400,"duration":1e400`:               "nil nil",
		`"cost":true,"duration":[]`:                   "nil nil",
		`"call":{"cost":"0.0385","duration":"21.07"}`: "0.0385 21.07",
		`"durationMinutes":0.49`:                      "nil 29.4",
		`"durationMs":29400,"durationSeconds":"x"`:    "nil 29.4",
		`"startedAt":"2026-11-18T15:04:13.304Z","endedAt":"2026-11-18T15:04:42.704Z"`: "nil 29.4",
		`"startedAt":1795014253304,"endedAt":"1795014282704"`:                         "nil 29.4",
		`"startedAt":"2026-11-18T15:04:42Z","endedAt":"2026-11-18T15:04:13Z"`:         "nil nil",
		`"endedAt":"2026-11-18T15:04:42Z"`:                                            "nil nil",
		`"costs":[]`:                                                                  "nil nil",
		`"costs":[{"cost":0.1},{"cost":0.2}]`:                                         "0.3 nil",
		`"costs":[{"cost":0.1},{"minutes":1}]`:                                        "nil nil",
		`"costBreakdown":{"total":0.5},"costs":[{"cost":9}]`:                          "0.5 nil",
		`"durationSeconds":1e12`:                                                      "nil nil",
	} {
		r := parseReport(t, fields)
		if got := formatFloat(r.Cost) + " " + formatFloat(r.Seconds); got != want {
			t.Errorf("%s: cost and seconds are %s, want %s", fields, got, want)
		}
	}
}

func formatFloat(n *float64) string {
	if n == nil {
		return "nil"
	}
	return fmt.Sprint(*n)
}

func TestTimestampFormats(t *testing.T) {
	for in, want := range map[string]string{
		`"2026-11-18T15:04:44Z"`: "2026-11-18T15:04:44Z", `"2026-11-18T15:04:44.5-08:00"`: "2026-11-18T23:04:44.5Z",
		`1795014284000`: "2026-11-18T15:04:44Z", `"1795014284000"`: "2026-11-18T15:04:44Z", `1795014284`: "2026-11-18T15:04:44Z", `1795014284000.7`: "2026-11-18T15:04:44Z",
		`"2026-11-18t15:04:44.5z"`: "2026-11-18T15:04:44.5Z", `"2026-11-18T15:04:44.123456"`: "2026-11-18T15:04:44.123456Z", `"2026-11-18 15:04:44"`: "2026-11-18T15:04:44Z",
		`"2026-11-18 16:04:44.5+01:00"`: "2026-11-18T15:04:44.5Z", `"2026-11-18T15:04:44+0000"`: "2026-11-18T15:04:44Z", `"2026-11-18T15:04:44,5Z"`: "2026-11-18T15:04:44.5Z",
		`"2026-11-18 15:04:44 UTC"`: "2026-11-18T15:04:44Z", `"2026-11-18 15:04:44 +0000 UTC"`: "2026-11-18T15:04:44Z", `"20261118T150444Z"`: "2026-11-18T15:04:44Z", `"2026-11-18T15:04"`: "2026-11-18T15:04:00Z",
		`"Wed, 18 Nov 2026 15:04:44 GMT"`: "2026-11-18T15:04:44Z", `"wed, 18 nov 2026 15:04:44 gmt"`: "2026-11-18T15:04:44Z", `"Wed, 18 Nov 2026 16:04:44 +0100"`: "2026-11-18T15:04:44Z", `"Wednesday, 18-Nov-26 15:04:44 GMT"`: "2026-11-18T15:04:44Z",
		`"Wed Nov 18 2026 15:04:44 GMT+0000 (Coordinated Universal Time)"`: "2026-11-18T15:04:44Z", `"Wed, 18 Nov 2026 15:04:44 EST"`: "", `1795014284000000`: "2026-11-18T15:04:44Z", `"2026/11/18 15:04:44"`: "2026-11-18T15:04:44Z",
		`0`: "", `-1`: "", `1e308`: "", `"yesterday"`: "", `""`: "", `null`: "", `{}`: "", `"0001-01-01T00:00:00Z"`: "", `"9999-01-01T00:00:00Z"`: "", `"NaN"`: "",
	} {
		got := ""
		if at := parseReport(t, `"timestamp":`+in).Timestamp; !at.IsZero() {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", in, got, want)
		}
	}
}

func TestPrimaryCallIDComesFirst(t *testing.T) {
	r := parseReport(t, `"session":"{\"callSid\":\"CA1\",\"streamSid\":\"MZ1\"}","call":{"id":"v1","phoneCallProviderId":"CA1","transport":{"callSid":"CA2","accountSid":"AC1"}}`)
	if want := []string{"v1", "CA1", "CA2", "MZ1"}; !slices.Equal(r.IDs, want) {
		t.Errorf("the ids are %v, want %v", r.IDs, want)
	}
}

func TestSpoke(t *testing.T) {
	for fields, want := range map[string]bool{
		`"messages":[{"role":"user","message":"Hi"}]`: true, `"messages":"[{\"role\":\"user\",\"content\":\"Hi\"}]"`: true,
		`"artifact":{"messages":[{"role":"customer","content":[{"type":"text","text":"Hi"}]}]}`: true,
		`"messages":[{"role":"bot","message":"Hi"},{"role":"user","message":"  "}]`:             false,
		`"transcript":"AI: Hi\nUser: Hello\n"`:                                                  true, `"transcript":"AI: Hi\nUser:\n"`: false, `"transcript":"AI: user: x"`: false,
		`"messages":[5,null,"x",[]]`: false, `"messages":"[broken"`: false, ``: false,
	} {
		if got := parseReport(t, fields).Spoke; got != want {
			t.Errorf("%s: Spoke is %v, want %v", fields, got, want)
		}
	}
}

func TestEndOfCallReadsVapiPaths(t *testing.T) {
	r := parseReport(t, `"call":{"type":"outboundPhoneCall","endedReason":"customer-busy","customer":{"number":"sip:a@example.com"},"phoneNumber":{"number":"+1 555 123 0100"}},
		"analysis":{"successEvaluation":true,"summary":"In analysis"},"summary":"","artifact":{"recording":{"mono":{"combinedUrl":"https://storage.example.com/a.wav"}},"transfers":["{\"status\":\"Completed\"}"]}`)
	want := providermsg.EndOfCall{AssistantNumber: "+15551230100", Customer: "sip:a@example.com", Direction: aurora.DirectionOutbound, EndedReason: "customer-busy", Disposition: aurora.DispositionBusy,
		Summary: "In analysis", RecordingURL: "https://storage.example.com/a.wav", Success: "true", ConversationUnknown: true, Transferred: true, Outcome: aurora.OutcomeTransferred}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("the report is\n%+v, want\n%+v", r, want)
	}
	if r := parseReport(t, `"recordingUrl":"javascript:alert(1)","call":{"type":"webCall"}`); r.RecordingURL != "" || r.Direction != aurora.DirectionWeb {
		t.Errorf("the recording is %q and the direction %q, want none and web", r.RecordingURL, r.Direction)
	}
}

func TestParseMessageErrorNamesField(t *testing.T) {
	for body, param := range map[string]string{
		``: "body", `null`: "body", `[]`: "body", `{`: "body", `{}{}`: "body", "\ufeff{}": "body",
		`{}`: "message", `{"message":1}`: "message", `{"message":{}}`: "message.type", `{"message":{"type":1}}`: "message.type", `{"message":{"type":""}}`: "message.type",
	} {
		_, err := providermsg.ParseMessage([]byte(body))
		if f := fault.From(err); f == nil || f.Kind != fault.Invalid || f.Param != param {
			t.Errorf("the error for %s is %v, want invalid input about %s", body, err, param)
		}
	}
}

func TestClassify(t *testing.T) {
	for reason, want := range map[string]aurora.Disposition{
		"customer-ended-call": aurora.DispositionAnswered, "customer-ended-call-during-transfer": aurora.DispositionAnswered, "assistant-said-end-call-phrase": aurora.DispositionAnswered, "silence-timed-out": aurora.DispositionAnswered,
		"voicemail": aurora.DispositionVoicemail, "customer-did-not-answer": aurora.DispositionNoAnswer, "customer-busy": aurora.DispositionBusy, "Customer_Busy ": aurora.DispositionBusy, "busy": aurora.DispositionBusy, "no-answer": aurora.DispositionNoAnswer,
		"call.in-progress.error-providerfault-custom-llm-500-server-error": aurora.DispositionFailed, "call.start.error-get-org": aurora.DispositionFailed, "pipeline-error-openai-llm-failed": aurora.DispositionFailed,
		"assistant-request-failed": aurora.DispositionFailed, "assistant-request-returned-forwarding-phone-number": aurora.DispositionAnswered, "twilio-failed-to-connect-call": aurora.DispositionFailed,
		"call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable": aurora.DispositionNoAnswer, "call.in-progress.error-providerfault-outbound-sip-486-busy-here": aurora.DispositionBusy,
		"call.in-progress.error-providerfault-outbound-sip-403-forbidden": aurora.DispositionFailed, "worker-shutdown": aurora.DispositionFailed,
		"manually-canceled": "?", "vonage-completed": "?", "call.in-progress.twilio-completed-call": "?", "call.in-progress.error-warm-transfer-silence-timeout": "?", "never heard of": "?", "": "?",
	} {
		silent, spoken := want, want
		if want == "?" {
			silent, spoken = aurora.DispositionNoAnswer, aurora.DispositionAnswered
		}
		if a, b := providermsg.Classify(reason, providermsg.Evidence{}), providermsg.Classify(reason, providermsg.Evidence{Spoke: true}); a != silent || b != spoken {
			t.Errorf("%q is %s without speech and %s with it, want %s and %s", reason, a, b, silent, spoken)
		}
	}
}

// A report without a readable transcript says nothing about who spoke.
func TestUnknownConversation(t *testing.T) {
	for fields, want := range map[string]string{
		``:                                  "answered/",
		`"endedReason":"manually-canceled"`: "answered/",
		`"endedReason":"manually-canceled","durationSeconds":0`:                                                                      "failed/error",
		`"endedReason":"manually-canceled","durationSeconds":180,"successEvaluation":"true"`:                                         "answered/resolved",
		`"endedReason":"vonage-completed","analysis":{"successEvaluation":"fail"}`:                                                   "answered/unresolved",
		`"endedReason":"customer-ended-call","artifact":{"messages":[],"transcript":""}`:                                             "answered/",
		`"endedReason":"silence-timed-out","transcript":"words without a speaker"`:                                                   "answered/",
		`"endedReason":"customer-did-not-answer"`:                                                                                    "no-answer/no answer",
		`"endedReason":"voicemail","successEvaluation":"true"`:                                                                       "voicemail/voicemail",
		`"endedReason":"call.start.assistant-version-error-validation","durationSeconds":180,"successEvaluation":"true"`:             "failed/error",
		`"endedReason":"call.start.error-get-customer","messages":[{"role":"bot","message":"A"}]`:                                    "failed/error",
		`"endedReason":"call.in-progress.some-new-vapifault-of-a-later-version"`:                                                     "failed/error",
		`"endedReason":"manually-canceled","messages":[{"role":"bot","message":"A"}]`:                                                "no-answer/no answer",
		`"endedReason":"customer-ended-call","artifact":{"messages":[{"role":"system","message":"p"},{"role":"bot","message":"A"}]}`: "answered/dropped",
	} {
		r := parseReport(t, fields)
		if got := string(r.Disposition) + "/" + string(r.Outcome); got != want || r.Spoke {
			t.Errorf("%s: disposition and outcome are %s, spoke %v; want %s and false", fields, got, r.Spoke, want)
		}
	}
}

func TestTransfers(t *testing.T) {
	attempts := func(statuses ...string) string {
		var all []string
		for _, status := range statuses {
			all = append(all, `{"destination":{"number":"+15551230911"},"status":"`+status+`"}`)
		}
		return `"endedReason":"customer-ended-call","destination":{"number":"+15551230911"},"artifact":{"transfers":[` + strings.Join(all, ",") + `]}`
	}
	for fields, want := range map[string]string{
		attempts("connected"): "true false", attempts("completed"): "true false", attempts("COMPLETED"): "true false",
		attempts("cancelled"): "false true", attempts("no-answer"): "false true", attempts("busy"): "false true", attempts("failed"): "false true",
		attempts("voicemail"): "false true", attempts("ringing"): "false true", attempts("failed", "connected"): "true false", attempts("busy", "no_answer"): "false true",
		attempts("") + `,"forwardedPhoneNumber":"+15551230911"`:                                       "true false",
		`"endedReason":"customer-ended-call","artifact":{"transfers":[{}]}`:                           "false false",
		`"endedReason":"assistant-forwarded-call"`:                                                    "true false",
		`"endedReason":"assistant-forwarded-call","artifact":{"transfers":["{\"status\":\"busy\"}"]}`: "false true",
		`"endedReason":"call.forwarding.operator-busy"`:                                               "false true",
		`"endedReason":"call.forwarding.no-answer","destination":{"number":"+15551230911"}`:           "false true",
		`"endedReason":"call.in-progress.error-warm-transfer-silence-timeout"`:                        "false true",
		`"endedReason":"call.in-progress.error-transfer-failed"`:                                      "false true",
		`"endedReason":"customer-ended-call-during-transfer"`:                                         "false true",
		`"endedReason":"customer-ended-call-before-warm-transfer"`:                                    "false true",
		`"endedReason":"customer-ended-call","call":{"destination":{"sipUri":"sip:a@example.com"}}`:   "true false",
		`"endedReason":"customer-ended-call"`:                                                         "false false",
	} {
		if r := parseReport(t, fields); fmt.Sprint(r.Transferred, " ", r.TransferFailed) != want {
			t.Errorf("%s: transferred %v, failed %v; want %s", fields, r.Transferred, r.TransferFailed, want)
		}
	}
	busy, noAnswer := providermsg.Classify("call.forwarding.operator-busy", providermsg.Evidence{Spoke: true}), providermsg.Classify("call.forwarding.no-answer", providermsg.Evidence{Spoke: true})
	if busy != aurora.DispositionAnswered || busy != noAnswer {
		t.Errorf("operator-busy is %s and no-answer %s, want both answered", busy, noAnswer)
	}
}

func TestSquadCallsCountForTheFirstActiveAssistant(t *testing.T) {
	active := `"artifact":{"assistantActivations":[{"assistantName":"Inline"},{"assistantName":"A","assistantId":"a1"},{"assistantId":"a2"}]}`
	for fields, want := range map[string]string{
		`"call":{"squadId":"s1"},` + active: "a1",
		active:                              "a1",
		`"call":{"squadId":"s1"},"assistant":{"id":"a2"},` + active:                      "a1",
		`"call":{"assistantId":"a9"},` + active:                                          "a9",
		`"call":{"squad":{"members":[{"assistant":{"name":"x"}},{"assistantId":"m2"}]}}`: "m2",
		`"call":{"squadId":"s1","assistantId":"a9"}`:                                     "a9",
		`"call":{"squadId":"s1"}`:                                                        "",
	} {
		if got := parseReport(t, fields).AssistantID; got != want {
			t.Errorf("%s: the assistant is %q, want %q", fields, got, want)
		}
	}
}

// Providers add ended reasons all the time. The kind of a name decides, also if this version does not know the name.
func TestKindsOfEndedReasons(t *testing.T) {
	for want, reasons := range map[aurora.Disposition]string{
		aurora.DispositionFailed: `call-start-error-neither-assistant-nor-server-set call.start.error-vapifault-get-org call.start.error-subscription-frozen
			call.start.error-fraud-check-failed call.start.assistant-version-error-not-found call.start.something-new assistant-not-found assistant-not-valid
			assistant-request-returned-no-assistant assistant-join-timed-out pipeline-error-deepgram-returning-502-network-error
			pipeline-error-playht-out-of-credits pipeline-no-available-llm-model call.in-progress.error-vapifault-worker-died
			call.in-progress.error-providerfault-custom-llm-504-gateway-error call.in-progress.error-pipeline-no-available-llm-model
			call.in-progress.error-providerfault-transport-never-connected call.in-progress.error-assistant-did-not-receive-customer-audio
			call.in-progress.error-sip-outbound-call-failed-to-connect call.ringing.error-sip-inbound-call-failed-to-connect
			call.in-progress.error-providerfault-outbound-sip-503-service-unavailable call.in-progress.error-providerfault-outbound-sip-407-proxy-authentication-required
			twilio-failed-to-connect-call twilio-reported-customer-misdialed vonage-rejected vonage-failed-to-connect-call worker-shutdown call-deleted
			scheduled-call-deleted customer-did-not-give-microphone-permission phone-call-provider-bypass-enabled-but-no-call-received
			some.later.error-of-a-provider a-later-vapifault tts-provider-failed`,
		aurora.DispositionAnswered: `assistant-ended-call assistant-ended-call-with-hangup-task assistant-said-end-call-phrase assistant-forwarded-call
			customer-ended-call customer-ended-call-before-warm-transfer customer-ended-call-after-warm-transfer-attempt exceeded-max-duration
			silence-timed-out call.ringing.hook-executed-transfer assistant-request-returned-forwarding-phone-number`,
		aurora.DispositionNoAnswer: `customer-did-not-answer no-answer canceled call.in-progress.error-providerfault-outbound-sip-408-request-timeout
			call.ringing.sip-inbound-caller-hungup-before-call-connect`,
		aurora.DispositionBusy:      `customer-busy busy`,
		aurora.DispositionVoicemail: `voicemail`,
	} {
		for reason := range strings.FieldsSeq(reasons) {
			for _, e := range []providermsg.Evidence{{}, {Spoke: true}, {Unknown: true, Success: "true"}} {
				for _, spelt := range []string{reason, strings.ToUpper(reason), strings.ReplaceAll(reason, "-", "_")} {
					if got := providermsg.Classify(spelt, e); got != want {
						t.Errorf("%s with %+v is %s, want %s", spelt, e, got, want)
					}
				}
			}
		}
	}
}

// FuzzEndOfCall checks that no JSON makes the reader panic, or return a negative figure.
func FuzzEndOfCall(f *testing.F) {
	for _, body := range webhookBodies(f) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := providermsg.ParseMessage(body)
		if err != nil {
			if fault.From(err).Kind != fault.Invalid {
				t.Errorf("the error is %v, want invalid input", err)
			}
			return
		}
		r := m.EndOfCall()
		if r.Cost != nil && !(*r.Cost >= 0) || r.Seconds != nil && !(*r.Seconds >= 0) || r.Disposition == "" {
			t.Errorf("a figure is negative, or the disposition is missing: %+v", r)
		}
		if _, err := json.Marshal(r.Call("k", "v")); err != nil {
			t.Errorf("the row cannot be encoded: %v", err)
		}
	})
}
