package smoke_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/smoke"
)

const (
	stage   = "dev"
	noCalls = "aur_external_nocalls0123456789abcdef0123456789" // its entry allows no calls
	team    = "team@example.com"
)

// testStack is the whole stack, with a model and a mail server that the test can break.
type testStack struct {
	data      string
	info      emulator.Info
	modelDown atomic.Bool
	mailDown  atomic.Bool
}

// start starts a stack with these variables added to the environment. bin has the programs; if it is empty they are built.
func start(t *testing.T, bin string, variables ...string) *testStack {
	t.Helper()
	b := &testStack{data: t.TempDir()}
	model := fakeopenai.Serve(t, func(_ int, r fakeopenai.Request) fakeopenai.Answer {
		switch {
		case b.modelDown.Load():
			return fakeopenai.Status(http.StatusUnauthorized, `{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","code":"invalid_api_key"}}`)
		case r.Body.ResponseFormat != nil:
			return fakeopenai.Text(`{"summary":"They spoke.","outcome":"resolved","sentiment":"positive","topics":[],"actionItems":[]}`)
		}
		return fakeopenai.Text("Yes.")
	})
	mail := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if b.mailDown.Load() {
			w.Header().Set("X-Amzn-Errortype", "MessageRejected")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"message":"Email address is not verified."}`))
			return
		}
		_, _ = w.Write([]byte(`{"MessageId":"m-1"}`))
	}))
	t.Cleanup(mail.Close)
	var out bytes.Buffer
	environment := append(os.Environ(), "OPENAI_BASE_URL="+model.URL, "AWS_ENDPOINT_URL_SESV2="+mail.URL, "MAIL_FROM=aurora@example.com", "HYPERSCALE_ASSISTANT_ID="+deploymentAssistant)
	s, err := emulator.Start(t.Context(), emulator.Options{Root: "../../..", Data: b.data, Bin: bin, Concurrency: 16, Out: &out, Seed: b.seed, Environ: append(environment, variables...)})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b.info = s.Info()
	return b
}

// deploymentAssistant is the assistant of the hyperscale route.
const deploymentAssistant = "deployment-assistant"

func (b *testStack) seed(ctx context.Context, info emulator.Info) error {
	b.info = info
	document := `{"assistantId":"` + deploymentAssistant + `","assistantName":"Riley","assistantPhoneNumber":"+15551230100","internal":true,"emails":["owner@example.com"]}`
	_, err := dynamo.NewAssistants(b.config("dynamodb"), info.Tables["assistants"], time.Now).Put(ctx, []byte(document))
	return err
}

func (b *testStack) config(service string) func() (aws.Config, error) {
	return func() (aws.Config, error) {
		return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
			BaseEndpoint: aws.String(b.info.Endpoints[service])}, nil
	}
}

// smoke makes all checks, and returns their lines and whether all succeeded. change changes the target before.
func (b *testStack) smoke(t *testing.T, change func(target *smoke.Target)) (lines []string, err error) {
	t.Helper()
	target, err := smoke.Local(b.data, b.info, stage, b.config, keyring{t, b})
	if err != nil {
		t.Fatal(err)
	}
	target.Mail = team
	target.Keys[auth.KindExternal] = noCalls
	if change != nil {
		change(&target)
	}
	var out bytes.Buffer
	err = smoke.Run(t.Context(), target, &out)
	return strings.Split(strings.TrimSpace(out.String()), "\n"), err
}

// failedChecks returns the lines of the checks that failed.
func failedChecks(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.Contains(l, " FAILED ") })
}

// secret returns the text of a secret.
func (b *testStack) secret(t *testing.T, name string) string {
	t.Helper()
	secret, err := b.secrets(t).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("aurora/" + stage + "/" + name)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(secret.SecretString)
}

// putSecret writes a secret and returns its text before.
func (b *testStack) putSecret(t *testing.T, name, value string) (before string) {
	t.Helper()
	before = b.secret(t, name)
	_, err := b.secrets(t).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("aurora/" + stage + "/" + name), SecretString: &value})
	if err != nil {
		t.Fatal(err)
	}
	return before
}

func (b *testStack) secrets(t *testing.T) *secretsmanager.Client {
	t.Helper()
	config, err := b.config("secretsmanager")()
	if err != nil {
		t.Fatal(err)
	}
	return secretsmanager.NewFromConfig(config)
}

// keyring writes whole secrets: no other program changes them during the tests.
type keyring struct {
	t *testing.T
	*testStack
}

func (k keyring) Add(_ context.Context, kind auth.KeyKind, e smoke.KeyEntry) (string, error) {
	key := fmt.Sprintf("aur_%s_%x", kind, sha256.Sum256([]byte(k.t.Name()+string(kind))))
	entry := map[string]any{"digest": fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(key))), "name": e.Name, "expiresAt": e.ExpiresAt}
	if len(e.Assistants) > 0 {
		entry["assistants"] = e.Assistants
	}
	if e.NoCalls {
		entry["limits"] = map[string]int{"callsPerDay": 0}
	}
	return key, k.change(kind, func(entries []any) []any { return append(entries, entry) })
}

func (k keyring) Remove(_ context.Context, kind auth.KeyKind, name string) error {
	return k.change(kind, func(entries []any) []any {
		return slices.DeleteFunc(entries, func(e any) bool { object, ok := e.(map[string]any); return ok && object["name"] == name })
	})
}

func (k keyring) change(kind auth.KeyKind, change func([]any) []any) error {
	var entries []any
	if err := json.Unmarshal([]byte(k.secret(k.t, string(kind))), &entries); err != nil {
		return err
	}
	text, err := json.Marshal(change(entries))
	if err == nil {
		k.putSecret(k.t, string(kind), string(text))
	}
	return err
}

// allowNoCalls adds an entry that allows no calls to the secret of external keys.
func (b *testStack) allowNoCalls(t *testing.T) {
	t.Helper()
	b.putSecret(t, "external", fmt.Sprintf(`[{"digest":"sha256:%x","name":"none","limits":{"callsPerDay":0}}]`, sha256.Sum256([]byte(noCalls))))
}
