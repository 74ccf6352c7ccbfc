package webhook_test

import (
	"path/filepath"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
)

// webhookBodies returns the bodies of the webhook's cases, by the cases' names.
func webhookBodies(t testing.TB) map[string]string {
	t.Helper()
	bodies, err := eventcase.Payloads(filepath.Join("..", "..", ".."), "webhook")
	if err != nil {
		t.Fatal(err)
	}
	return bodies
}
