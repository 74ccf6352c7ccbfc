package completions

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// scriptedModel gives the same answer to every request.
type scriptedModel struct {
	chunks []agent.Chunk
	err    error
}

func (s scriptedModel) Stream(context.Context, agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
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

func newHandler(m agent.Model) *Handler {
	now := func() time.Time { return time.Unix(1763800000, 0) }
	return &Handler{Service: &chat.Service{Assistants: testkit.NewAssistants(), Chain: func([]aurora.ModelRef) agent.Model { return m }, DefaultModels: []string{"gpt-4o"}, Now: now}, Now: now, NewID: func() string { return "chatcmpl-1" }}
}

// recordingWriter records each write separately.
type recordingWriter struct {
	header http.Header
	status int
	writes []string
	failAt int // the number of the first write that fails; 0 means none
}

func (p *recordingWriter) Header() http.Header    { return p.header }
func (p *recordingWriter) WriteHeader(status int) { p.status = status }
func (p *recordingWriter) Write(b []byte) (int, error) {
	if p.failAt > 0 && len(p.writes)+1 >= p.failAt {
		return 0, errReaderGone
	}
	p.writes = append(p.writes, string(b))
	return len(b), nil
}

var errReaderGone = errors.New("the reader has disconnected")

func postGeneral(t testing.TB, e *Handler, body string, header ...string) (*recordingWriter, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	p := &recordingWriter{header: http.Header{}}
	return p, e.ServeGeneral(p, r)
}
