package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/dev/emulator"
)

// Options configure a run.
type Options struct {
	Root    string    // the folder that holds template.yaml
	Data    string    // where bench.json goes
	Page    string    // the document whose tables the run replaces; no document is written if it is empty
	Out     io.Writer // for the tables and progress
	Environ []string
	Only    string // the name of one part, which is measured and printed alone; empty measures everything
	Seed    func(ctx context.Context, info emulator.Info) error
}

// size has the numbers of repetitions of a run.
type size struct {
	starts  int     // cold starts of each function
	works   int     // events for each function
	alone   int     // sequential turns by each way
	rounds  int     // of sixteen concurrent turns
	load    float64 // factor of the numbers of requests
	reports []int   // calls
}

func (s size) scaled(n int) int { return max(1, int(float64(n)*s.load)) }

// fullSize is the run of `make bench`.
var fullSize = size{starts: 10, works: 15, alone: 50, rounds: 8, load: 1, reports: reportSizes}

// bench is a run.
type bench struct {
	Options
	size       size
	began      time.Time
	temp       string // temporary files, removed at the end
	external   *externalServices
	stack      *emulator.Stack
	meter      *meter
	secrets    *secretsmanager.Store
	queue      string // the address of a queue without a consumer
	phoneCalls atomic.Int64
	results    Results
}

func (b *bench) printf(format string, args ...any) { _, _ = fmt.Fprintf(b.Out, format+"\n", args...) }

// noteMissing records a part that could not be measured.
func (b *bench) noteMissing(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.results.Missing = append(b.results.Missing, text)
	b.printf("          %s", text)
}

