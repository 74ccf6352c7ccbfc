package dynamo_test

import (
	"context"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
)

// Open makes one request, which finds nothing and changes nothing.
func TestOpen(t *testing.T) {
	config, transport := newTables(t)
	for name, open := range map[string]func(context.Context) error{
		"assistants": dynamo.NewAssistants(config, "assistants", time.Now).Open,
		"ledger":     dynamo.NewLedger(config, "ledger", time.Now).Open,
		"outbound":   dynamo.NewOutbound(config, "ledger", time.Now).Open,
	} {
		requests, writes := transport.requestCount(), transport.writeCount()
		if err := open(t.Context()); err != nil || transport.requestCount() != requests+1 || transport.writeCount() != writes {
			t.Errorf("%s: %v, %d requests and %d writes; want one read", name, err, transport.requestCount()-requests, transport.writeCount()-writes)
		}
	}
	if err := dynamo.NewLedger(config, "nothing", time.Now).Open(t.Context()); err == nil {
		t.Error("a table that does not exist: no error")
	}
	transport.failAll(dropReply)
	if err := dynamo.NewAssistants(config, "assistants", time.Now).Open(t.Context()); err == nil {
		t.Error("without an answer: no error")
	}
}
