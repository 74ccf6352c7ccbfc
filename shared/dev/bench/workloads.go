package bench

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/emulator"
)

const (
	seededAssistant = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4" // one of the seeded assistants
	benchBucket     = "aurora-bench"                         // not the stack's bucket, whose notifications would start the stack's workers
)

// workload names one of a function's events and how to change it for the n-th invocation, so that no invocation repeats
// another.
type workload struct {
	file string
	make func(b *bench, ctx context.Context, n int, e map[string]any) error
}

// workloads are the workloads by function. A function that is missing here gets its first event unchanged.
var workloads = map[string]workload{
	"authorizer-bearer":   {"right-key", withStackKey("BINARYTINT_API_KEY")},
	"authorizer-webhook":  {"right-key", withStackKey("BINARYTINT_API_KEY")},
	"authorizer-internal": {"internal", withStackKey("BINARYTINT_INTERNAL_API_KEY")},
	"authorizer-partner":  {"external", withStackKey("BINARYTINT_EXTERNAL_API_KEY")},
	"webhook": {"end-of-call-report", func(b *bench, _ context.Context, n int, e map[string]any) error {
		e["body"] = b.endOfCallReport(n, 10<<10)
		return nil
	}},
	"chat-completions":         {"document-stream", chatTurn},
	"chat-completions-voice":   {"document-stream", chatTurn},
	"chat-completions-sms":     {"document", chatTurn},
	"chat-completions-chat":    {"document", chatTurn},
	"outbound-call-uat":        {"idempotency-key", outboundCall},
	"hyperscale-outbound-call": {"idempotency-key", outboundCall},
	"outbound-call-status":     {"completed", twilioForm("/api/outbound-call-status")},
	"voice-incoming":           {"incoming", twilioForm("/twilio/voice")},
	"voice-after":              {"status-completed", twilioForm("/twilio/voice/status")},
	"message-incoming":         {"text", twilioForm("/twilio/messages")},
	"voice-relay":              {"connect", handshake},
	"call-worker":              {"notification", storedReport},
	"aurora-report":            {"document", reportRequest},
	"aurora-internal-report":   {"weekly", func(*bench, context.Context, int, map[string]any) error { return nil }},
	"report-schedule":          {"all", func(*bench, context.Context, int, map[string]any) error { return nil }},
	"retention":                {"daily", func(*bench, context.Context, int, map[string]any) error { return nil }},
	"report-worker":            {"weekly", queuedReport},
	"report-view":              {"right", reportLink},
}

// event returns the n-th event for a function.
func (b *bench) event(ctx context.Context, function string, n int) ([]byte, error) {
	folder := filepath.Join(b.Root, "events", function)
	w, known := workloads[function]
	if !known {
		files, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("%s has no event", function)
		}
		return os.ReadFile(files[0])
	}
	text, err := os.ReadFile(filepath.Join(folder, w.file+".json"))
	if err != nil {
		return nil, err
	}
	var e map[string]any
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("%s: %w", function, err)
	}
	if err := w.make(b, ctx, n, e); err != nil {
		return nil, fmt.Errorf("change the event %s of %s: %w", w.file, function, err)
	}
	return json.Marshal(e)
}

// withStackKey returns a change that replaces the event's API key by the stack's.
func withStackKey(name string) func(*bench, context.Context, int, map[string]any) error {
	return func(b *bench, _ context.Context, _ int, e map[string]any) error {
		key := b.stack.Info().Keys[name]
		headers := map[string]any{}
		many := map[string]any{}
		old, _ := e["headers"].(map[string]any)
		for header, value := range old {
			value, _ := value.(string)
			if strings.Contains(value, "aur_") {
				value = key
				if header == "Authorization" {
					value = "Bearer " + key
				}
			}
			headers[header], many[header] = value, []string{value}
		}
		e["headers"], e["multiValueHeaders"] = headers, many
		return nil
	}
}

// changeBody applies change to the JSON body of an event.
func changeBody(e map[string]any, change func(body map[string]any)) error {
	text, _ := e["body"].(string)
	var b map[string]any
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return err
	}
	change(b)
	changed, err := json.Marshal(b)
	e["body"] = string(changed)
	return err
}

// chatTurn makes the event a turn of a new conversation.
func chatTurn(_ *bench, _ context.Context, n int, e map[string]any) error {
	return changeBody(e, func(b map[string]any) {
		if call, ok := b["call"].(map[string]any); ok {
			call["id"] = fmt.Sprintf("bench-%d", n)
		}
	})
}

// outboundCall returns a request for a distinct call to a distinct number.
func outboundCall(_ *bench, _ context.Context, n int, e map[string]any) error {
	headers, _ := e["headers"].(map[string]any)
	many, _ := e["multiValueHeaders"].(map[string]any)
	headers["Idempotency-Key"], many["Idempotency-Key"] = fmt.Sprintf("bench-%d", n), []string{fmt.Sprintf("bench-%d", n)}
	number := exampleNumber(n)
	return changeBody(e, func(b map[string]any) {
		if client, ok := b["client"].(map[string]any); ok {
			client["phoneNumber"] = number
		} else {
			b["phoneNumber"] = number
		}
	})
}

// exampleNumber returns a number of the range that is reserved for examples.
func exampleNumber(n int) string { return fmt.Sprintf("+141555501%02d", 21+n%79) }

