package smoke_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/openapi"
	"example.com/aurora/shared/dev/smoke"
)

// TestSmoke makes the checks against the stack of `make run`: whole, and then with one part broken at a time.
func TestSmoke(t *testing.T) {
	b := start(t, "")
	b.allowNoCalls(t)
	t.Run("a stack without a fault", b.whole)
	t.Run("parts that are left out", b.leftOut)
	t.Run("a key that may place calls", b.keyWithCalls)
	t.Run("the time limit", b.timeLimit)
	t.Run("template parameters", b.templateParameters)
	for _, broken := range []struct {
		name string
		// breakIt breaks one part; repair repairs it.
		breakIt func(t *testing.T) (repair func())
		want    string // the part, which a failed check names
		where   string // the check that names it
	}{
		{"the model", func(*testing.T) func() { b.modelDown.Store(true); return func() { b.modelDown.Store(false) } },
			"model, or its key in the secret aurora/dev/openai", "POST /api/v1/openai/chat/completions "},
		{"mail", func(*testing.T) func() { b.mailDown.Store(true); return func() { b.mailDown.Store(false) } }, "mail: SES", "mail "},
		{"the secret of api keys", func(t *testing.T) func() {
			before := b.putSecret(t, "api", `{"not":"a list"}`)
			return func() { b.putSecret(t, "api", before) }
		}, "key secret aurora/dev/api: the secret is not a JSON array", "key secret api "},
		{"the secret of the telephone provider", func(t *testing.T) func() {
			before := b.putSecret(t, "twilio", `{}`)
			return func() { b.putSecret(t, "twilio", before) }
		}, "secret aurora/dev/twilio must be", "secret twilio"},
		{"the bucket", b.withoutBucket, "bucket " + b.info.Bucket, "bucket "},
		{"the table of calls", b.withoutCalls, "table aurora-dev-calls", "table calls "},
	} {
		t.Run("without "+broken.name, func(t *testing.T) {
			repair := broken.breakIt(t)
			defer repair()
			lines, err := b.smoke(t, func(target *smoke.Target) { target.IndexWait, target.ReportWait = 3*time.Second, 3*time.Second })
			failed := failedChecks(lines)
			if err == nil || !slices.ContainsFunc(failed, func(l string) bool { return strings.HasPrefix(l, broken.where) && strings.Contains(l, broken.want) }) {
				t.Errorf("no failed check %q names %q, error %v:\n%s", broken.where, broken.want, err, strings.Join(lines, "\n"))
			}
		})
	}
}