// Run measures everything, prints it, and writes bench.json into the data folder.
func Run(ctx context.Context, o Options) error {
	page, err := pageWithMarks(o.Root, o.Page)
	if err != nil {
		return err
	}
	b := &bench{Options: o, size: fullSize}
	if o.Only != "" {
		return b.runOnly(ctx)
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	if err := b.write(); err != nil {
		return err
	}
	text := renderMarkdown(b.results)
	b.printf("\n%s", text)
	if page == "" {
		return nil
	}
	b.printf("writing the tables into %s", page)
	return replaceMarked(page, text)
}

// onlyFirstWords is the part that can be measured alone: what a caller waits for.
const onlyFirstWords = "first-words"

// runOnly measures one part and prints its table. It writes nothing.
func (b *bench) runOnly(ctx context.Context) error {
	if b.Only != onlyFirstWords {
		return fmt.Errorf("ONLY must be %s, not %q", onlyFirstWords, b.Only)
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	var text strings.Builder
	writeFirstWords(&text, b.results.FirstWords)
	b.printf("%s", text.String())
	return nil
}

func (b *bench) measure(ctx context.Context) (err error) {
	if b.temp, err = os.MkdirTemp("", "aurora-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.temp)) }()
	if b.external, err = startExternalServices(); err != nil {
		return err
	}
	defer b.external.close()
	b.began = time.Now()
	b.results = Results{Version: 1, At: b.began.UTC().Truncate(time.Second), Machine: machine()}
	defer func() {
		if b.meter != nil {
			b.meter.close()
		}
		if b.stack != nil {
			err = errors.Join(err, b.stack.Close())
		}
	}()
	for _, step := range b.steps() {
		b.printf("%6.1f s  %s", time.Since(b.began).Seconds(), step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if b.Only != "" {
		return nil
	}
	b.results.Seconds = time.Since(b.began).Round(100 * time.Millisecond).Seconds()
	b.results.Costs = computeCosts(b.results)
	workers, batch := b.stack.BatchLimits("call-worker")
	b.results.Million = estimateMillion(b.results, workers, batch)
	b.results.Targets = evaluateTargets(b.results)
	return nil
}

// step is a part of a run.
type step struct {
	name string
	do   func(context.Context) error
}

func (b *bench) steps() []step {
	firstWords := step{"first words of phone calls", b.measureFirstWords}
	if b.Only != "" {
		return []step{{"build everything, and start the stack", b.startOnce}, firstWords}
	}
	return []step{
		{"build everything, and start the stack", b.startStack}, {"micro-benchmarks and reports", b.measureMicro}, {"cold starts", b.measureColdStarts}, {"cold starts over TLS", b.measureSecureColdStarts}, {"every function at work", b.measureWarm},
		{"turns of a conversation", b.measureTurns}, firstWords, {"webhook", b.measureWebhook}, {"outbound calls", b.measureOutbound},
		{"memory", b.measurePeaks},
	}
}

func (b *bench) write() error {
	text, err := json.MarshalIndent(b.results, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.Data, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.Data, "bench.json"), append(text, '\n'), 0o600)
}

// stackEnviron returns the environment of the stack, without credentials and without personal settings that would make
// runs differ.
func (b *bench) stackEnviron() []string {
	var out []string
	for _, entry := range b.Environ {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case name == "PATH", name == "HOME", name == "TMPDIR", strings.HasPrefix(name, "XDG_"), strings.HasPrefix(name, "npm_config_"):
			out = append(out, entry)
		case strings.HasPrefix(name, "GO") && name != "GOMEMLIMIT" && name != "GOGC", strings.HasPrefix(name, "CGO_"), strings.HasSuffix(strings.ToUpper(name), "_PROXY"):
			out = append(out, entry)
		}
	}
	// The workers of an account with the usual thousand concurrent executions; the default is for the ten of a new one.
	return append(out, "STACK_PARAMETERS=WorkerConcurrency=10", "OPENAI_BASE_URL="+b.external.model, "OPENAI_API_KEY=bench", "TWILIO_BASE_URL="+b.external.telephone,
		"LIMIT_KEY_PER_MINUTE=1000000", "LIMIT_KEY_PER_DAY=1000000", "LIMIT_DESTINATION_PER_DAY=1000000", "LIMIT_COUNTRY_PER_DAY=1000000",
		"LIMIT_SPEND_PER_DAY_USD=1000000", "LIMIT_KEY_SHARE_PERCENT=100", "LIMIT_CHAT_TURNS_PER_MINUTE=1000000", "LIMIT_CHAT_TOKENS_PER_DAY=1000000000", "HYPERSCALE_ASSISTANT_ID="+seededAssistant)
}

// startStack starts the stack three times: to build everything, to time `make run`, and for the measurements.
func (b *bench) startStack(ctx context.Context) error {
	data := filepath.Join(b.temp, "data")
	if err := b.startOnce(ctx); err != nil {
		return err
	}
	err := b.stack.Close()
	b.stack = nil
	if err != nil {
		return err
	}
	for range 2 { // the first builds the program itself
		if b.results.ReadySeconds, err = b.timeMakeRun(ctx, data); err != nil {
			return err
		}
	}
	if err := b.startOnce(ctx); err != nil {
		return err
	}
	return b.prepare(ctx)
}

func (b *bench) startOnce(ctx context.Context) (err error) {
	b.stack, err = emulator.Start(ctx, emulator.Options{Root: b.Root, Data: filepath.Join(b.temp, "data"), Seed: b.Seed, Environ: b.stackEnviron()})
	return err
}

// prepare creates what the harness needs beside the stack: meters, a bucket and a queue.
func (b *bench) prepare(ctx context.Context) (err error) {
	info := b.stack.Info()
	b.meter, err = newMeter(map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": info.Endpoints["dynamodb"], "AWS_ENDPOINT_URL_S3": info.Endpoints["s3"], "AWS_ENDPOINT_URL_SQS": info.Endpoints["sqs"],
		"AWS_ENDPOINT_URL_SESV2": info.Endpoints["ses"], "AWS_ENDPOINT_URL_SECRETS_MANAGER": info.Endpoints["secretsmanager"],
	})
	if err != nil {
		return err
	}
	b.secrets = secretsmanager.New(func() (aws.Config, error) {
		return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
			BaseEndpoint: aws.String(info.Endpoints["secretsmanager"])}, nil
	}, time.Now)
	if err := b.putObject(ctx, "", ""); err != nil {
		return fmt.Errorf("create a bucket: %w", err)
	}
	answer, err := b.request(ctx, http.MethodPost, info.Endpoints["sqs"], `{"QueueName":"aurora-bench"}`, "AmazonSQS.CreateQueue")
	if err != nil {
		return fmt.Errorf("create a queue: %w", err)
	}
	var made struct {
		QueueURL string `json:"QueueUrl"`
	}
	if err := json.Unmarshal(answer, &made); err != nil || made.QueueURL == "" {
		return fmt.Errorf("create a queue: %s", answer)
	}
	b.queue = made.QueueURL
	return nil
}

// secretName returns the name of one of the stack's secrets.
func (b *bench) secretName(name string) string {
	stage := b.stack.Info().Stage
	return "aurora/" + stage + "/" + name
}

// putObject stores an object in the bench's own bucket; without a key it creates the bucket. The fake S3 does not check signatures.
func (b *bench) putObject(ctx context.Context, key, text string) error {
	_, err := b.request(ctx, http.MethodPut, b.stack.Info().Endpoints["s3"]+"/"+benchBucket+"/"+key, text, "")
	return err
}

func (b *bench) request(ctx context.Context, method, url, text, target string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s: %.300s", resp.Status, answer)
	}
	return answer, nil
}
