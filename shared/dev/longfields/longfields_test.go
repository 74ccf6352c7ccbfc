package longfields_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/liquid"
	"example.com/aurora/shared/core/personaldata"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/retryafter"
	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/reportapi"
	"example.com/aurora/shared/transport/smstext"
	"example.com/aurora/shared/transport/speech"
	"example.com/aurora/shared/usecase/chat"
	"example.com/aurora/shared/usecase/outbound"
	"example.com/aurora/shared/usecase/report"
	"example.com/aurora/shared/usecase/webhook"
)

// reportFields are the paths of an end-of-call report at which a long text is tried. The last one stands for a member's name.
var reportFields = []string{"endedReason", "call.id", "call.assistantId", "type2", "transcript", "summary", "messages", "customer.number", "customer.name",
	"timestamp", "startedAt", "cost", "durationSeconds", "recordingUrl", "phoneNumber.number", "session.assistant_config", "destination.number",
	"artifact.transfers", "artifact.transcript", "analysis.structuredData", "analysis.structuredOutputs", "analysis.successEvaluation", "toolCallList", memberNameField}

const memberNameField = "(the name of a member)"

// reportBody returns an end-of-call report with a text at a path.
func reportBody(field, long string) []byte {
	message := map[string]any{"type": "end-of-call-report"}
	parts := strings.Split(field, ".")
	object := message
	for _, p := range parts[:len(parts)-1] {
		inner := map[string]any{}
		object[p], object = inner, inner
	}
	switch field {
	case memberNameField:
		message[long] = "x"
	case "messages":
		message["messages"] = []any{map[string]any{"role": "user", "message": long}, map[string]any{"role": long, "message": long}}
	default:
		object[parts[len(parts)-1]] = long
	}
	body, _ := json.Marshal(map[string]any{"message": message}) // plain values always encode
	return body
}

// readers read one untrusted text each, as the routes do.
func readers() map[string]func(s string) {
	log := lambdaapp.NewLogger(io.Discard, slog.LevelInfo)
	all := map[string]func(s string){
		"a redacted text":       func(s string) { personaldata.Text(s) },
		"a redacted transcript": func(s string) { personaldata.Transcript(s) },
		"redacted data":         func(s string) { _, _ = personaldata.Data(quoted(s)) },
		"a report in pieces":    func(s string) { personaldata.Unreadable(`{"message":{"transcript":"`+s, nil) },
		"a webhook body":        func(s string) { _, _ = webhook.Scrub([]byte(s)) },
		"a log line":            func(s string) { log.InfoContext(context.Background(), s, "callId", s) },
		"credentials":           func(s string) { redact.Credentials(s) },
		"a credential's name":   func(s string) { redact.IsCredentialName(s) },
		"a line":                func(s string) { text.Line(s, 200) },
		"lines":                 func(s string) { text.Lines(s) },
		"a name":                func(s string) { text.Name(s) },
		"a shown line":          func(s string) { text.DisplayLine(s, 200) },
		"a shown text":          func(s string) { text.DisplayLines(s, len(s)) },
		"a text message":        func(s string) { text.SMSParts(s); smstext.Format(s, 160) },
		"a spoken answer":       func(s string) { speech.Text(s) },
		"a telephone number":    func(s string) { aurora.ParsePhone(s) },
		"an id":                 func(s string) { aurora.SafeKey(s); aurora.EndOfCallKey(s, s, time.Time{}, strings.Repeat("0", 64)) },
		"Retry-After":           func(s string) { retryafter.Parse(s, time.Time{}) },
		"a link":                func(s string) { auth.UnverifiedObject(auth.TokenIn(s)) },
		"a template":            func(s string) { _ = liquid.Check(s) },
		"tool arguments":        func(s string) { _, _ = agent.CanonicalArguments(s) },
		"a chat's call":         func(s string) { _, _ = chat.DecodeSession([]byte(s), returnError) },
		"a chat's messages":     func(s string) { _, _ = chat.DecodeMessages([]byte(s), "messages", returnError) },
		"a CSV cell":            func(s string) { _ = report.NewCSV(io.Discard, nil).Write(aurora.Call{CustomerName: s}) },
		"a key": func(s string) {
			_, _ = auth.WebhookPolicy.Authenticate(context.Background(), http.Header{"X-Vapi-Secret": {s}, "Authorization": {"Bearer " + s}}, noKeys{})
		},
		"a query": func(s string) {
			_, _ = reportapi.ReadRequest(httptest.NewRequest(http.MethodPost, "/api/reports/aurora-report/weekly?assistantId="+url.QueryEscape(s), nil))
		},
		"a call request": func(s string) {
			body, _ := json.Marshal(map[string]any{"assistantId": s, "phoneNumber": s, "client": map[string]any{"phoneNumber": s, "name": s}, "name": s, s: s})
			serve(callapi.PlaceHandler(noCalls{}, "uat", "", ""), "application/json", string(body))
		},
		"a provider's callback": func(s string) {
			form := url.Values{"CallSid": {s}, "CallStatus": {s}, "CallDuration": {s}, "To": {s}, "AnsweredBy": {s}, "Timestamp": {s}, "SequenceNumber": {s}}
			serve(callapi.CallbackHandler(noCalls{}, noCalls{}, ""), "application/x-www-form-urlencoded", form.Encode())
		},
	}
	for _, field := range reportFields {
		all["a report's "+field] = func(s string) {
			body := reportBody(field, s)
			_, _ = webhook.Scrub(body)
			_, _ = personaldata.Message(body, nil)
			if m, err := providermsg.ParseMessage(body); err == nil {
				_ = m.EndOfCall()
				_ = m.Transcript()
				_, _ = m.AssistantNumber()
			}
		}
	}
	return all
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // strings always encode
	return b
}