// twilioForm returns a change that makes the event a request of Twilio about a new call or message, signed for this stack.
func twilioForm(path string) func(*bench, context.Context, int, map[string]any) error {
	return func(b *bench, _ context.Context, n int, e map[string]any) error {
		text, _ := e["body"].(string)
		form, err := url.ParseQuery(text)
		if err != nil {
			return err
		}
		form.Set("AccountSid", emulator.TwilioAccountSID)
		for name, prefix := range map[string]string{"CallSid": "CA", "MessageSid": "SM", "SmsSid": "SM", "SmsMessageSid": "SM"} {
			if form.Has(name) {
				form.Set(name, fmt.Sprintf("%s%032x", prefix, n+1))
			}
		}
		signed := b.stack.Info().API + path
		for _, name := range slices.Sorted(maps.Keys(form)) {
			signed += name + form.Get(name)
		}
		signEvent(e, signed)
		e["queryStringParameters"], e["multiValueQueryStringParameters"] = nil, nil
		e["body"] = form.Encode()
		return nil
	}
}

// handshake makes the event a handshake of ConversationRelay, signed for this stack.
func handshake(b *bench, _ context.Context, _ int, e map[string]any) error {
	signEvent(e, b.relayURL())
	return nil
}

// signEvent sets the header with Twilio's signature of a text.
func signEvent(e map[string]any, text string) {
	signature := sign(text)
	headers, _ := e["headers"].(map[string]any)
	many, _ := e["multiValueHeaders"].(map[string]any)
	headers["X-Twilio-Signature"], many["X-Twilio-Signature"] = signature, []string{signature}
}

// sign returns Twilio's signature of a text, with the token of this stack's account.
func sign(text string) string {
	mac := hmac.New(sha1.New, []byte(emulator.TwilioAuthToken))
	_, _ = mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// storedReport returns a report that is in the bucket and not indexed.
func storedReport(b *bench, ctx context.Context, n int, e map[string]any) error {
	key := fmt.Sprintf("eoc/%s/%s/bench-%d.json", seededAssistant, b.began.UTC().Format("2006/01/02"), n)
	if err := b.putObject(ctx, key, b.endOfCallReport(n, 10<<10)); err != nil {
		return err
	}
	text, _ := json.Marshal(e)
	changed := strings.ReplaceAll(string(text), "eoc/a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4/2026/11/18/6a4a10c1-e6b9-47bb-a577-933d598cc013.json", key)
	if changed == string(text) {
		return fmt.Errorf("the event names another object")
	}
	return json.Unmarshal([]byte(changed), &e)
}

// reportRequest returns a request for a report of a new week.
func reportRequest(b *bench, _ context.Context, n int, e map[string]any) error {
	e["body"] = fmt.Sprintf(`{"ASSISTANT_ID":%q,"until":%q}`, seededAssistant, b.weekEnd(n))
	return nil
}

func queuedReport(b *bench, _ context.Context, n int, e map[string]any) error {
	records, _ := e["Records"].([]any)
	record, _ := records[0].(map[string]any)
	record["body"] = fmt.Sprintf(`{"assistantId":%q,"period":"weekly","until":%q}`, seededAssistant, b.weekEnd(n+500))
	return nil
}

// weekEnd returns the end of a week that includes the calls of this run. Each n has another one.
func (b *bench) weekEnd(n int) string {
	return b.began.UTC().Truncate(time.Minute).Add(-time.Duration(n) * time.Minute).Format(time.RFC3339)
}

// reportLink makes the event a request for the link in a report mail.
func reportLink(b *bench, ctx context.Context, _ int, e map[string]any) error {
	links := auth.Links{Secrets: b.secrets, SecretName: b.secretName("links"), Now: time.Now}
	token, err := links.NewToken(ctx, "reports/"+seededAssistant+"/weekly/2026-11-16T0000/report.html")
	if err != nil {
		return err
	}
	e["body"] = "token=" + token
	return nil
}

// endOfCallReport returns the report of a new call, with a transcript that brings it to about this size in bytes.
func (b *bench) endOfCallReport(n, size int) string {
	const question, answer = "When are you open this week, and may I bring my dog?", "From nine to five, and of course you may. Is there anything else?"
	ended := b.began.UTC().Add(-24 * time.Hour)
	var transcript strings.Builder
	var messages []map[string]any
	for turn := 0; 2*transcript.Len()+len(messages)*38 < size-600; turn++ {
		said := fmt.Sprintf("%s (%d)", question, turn)
		fmt.Fprintf(&transcript, "AI: %s\nUser: %s\n", answer, said)
		messages = append(messages, map[string]any{"role": "assistant", "content": answer}, map[string]any{"role": "user", "content": said})
	}
	text, _ := json.Marshal(map[string]any{"message": map[string]any{ // encoding plain values cannot fail
		"type": "end-of-call-report", "endedReason": "customer-ended-call", "transcript": transcript.String(), "messages": messages,
		"timestamp": ended.Format(time.RFC3339), "startedAt": ended.Add(-time.Minute).Format(time.RFC3339), "endedAt": ended.Format(time.RFC3339),
		"call": map[string]any{"id": fmt.Sprintf("bench-%d-%d", size, n), "assistantId": seededAssistant, "type": "inboundPhoneCall", "cost": "0.0385", "duration": "60",
			"customer": map[string]any{"number": exampleNumber(n)}},
	}})
	return string(text)
}
