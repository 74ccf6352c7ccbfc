package webhook_test

import (
	"testing"

	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/usecase/webhook"
)

// BenchmarkReport is what the webhook does to a report before the PUT.
func BenchmarkReport(b *testing.B) {
	body := []byte(webhookBodies(b)["end-of-call-report-vapi.json"])
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		m, err := providermsg.ParseMessage(body)
		if err != nil {
			b.Fatal(err)
		}
		clean, err := webhook.Scrub(body)
		if err != nil {
			b.Fatal(err)
		}
		_ = webhook.ReportKey(m.EndOfCall(), clean.Hash)
	}
}
