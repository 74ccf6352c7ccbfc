package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/lambdaapp"
)

// A failure of the model is answered with 200 and the fallback message. It must be counted by its code, and the log line must
// lead to the call.
func TestFailedModelIsCounted(t *testing.T) {
	event, err := os.ReadFile(filepath.Join("..", "..", "events", "chat-completions-voice", "document-stream.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		answer fakeopenai.Answer
		want   []string
	}{
		{"fault 69: the model answers 500", fakeopenai.Status(500, "oops"), []string{"FallbackSpoken upstream_error"}},
		{"fault 69: the model answers 429", fakeopenai.Status(429, "{}", "Retry-After", "600"), []string{"FallbackSpoken rate_limit_exceeded"}},
		{"fault 69: the model hangs", fakeopenai.Hang(), []string{"FallbackSpoken upstream_timeout"}},
		{"fault 69: the model is cut", fakeopenai.Close("We ", "open "), []string{"FallbackSpoken upstream_error", "FirstWord voice"}},
		{"fault 69: the model rejects the request with a code of its own", fakeopenai.Status(400, `{"error":{"code":"odd_code"}}`), []string{"FallbackSpoken invalid"}},
		{"an answer", fakeopenai.Text("We ", "open ", "at nine."), []string{"FirstWord voice"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := testkit.CaptureLogOf(t, func(w io.Writer) *slog.Logger { return lambdaapp.NewLogger(w, slog.LevelInfo) })
			model := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return c.answer })
			handler := eventtest.NewChatHandler(model.URL)
			handler.VoiceTiming = completions.VoiceTiming{FillerAfter: time.Minute, ToolFillerAfter: time.Minute, FallbackAfter: time.Minute}
			if c.name == "fault 69: the model hangs" {
				handler.VoiceTiming.FallbackAfter = 50 * time.Millisecond
			}
			o := eventtest.Invoke(t, serve(handler, nil), json.RawMessage(event))
			if o.Status != 200 || !slices.Equal(o.Metrics, c.want) {
				t.Errorf("status %d and the metrics %v, want 200 and %v", o.Status, o.Metrics, c.want)
			}
			if !strings.HasPrefix(c.want[0], "FallbackSpoken") {
				return
			}
			if !strings.Contains(string(o.Body), "please say that again") {
				t.Errorf("the caller hears %s, want the fallback message", o.Body)
			}
			lines := log.Lines()
			i := slices.IndexFunc(lines, func(l map[string]any) bool { return l["event"] == "fallback.spoken" })
			if i < 0 {
				t.Fatalf("no line fallback.spoken in %s", log.String())
			}
			for _, id := range []string{"callId", "assistantId", "requestId"} {
				if v, _ := lines[i][id].(string); v == "" {
					t.Errorf("the line fallback.spoken has no %s: %v", id, lines[i])
				}
			}
		})
	}
}
