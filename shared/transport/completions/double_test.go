package completions

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/chat"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// script is a model that says the same to everybody.
type script struct {
	chunks []agent.Chunk
	err    error
}

func (s script) Stream(context.Context, agent.Request) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		for _, c := range s.chunks {
			if !yield(c, nil) {
				return
			}
		}
		if s.err != nil {
			yield(agent.Chunk{}, s.err)
		}
	}
}

// nobody is a store without assistants.
type nobody struct{}

func (nobody) ByID(context.Context, string) (aurora.Assistant, error) {
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.")
}

func (nobody) ByNumber(context.Context, aurora.Phone) (aurora.Assistant, error) {
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.")
}

func endpoint(m agent.Model) *Endpoint {
	now := func() time.Time { return time.Unix(1763800000, 0) }
	return &Endpoint{Service: &chat.Service{Assistants: nobody{}, Chain: func([]aurora.ModelRef) agent.Model { return m }, DefaultModels: []string{"gpt-4o"}, Now: now}, Now: now, NewID: func() string { return "chatcmpl-1" }}
}

// paper keeps every write by itself.
type paper struct {
	header http.Header
	status int
	writes []string
	full   int // the write that fails, from 1; 0 is none
}

func (p *paper) Header() http.Header    { return p.header }
func (p *paper) WriteHeader(status int) { p.status = status }
func (p *paper) Write(b []byte) (int, error) {
	if p.full > 0 && len(p.writes)+1 >= p.full {
		return 0, errGone
	}
	p.writes = append(p.writes, string(b))
	return len(b), nil
}

var errGone = errors.New("the reader is gone")

func post(t testing.TB, e *Endpoint, body string, header ...string) (*paper, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	p := &paper{header: http.Header{}}
	return p, e.General(p, r)
}
