package dynamo_test

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

const rileyDocument = `{"assistantId":"riley","assistantPhoneNumber":"+1 (555) 123-0100","gracePeriodMs":300,"emails":["a@example.com"],"internal":true,
	"report":{"scheduled":true},"vapi":{"assistantId":"v","n":1.50},"unknownExtension":{"deep":[1,null,true,"x",{}]},"empty":""}`

func putAssistants(t *testing.T, s *dynamo.Assistants, documents ...string) {
	t.Helper()
	for _, document := range documents {
		if _, err := s.Put(t.Context(), []byte(document)); err != nil {
			t.Fatalf("%s: %v", document, err)
		}
	}
}

func putItem(t *testing.T, config func() (aws.Config, error), table string, item map[string]types.AttributeValue) {
	t.Helper()
	cfg, _ := config()
	if _, err := dynamodb.NewFromConfig(cfg).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
		t.Fatal(err)
	}
}

func stringValue(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func numberValue(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func TestAssistants(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, rileyDocument, `{"assistantId":"avery","assistantPhoneNumber":"4639465275"}`)

	a, err := s.ByNumber(t.Context(), "+15551230100")
	if err != nil || a.ID() != "riley" || a.GracePeriodMs != "300" || !a.Internal || !a.Report.Scheduled {
		t.Fatalf("by number: %+v, %v", a, err)
	}
	var vapi any
	if err := json.Unmarshal(a.Vapi, &vapi); err != nil || !reflect.DeepEqual(vapi, map[string]any{"assistantId": "v", "n": 1.5}) {
		t.Errorf("vapi came back as %s", a.Vapi)
	}
	if a, err := s.ByID(t.Context(), "avery"); err != nil || a.AssistantPhoneNumber != "4639465275" {
		t.Errorf("by id: %+v, %v", a, err)
	}
	for _, id := range []string{"", "nobody", strings.Repeat("x", 5000), "a\x00", "../riley"} {
		if _, err := s.ByID(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("%.20q: %v", id, err)
		}
	}
	for _, n := range []aurora.Phone{"", "+15551239999"} {
		if _, err := s.ByNumber(t.Context(), n); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", n, err)
		}
	}
	all, err := s.List(t.Context())
	if err != nil || len(all) != 2 || all[0].ID() != "avery" {
		t.Errorf("list: %+v, %v", all, err)
	}
}

func TestPutDerivesIndexKeysAndKeepsUnknownFields(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, strings.Replace(rileyDocument, `{`, `{"numberE164":"+15550000000","internalKey":"forged",`, 1))
	cfg, _ := config()
	got, err := dynamodb.NewFromConfig(cfg).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("assistants"),
		Key: map[string]types.AttributeValue{"assistantId": stringValue("riley")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"numberE164": "+15551230100", "internalKey": "internal", "scheduledKey": "scheduled", "empty": ""} {
		if v, ok := got.Item[name].(*types.AttributeValueMemberS); !ok || v.Value != want {
			t.Errorf("%s = %v, want %q", name, got.Item[name], want)
		}
	}
	if _, ok := got.Item["unknownExtension"].(*types.AttributeValueMemberM); !ok {
		t.Errorf("an extension was lost: %v", got.Item)
	}
	putAssistants(t, s, `{"assistantId":"riley"}`) // written again without a number: the index key must go, never be ""
	if _, err := s.ByNumber(t.Context(), "+15551230100"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the old number is still riley's: %v", err)
	}
}

