package lambdaapp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/transport/lambdaapp"
)

func lookupIn(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestSettingsReportAllProblemsAtOnce(t *testing.T) {
	s := lambdaapp.NewSettings(lookupIn(map[string]string{"EMPTY": "", "DAYS": "many", "ZERO": "0", "SET": "x", "TEN": "10"}))
	s.Required("MISSING")
	s.Required("EMPTY")
	s.PositiveInt("ZERO", 1)
	if got := s.Required("SET") + s.Optional("MISSING", "y") + s.Optional("EMPTY", "z"); got != "xyz" {
		t.Errorf("values = %q, want xyz", got)
	}
	for _, c := range []struct {
		name           string
		fallback, want int
	}{{"DAYS", 400, 400}, {"TEN", 1, 10}, {"MISSING", 7, 7}} {
		if got := s.PositiveInt(c.name, c.fallback); got != c.want {
			t.Errorf("PositiveInt(%s) = %d, want %d", c.name, got, c.want)
		}
	}
	want := `cannot start: MISSING is not set; EMPTY is not set; ZERO must be a whole number of at least 1, not "0"; DAYS must be a whole number of at least 1, not "many"`
	if err := s.Err(); err == nil || err.Error() != want {
		t.Errorf("Err() = %v\nwant    %s", err, want)
	}
}

func TestSettingsWithoutProblems(t *testing.T) {
	s := lambdaapp.NewSettings(lookupIn(map[string]string{"A": "1"}))
	s.Required("A")
	if err := s.Err(); err != nil {
		t.Errorf("Err() = %v, want nil", err)
	}
}

// Secrets in every part of a log line: message, attribute, error, list, map and group.
func TestLogRedactsSecrets(t *testing.T) {
	canaries := map[string]string{
		"our key":        "aur_api_3fJ9xQ2mZ8vT1cR7bN5kL0wY6sH4dG",
		"model key":      "sk-proj-abcdefghijklmnop",
		"twilio account": "AC0123456789abcdef0123456789abcdef",
		"twilio token":   "0123456789abcdef0123456789abcdef",
		"bearer":         "Bearer abcdefghijklmnop.qrstuv",
		"phone":          "+14155550123",
		"mail":           "dana@example.com",
		"signature":      "X-Amz-Signature=abcdef0123456789",
	}
	for name, canary := range canaries {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			log := lambdaapp.NewLogger(&b, slog.LevelInfo)
			log.Info("message with "+canary, "text", "x "+canary+" y", "error", fmt.Errorf("ask: %w", errors.New("with "+canary)),
				"list", []string{canary}, "map", map[string]any{"a": canary}, slog.Group("g", "in", canary), "stringer", stringer(canary))
			log.With("kept", canary).WithGroup("g").Warn("again", "deep", canary)
			if strings.Contains(b.String(), canary) {
				t.Errorf("the log shows the %s: %s", name, b.String())
			}
		})
	}
}

type stringer string

func (s stringer) String() string { return string(s) }

func TestLogRedactsByField(t *testing.T) {
	var b bytes.Buffer
	lambdaapp.NewLogger(&b, slog.LevelInfo).Info("x", "twilioAuthToken", "short", "Authorization", "short", "clientSecret", 7, "promptTokens", 12, "credentialId", "abc")
	got := b.String()
	if strings.Contains(got, "short") || strings.Contains(got, ":7") || !strings.Contains(got, `"promptTokens":12`) || !strings.Contains(got, `"credentialId":"abc"`) {
		t.Errorf("logged %s, want the first three values redacted and the other two kept", got)
	}
}

func TestLogLineCarriesTheRequestID(t *testing.T) {
	var b bytes.Buffer
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	//lint:ignore SA1029 the key is aws-lambda-go's
	ctx = context.WithValue(ctx, "x-amzn-trace-id", "Root=1-abc")
	lambdaapp.NewLogger(&b, slog.LevelInfo).InfoContext(ctx, "a\nb\u2028\x1b[31m")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || strings.Count(b.String(), "\n") != 1 {
		t.Fatalf("want one line of JSON, got %q (%v)", b.String(), err)
	}
	if line["requestId"] != "req-1" || line["traceId"] != "Root=1-abc" {
		t.Errorf("line = %v, want requestId req-1 and traceId Root=1-abc", line)
	}
}

