package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/fakeopenai"
)

// testStack is the whole stack on this machine: the binaries of the functions behind the emulator, a model whose words the test
// releases one by one, and a secret store that the test can stop.
type testStack struct {
	info        emulator.Info
	data        string
	basePath    string        // of a custom domain
	gate        chan struct{} // each value releases one word of the model
	secretsDown *atomic.Bool  // makes the secret store answer 503
	model       *fakeopenai.Double
}

const testKey = "aur_api_teststack0123456789abcdef0123456789"

// startStack starts a stack with a data folder of its own.
func startStack(t *testing.T) *testStack {
	t.Helper()
	b := &testStack{data: t.TempDir(), gate: make(chan struct{}), secretsDown: &atomic.Bool{}}
	b.model = fakeopenai.Serve(t, func(_ int, r fakeopenai.Request) fakeopenai.Answer {
		if r.Body.ResponseFormat != nil { // the analysis of a call
			return fakeopenai.Text(`{"summary":"They spoke.","outcome":"resolved","sentiment":"positive","topics":["canary topic"],"actionItems":[]}`)
		}
		a := fakeopenai.Text("one ", "two ", "three").Usage(3, 3)
		if r.Last("user") == "word by word" {
			a = a.Gate(b.gate)
		}
		return a
	})
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.secretsDown.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var asked struct{ Name, SecretId string } // Name in a request to create, SecretId in one to read
		_ = json.NewDecoder(r.Body).Decode(&asked)
		name, value := asked.Name+asked.SecretId, `["`+testKey+`"]`
		switch {
		case strings.HasSuffix(name, "/openai"):
			value = "sk-test"
		case !strings.HasSuffix(name, "/api"):
			value = `["aur_other_teststack0123456789abcdef01234567"]`
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"ARN": name, "Name": name, "SecretString": value})
	}))
	t.Cleanup(store.Close)
	b.start(t, "OPENAI_BASE_URL="+b.model.URL, "AWS_ENDPOINT_URL_SECRETS_MANAGER="+store.URL)
	return b
}

// start starts the stack, with these variables added to the environment. It is stopped at the end of the test.
func (b *testStack) start(t *testing.T, variables ...string) {
	t.Helper()
	var out bytes.Buffer
	s, err := emulator.Start(context.Background(), emulator.Options{Root: "../../..", Data: b.data, BasePath: b.basePath, Concurrency: 64, Out: &out, Seed: (&program{env: func(string) string { return "" }}).seedAssistants, Environ: append(os.Environ(), variables...)})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b.info = s.Info()
}

func (b *testStack) post(t *testing.T, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	resp := b.openStream(t, url, body, header...)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(answer)
}