// templateParameters starts stacks with parameters that are wrong: the checks name each of them.
func (b *testStack) templateParameters(t *testing.T) {
	for name, test := range map[string]struct {
		variables []string
		want      map[string]string // by check, what it names
	}{
		"countries that may be called": {[]string{"ALLOWED_COUNTRIES=DE", "HYPERSCALE_ASSISTANT_ID=none", "VOICE_STREAM_URL=https://voice.example.com"}, map[string]string{
			"POST /api/outbound-call-uat ":            "AllowedCountries (ALLOWED_COUNTRIES)",
			"POST function URL of outbound-call-uat ": "AllowedCountries (ALLOWED_COUNTRIES)",
			"POST /api/hyperscale/outbound-call ":     "HyperscaleAssistantId (HYPERSCALE_ASSISTANT_ID)",
			"setting VOICE_STREAM_URL ":               "VoiceStreamUrl (VOICE_STREAM_URL)",
		}},
		"the address of the API": {[]string{"PUBLIC_URL=http://127.0.0.1:9"}, map[string]string{
			"POST /api/reports/view, report link ": "PublicUrl (PUBLIC_URL)",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, filepath.Join(b.data, "bin"), test.variables...)
			b.allowNoCalls(t)
			lines, err := b.smoke(t, func(target *smoke.Target) { target.Skip = []string{"chat"} })
			if err == nil {
				t.Error("all checks succeeded")
			}
			for check, want := range test.want {
				if !slices.ContainsFunc(failedChecks(lines), func(l string) bool { return strings.HasPrefix(l, check) && strings.Contains(l, want) }) {
					t.Errorf("the check %q does not name %q:\n%s", check, want, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

// whole expects that all checks succeed, that every documented route is among them, and that nothing is left.
func (b *testStack) whole(t *testing.T) {
	before := b.stored(t)
	lines, err := b.smoke(t, func(target *smoke.Target) { clear(target.Keys) }) // the run makes its own keys
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	document, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if name := method + " " + path; !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+" ") || strings.HasPrefix(l, name+",") }) {
				t.Errorf("no check of %s", name)
			}
		}
	}
	for function := range b.info.FunctionURLs {
		name := strings.ToLower(strings.TrimSuffix(function, "Function"))
		if !slices.ContainsFunc(lines, func(l string) bool {
			return strings.Contains(strings.ReplaceAll(l, "-", ""), "function URL of "+name+" ")
		}) {
			t.Errorf("no check of the function URL of %s", function)
		}
	}
	if after := b.stored(t); !slices.Equal(before, after) {
		t.Errorf("stored before the checks:\n%s\nand after them:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	if calls := b.placedCalls(t); calls != "[]" {
		t.Errorf("calls were placed: %s", calls)
	}
}

// leftOut leaves out two groups of checks and the mail: their lines say so.
func (b *testStack) leftOut(t *testing.T) {
	lines, err := b.smoke(t, func(target *smoke.Target) { target.Skip, target.Mail = []string{"calls", "hyperscale"}, "" })
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{"POST /api/outbound-call-uat ", "POST function URL of hyperscale-outbound-call ", "mail "} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) && strings.Contains(l, " skipped ") }) {
			t.Errorf("the check %q was not skipped:\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

// keyWithCalls gives a key that may place calls: it is not used.
func (b *testStack) keyWithCalls(t *testing.T) {
	const key = "aur_external_withcalls0123456789abcdef01234567"
	before := b.putSecret(t, "external", `["`+key+`"]`)
	defer b.putSecret(t, "external", before)
	lines, err := b.smoke(t, func(target *smoke.Target) {
		target.Skip = []string{"chat", "webhook", "reports"}
		target.Keys[auth.KindExternal] = key
	})
	if failed := failedChecks(lines); err == nil || !strings.Contains(strings.Join(failed, "\n"), "could place calls") {
		t.Errorf("error %v, failed checks:\n%s", err, strings.Join(failed, "\n"))
	}
	if calls := b.placedCalls(t); calls != "[]" {
		t.Errorf("calls were placed: %s", calls)
	}
}

// timeLimit ends the run before the first check: each check fails and says why, and the rest of the test is removed.
func (b *testStack) timeLimit(t *testing.T) {
	target, err := smoke.Local(b.data, b.info, stage, b.config, keyring{t, b})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	err = smoke.Run(ctx, target, &out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	failed := failedChecks(lines)
	if err == nil || len(failed) < 40 || !strings.Contains(failed[0], "the time limit was reached") {
		t.Errorf("error %v, %d failed checks:\n%s", err, len(failed), out.String())
	}
	if last := lines[len(lines)-2]; !strings.HasPrefix(last, "clean up ") || !strings.Contains(last, " ok ") {
		t.Errorf("the line before the total is %q", last)
	}
}

// stored returns what the tables, the bucket and the key secrets hold.
func (b *testStack) stored(t *testing.T) (all []string) {
	t.Helper()
	for _, kind := range []string{"assistants", "calls", "ledger"} {
		for item, err := range dynamo.NewItems(b.config("dynamodb"), b.info.Tables[kind], kind).All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(kind, " ", item))
		}
	}
	for v, err := range s3.New(b.config("s3"), b.info.Bucket).Versions(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, "object "+v.Key)
	}
	for _, name := range []string{"api", "internal", "external"} {
		var entries any
		if err := json.Unmarshal([]byte(b.secret(t, name)), &entries); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint("secret ", entries))
	}
	return all
}

// placedCalls returns the calls of the fake telephone provider as JSON.
func (b *testStack) placedCalls(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.info.Endpoints["twilio"]+"/2010-04-01/Accounts/"+emulator.TwilioAccountSID+"/Calls.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(emulator.TwilioAccountSID, emulator.TwilioAuthToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Calls json.RawMessage }
	if err := json.Unmarshal(body, &list); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %v", response.Status, body, err)
	}
	return string(list.Calls)
}

// withoutBucket deletes the bucket, which is empty.
func (b *testStack) withoutBucket(t *testing.T) (repair func()) {
	config, err := b.config("s3")()
	if err != nil {
		t.Fatal(err)
	}
	client := awss3.NewFromConfig(config, func(o *awss3.Options) { o.UsePathStyle = true })
	if _, err := client.DeleteBucket(t.Context(), &awss3.DeleteBucketInput{Bucket: &b.info.Bucket}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := client.CreateBucket(context.WithoutCancel(t.Context()), &awss3.CreateBucketInput{Bucket: &b.info.Bucket}); err != nil {
			t.Error(err)
		}
	}
}

// withoutCalls deletes the table of calls. It is the last part that is broken, and is not repaired.
func (b *testStack) withoutCalls(t *testing.T) (repair func()) {
	config, err := b.config("dynamodb")()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dynamodb.NewFromConfig(config).DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String(b.info.Tables["calls"])}); err != nil {
		t.Fatal(err)
	}
	return func() {}
}
