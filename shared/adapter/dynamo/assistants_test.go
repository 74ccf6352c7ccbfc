package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	rileyDocument = `{"assistantId":"riley","assistantPhoneNumber":"+1 (555) 123-0100","gracePeriodMs":300,"emails":["a@example.com"],"internal":true,
	"report":{"scheduled":true},"vapi":{"assistantId":"v","n":1.50},"unknownExtension":{"deep":[1,null,true,"x",{}]},"empty":""}`
	rileyNumber = "+15551230100"
)

func putAssistants(t *testing.T, s *dynamo.Assistants, documents ...string) {
	t.Helper()
	for _, document := range documents {
		if _, err := s.Put(t.Context(), []byte(document)); err != nil {
			t.Fatalf("%s: %v", document, err)
		}
	}
}

// idsOf returns the ids of assistants, separated by spaces.
func idsOf(all []aurora.Assistant) string {
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID())
	}
	return strings.Join(ids, " ")
}

func TestAssistants(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, rileyDocument, `{"assistantId":"avery","assistantPhoneNumber":"4639465275"}`)

	a, err := s.ByNumber(t.Context(), rileyNumber)
	if err != nil || a.ID() != "riley" || a.GracePeriodMs != "300" || !a.Internal || !a.Report.Scheduled {
		t.Fatalf("by number: %+v, %v; want riley as stored", a, err)
	}
	var vapi any
	if err := json.Unmarshal(a.Vapi, &vapi); err != nil || !reflect.DeepEqual(vapi, map[string]any{"assistantId": "v", "n": 1.5}) {
		t.Errorf("the field vapi is %s, want it as stored", a.Vapi)
	}
	if a, err := s.ByID(t.Context(), "avery"); err != nil || a.AssistantPhoneNumber != "4639465275" {
		t.Errorf("by id: %+v, %v; want avery", a, err)
	}
	for _, id := range []string{"", "unknown", strings.Repeat("x", 5000), "a\x00", "../riley"} {
		if _, err := s.ByID(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("the id %.20q: %v, want fault.NotFound", id, err)
		}
	}
	for _, number := range []aurora.Phone{"", "+15551239999"} {
		if _, err := s.ByNumber(t.Context(), number); !fault.Is(err, fault.NotFound) {
			t.Errorf("the number %q: %v, want fault.NotFound", number, err)
		}
	}
	if all, err := s.List(t.Context()); err != nil || idsOf(all) != "avery riley" {
		t.Errorf("list: %q, %v; want avery and riley", idsOf(all), err)
	}
}

func TestPutDerivesIndexKeysAndKeepsUnknownFields(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, strings.Replace(rileyDocument, `{`, `{"numberE164":"+15550000000","internalKey":"forged",`, 1))
	item := getItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("riley")})
	for name, want := range map[string]string{"numberE164": rileyNumber, "internalKey": "internal", "scheduledKey": "scheduled", "empty": ""} {
		if v, ok := item[name].(*types.AttributeValueMemberS); !ok || v.Value != want {
			t.Errorf("the attribute %s is %v, want %q", name, item[name], want)
		}
	}
	if _, ok := item["unknownExtension"].(*types.AttributeValueMemberM); !ok {
		t.Errorf("the unknown field is not stored: %v", item)
	}
	putAssistants(t, s, `{"assistantId":"riley"}`) // without a number, the attribute must be missing and not ""
	if _, err := s.ByNumber(t.Context(), rileyNumber); !fault.Is(err, fault.NotFound) {
		t.Errorf("by the old number: %v, want fault.NotFound", err)
	}
}

func TestPutRejectsInvalidDocuments(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	for _, document := range []string{``, `{}`, `[]`, `{"assistantId":"x","emails":{}}`} {
		if _, err := s.Put(t.Context(), []byte(document)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", document, err)
		}
	}
}