func (b *testStack) openStream(t *testing.T, url, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (b *testStack) chatURLs() map[string]string {
	const path = "/api/v1/openai/chat/completions"
	return map[string]string{"REST": b.info.API + path, "function URL": b.info.FunctionURLs["ChatCompletionsFunction"] + path}
}

// TestStack checks from outside what the stack promises, in the order in which the parts build on each other.
func TestStack(t *testing.T) {
	b := startStack(t)
	t.Run("each word arrives before the next is sent", b.streams)
	t.Run("complete answers", b.completeAnswer)
	t.Run("wrong keys", b.wrongKeys)
	t.Run("the corpus", b.corpus)
	t.Run("end-of-call reports, each twice, 50 at a time", b.endOfCallReports)
	t.Run("analyses", b.analyses)
	t.Run("reindexing", b.reindexing)
	t.Run("no stored credential", b.noStoredCredential)
	t.Run("secret store unavailable", b.secretsUnavailable)
}

// streams releases each word of the model only after the client has read the one before it.
func (b *testStack) streams(t *testing.T) {
	for route, url := range b.chatURLs() {
		t.Run(route, func(t *testing.T) {
			answers := make(chan *http.Response, 1)
			go func() {
				answers <- b.openStream(t, url, `{"stream":true,"messages":[{"role":"user","content":"word by word"}],"call":{"caller_phone_number":"+14155550123"}}`,
					"Authorization", "Bearer "+testKey)
			}()
			b.release(t) // one
			var resp *http.Response
			select {
			case resp = <-answers:
			case <-time.After(stepTimeout):
				t.Fatal("there is no answer before the second word: something buffers the words")
			}
			defer func() { _ = resp.Body.Close() }()
			if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(ct, "text/event-stream") {
				t.Fatalf("%s, %s", resp.Status, ct)
			}
			lines := bufio.NewScanner(resp.Body)
			next := func() string {
				for lines.Scan() {
					if lines.Text() != "" {
						return lines.Text()
					}
				}
				t.Fatalf("the stream ended: %v", lines.Err())
				return ""
			}
			for i, word := range []string{"one ", "two ", "three"} {
				if i > 0 {
					b.release(t)
				}
				if line := next(); !strings.Contains(line, `"content":"`+word+`"`) {
					t.Fatalf("want %q, got %s", word, line)
				}
			}
			if line := next(); !strings.Contains(line, `"finish_reason":"stop"`) {
				t.Errorf("want the reason, got %s", line)
			}
			if line := next(); !strings.HasPrefix(line, `data: {"full_session":{`) {
				t.Errorf("want the bare session, got %s", line)
			}
			if line := next(); line != "data: [DONE]" {
				t.Errorf("want the end, got %s", line)
			}
		})
	}
}

// stepTimeout bounds one step of the test. It is never reached where the code is right.
const stepTimeout = 30 * time.Second

// release lets the model send its next word.
func (b *testStack) release(t *testing.T) {
	t.Helper()
	select {
	case b.gate <- struct{}{}:
	case <-time.After(stepTimeout):
		t.Fatal("the model was not asked for its next word")
	}
}

func (b *testStack) completeAnswer(t *testing.T) {
	for route, url := range b.chatURLs() {
		resp, body := b.post(t, url, `{"messages":[{"role":"user","content":"Hi"}]}`, "Authorization", "Bearer "+testKey)
		if resp.StatusCode != 200 || !strings.Contains(body, `"content":"one two three"`) || !strings.Contains(body, `"tools_calls":null`) {
			t.Errorf("%s: %s %s", route, resp.Status, body)
		}
	}
}

// wrongKeys tries wrong keys on the REST API and on the function URLs.
func (b *testStack) wrongKeys(t *testing.T) {
	routes := b.chatURLs()
	routes["webhook"] = b.info.API + "/api/webhook"
	for route, url := range routes {
		for name, header := range map[string][]string{
			"no key": nil, "empty key": {"Authorization", "Bearer "}, "empty webhook key": {"FLASK-API-KEY", ""},
			"wrong key":    {"Authorization", "Bearer " + strings.Repeat("w", 40), "FLASK-API-KEY", strings.Repeat("w", 40)},
			"another kind": {"BINARYTINT-INTERNAL-API-KEY", testKey}, "internal key": {"Authorization", "Bearer " + b.info.Keys["BINARYTINT_INTERNAL_API_KEY"]},
		} {
			resp, body := b.post(t, url, `{"message":{"type":"status-update"}}`, header...)
			var e struct {
				Status string
				Error  struct{ Code string }
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil || resp.StatusCode != 401 || e.Status != "error" || e.Error.Code != "invalid_api_key" {
				t.Errorf("%s with %s: %s %s", route, name, resp.Status, body)
			}
		}
	}
	if resp, body := b.post(t, b.info.API+"/api/nothing", `{}`, "Authorization", "Bearer "+testKey); resp.StatusCode != 404 || !strings.Contains(body, `"status":"error"`) {
		t.Errorf("unknown route: %s %s", resp.Status, body)
	}
}

// corpus posts every recorded payload of a provider.
func (b *testStack) corpus(t *testing.T) {
	for name, want := range map[string]int{"assistant request of our phone service": 201, "assistant request of Vapi": 201, "report of our phone service": 200,
		"report of Vapi": 200, "report of Vapi that is delivered a second time": 200, "report of the API document with the least fields": 200,
		"report of a call that was not answered": 200, "report of a call that reached voicemail": 200, "report of a call whose model failed": 200,
		"status update is acknowledged": 200, "transfer destination request": 200, "conversation update is acknowledged": 200, "transcript is acknowledged": 200} {
		resp, body := b.post(t, b.info.API+"/api/webhook", webhookBody(t, name), "FLASK-API-KEY", testKey)
		if resp.StatusCode != want {
			t.Errorf("%s is answered with %s, want %d: %s", name, resp.Status, want, body)
		}
	}
}

// endOfCallReports sends 200 end-of-call reports, each twice, 50 at the same time.
func (b *testStack) endOfCallReports(t *testing.T) {
	work := make(chan int)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for n := range work {
				body := fmt.Sprintf(`{"message":{"type":"end-of-call-report","endedReason":"customer-ended-call","timestamp":%d,"endedAt":"2026-11-20T10:00:00Z",
					"cost":0.05,"call":{"id":"many-%03d","assistantId":"9395bc40-ee5d-47e1-bcf3-b2af2f63e84a","twilioAuthToken":"canary-credential"}}}`,
					1795014286704+int64(n), n%200)
				if resp, answer := b.post(t, b.info.API+"/api/webhook", body, "FLASK-API-KEY", testKey); resp.StatusCode != 200 || answer != "{}" {
					t.Errorf("report %d: %s %s", n, resp.Status, answer)
				}
			}
		})
	}
	for n := range 400 {
		work <- n
	}
	close(work)
	wg.Wait()
	if objects := b.objects(t, "eoc/9395bc40-ee5d-47e1-bcf3-b2af2f63e84a/2026/11/20/"); len(objects) != 200 {
		t.Errorf("%d objects, want 200", len(objects))
	}
	for deadline := time.Now().Add(time.Minute); ; {
		rows := b.rows(t, "many-")
		if rows == 200 {
			break
		}
		if rows > 200 || time.Now().After(deadline) {
			t.Fatalf("%d rows, want 200", rows)
		}
		<-time.After(200 * time.Millisecond)
	}
}