func TestLogLineCarriesTheFieldsOfItsRequest(t *testing.T) {
	var b bytes.Buffer
	log, ctx := lambdaapp.NewLogger(&b, slog.LevelInfo), logfields.New(context.Background())
	logfields.Set(ctx, logfields.CallID, "+14155550123", logfields.AssistantID, "riley")
	log.InfoContext(ctx, "x", "event", "x.done", "assistantId", "alex")
	if got := b.String(); strings.Contains(got, "5550123") || !strings.HasSuffix(got, `"assistantId":"alex","callId":"+14******123"}`+"\n") {
		t.Errorf("logged %s, want the line's own assistantId once, and the masked callId of its request", got)
	}
}

// TestSDKLinesAreJSON has the AWS SDK write lines about a request and its repetition.
func TestSDKLinesAreJSON(t *testing.T) {
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(lambdaapp.NewLogger(&b, slog.LevelDebug))
	t.Cleanup(func() { slog.SetDefault(before) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "an object") }))
	t.Cleanup(server.Close)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	cfg, err := lambdaapp.AWSConfig()
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.BaseEndpoint, o.UsePathStyle, o.ClientLogMode = &server.URL, true, aws.LogRequest|aws.LogRetries
	})
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
	lines := 0
	for text := range strings.Lines(b.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil || line["event"] != "sdk.logged" || line["level"] != "DEBUG" || line["requestId"] != "r-1" {
			t.Errorf("the SDK wrote %q, %v; want JSON with an event, a level and the request id", text, err)
		}
		lines++
	}
	if lines == 0 {
		t.Error("the SDK wrote nothing")
	}
}

func TestCountWritesAnEmbeddedMetric(t *testing.T) {
	var b bytes.Buffer
	lambdaapp.NewMetrics(&b, "prod", "webhook", func() time.Time { return time.UnixMilli(1795014251604) }).Count(context.Background(), "RawQueued")
	want := `{"RawQueued":1,"Stage":"prod","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stage"]],"Metrics":[{"Name":"RawQueued","Unit":"Count"}],"Namespace":"Aurora"}],"Timestamp":1795014251604},"function":"webhook"}` + "\n"
	if b.String() != want {
		t.Errorf("got  %s\nwant %s", b.String(), want)
	}
}

func TestRecordWritesAnEmbeddedMetricWithDimensions(t *testing.T) {
	var b bytes.Buffer
	m := lambdaapp.NewMetrics(&b, "prod", "webhook", func() time.Time { return time.UnixMilli(1795014251604) })
	m.Record(context.Background(), metric.Sample{Name: "FallbackSpoken", Unit: metric.Count, Value: 1, Dimension: "Code", DimensionValue: "upstream_error", AlsoWithout: true})
	m.Record(context.Background(), metric.Sample{Name: "FirstWord", Unit: metric.Milliseconds, Value: 812, Dimension: "Channel", DimensionValue: "voice"})
	m.Record(context.Background(), metric.Sample{Name: "PhoneDropped", Unit: metric.Count, Value: 2})
	want := `{"Code":"upstream_error","FallbackSpoken":1,"Stage":"prod","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stage","Code"],["Stage"]],"Metrics":[{"Name":"FallbackSpoken","Unit":"Count"}],"Namespace":"Aurora"}],"Timestamp":1795014251604},"function":"webhook"}
{"Channel":"voice","FirstWord":812,"Stage":"prod","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stage","Channel"]],"Metrics":[{"Name":"FirstWord","Unit":"Milliseconds"}],"Namespace":"Aurora"}],"Timestamp":1795014251604},"function":"webhook"}
{"PhoneDropped":2,"Stage":"prod","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stage"]],"Metrics":[{"Name":"PhoneDropped","Unit":"Count"}],"Namespace":"Aurora"}],"Timestamp":1795014251604},"function":"webhook"}
`
	if b.String() != want {
		t.Errorf("got  %s\nwant %s", b.String(), want)
	}
}