func TestNumberBelongsToOneAssistant(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, rileyDocument, rileyDocument)
	_, err := s.Put(t.Context(), []byte(`{"assistantId":"other","assistantPhoneNumber":"+1.555.123.0100"}`))
	if f := fault.From(err); err == nil || f.Kind != fault.Conflict || f.Param != "assistantPhoneNumber" || !strings.Contains(f.Message, "riley") {
		t.Errorf("another assistant with riley's number: %v, want a conflict that names riley", err)
	}
	// An item that was written in another way has the number too. The smaller id wins.
	putItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("adam"), "numberE164": stringValue(rileyNumber)})
	if a, err := s.ByNumber(t.Context(), rileyNumber); err != nil || a.ID() != "adam" {
		t.Errorf("by the number of two assistants: %s, %v; want adam", a.ID(), err)
	}
}

func TestFault33Throttled(t *testing.T) {
	for _, kind := range []string{"ThrottlingException", "ProvisionedThroughputExceededException"} {
		t.Run("fault 33: "+kind, func(t *testing.T) {
			config, f := newTables(t)
			c := newClock()
			s := dynamo.NewAssistants(config, "assistants", c.now)
			putAssistants(t, s, rileyDocument)
			if _, err := s.ByID(t.Context(), "riley"); err != nil {
				t.Fatal(err)
			}
			f.failAll(errorReply(400, kind))
			c.advance(time.Minute)
			began := time.Now()
			if a, err := s.ByID(t.Context(), "riley"); err != nil || a.ID() != "riley" {
				t.Errorf("with an entry that is a minute old: %v, want the entry", err)
			}
			if took := time.Since(began); f.requestCount() > 3 || took > 900*time.Millisecond {
				t.Errorf("%d requests in %v, want at most 3 in 900 ms", f.requestCount(), took)
			}
			c.advance(5 * time.Minute)
			_, err := s.ByID(t.Context(), "riley")
			if fa := fault.From(err); err == nil || fa.Kind != fault.Unavailable || fa.RetryAfter != time.Second {
				t.Errorf("with an entry that is six minutes old: %v, want fault.Unavailable and a second to wait", err)
			}
			f.setRule(nil)
			if _, err := s.ByID(t.Context(), "riley"); err != nil {
				t.Errorf("once the table answers again: %v", err)
			}
		})
	}
}

func TestFault33ThrottledTwice(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, rileyDocument)
	f.setRule(func(_ string, n int) (reply, bool) {
		if n <= 2 {
			return errorReply(400, "ThrottlingException"), false
		}
		return nil, false
	})
	if _, err := s.ByNumber(t.Context(), rileyNumber); err != nil {
		t.Errorf("%v, want the third attempt to succeed", err)
	}
}

func TestFault34NoAnswer(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	f.failAll(func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() })
	began := time.Now()
	if _, err := s.ByID(t.Context(), "riley"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want fault.Unavailable", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the read took %v, want at most 2 s", took)
	}
}

func TestFault35InvalidConfiguration(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("bad"), "numberE164": stringValue(rileyNumber), "emails": &types.AttributeValueMemberM{}})
	f.setRule(nil)
	for range 3 {
		_, err := s.ByID(t.Context(), "bad")
		if fa := fault.From(err); err == nil || fa.Kind != fault.Internal || fa.Code != "config_invalid" {
			t.Errorf("%v, want config_invalid", err)
		}
	}
	if n := f.requestCount(); n != 1 {
		t.Errorf("%d requests, want 1: the error is cached", n)
	}
	if _, err := s.List(t.Context()); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Errorf("list: %v, want an error that names the assistant", err)
	}
}

