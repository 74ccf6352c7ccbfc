package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Fault 75: every received batch is settled, or visible again within the function's time limit: with processes that are killed at any
// moment, with answers of the queue that are lost on their way, and with failures of the function.
func TestEveryReceivedBatchIsSettled(t *testing.T) {
	const messages, kills = 300, 25
	sinkURL, got := newSink(t, nil)
	s := startStack(t, Options{Environ: []string{"SINK_BASE_URL=" + sinkURL}})
	worker := s.invoker.names["worker"]
	// Only a release makes a message visible again while this test runs.
	const visibility = 43_200 * time.Second
	created, err := s.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("delivery"), Attributes: map[string]string{"VisibilityTimeout": "43200"}})
	if err != nil {
		t.Fatal(err)
	}
	queue := aws.ToString(created.QueueUrl)
	lossy := sqs.New(s.sqs.Options(), func(o *sqs.Options) {
		o.HTTPClient = &http.Client{Transport: &lossyTransport{base: s.http, random: rand.New(rand.NewPCG(1, 2))}}
	})
	tasks := &taskGroup{printf: s.printf}
	ctx, cancel := context.WithCancel(t.Context())
	defer tasks.wait()
	defer cancel()
	p := &poller{sourcePlan: sourcePlan{queue: "delivery", batch: 8, concurrency: 10, partial: true}, function: worker, client: lossy, url: queue,
		visibility: visibility, tasks: tasks, printf: s.printf}
	tasks.run("polling", func() { p.run(ctx) })
	for n := 0; n < messages; n += 10 {
		var entries []sqstypes.SendMessageBatchRequestEntry
		for i := range 10 {
			entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String(fmt.Sprint("m", n+i))})
		}
		if _, err := s.sqs.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queue, Entries: entries}); err != nil {
			t.Fatal(err)
		}
	}
	random, seen, killed := rand.New(rand.NewPCG(3, 4)), map[string]bool{}, 0
	for len(seen) < messages {
		var batch events.SQSEvent
		if err := json.Unmarshal([]byte(receiveWithin(t, got, fmt.Sprintf("the other %d messages", messages-len(seen)))), &batch); err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			seen[r.Body] = true
		}
		if killed < kills && random.IntN(2) == 0 {
			killed++
			killOne(worker)
		}
	}
	// A message that failed seven times, as on a loaded machine, is visible again after 64 s.
	for deadline := time.Now().Add(5 * waitTimeout); ; <-time.After(20 * time.Millisecond) {
		visible, hidden := queueCounts(t, s, queue)
		if visible+hidden == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages visible and %d hidden after every message was handled, want 0", visible, hidden)
		}
	}
	if killed == 0 {
		t.Error("no process was killed")
	}
}

// lossyTransport loses answers that carry messages, and requests that confirm them.
type lossyTransport struct {
	base   http.RoundTripper
	mu     sync.Mutex
	random *rand.Rand
}

