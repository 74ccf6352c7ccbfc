package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/dev/testkit"
)

// harness runs one process of a function against its own runtime API.
type harness struct {
	began     time.Time
	command   *exec.Cmd
	events    chan []byte
	requested chan time.Time // for an event
	answers   chan answer
	exited    chan struct{}
	server    func()
	log       testkit.Buffer
}

type answer struct {
	at      time.Time
	failure string
}

// launch starts a process. Its first event is ready for it, if there is one.
func launch(ctx context.Context, program string, environment []string, first []byte) (*harness, error) {
	h := &harness{events: make(chan []byte, 1), requested: make(chan time.Time, 1), answers: make(chan answer, 1), exited: make(chan struct{})}
	address, stop, err := serve(h)
	if err != nil {
		return nil, err
	}
	h.server = stop
	if first != nil {
		h.events <- first
	}
	h.command = exec.CommandContext(ctx, program)
	h.command.Env = append(append([]string{}, environment...), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(address, "http://"))
	h.command.Stdout, h.command.Stderr = &h.log, &h.log
	h.began = time.Now()
	if err := h.command.Start(); err != nil {
		stop()
		return nil, err
	}
	return h, nil
}

// close ends the process.
func (h *harness) close() {
	close(h.exited)
	_ = h.command.Process.Kill()
	_ = h.command.Wait() // it was killed
	h.server()
}

// firstRequest returns the time of the process's first request for an event.
func (h *harness) firstRequest(ctx context.Context) (time.Time, error) {
	select {
	case at := <-h.requested:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("the process never asked for an event: %s", h.log.String())
	}
}

// nextAnswer returns the time of the answer to the current event.
func (h *harness) nextAnswer(ctx context.Context) (time.Time, error) {
	select {
	case a := <-h.answers:
		if a.failure != "" {
			return a.at, fmt.Errorf("the function failed: %s\n%s", a.failure, h.log.String())
		}
		return a.at, nil
	case <-ctx.Done():
		return time.Time{}, errors.New("it never answered")
	}
}

// invoke sends an event and waits for the answer.
func (h *harness) invoke(ctx context.Context, event []byte) error {
	select {
	case h.events <- event:
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := h.nextAnswer(ctx)
	return err
}

// ServeHTTP is Lambda's runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func (h *harness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	switch {
	case strings.HasSuffix(r.URL.Path, "/extension/register"): // the Go client registers in order to get SIGTERM
		w.Header().Set("Lambda-Extension-Identifier", "bench")
	case strings.HasSuffix(r.URL.Path, "/extension/event/next"):
		<-h.exited
	case strings.HasSuffix(r.URL.Path, "/next"):
		select {
		case h.requested <- now:
		default:
		}
		select {
		case event := <-h.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "bench")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench")
			_, _ = w.Write(event)
		case <-h.exited:
		}
	default:
		body, _ := io.ReadAll(r.Body)
		failure := ""
		if !strings.HasSuffix(r.URL.Path, "/response") {
			failure = string(body)
		}
		select {
		case h.answers <- answer{time.Now(), failure}:
		default:
		}
		w.WriteHeader(http.StatusAccepted)
	}
}