func TestCache(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewAssistants(config, "assistants", c.now)
	putAssistants(t, s, rileyDocument)
	for _, step := range []struct {
		what     string
		later    time.Duration
		id       string
		requests int
	}{
		{"the first look-up", 0, "riley", 1},
		{"after 29 seconds", 29 * time.Second, "riley", 0},
		{"after 31 seconds", 2 * time.Second, "riley", 1},
		{"the first look-up of an unknown id", 0, "none", 1},
		{"an unknown id, after 4 seconds", 4 * time.Second, "none", 0},
		{"an unknown id, after 6 seconds", 2 * time.Second, "none", 1},
	} {
		c.advance(step.later)
		before := f.requestCount()
		_, _ = s.ByID(t.Context(), step.id)
		if n := f.requestCount() - before; n != step.requests {
			t.Errorf("%s: %d requests, want %d", step.what, n, step.requests)
		}
	}
}

// Concurrent look-ups share one read. It goes on when the caller that began it disconnects.
func TestConcurrentReadsAreShared(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, rileyDocument)
	began, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.setRule(func(string, int) (reply, bool) {
		once.Do(func() { close(began) })
		<-release
		return nil, false
	})
	ctx, disconnect := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = s.ByID(ctx, "riley") })
	<-began
	disconnect()
	for range 20 {
		callers.Go(func() {
			if _, err := s.ByID(t.Context(), "riley"); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	callers.Wait()
	if n := f.requestCount(); n > 2 {
		t.Errorf("%d requests for 21 look-ups, want at most 2", n)
	}
}

func TestInternalAndScheduledAssistants(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, `{"assistantId":"b","internal":true}`, `{"assistantId":"a","internal":true,"report":{"scheduled":true}}`,
		`{"assistantId":"c","report":{"scheduled":true}}`, `{"assistantId":"d"}`)
	putItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("poison"), "internalKey": stringValue("internal"), "tools": stringValue("none")})
	internal, invalid, err := s.Internal(t.Context())
	if err != nil || idsOf(internal) != "a b" {
		t.Errorf("internal: %q, %v; want a and b", idsOf(internal), err)
	}
	if len(invalid) != 1 || !strings.Contains(invalid[0].Error(), "poison") {
		t.Errorf("internal: left out %v, want poison", invalid)
	}
	scheduled, invalid, err := s.Scheduled(t.Context())
	if err != nil || idsOf(scheduled) != "a c" || len(invalid) != 0 {
		t.Errorf("scheduled: %q, left out %v, %v; want a and c", idsOf(scheduled), invalid, err)
	}
	for i := range 400 { // more than a megabyte, so several pages
		putAssistants(t, s, fmt.Sprintf(`{"assistantId":"many%03d","report":{"scheduled":true},"assistantPrompt":%q}`, i, strings.Repeat("p", 3500)))
	}
	if scheduled, _, err = s.Scheduled(t.Context()); err != nil || len(scheduled) != 402 {
		t.Errorf("scheduled: %d assistants, %v; want 402", len(scheduled), err)
	}
	f.failAll(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := s.Internal(short); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without the table: %v, want fault.Unavailable", err)
	}
}

// Assistants with a retention of their own are found with and without scheduled reports.
func TestAssistantsWithRetention(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, `{"assistantId":"a","retentionDays":30}`, `{"assistantId":"b","retentionDays":30,"report":{"scheduled":true}}`,
		`{"assistantId":"c","report":{"scheduled":true}}`, `{"assistantId":"d"}`, `{"assistantId":"e","retentionDays":30}`)
	putAssistants(t, s, `{"assistantId":"e"}`)
	all, invalid, err := s.WithRetention(t.Context())
	var ids []string
	for _, a := range all {
		ids = append(ids, a.ID())
	}
	if slices.Sort(ids); !slices.Equal(ids, []string{"a", "b"}) || len(invalid) > 0 || err != nil {
		t.Errorf("WithRetention = %v, %v, %v, want a and b", ids, invalid, err)
	}
	if scheduled, _, err := s.Scheduled(t.Context()); err != nil || len(scheduled) != 2 {
		t.Errorf("%d assistants have scheduled reports, %v, want 2", len(scheduled), err)
	}
}