func returnError(_ string, err error) error { return err }

func serve(handler func(http.ResponseWriter, *http.Request) error, contentType, body string) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	_ = handler(httptest.NewRecorder(), r)
}

type noKeys struct{}

func (noKeys) Keys(context.Context, auth.KeyKind) ([]auth.Key, error) { return nil, nil }

type noCalls struct{}

func (noCalls) Place(context.Context, outbound.Request) (outbound.PlacedCall, error) {
	return outbound.PlacedCall{}, nil
}
func (noCalls) VerifySignature(context.Context, string, url.Values, string) error { return nil }
func (noCalls) HandleCallback(context.Context, outbound.Callback) error           { return nil }

// patterns are repeated to make a long text. Each is the beginning of something that a reader looks for.
var patterns = []string{"a", " ", "\n", "a\n", "1 ", "one two ", "double ", "@", "a at b dot ", "my name is ", "User: ", "User: a\nb\n", "x: a\nAI: b\n", "A: b C: d ",
	"[00:12] ", "00:00:01,000 --> 00:00:02,000\n", "\"", "\\", "{", "[", `{"a":`, `[{"a":`, `"a":"b",`, "<", "*", "_", "`", "**a ", "[a](", "&a=", "?api_key=", "%40",
	"Bearer ", "sk-", "0123456789abcdef", "+1", "415-555-0100 ", "é", "\u0301", "\u200b", "一", "{{", "{% if a %}", "error-", "https://a/", ",", "Id", "\xff"}

func allocated(read func(s string), s string) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read(s)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const (
	shortLength = 2 << 10
	times       = 8
	// maxGrowth is how many times as much a text may allocate that is eight times as long. Quadratic work allocates 64 times as much.
	maxGrowth = 3 * times
	// fewBytes are not compared: what does not depend on the text would count.
	fewBytes = 8 << 20
)

// checkGrowth reads a pattern's repetition, and one that is eight times as long.
func checkGrowth(t *testing.T, read func(s string), pattern string) {
	t.Helper()
	short := strings.Repeat(pattern, max(1, shortLength/len(pattern)))
	long := strings.Repeat(short, times)
	read(short) // what is made once does not count
	if a, b := allocated(read, short), allocated(read, long); b > fewBytes && b > maxGrowth*a {
		t.Errorf("%q repeated: %d bytes of text allocate %d, %d bytes allocate %d", pattern, len(short), a, len(long), b)
	}
}

func TestLongFields(t *testing.T) {
	testkit.DiscardLog(t)
	for name, read := range readers() {
		t.Run("fault 74: "+name, func(t *testing.T) {
			for _, pattern := range patterns {
				checkGrowth(t, read, pattern)
			}
		})
	}
}

// TestFieldsOfMegabytes reads texts that are so long that quadratic work, also without allocations, would not end in the time
// that go test has.
func TestFieldsOfMegabytes(t *testing.T) {
	testkit.DiscardLog(t)
	all := readers()
	for _, field := range []string{"a report's endedReason", "a report's transcript", "a report's " + memberNameField, "a telephone number", "Retry-After", "an id"} {
		for _, pattern := range []string{"a", "error-"} {
			t.Run("fault 74: "+field, func(*testing.T) { all[field](strings.Repeat(pattern, 4<<20/len(pattern))) })
		}
	}
}

// FuzzLongFields looks for patterns whose repetition costs more than it should.
func FuzzLongFields(f *testing.F) {
	testkit.DiscardLog(f)
	all := readers()
	names := slices.Sorted(maps.Keys(all))
	for i, pattern := range patterns {
		f.Add(uint8(i), pattern)
	}
	f.Fuzz(func(t *testing.T, which uint8, pattern string) {
		if pattern == "" || len(pattern) > 64 {
			return
		}
		checkGrowth(t, all[names[int(which)%len(names)]], pattern)
	})
}

func BenchmarkLongFields(b *testing.B) {
	testkit.DiscardLog(b)
	for name, read := range readers() {
		for _, length := range []int{64 << 10, times * 64 << 10} {
			s := strings.Repeat("User: one two, 415 at b dot c\n", length/30)
			b.Run(fmt.Sprintf("%s/%dKB", strings.ReplaceAll(name, " ", "_"), length>>10), func(b *testing.B) {
				b.SetBytes(int64(len(s)))
				for b.Loop() {
					read(s)
				}
			})
		}
	}
}