// analyses waits until the calls of the corpus are analysed: every call in which the caller spoke, and no other.
func (b *testStack) analyses(t *testing.T) {
	for deadline := time.Now().Add(time.Minute); ; {
		analysed, plain, stored := 0, 0, len(b.objects(t, "analysis/"))
		b.scan(t, "calls", func(item string) {
			switch {
			case strings.Contains(item, "canary topic"):
				analysed++
			case strings.Contains(item, `"outcome"`) && !strings.Contains(item, "many-"):
				plain++
			}
		})
		if analysed == 3 && plain >= 2 && stored > analysed { // the voicemail needs no analysis, since the provider reported all of it
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows are analysed, %d have an outcome without analysis, and %d analyses are stored", analysed, plain, stored)
		}
		<-time.After(200 * time.Millisecond)
	}
}

// reindexing deletes rows of calls and restores them from the bucket.
func (b *testStack) reindexing(t *testing.T) {
	cfg, err := localStack(b.info).awsConfig("dynamodb")()
	if err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(cfg)
	for n := range 50 {
		key := map[string]types.AttributeValue{"assistantDay": &types.AttributeValueMemberS{Value: "9395bc40-ee5d-47e1-bcf3-b2af2f63e84a#2026-11-20"},
			"callId": &types.AttributeValueMemberS{Value: fmt.Sprintf("many-%03d", n)}}
		if _, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(b.info.Tables["calls"]), Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	if rows := b.rows(t, "many-"); rows != 150 {
		t.Fatalf("%d rows after 50 of 200 were deleted", rows)
	}
	var out bytes.Buffer
	p := &program{out: &out, args: []string{"reindex"}, env: func(name string) string { return map[string]string{"AURORA_DATA": b.data}[name] }}
	if err := p.dispatch(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if rows := b.rows(t, "many-"); rows != 200 || !strings.Contains(out.String(), "0 gone, 0 unreadable") {
		t.Errorf("%d rows after\n%s", rows, out.String())
	}
}

func (b *testStack) s3(t *testing.T) *s3.Client {
	cfg, err := localStack(b.info).awsConfig("s3")()
	if err != nil {
		t.Fatal(err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func (b *testStack) objects(t *testing.T, prefix string) []string {
	t.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(b.s3(t), &s3.ListObjectsV2Input{Bucket: &b.info.Bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
	}
	return keys
}

// rows returns the number of rows whose call id has the prefix.
func (b *testStack) rows(t *testing.T, prefix string) int {
	n := 0
	b.scan(t, "calls", func(item string) {
		if strings.Contains(item, prefix) {
			n++
		}
	})
	return n
}

func (b *testStack) scan(t *testing.T, table string, f func(item string)) {
	t.Helper()
	cfg, err := localStack(b.info).awsConfig("dynamodb")()
	if err != nil {
		t.Fatal(err)
	}
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(cfg), &dynamodb.ScanInput{TableName: aws.String(b.info.Tables[table])})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			text, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			f(string(text))
		}
	}
}

// noStoredCredential searches everything that was stored and logged for keys and phone numbers.
func (b *testStack) noStoredCredential(t *testing.T) {
	canaries := []string{"canary-credential", "00000000000000000000000000000000", testKey, "sk-test"}
	look := func(where, text string) {
		for _, c := range canaries {
			if strings.Contains(text, c) {
				t.Errorf("%s contains the credential %s", where, c)
			}
		}
	}
	client := b.s3(t)
	for _, key := range slices.Concat(b.objects(t, "eoc/"), b.objects(t, "analysis/"), b.objects(t, "unrecognised/")) {
		o, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.info.Bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(o.Body)
		_ = o.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		look(key, string(text))
	}
	for _, table := range []string{"calls", "ledger"} {
		b.scan(t, table, func(item string) { look(table, item) })
	}
	logs, _ := filepath.Glob(filepath.Join(b.data, "logs", "*.log"))
	if len(logs) == 0 {
		t.Error("there are no logs to search")
	}
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		look(file, string(text))
		for _, person := range []string{"+15557654321", "+14155550123", "cleaning next Tuesday", "word by word"} {
			if strings.Contains(string(text), person) {
				t.Errorf("%s contains %q", file, person)
			}
		}
	}
}

// secretsUnavailable stops the secret store before functions have read their keys. No request may be accepted then.
func (b *testStack) secretsUnavailable(t *testing.T) {
	b.secretsDown.Store(true)
	fresh := startStack(t)
	fresh.secretsDown.Store(true)
	routes := fresh.chatURLs()
	routes["webhook"] = fresh.info.API + "/api/webhook"
	for route, url := range routes {
		resp, body := fresh.post(t, url, `{"message":{"type":"status-update"},"messages":[{"role":"user","content":"Hi"}]}`,
			"Authorization", "Bearer "+testKey, "FLASK-API-KEY", testKey)
		want := http.StatusInternalServerError
		if route == "function URL" {
			want = http.StatusServiceUnavailable
		}
		if resp.StatusCode != want || !strings.Contains(body, `"status":"error"`) {
			t.Errorf("%s: %s %s, want %d", route, resp.Status, body, want)
		}
	}
}
