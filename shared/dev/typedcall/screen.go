package typedcall

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"example.com/aurora/shared/dev/fakerelay"
)

// screen shows a call, the words of each speaker on a line of their own.
type screen struct {
	mu      sync.Mutex
	out     io.Writer
	speaker fakerelay.Speaker // whose line is open; "" if none is
}

// names are the speakers' names on the screen.
var names = map[fakerelay.Speaker]string{fakerelay.Agent: "Assistant", fakerelay.Twilio: "Twilio", fakerelay.Caller: "Caller"}

// watch shows the events of a call until it is over.
func (c *caller) watch(ctx context.Context, s *screen) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address+"/events", nil)
	if err != nil {
		s.note("%v", err)
		return
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.note("%v", err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var e fakerelay.Event
		if !ok || json.Unmarshal([]byte(data), &e) != nil {
			continue
		}
		s.show(e)
	}
	s.closeLine()
}

// show shows an event.
func (s *screen) show(e fakerelay.Event) {
	switch e.Type {
	case "word":
		s.word(e.By, e.Text)
	case "said":
		s.closeLine()
		s.word(fakerelay.Caller, e.Text)
		s.closeLine()
	case "turn-end":
		s.closeLine()
	case "interrupted":
		s.note("interrupted")
	case "keys":
		s.note("key %s", e.Text)
	case "digits":
		s.note("the assistant presses %s", e.Text)
	case "session":
		s.note("connected with the assistant")
	case "reconnected", "dropped":
		s.note("the WebSocket was %s", e.Type)
	case "session-end":
		s.note("the session with the assistant: %s", e.Text)
	case "dialled":
		s.note("dialling %s", e.Text)
	case "dial-end":
		s.note("the dialled call: %s", e.Text)
	case "problem", "violation":
		s.note("! %s", e.Text)
	case "over":
		s.note("the call: %s", e.Text)
	}
}

// word continues the line of a speaker, or begins one.
func (s *screen) word(by fakerelay.Speaker, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.speaker != by {
		if s.speaker != "" {
			_, _ = fmt.Fprintln(s.out)
		}
		_, _ = fmt.Fprintf(s.out, "%s: ", names[by])
		s.speaker = by
	}
	_, _ = fmt.Fprint(s.out, text)
}

func (s *screen) closeLine() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.speaker != "" {
		_, _ = fmt.Fprintln(s.out)
	}
	s.speaker = ""
}

// note shows a line that no one says.
func (s *screen) note(format string, args ...any) {
	s.closeLine()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.out, "  ("+format+")\n", args...)
}