func (l *lossyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	lose := l.random.IntN(4) == 0
	l.mu.Unlock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if lose && operation == "ChangeMessageVisibilityBatch" {
		_ = r.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	response, err := l.base.RoundTrip(r)
	if err != nil || !lose || operation != "ReceiveMessage" {
		return response, err
	}
	_ = response.Body.Close()
	return nil, io.ErrUnexpectedEOF
}

// killOne kills any process of a function.
func killOne(f *function) {
	f.mu.Lock()
	processes := slices.Collect(maps.Keys(f.all))
	f.mu.Unlock()
	for _, p := range processes {
		p.mu.Lock()
		c := p.child
		p.mu.Unlock()
		if c != nil {
			c.kill()
			return
		}
	}
}

func queueCounts(t *testing.T, s *Stack, url string) (visible, hidden int) {
	t.Helper()
	out, err := s.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqsAttribute{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return toInt(out.Attributes["ApproximateNumberOfMessages"], -1), toInt(out.Attributes["ApproximateNumberOfMessagesNotVisible"], -1)
}

// A process has one invocation at a time, however often it asks for one. An HTTP client asks again if its connection broke.
func TestProcessAsksTwice(t *testing.T) {
	s := startStack(t, Options{})
	f := s.invoker.names["echo"]
	addresses := make(chan string, 100)
	f.launch = func(address string) (*child, error) {
		addresses <- address
		return s.launcher.start("/bin/sleep", []string{"600"}, nil, "", f.log, nil)
	}
	answers := make(chan string, 100)
	invoke := func(event string) {
		r, err := f.invoke(t.Context(), newID(), newTrace(), []byte(event))
		if err != nil || r.failure != nil {
			answers <- fmt.Sprint(err, r)
			return
		}
		answers <- event + " " + string(r.payload)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stopStack(t, s)
	wg.Go(func() { invoke("first") })
	address := receiveWithin(t, addresses, "a process")
	serveOne(t, address)
	if got := receiveWithin(t, answers, "an answer"); got != "first first" {
		t.Fatalf("the first answer: %s", got)
	}
	// A request whose client does not read the answer.
	broken, err := net.Dial("tcp", strings.SplitN(address, "/", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = broken.Close() }()
	if _, err := fmt.Fprintf(broken, "GET /%s%sinvocation/next HTTP/1.1\r\nHost: x\r\n\r\n", strings.SplitN(address, "/", 2)[1], runtimePath); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the process to be idle", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.idle) == 1 })
	f.mu.Lock()
	p := f.idle[0]
	f.mu.Unlock()
	p.mu.Lock()
	first := p.next
	p.mu.Unlock()
	wg.Go(func() { serveUntilStop(address) })
	waitFor(t, "the second request", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.next != nil && p.next != first })
	for _, event := range []string{"a", "b", "c"} {
		wg.Go(func() { invoke(event) })
	}
	got := map[string]bool{}
	for len(got) < 3 {
		select {
		case a := <-answers:
			got[a] = true
		case address := <-addresses:
			wg.Go(func() { serveUntilStop(address) })
		case <-time.After(waitTimeout):
			t.Fatalf("answers %v, want three", got)
		}
	}
	if !got["a a"] || !got["b b"] || !got["c c"] {
		t.Errorf("answers %v, want each event's own", got)
	}
}

// An invocation whose process went away before it received the invocation runs in another process.
func TestUndeliveredInvocationIsReturned(t *testing.T) {
	for name, away := range map[string]func(p *process, next chan *invocation){
		"the client left before the invocation was read": func(p *process, next chan *invocation) { p.closeNext(next, nil) },
		"the invocation could not be sent":               func(p *process, next chan *invocation) { p.closeNext(next, <-next) },
		"the client left, and the process asks again":    func(p *process, next chan *invocation) { p.closeNext(next, nil); p.openNext() },
	} {
		t.Run(name, func(t *testing.T) {
			f := &function{functionPlan: &functionPlan{timeout: time.Hour}, limit: 10, maxInit: time.Hour, log: &logFile{println: func(line string) { t.Log(line) }}, all: map[*process]phase{}, busy: 1}
			p := &process{function: f}
			f.all[p] = phaseStarting
			next := p.openNext()
			inv := newInvocation("1", "", nil, time.Now().Add(time.Hour))
			if !p.assign(inv) || p.assign(newInvocation("2", "", nil, time.Now().Add(time.Hour))) {
				t.Fatal("a waiting process must take one invocation, and no other")
			}
			away(p, next)
			r := receiveWithin(t, inv.replied, "the invocation's return")
			if !r.undone || f.busy != 0 {
				t.Errorf("reply %+v, busy %d; want undone and 0", r, f.busy)
			}
		})
	}
}

// An invocation that nothing answers is reported after its deadline.
func TestUnansweredInvocationIsReported(t *testing.T) {
	lines := make(chan string, 1)
	f := &function{functionPlan: &functionPlan{}, log: &logFile{println: func(line string) { lines <- line }}}
	r, err := f.await(t.Context(), newInvocation("lost", "", nil, time.Now().Add(-time.Hour)))
	if err != nil || r.failure == nil || r.failure.Type != "Sandbox.Timedout" {
		t.Errorf("reply %+v, error %v; want a timeout", r, err)
	}
	if line := receiveWithin(t, lines, "a line"); !strings.Contains(line, "lost invocation.unanswered") {
		t.Errorf("the line is %q", line)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitTimeout); !done(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// serveOne plays a runtime client for one invocation: its response is the event.
func serveOne(t *testing.T, address string) {
	t.Helper()
	if err := answerNext(address); err != nil {
		t.Fatal(err)
	}
}

func serveUntilStop(address string) {
	for answerNext(address) == nil {
		continue
	}
}

func answerNext(address string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	base := "http://" + address + runtimePath + "invocation/"
	response, err := client.Get(base + "next")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	event, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	id := response.Header.Get("Lambda-Runtime-Aws-Request-Id")
	if id == "" {
		return fmt.Errorf("no invocation: %s", response.Status)
	}
	answer, err := client.Post(base+id+"/response", "application/json", strings.NewReader(string(event)))
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("answer of %s: %s", id, answer.Status)
	}
	return nil
}
