package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
)

// startPhoneStack starts a stack for calls, with its own fakes of Secrets Manager and Twilio.
func startPhoneStack(t *testing.T) *testStack {
	t.Helper()
	b := &testStack{data: t.TempDir()}
	b.start(t, "DEFAULT_REGION=US", "LIMIT_KEY_PER_MINUTE=1000", "LIMIT_DESTINATION_PER_DAY=100", "HYPERSCALE_ASSISTANT_ID="+documentAssistant)
	return b
}

var initiated = regexp.MustCompile(`^\{"data":"Call initiated from assistaintPhoneNumber = (\S+) to John Doe at (.+)\. Call sid = (CA[0-9a-f]{32})","status":"success"\}$`)

// TestCalls places calls as partners and internal tools do, on the REST API and the function URLs, with every kind of key.
func TestCalls(t *testing.T) {
	b := startPhoneStack(t)
	internal, external, api := b.info.Keys["BINARYTINT_INTERNAL_API_KEY"], b.info.Keys["BINARYTINT_EXTERNAL_API_KEY"], b.info.Keys["BINARYTINT_API_KEY"]
	uat := `{"client":{"phoneNumber":"+14155550142","name":"John Doe","email":"john@example.com"},"assistantId":"` + documentAssistant + `"}`
	hyperscale := `{"phoneNumber":"+14155550143","name":"John Doe","info":"Some relevant info"}`
	const in, ex, once = "BINARYTINT-INTERNAL-API-KEY", "BINARYTINT-EXTERNAL-API-KEY", "Idempotency-Key"
	wrong := strings.Repeat("w", 40)

	t.Run("every combination of keys", func(t *testing.T) {
		for route, base := range map[string][2]string{"REST": {b.info.API, b.info.API},
			"function URL": {b.info.FunctionURLs["OutboundCallUatFunction"], b.info.FunctionURLs["HyperscaleOutboundCallFunction"]}} {
			for name, c := range map[string]struct {
				header []string
				status int
			}{
				"internal": {[]string{in, internal}, 200}, "external": {[]string{ex, external}, 200}, "both": {[]string{in, internal, ex, external}, 200},
				"internal right, external wrong": {[]string{in, internal, ex, wrong}, 200}, "internal wrong, external right": {[]string{in, wrong, ex, external}, 200},
				"none": {nil, 401}, "both wrong": {[]string{in, wrong, ex, wrong}, 401}, "empty": {[]string{in, "", ex, ""}, 401},
				"exchanged": {[]string{in, external, ex, internal}, 401}, "api": {[]string{in, api, ex, api, "Authorization", "Bearer " + api}, 401},
			} {
				for i, path := range []string{"/api/outbound-call-uat", "/api/hyperscale/outbound-call"} {
					resp, body := b.post(t, base[i]+path, []string{uat, hyperscale}[i], append([]string{once, "none"}, c.header...)...)
					if resp.StatusCode != c.status || (c.status == 200) != initiated.MatchString(body) {
						t.Errorf("%s, %s, %s: %s %s", route, path, name, resp.Status, body)
					}
				}
			}
		}
	})
	t.Run("the document's assistant, whose number is national", func(t *testing.T) {
		assistants := dynamo.NewAssistants(localStack(b.info).awsConfig("dynamodb"), b.info.Tables["assistants"], time.Now)
		if _, err := assistants.Put(t.Context(), []byte(`{"assistantId":"national","assistantName":"N","assistantPrompt":"P","assistantPhoneNumber":"4639465275"}`)); err != nil {
			t.Fatal(err)
		}
		resp, body := b.post(t, b.info.API+"/api/outbound-call-uat", strings.Replace(uat, documentAssistant, "national", 1), in, internal)
		if m := initiated.FindStringSubmatch(body); resp.StatusCode != 200 || m == nil || m[1] != "4639465275" || m[2] != "+14155550142" {
			t.Errorf("%s %s", resp.Status, body)
		}
	})
	t.Run("50 equal requests at once are one call", func(t *testing.T) { b.concurrentCalls(t, internal) })
	t.Run("no log names a person", func(t *testing.T) {
		logs, _ := filepath.Glob(filepath.Join(b.data, "logs", "*.log"))
		for _, file := range logs {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, canary := range []string{"+1415555", "415555014", "John Doe", "john@example.com", "Some relevant info", internal, external} {
				if strings.Contains(string(text), canary) {
					t.Errorf("%s holds %q", filepath.Base(file), canary)
				}
			}
		}
	})
}

// concurrentCalls places 50 equal calls at once, and sees one at Twilio and one row once it is over.
func (b *testStack) concurrentCalls(t *testing.T, key string) {
	const to = "+14155550177"
	body := `{"client":{"phoneNumber":"` + to + `","name":"John Doe"},"assistantId":"` + documentAssistant + `"}`
	var wg sync.WaitGroup
	var mu sync.Mutex
	sids := map[string]int{}
	for range 50 {
		wg.Go(func() {
			resp, answer := b.post(t, b.info.API+"/api/outbound-call-uat", body, "BINARYTINT-INTERNAL-API-KEY", key, "Idempotency-Key", "one")
			mu.Lock()
			defer mu.Unlock()
			if m := initiated.FindStringSubmatch(answer); m != nil {
				sids[m[3]]++
			} else if resp.StatusCode != http.StatusConflict || !strings.Contains(answer, "idempotency_in_progress") || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s %s", resp.Status, answer)
			}
		})
	}
	wg.Wait()
	if len(sids) != 1 {
		t.Fatalf("calls %v, want one", sids)
	}
	s := localStack(b.info)
	secrets := secretsmanager.New(s.awsConfig("secretsmanager"), time.Now)
	phone := twilio.New(twilio.Options{BaseURL: b.info.Endpoints["twilio"], Credentials: func(ctx context.Context) (string, error) {
		return secrets.Secret(ctx, s.secretName("twilio"))
	}})
	calls, err := phone.ListCalls(t.Context(), "+15551230300", to, time.Now().Add(-time.Hour))
	if err != nil || len(calls) != 1 {
		t.Fatalf("Twilio has %v, %v", calls, err)
	}
	for deadline := time.Now().Add(stepTimeout); b.rows(t, calls[0].SID) != 1; {
		if time.Now().After(deadline) {
			t.Fatal("the call that is over is no row")
		}
		<-time.After(200 * time.Millisecond)
	}
	b.scan(t, "calls", func(item string) {
		var row struct {
			Class     struct{ Value string }
			Direction struct{ Value string }
		}
		if strings.Contains(item, calls[0].SID) {
			if err := json.Unmarshal([]byte(item), &row); err != nil || row.Class.Value != string(aurora.DispositionAnswered) || row.Direction.Value != string(aurora.DirectionOutbound) {
				t.Errorf("row %s, %v", item, err)
			}
		}
	})
}
