package personaldata_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/personaldata"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/eventcase"
)

var own = []aurora.Phone{"+15551230100"}

func redactMessage(t *testing.T, body string) string {
	t.Helper()
	got, err := personaldata.Message([]byte(body), own)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := personaldata.Message(got, own); err != nil || string(again) != string(got) {
		t.Errorf("a second pass changed\n%s to\n%s, %v", got, again, err)
	}
	return string(got)
}

func TestMessage(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"the customer": {
			`{"message":{"type":"end-of-call-report","customer":{"number":"+14155550100","name":"Dana Smith","email":"dana@example.com","numberE164CheckEnabled":true,"sipUri":"sip:dana@localhost"}}}`,
			`{"message":{"type":"end-of-call-report","customer":{"number":"[phone number]","name":"[removed]","email":"[e-mail]","numberE164CheckEnabled":true,"sipUri":"[e-mail]"}}}`},
		"a withheld number": {
			`{"message":{"customer":{"number":"anonymous"}}}`, `{"message":{"customer":{"number":"anonymous"}}}`},
		"our own number": {
			`{"message":{"phoneNumber":{"id":"n1","number":"+15551230100"},"destination":{"number":"+1 (555) 123-0100"}}}`,
			`{"message":{"phoneNumber":{"id":"n1","number":"+15551230100"},"destination":{"number":"+1 (555) 123-0100"}}}`},
		"ids, times and figures": {
			`{"message":{"call":{"id":"4111111111111111","phoneCallProviderId":"CA0123"},"orgId":"12345678","timestamp":1763980000000,"startedAt":"2026-11-25T10:00:00Z","cost":4155550100,"durationMs":4111111111111111}}`,
			`{"message":{"call":{"id":"4111111111111111","phoneCallProviderId":"CA0123"},"orgId":"12345678","timestamp":1763980000000,"startedAt":"2026-11-25T10:00:00Z","cost":4155550100,"durationMs":4111111111111111}}`},
		"an id with a number": {
			`{"message":{"call":{"id":"web+14155550100"}}}`, `{"message":{"call":{"id":"` + aurora.SafeKey("web+14155550100") + `"}}}`},
		"a card over several turns": {
			`{"message":{"messages":[{"role":"user","message":"It's 4111"},{"role":"bot","message":"Go on."},{"role":"user","message":"1111 and"},{"role":"bot","message":"Yes?"},{"role":"user","message":"one one one one"},{"role":"user","message":"1111."}]}}`,
			`{"message":{"messages":[{"role":"user","message":"It's [card number]"},{"role":"bot","message":"Go on."},{"role":"user","message":"[card number] and"},{"role":"bot","message":"Yes?"},{"role":"user","message":"[card number]"},{"role":"user","message":"[card number]."}]}}`},
		"parts of content": {
			`{"message":{"messagesOpenAIFormatted":[{"role":"user","content":[{"type":"text","text":"4111 1111"},{"type":"text","text":"1111 1111"}]}]}}`,
			`{"message":{"messagesOpenAIFormatted":[{"role":"user","content":[{"type":"text","text":"[card number]"},{"type":"text","text":"[card number]"}]}]}}`},
		"single words": {
			`{"message":{"messages":[{"role":"user","message":"hi","metadata":{"wordLevelConfidence":[{"word":"Dana","start":0.1},{"word":"four"}]}}]}}`,
			`{"message":{"messages":[{"role":"user","message":"hi","metadata":{"wordLevelConfidence":[{"word":"[removed]","start":0.1},{"word":"[removed]"}]}}]}}`},
		"arguments of a tool": {
			`{"message":{"messages":[{"role":"tool_calls","toolCalls":[{"id":"t1","function":{"name":"book","arguments":"{\"phone\": \"4155550100\", \"guests\": 4, \"orderNumber\": \"12345678\"}"}}]},{"role":"tool_call_result","result":"{\"mail\":\"dana@example.com\"}"}]}}`,
			`{"message":{"messages":[{"role":"tool_calls","toolCalls":[{"id":"t1","function":{"name":"book","arguments":"{\"phone\": \"[phone number]\", \"guests\": 4, \"orderNumber\": \"12345678\"}"}}]},{"role":"tool_call_result","result":"{\"mail\":\"[e-mail]\"}"}]}}`},
		"structured data": {
			`{"message":{"analysis":{"summary":"Dana, 415-555-0100, booked.","structuredData":{"phoneNumber":4155550100,"ssn":123456789,"card":4111111111111111,"note":"mail dana at example dot com","guests":4,"total":123456789}}}}`,
			`{"message":{"analysis":{"summary":"Dana, [phone number], booked.","structuredData":{"phoneNumber":"[phone number]","ssn":"[national id]","card":"[card number]","note":"mail [e-mail]","guests":4,"total":123456789}}}}`},
		"variables": {
			`{"message":{"artifact":{"variableValues":{"customer":{"number":"+14155550100"},"firstName":"Dana","dateOfBirth":"1980-01-01","now":"Nov 25, 2026"}}}}`,
			`{"message":{"artifact":{"variableValues":{"customer":{"number":"[phone number]"},"firstName":"[removed]","dateOfBirth":"[removed]","now":"Nov 25, 2026"}}}}`},
		"recordings": {
			`{"message":{"recordingUrl":"https://r.example.com/a.wav","artifact":{"recording":{"mono":{"combinedUrl":"https://r.example.com/b.wav"}},"logUrl":"https://r.example.com/l","presignedUrls":["https://r.example.com/p"]},"assistant":{"serverUrl":"https://s.example.com/"}}}`,
			`{"message":{"recordingUrl":"[removed]","artifact":{"recording":{"mono":{"combinedUrl":"[removed]"}},"logUrl":"[removed]","presignedUrls":["[removed]"]},"assistant":{"serverUrl":"https://s.example.com/"}}}`},
		"escapes and twice the same name": {
			`{"message":{"a":"\u0034\u0031\u0031\u0031 1111 1111 1111","a":"\ud83d\ude00","n":1.50,"big":123456789012345678901234567890}}`,
			`{"message":{"a":"[card number]","a":"\ud83d\ude00","n":1.50,"big":123456789012345678901234567890}}`},
		"names of members": {
			`{"message":{"variableValues":{"+14155550100":"home"}}}`, `{"message":{"variableValues":{"[phone number]":"home"}}}`},
	} {
		if got := redactMessage(t, c.in); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// shape returns a JSON value with every text replaced by nothing, and so the structure and the figures of it.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = shape(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = shape(inner)
		}
	case string:
		return ""
	}
	return v
}

