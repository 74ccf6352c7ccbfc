package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/fault"
)

func TestReportedAssistants(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, `{"assistantId":"b","internal":true}`, `{"assistantId":"a","internal":true,"report":{"scheduled":true}}`,
		`{"assistantId":"c","report":{"scheduled":true}}`, `{"assistantId":"d"}`)
	putItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("poison"), "internalKey": stringValue("internal"), "tools": stringValue("none")})
	internal, wrong, err := s.Internal(t.Context())
	if err != nil || len(internal) != 2 || internal[0].ID() != "a" || internal[1].ID() != "b" || len(wrong) != 1 || !strings.Contains(wrong[0].Error(), "poison") {
		t.Errorf("%v %v %v", internal, wrong, err)
	}
	scheduled, wrong, err := s.Scheduled(t.Context())
	if err != nil || len(scheduled) != 2 || scheduled[0].ID() != "a" || scheduled[1].ID() != "c" || len(wrong) != 0 {
		t.Errorf("%v %v %v", scheduled, wrong, err)
	}
	for i := range 400 { // over a megabyte: several pages
		putAssistants(t, s, fmt.Sprintf(`{"assistantId":"many%03d","report":{"scheduled":true},"assistantPrompt":%q}`, i, strings.Repeat("p", 3500)))
	}
	if scheduled, _, err = s.Scheduled(t.Context()); err != nil || len(scheduled) != 402 {
		t.Errorf("%d of 402, %v", len(scheduled), err)
	}
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }, false
	})
	gone, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := s.Internal(gone); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}