func TestNumberBelongsToOneAssistant(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, rileyDocument, rileyDocument)
	_, err := s.Put(t.Context(), []byte(`{"assistantId":"thief","assistantPhoneNumber":"+1.555.123.0100"}`))
	if f := fault.From(err); f == nil || f.Kind != fault.Conflict || f.Param != "assistantPhoneNumber" || !strings.Contains(f.Message, "riley") {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"assistantId":"x","emails":{}}`} {
		if _, err := s.Put(t.Context(), []byte(bad)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	// Two that got in by another way: the smaller id answers, always.
	putItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("adam"), "numberE164": stringValue("+15551230100")})
	if a, err := s.ByNumber(t.Context(), "+15551230100"); err != nil || a.ID() != "adam" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestFault33To35(t *testing.T) {
	throttled := []string{"ThrottlingException", "ProvisionedThroughputExceededException"}
	for _, kind := range throttled {
		t.Run("33 "+kind, func(t *testing.T) {
			config, f := newTables(t)
			c := newClock()
			s := dynamo.NewAssistants(config, "assistants", c.now)
			putAssistants(t, s, rileyDocument)
			if _, err := s.ByID(t.Context(), "riley"); err != nil {
				t.Fatal(err)
			}
			f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
				return errorReply(400, kind), false
			})
			c.advance(time.Minute)
			began := time.Now()
			if a, err := s.ByID(t.Context(), "riley"); err != nil || a.ID() != "riley" {
				t.Errorf("a minute old, and not used: %v", err)
			}
			if took := time.Since(began); f.callCount() > 3 || took > 900*time.Millisecond {
				t.Errorf("%d tries in %v", f.callCount(), took)
			}
			c.advance(5 * time.Minute)
			_, err := s.ByID(t.Context(), "riley")
			if fa := fault.From(err); fa == nil || fa.Kind != fault.Unavailable || fa.RetryAfter != time.Second {
				t.Errorf("six minutes old: %v", err)
			}
			f.setRule(nil)
			if _, err := s.ByID(t.Context(), "riley"); err != nil {
				t.Errorf("the table is back, and not asked: %v", err)
			}
		})
	}
	t.Run("33 twice throttled", func(t *testing.T) {
		config, f := newTables(t)
		s := dynamo.NewAssistants(config, "assistants", newClock().now)
		putAssistants(t, s, rileyDocument)
		f.setRule(func(_ string, n int) (func(*http.Request) (*http.Response, error), bool) {
			if n <= 2 {
				return errorReply(400, throttled[n-1]), false
			}
			return nil, false
		})
		if _, err := s.ByNumber(t.Context(), "+15551230100"); err != nil {
			t.Error(err)
		}
	})
	t.Run("34 silent", func(t *testing.T) {
		config, f := newTables(t)
		s := dynamo.NewAssistants(config, "assistants", newClock().now)
		f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
			return func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }, false
		})
		began := time.Now()
		if _, err := s.ByID(t.Context(), "riley"); !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("35 malformed", func(t *testing.T) {
		config, f := newTables(t)
		s := dynamo.NewAssistants(config, "assistants", newClock().now)
		putItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("bad"), "numberE164": stringValue("+15551230100"), "emails": &types.AttributeValueMemberM{}})
		f.setRule(nil)
		for range 3 {
			_, err := s.ByID(t.Context(), "bad")
			if fa := fault.From(err); fa == nil || fa.Kind != fault.Internal || fa.Code != "config_invalid" {
				t.Errorf("%v", err)
			}
		}
		if f.callCount() != 1 {
			t.Errorf("asked %d times", f.callCount())
		}
		if _, err := s.List(t.Context()); err == nil || !strings.Contains(err.Error(), "bad") {
			t.Errorf("the list does not say what it left out: %v", err)
		}
	})
}

func TestCache(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewAssistants(config, "assistants", c.now)
	putAssistants(t, s, rileyDocument)
	ask := func(id string) int {
		before := f.callCount()
		_, _ = s.ByID(t.Context(), id)
		return f.callCount() - before
	}
	for i, step := range []struct {
		id    string
		pass  time.Duration
		asked int
	}{
		{"riley", 0, 1}, {"riley", 29 * time.Second, 0}, {"riley", 2 * time.Second, 1}, {"none", 0, 1}, {"none", 4 * time.Second, 0}, {"none", 2 * time.Second, 1},
	} {
		c.advance(step.pass)
		if n := ask(step.id); n != step.asked {
			t.Errorf("step %d: %s was asked for %d times", i, step.id, n)
		}
	}
}

func TestConcurrentReadsAreShared(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, rileyDocument)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		once.Do(func() { close(entered) })
		<-release
		return nil, false
	})
	ctx, hangUp := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.ByID(ctx, "riley") })
	<-entered
	hangUp() // the one who reads for all
	for range 20 {
		wg.Go(func() {
			if _, err := s.ByID(t.Context(), "riley"); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := f.callCount(); n > 2 {
		t.Errorf("%d reads", n)
	}
}

func TestCalls(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewCalls(config, "calls", 24*time.Hour)
	at := aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: "c1"}
	if _, ok, err := s.Row(t.Context(), at); ok || err != nil {
		t.Fatalf("%v %v", ok, err)
	}
	zero, half := 0.0, 21.07
	full := aurora.Call{CallKey: at, Version: "2", ObjectKey: "eoc/x.json", ID: "c1", StartedAt: newClock().now(), Seconds: &half, Cost: &zero, Disposition: aurora.DispositionBusy,
		Customer: "+14155550100", Summary: "", Spoke: true}
	for _, c := range []aurora.Call{full, {CallKey: at, Version: "1", Disposition: aurora.DispositionFailed}, {CallKey: at, Version: "2", Disposition: aurora.DispositionFailed}} {
		stored, err := s.Put(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(stored, full) {
			t.Errorf("Put of version %s says that %+v is stored, want %+v", c.Version, stored, full)
		}
	}
	got, ok, err := s.Row(t.Context(), at)
	if !ok || err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("\n got %+v (%v)\nwant %+v", got, err, full)
	}
	cfg, _ := config()
	item, err := dynamodb.NewFromConfig(cfg).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("calls"),
		Key: map[string]types.AttributeValue{"assistantDay": stringValue("riley#2026-11-18"), "callId": stringValue("c1")}})
	if err != nil {
		t.Fatal(err)
	}
	expiry := item.Item["expiresAt"].(*types.AttributeValueMemberN).Value
	if want := "1795132800"; expiry != want { // two days after the day began
		t.Errorf("expires at %s, want %s", expiry, want)
	}
	if _, ok := item.Item["summary"]; ok {
		t.Error("what is unknown is there")
	}
	if gone, err := s.Delete(t.Context(), aurora.Call{CallKey: at, Version: "1"}); gone || err != nil {
		t.Errorf("another version was deleted: %v %v", gone, err)
	}
	for range 2 {
		if gone, err := s.Delete(t.Context(), full); !gone || err != nil {
			t.Errorf("%v %v", gone, err)
		}
	}
}

func TestLedger(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	a := aurora.CallAlias{Name: "c1", Created: c.now(), ExpiresAt: c.now().Add(time.Hour), RowKeys: []aurora.CallKey{{AssistantID: "_", Day: "2026-11-18", CallID: "c1"}}}
	write := func(write func(context.Context, aurora.CallAlias) (bool, error), a aurora.CallAlias, want bool) {
		t.Helper()
		if done, err := write(t.Context(), a); err != nil || done != want {
			t.Errorf("done = %v, %v", done, err)
		}
	}
	write(s.CreateAlias, a, true)
	write(s.CreateAlias, a, false)
	a.Revision, a.Parent = 1, "c0"
	write(s.UpdateAlias, a, true)
	write(s.UpdateAlias, a, false) // the same again, as after a lost reply
	if got, ok, err := s.Alias(t.Context(), "c1"); !ok || err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("\n got %+v (%v)\nwant %+v", got, err, a)
	}
	c.advance(time.Hour)
	if _, ok, err := s.Alias(t.Context(), "c1"); ok || err != nil {
		t.Errorf("an expired record was found: %v", err)
	}
	fresh := aurora.CallAlias{Name: "c1", Created: c.now(), ExpiresAt: c.now().Add(time.Hour)}
	write(s.CreateAlias, fresh, true)
	if _, ok, err := s.Alias(t.Context(), "never"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

// TestFault36: the SDK repeats a write whose reply was lost, and reports that its condition failed.
func TestFault36(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	a := aurora.CallAlias{Name: "c1", Created: c.now(), ExpiresAt: c.now().Add(time.Hour), RowKeys: []aurora.CallKey{{AssistantID: "_", Day: "2026-11-18", CallID: "c1"}}}
	f.setRule(func(_ string, n int) (func(*http.Request) (*http.Response, error), bool) {
		if n == 1 {
			return dropReply, true
		}
		return nil, false
	})
	done, err := s.CreateAlias(t.Context(), a)
	if err != nil || done {
		t.Fatalf("the double does not show the trap: %v %v", done, err)
	}
	if got, ok, err := s.Alias(t.Context(), "c1"); !ok || err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("what is read back is not ours: %+v %v", got, err)
	}
}
