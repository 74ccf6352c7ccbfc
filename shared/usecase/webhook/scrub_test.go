package webhook_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/usecase/webhook"
)

func mustScrub(t testing.TB, body string) webhook.Scrubbed {
	t.Helper()
	clean, err := webhook.Scrub([]byte(body))
	if err != nil {
		t.Fatalf("%.200s: %v", body, err)
	}
	return clean
}

func TestScrub(t *testing.T) {
	for name, c := range map[string]struct {
		in, out string
		removed int
	}{
		"a credential":         {`{"twilioAuthToken":"s"}`, `{"twilioAuthToken":"[removed]"}`, 1},
		"any case":             {`{"TWILIOAUTHTOKEN":"s","X-Vapi-Secret":"s","api_key":"s","Authorization":"Bearer s"}`, `{"TWILIOAUTHTOKEN":"[removed]","X-Vapi-Secret":"[removed]","api_key":"[removed]","Authorization":"[removed]"}`, 4},
		"escaped name":         {`{"p\u0061ssword":"s"}`, `{"p\u0061ssword":"[removed]"}`, 1},
		"a number":             {`{"password":1234,"authToken":5}`, `{"password":"[removed]","authToken":"[removed]"}`, 2},
		"an object":            {`{"secrets":{"a":["s"]}}`, `{"secrets":"[removed]"}`, 1},
		"no secret":            {`{"credentialId":"x","promptTokens":5,"maxTokens":250,"timeToFirstToken":612,"apiKey":"","token":null,"hasPassword":true}`, "", 0},
		"twice":                {`{"apiKey":"a","apiKey":"b"}`, `{"apiKey":"[removed]","apiKey":"[removed]"}`, 2},
		"scrubbed before":      {`{"apiKey":"[removed]"}`, "", 0},
		"in a JSON string":     {`{"messages":"[{\"authToken\":\"s\",\"n\":1.50}]"}`, `{"messages":"[{\"authToken\":\"[removed]\",\"n\":1.50}]"}`, 1},
		"in JSON in a string":  {`{"m":"{\"m\":\"{\\\"apiKey\\\":\\\"s\\\"}\"}"}`, `{"m":"{\"m\":\"{\\\"apiKey\\\":\\\"[removed]\\\"}\"}"}`, 1},
		"a JSON string twice":  {`{"m":"\"{\\\"apiKey\\\":\\\"s\\\"}\""}`, `{"m":"\"{\\\"apiKey\\\":\\\"[removed]\\\"}\""}`, 1},
		"a pair":               {`{"headers":[{"name":"X-Api-Key","value":"s"},{"key":"Accept","value":"s"}]}`, `{"headers":[{"name":"X-Api-Key","value":"[removed]"},{"key":"Accept","value":"s"}]}`, 1},
		"prose":                {`{"t":"it is sk-abcdefghijklmnopqrstuvwx ok"}`, `{"t":"it is [removed] ok"}`, 1},
		"a bearer":             {`["Bearer abcdefghijklmnopqrst"]`, `["Bearer [removed]"]`, 1},
		"a query":              {`{"url":"https://x.example.com/a?b=1&api_key=s&c=2"}`, `{"url":"https://x.example.com/a?b=1&api_key=[removed]&c=2"}`, 1},
		"a recording's token":  {`{"url":"https://x.example.com/a.wav?alt=media&token=s"}`, "", 0},
		"as it came":           {`{"a":1.50,"b":1e400,"c":"\u00e9\/","d":12345678901234567890,"a":"\ud800"}`, "", 0},
		"markup":               {`{"t":"<script>alert(1)</script> & more"}`, "", 0},
		"spoken of":            {`{"t":"my password is under the mat, the secret is out"}`, "", 0},
		"a question":           {`{"Did the caller give a password":"no","result":{"name":"Gave a password","value":"no"}}`, "", 0},
		"broken inner JSON":    {`{"m":"{\"apiKey\":"}`, "", 0},
		"not UTF-8":            {"{\"t\":\"a\xff\xfeb\"}", `{"t":"a` + "\ufffd\ufffd" + `b"}`, 0},
		"white space":          {" { \"a\" : [ 1 , 2 ] } ", `{"a":[1,2]}`, 0},
		"nothing":              {`{}`, "", 0},
		"a name that is close": {`{"secretary":"s","tokenizer":"s","passwordless":"s"}`, `{"secretary":"s","tokenizer":"s","passwordless":"[removed]"}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if c.out == "" {
				c.out = c.in
			}
			clean := mustScrub(t, c.in)
			if string(clean.JSON) != c.out || clean.Removed != c.removed {
				t.Errorf("%s\nbecame %s with %d removed\nwant   %s with %d", c.in, clean.JSON, clean.Removed, c.out, c.removed)
			}
			if again := mustScrub(t, c.out); again.Hash != clean.Hash || again.Removed != 0 {
				t.Errorf("a second pass removed %d more, or changed the hash (equal: %v)", again.Removed, again.Hash == clean.Hash)
			}
		})
	}
}

func TestScrubAcceptsDepthOfEncodingJSON(t *testing.T) {
	for _, depth := range []int{9999, 10000} {
		body := strings.Repeat(`[`, depth) + strings.Repeat(`]`, depth)
		if !json.Valid([]byte(body)) {
			t.Fatalf("encoding/json does not accept depth %d", depth)
		}
		if clean := mustScrub(t, body); string(clean.JSON) != body {
			t.Errorf("a text of depth %d was changed", depth)
		}
	}
}

func TestHashIgnoresDeliveryFields(t *testing.T) {
	base := mustScrub(t, `{"message":{"timestamp":1,"a":{"timestamp":5},"presignedUrl":"x","authToken":"k1","b":2}}`).Hash
	for body, same := range map[string]bool{
		`{"message":{"timestamp":2,"a":{"timestamp":5},"presignedUrl":"y","authToken":"k2","b":2}}`:    true,
		`{"message":{"a":{"timestamp":5},"authToken":"k1","b":2,"timestamp":"x"}}`:                     true,
		`{ "message": {"a":{"timestamp":5},"presignedMonoUrl":{"c":1},"authToken":"[removed]","b":2}}`: true,
		`{"message":{"timestamp":1,"a":{"timestamp":6},"presignedUrl":"x","authToken":"k1","b":2}}`:    false,
		`{"message":{"timestamp":1,"a":{"timestamp":5},"authToken":"k1","b":3}}`:                       false,
		`{"timestamp":1,"message":{"a":{"timestamp":5},"authToken":"k1","b":2}}`:                       false,
		`[{"message":{"timestamp":1,"a":{"timestamp":5},"authToken":"k1","b":2}}]`:                     false,
	} {
		if got := mustScrub(t, body).Hash == base; got != same {
			t.Errorf("%s has the same hash: %v, want %v", body, got, same)
		}
	}
}

// FuzzScrub checks that Scrub accepts what encoding/json accepts, leaves no credential, and changes nothing else.
func FuzzScrub(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"authToken":"x"}]}`, `{"m":"{\"apiKey\":\"s\"}"}`, `"\ud800"`, "\"\xff\"", `{"name":"Authorization","value":"x"}`, `{"a":1e400,"a":null}`, `{"":{"":"Bearer 01234567890123456789"}}`} {
		f.Add([]byte(seed))
	}
	for _, body := range webhookBodies(f) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		clean, err := webhook.Scrub(body)
		if err != nil {
			t.Fatalf("Scrub does not accept valid JSON: %v", err)
		}
		before, after := decodeJSON(t, body), decodeJSON(t, clean.JSON)
		compareJSON(t, "$", before, after, false)
		if again := mustScrub(t, string(clean.JSON)); again.Removed != 0 || again.Hash != clean.Hash || !bytes.Equal(again.JSON, clean.JSON) {
			t.Errorf("a second pass removed %d more, of %s", again.Removed, clean.JSON)
		}
	})
}