// Redacted reports have the structure and the figures of the original, and lead to the same row but for what is personal.
func TestMessageKeepsStructureAndFigures(t *testing.T) {
	bodies, err := eventcase.Payloads(filepath.Join("..", "..", ".."), "webhook")
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range bodies {
		var before, after any
		if json.Unmarshal([]byte(body), &before) != nil {
			continue
		}
		got, err := personaldata.Message([]byte(body), own)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(shape(before), shape(after)) {
			t.Errorf("%s: the structure or a figure changed:\n%s\n%s", name, body, got)
		}
		m, err := providermsg.ParseMessage([]byte(body))
		if err != nil {
			continue
		}
		redacted, err := providermsg.ParseMessage(got)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, b := m.EndOfCall(), redacted.EndOfCall()
		for _, r := range []*providermsg.EndOfCall{&a, &b} {
			r.Customer, r.CustomerName, r.Summary, r.RecordingURL, r.Extracted, r.AssistantNumber = "", "", "", "", nil, ""
			for i, id := range r.IDs {
				r.IDs[i] = aurora.SafeKey(id)
			}
		}
		if a.Withheld = b.Withheld; !reflect.DeepEqual(a, b) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, b, a)
		}
	}
}

func TestUnreadable(t *testing.T) {
	in := `{"message":{"customer":{"number":"+14155550100","name":"Dana"},"recordingUrl":"https://rec.example.com/1","messages":[{"role":"user","message":"4111\n1111"},
		{"role":"bot","message":"yes"},{"role":"user","message":"\u0031111 1111"},{"x":"dana@exam`
	got := personaldata.Unreadable(in, own)
	for _, personal := range []string{"5550100", "4111", "dana", "Dana", "rec.example"} {
		if strings.Contains(got, personal) {
			t.Errorf("%s is left in %s", personal, got)
		}
	}
	broken := `{'customer': {'number': '+14155550100', 'firstName': 'Dana'}, 'transcript': 'AI: yes\nUser: 4111 1111 1111 1111', 'recordingUrl': 'https://rec.example.com/1'}`
	if got := personaldata.Unreadable(broken, own); strings.Contains(got, "5550100") || strings.Contains(got, "Dana") || strings.Contains(got, "4111") || strings.Contains(got, "rec.example") {
		t.Errorf("personal data is left in %s", got)
	}
	utf16 := "4\x001\x001\x001\x00" + strings.Repeat("1\x00", 12)
	if got := personaldata.Unreadable(utf16, own); got != "[card number]" {
		t.Errorf("Unreadable = %q", got)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(`{"message":{"customer":{"number":"+14155550100"},"messages":[{"role":"user","message":"4111 1111"},{"role":"user","message":"1111 1111"}]}}`)
	f.Add(`[{"word":"a"},"1","2",{"session":"{\"phone\":1234567}"}]`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := personaldata.Message([]byte(s), own)
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Errorf("Message(%q) = %q", s, got)
		}
		if again, err := personaldata.Message(got, own); err != nil || string(again) != string(got) {
			t.Errorf("a second pass changed %q to %q, %v", got, again, err)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	turn := `{"role":"user","message":"I would like to book a table, my number is 415 555 0100.","time":1763980000000,"secondsFromStart":12.5},`
	body := `{"message":{"type":"end-of-call-report","messages":[` + strings.Repeat(turn, (1<<20)/len(turn)) + `{}]}}`
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := personaldata.Message([]byte(body), own); err != nil {
			b.Fatal(err)
		}
	}
}
