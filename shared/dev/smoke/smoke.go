package smoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/auth"
)

// The test assistant.
const (
	AssistantID     = "aurora-smoke-test"
	assistantNumber = "+15550123450"
	caller          = "+14155550123"
)

const (
	cleanUpName    = "clean up"
	cleanupTimeout = time.Minute
	requestTimeout = 35 * time.Second // the gateway waits 29 s for a buffered answer
)

// Target is the stack that is checked.
type Target struct {
	Stage        string
	API          string            // the address of the API, without a slash at its end
	FunctionURLs map[string]string // by the folder of the function
	// Config returns what configures a client for a service: dynamodb, s3, sqs or secretsmanager.
	Config                func(service string) func() (aws.Config, error)
	Tables                map[string]string // the tables assistants, calls and ledger
	Bucket                string
	Queues                map[string]string       // the URLs of the queues calls, raw and reports
	PublicURL             string                  // the setting PUBLIC_URL; if it is empty, the API's address
	VoiceStreamURL        string                  // the setting VOICE_STREAM_URL
	VoiceMode             string                  // the setting VOICE_MODE
	VoiceRelayURL         string                  // the setting VOICE_RELAY_URL, for which Twilio signs handshakes
	WebSocket             string                  // where the WebSocket API is
	TwilioURL             string                  // of a fake; empty for the real one
	Keys                  map[auth.KeyKind]string // given by the operator; Keyring makes the others
	Keyring               Keyring
	KeyDelay              time.Duration                // after a key is stored, until all processes know it
	LastError             func(function string) string // the last error in the log of a function, "" if there is none; may be nil
	Mail                  string                       // where the mail check sends a report; empty skips it
	Number                string                       // the number that is not called, in a country that calls may go to
	IndexWait, ReportWait time.Duration                // for an end-of-call report to become a row with an analysis, for a queued report
	Skip                  []string                     // the groups of checks that are left out: see Groups
}

// group is a group of checks that can be left out.
type group string

// The groups. Checks without a group are always made.
const (
	groupChat       group = "chat"
	groupWebhook    group = "webhook"
	groupReports    group = "reports"
	groupOperators  group = "operators"
	groupCalls      group = "calls"
	groupHyperscale group = "hyperscale" // calls of the deployment's assistant, which not every deployment has
)

// check is one check. run returns a short text about what was seen; an error says what is broken.
type check struct {
	name string
	run  func(ctx context.Context) (seen string, err error)
}

// failure is a check that failed.
type failure struct{ name, why string }

// errSkipped is the error of a check that is left out on purpose.
var errSkipped = errors.New("skipped")

// run is one run of all checks.
type run struct {
	Target
	out        io.Writer
	client     *http.Client
	began      time.Time
	call       string // the id of the test call
	keys       map[auth.KeyKind]*testKey
	stored     time.Time // when the last key was stored
	storeErr   error
	assistants *dynamo.Assistants
	calls      *dynamo.Calls
	ledger     *dynamo.Ledger
	bucket     *s3.Bucket
	link       string   // of the report
	mailed     int      // recipients of the report
	warnings   []string // of the report
	reportErr  error    // why there is no report
	broken     []failure
}

// Run makes all checks, prints a line for each, and removes what they have caused. The error says how many checks failed. ctx
// limits the whole run: checks that have not ended by then fail.
func Run(ctx context.Context, t Target, out io.Writer) error {
	now := time.Now()
	r := &run{Target: t, out: out, began: now, call: fmt.Sprintf("smoke-%d", now.UnixNano()), keys: map[auth.KeyKind]*testKey{},
		client: &http.Client{Timeout: requestTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	r.assistants = dynamo.NewAssistants(t.Config("dynamodb"), t.Tables["assistants"], time.Now)
	r.calls = dynamo.NewCalls(t.Config("dynamodb"), t.Tables["calls"], 0)
	r.ledger = dynamo.NewLedger(t.Config("dynamodb"), t.Tables["ledger"], time.Now)
	r.bucket = s3.New(t.Config("s3"), t.Bucket)
	count, skipped := 0, 0
	for _, c := range r.checks() {
		count++
		if isSkipped := r.perform(ctx, c); isSkipped {
			skipped++
		}
	}
	total := fmt.Sprintf("%d checks in %.1f s: %d ok, %d failed, %d skipped", count, time.Since(r.began).Seconds(), count-len(r.broken)-skipped, len(r.broken), skipped)
	r.print("%s", total)
	if len(r.broken) > 0 {
		return fmt.Errorf("the smoke test failed; begin with the check %q: %s", r.broken[0].name, r.broken[0].why)
	}
	return nil
}

// Groups returns the groups of checks that Target.Skip may name.
func Groups() []string {
	return []string{string(groupChat), string(groupWebhook), string(groupReports), string(groupOperators), string(groupCalls), string(groupHyperscale)}
}

// checks returns all checks in their order. The checks of calls come last, because a key that was stored may need a minute.
func (r *run) checks() []check {
	all := r.storeChecks()
	for _, part := range []struct {
		group  group
		checks []check
	}{{groupChat, r.chatChecks()}, {groupWebhook, r.webhookChecks()}, {groupReports, r.reportChecks()}, {groupOperators, r.operatorChecks()},
		{groupCalls, r.callChecks()}, {groupHyperscale, r.placeChecks("hyperscale-outbound-call")}} {
		for _, c := range part.checks {
			if slices.Contains(r.Skip, string(part.group)) {
				c.run = func(context.Context) (string, error) { return "SKIP=" + string(part.group), errSkipped }
			}
			all = append(all, c)
		}
	}
	return append(all, check{cleanUpName, r.cleanUp})
}

// perform makes a check and prints its line. It reports whether the check was skipped.
func (r *run) perform(ctx context.Context, c check) (skipped bool) {
	began := time.Now()
	seen, err := "", errors.New("it was not made: the time limit was reached, or the run was stopped")
	if ctx.Err() == nil || c.name == cleanUpName {
		seen, err = c.run(ctx)
	}
	took := time.Since(began).Milliseconds()
	switch {
	case errors.Is(err, errSkipped):
		r.print("%-58s skipped        %s", c.name, seen)
	case err != nil:
		f := failure{c.name, oneLine(err.Error())}
		r.broken = append(r.broken, f)
		r.print("%-58s FAILED %5d ms  %s", c.name, took, f.why)
	default:
		r.print("%-58s ok     %5d ms  %s", c.name, took, seen)
	}
	return errors.Is(err, errSkipped)
}

func (r *run) print(format string, args ...any) {
	_, _ = fmt.Fprintln(r.out, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// requestIDs are what the AWS SDK adds to each error of a service.
var requestIDs = regexp.MustCompile(`https response error StatusCode: \d+, RequestID: [^,]*,( HostID: [^,]*,)? `)

// oneLine returns a text with single spaces instead of white space, cut to a length that a terminal shows well.
func oneLine(s string) string {
	const most = 500
	s = requestIDs.ReplaceAllString(strings.Join(strings.Fields(s), " "), "")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}

// secretName returns the full name of one of the stack's secrets.
func (r *run) secretName(name string) string { return "aurora/" + r.Stage + "/" + name }

// sleep waits, and returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