func decodeJSON(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// compareJSON compares a text before and after Scrub. It knows only the most obvious names of credentials, so that it does
// not repeat the code under test.
func compareJSON(t *testing.T, at string, before, after any, secret bool) {
	t.Helper()
	if secret {
		switch before.(type) {
		case nil, bool:
		default:
			if before != "" && after != redact.Removed {
				t.Errorf("%s: the credential %v was not removed", at, after)
			}
			return
		}
	}
	if after == redact.Removed {
		return
	}
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok || !slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))) {
			t.Fatalf("%s: %v became %v", at, before, after)
		}
		for name := range b {
			switch strings.ToLower(name) {
			case "twilioauthtoken", "authtoken", "apikey", "password", "authorization", "clientsecret", "server_secret":
				compareJSON(t, at+"."+name, b[name], a[name], true)
			default:
				compareJSON(t, at+"."+name, b[name], a[name], false)
			}
		}
	case []any:
		a, ok := after.([]any)
		if !ok || len(a) != len(b) {
			t.Fatalf("%s: %v became %v", at, before, after)
		}
		for i := range b {
			compareJSON(t, at+"[]", b[i], a[i], false)
		}
	case string:
		a, ok := after.(string)
		if !ok {
			t.Fatalf("%s: %v became %v", at, before, after)
		}
		inner := strings.TrimLeft(b, " \t\r\n")
		if inner != "" && strings.Contains(`{["`, inner[:1]) && json.Valid([]byte(inner)) {
			compareJSON(t, at+"()", decodeJSON(t, []byte(inner)), decodeJSON(t, []byte(a)), false)
		} else if a != b && !strings.Contains(a, redact.Removed) {
			t.Errorf("%s: %q became %q", at, b, a)
		}
	default:
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s: %v became %v", at, before, after)
		}
	}
}
