package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// webhookBodies returns the bodies of the webhook's events, by file name.
func webhookBodies(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "events", "webhook", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no events for the webhook (%v)", err)
	}
	bodies := map[string]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var event struct {
			Body            string
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(raw, &event); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if event.IsBase64Encoded {
			if b, err := base64.StdEncoding.DecodeString(event.Body); err == nil {
				event.Body = string(b)
			}
		}
		bodies[filepath.Base(file)] = event.Body
	}
	return bodies
}
