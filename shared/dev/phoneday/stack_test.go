package phoneday

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/faketwilio"
	"example.com/aurora/shared/dev/testkit"
)

// ourNumber is the number that is called. Its assistant speaks for itself and passes calls on to desk.
const (
	ourNumber   = "+15551230700"
	assistantID = "7d0c5e0a-3c6f-4f1e-9a52-2c1b8f6e0700"
	nightID     = "7d0c5e0a-3c6f-4f1e-9a52-2c1b8f6e0701"
	desk        = "+14155550160"
	greeting    = "Good morning, this is the phone day."
)

const assistant = `{"assistantId":"` + assistantID + `","assistantFirstMessage":"` + greeting + `","assistantName":"Day","assistantPhoneNumber":"` + ourNumber + `",
	"assistantPhoneNumberName":"phone-day","assistantPrompt":"You are scripted.","deepgramModel":"nova-2","elevenLabsModel":"eleven_turbo_v2_5","elevenLabsVoiceId":"burt",
	"emails":["owner@example.com"],"functions":["send_sms","transfer_call","end_call","get_current_time"],"handoffs":["` + nightID + `"],"orgName":"Day","phoneNumbers":["` + ourNumber + `"],
	"textFromNumber":"+15551230701","timeZone":"America/New_York","transferDestinations":[{"name":"desk","description":"a person","number":"` + desk + `"}]}`

// nightAssistant takes conversations over from the assistant of ourNumber.
const nightAssistant = `{"assistantId":"` + nightID + `","assistantName":"Night","assistantPrompt":"You are the night shift.","functions":["transfer_call"],
	"transferDestinations":[{"name":"desk","description":"a person","number":"` + desk + `"}]}`

// stack is the whole product with a fake Twilio and a scripted model.
type stack struct {
	info   emulator.Info
	data   string
	twilio *faketwilio.Server
	model  *fakeopenai.Double
	out    *testkit.Buffer
}

// startStack starts a stack whose model is scripted. Everything is spoken speed times faster than by a voice.
func startStack(t *testing.T, speed float64, script fakeopenai.Script, variables ...string) *stack {
	t.Helper()
	s := &stack{data: t.TempDir(), out: &testkit.Buffer{}, model: fakeopenai.Serve(t, script)}
	s.twilio = faketwilio.New(faketwilio.Options{AccountSID: emulator.TwilioAccountSID, AuthToken: emulator.TwilioAuthToken, Speed: speed, TurnTimeout: turnTimeout})
	server := httptest.NewServer(s.twilio)
	t.Cleanup(server.Close)
	t.Cleanup(s.twilio.Close)
	environment := append(os.Environ(), "TWILIO_BASE_URL="+server.URL, "OPENAI_BASE_URL="+s.model.URL)
	running, err := emulator.Start(t.Context(), emulator.Options{Root: "../../..", Data: s.data, Concurrency: concurrency, Out: s.out, Environ: append(environment, variables...), Seed: seed})
	if err != nil {
		t.Fatalf("start the stack: %v\n%s", err, s.out)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Errorf("stop the stack: %v", err)
		}
		if t.Failed() {
			t.Log(lastLines(s.out.String(), 60))
		}
	})
	s.info = running.Info()
	s.twilio.SetNumbers(s.info.API+"/twilio/voice", s.info.API+"/twilio/voice/status", func() string { return s.info.WebSocket })
	return s
}

// concurrency is how many processes of a function may run: a call takes up to four at once.
const concurrency = 150

// turnTimeout is how long a caller waits for an answer on a machine that is busy.
const turnTimeout = 90 * time.Second

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// seed stores the assistants.
func seed(ctx context.Context, info emulator.Info) error {
	table := dynamo.NewAssistants(testkit.AWSConfig(info.Endpoints["dynamodb"], nil), info.Tables["assistants"], time.Now)
	_, err := table.Put(ctx, []byte(assistant))
	_, nightErr := table.Put(ctx, []byte(nightAssistant))
	return errors.Join(err, nightErr)
}

// report is an end-of-call report, as far as a test looks at it.
type report struct {
	Message struct {
		EndedReason string `json:"endedReason"`
		Call        struct {
			ID string `json:"id"`
		} `json:"call"`
		Artifact struct {
			Messages []struct {
				Role    string `json:"role"`
				Message string `json:"message"`
			} `json:"messages"`
		} `json:"artifact"`
	} `json:"message"`
}

// reports returns the reports in the bucket, by the call's sid.
func (s *stack) reports(t *testing.T) map[string][]report {
	t.Helper()
	config, err := testkit.AWSConfig(s.info.Endpoints["s3"], nil)()
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	found := map[string][]report{}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &s.info.Bucket, Prefix: aws.String("eoc/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range page.Contents {
			got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &s.info.Bucket, Key: object.Key})
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(got.Body)
			if err := errors.Join(err, got.Body.Close()); err != nil {
				t.Fatal(err)
			}
			var r report
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatalf("%s: %v", *object.Key, err)
			}
			found[r.Message.Call.ID] = append(found[r.Message.Call.ID], r)
		}
	}
	return found
}

// rows returns how many rows the calls table has for each call.
func (s *stack) rows(t *testing.T) map[string]int {
	t.Helper()
	config, err := testkit.AWSConfig(s.info.Endpoints["dynamodb"], nil)()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(config), &dynamodb.ScanInput{TableName: aws.String(s.info.Tables["calls"])})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			raw, _ := json.Marshal(item) // the id stands in it in one attribute or another
			for _, sid := range callSIDs.FindAllString(string(raw), 1) {
				found[sid]++
			}
		}
	}
	return found
}

// logLine is a line of a function's log, as far as a test looks at it.
type logLine struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Event   string    `json:"event"`
	CallSID string    `json:"callSid"`
	Message string    `json:"msg"`
}

// log returns the lines of a function's log.
func (s *stack) log(t *testing.T, function string) []logLine {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.data, "logs", function+".log"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []logLine
	scanner := bufio.NewScanner(bytes.NewReader(raw))
	scanner.Buffer(nil, len(raw)+1)
	for scanner.Scan() {
		var l logLine
		if json.Unmarshal(scanner.Bytes(), &l) == nil && l.Event != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(limit)
	for !done() {
		if time.Now().After(deadline) {
			t.Errorf("gave up after %v: %s", limit, what)
			return
		}
		<-ticker.C
	}
}
