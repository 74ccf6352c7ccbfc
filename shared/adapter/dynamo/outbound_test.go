package dynamo_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
)

const otherNumber aurora.Phone = "+14155550101"

func newOutboundLedger(t *testing.T) (*dynamo.Outbound, *faultyTransport, *time.Time) {
	t.Helper()
	config, f := newTables(t)
	clock := time.Date(2026, 11, 18, 17, 30, 0, 0, time.UTC)
	return dynamo.NewOutbound(config, "ledger", func() time.Time { return clock }), f, &clock
}

func TestOutboundRecords(t *testing.T) {
	s, f, clock := newOutboundLedger(t)
	seconds := 4.5
	r := aurora.OutboundCall{ID: "oc_1", State: aurora.OutboundInProgress, AssistantID: "riley", From: "+15551230100", To: "+14155550100",
		AssistantNumber: "4639465275", Number: "+1 415 555 0100", Name: "Ann", Email: "ann@example.com", Info: "i", KeyName: "k-external",
		CreatedAt: *clock, Deadline: clock.Add(30 * time.Second)}
	loseFirstReply(f, "PutItem")
	if err := s.CreateRecord(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	f.setRule(nil)
	got, ok, err := s.Record(t.Context(), "oc_1")
	if !ok || err != nil || got != r {
		t.Errorf("%+v\n%+v %v", got, r, err)
	}
	r.State, r.SID, r.Status, r.Seconds, r.CheckedAt, r.EndedAt, r.AnsweredAt, r.AnsweredBy, r.Revision = aurora.OutboundPlaced, "CA00000000000000000000000000000001",
		aurora.CallCompleted, &seconds, *clock, *clock, *clock, "human", 1
	for _, c := range []struct {
		revision int
		want     bool
	}{{2, false}, {1, true}, {1, false}} {
		r.Revision = c.revision
		if done, err := s.UpdateRecord(t.Context(), r); done != c.want || err != nil {
			t.Errorf("revision %d: %v %v", c.revision, done, err)
		}
	}
	if _, ok, err := s.Record(t.Context(), r.SID); ok || err != nil {
		t.Errorf("a sid that nobody named leads somewhere: %v", err)
	}
	loseFirstReply(f, "PutItem")
	if owner, err := s.ClaimSID(t.Context(), r.SID, "oc_1"); owner != "oc_1" || err != nil {
		t.Errorf("%q %v", owner, err)
	}
	f.setRule(nil)
	if owner, err := s.ClaimSID(t.Context(), r.SID, "oc_2"); owner != "oc_1" || err != nil {
		t.Errorf("%q %v", owner, err)
	}
	got, ok, err = s.Record(t.Context(), r.SID)
	if !ok || err != nil || got.State != r.State || *got.Seconds != seconds || !got.EndedAt.Equal(*clock) || got.AnsweredBy != "human" || got.Revision != 1 {
		t.Errorf("%+v %v", got, err)
	}
	for id, state := range map[string]aurora.OutboundState{"oc_3": aurora.OutboundUnknown, "oc_4": aurora.OutboundRejected, "oc_5": aurora.OutboundInProgress} {
		r.ID, r.State = id, state
		if err := s.CreateRecord(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	var open []string
	for r, err := range s.UnresolvedRecords(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, r.ID)
	}
	if slices.Sort(open); !slices.Equal(open, []string{"oc_3", "oc_5"}) {
		t.Errorf("unsettled: %v", open)
	}
	*clock = clock.Add(31 * 24 * time.Hour)
	if _, ok, err := s.Record(t.Context(), "oc_1"); ok || err != nil {
		t.Errorf("an expired record is there: %v", err)
	}
}

func TestOutboundPending(t *testing.T) {
	s, _, _ := newOutboundLedger(t)
	for _, id := range []string{"oc_1", "oc_2", "oc_2"} {
		if err := s.AddPending(t.Context(), "+14155550100", id); err != nil {
			t.Fatal(err)
		}
	}
	check := func(to aurora.Phone, want ...string) {
		t.Helper()
		got, err := s.Pending(t.Context(), to)
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v %v, want %v", got, err, want)
		}
	}
	check("+14155550100", "oc_1", "oc_2")
	for _, id := range []string{"oc_1", "oc_1", "oc_9"} {
		if err := s.RemovePending(t.Context(), "+14155550100", id); err != nil {
			t.Fatal(err)
		}
	}
	check("+14155550100", "oc_2")
	_ = s.RemovePending(t.Context(), "+14155550100", "oc_2")
	check("+14155550100")
	if err := s.RemovePending(t.Context(), otherNumber, "oc_1"); err != nil {
		t.Error(err)
	}
	check(otherNumber)
}

func TestOutboundKeys(t *testing.T) {
	s, f, clock := newOutboundLedger(t)
	newClaim := func(key, owner string) idempotency.Claim {
		until := clock.Add(10 * time.Second)
		return idempotency.Claim{Key: key, Owner: owner, Fingerprint: "f", LeaseUntil: until, ExpiresAt: until.Add(time.Minute)}
	}
	claim := func(owner, replace, holder string) {
		t.Helper()
		got, err := s.ClaimKey(t.Context(), newClaim("idem#x", owner), replace)
		if err != nil || got.Owner != holder {
			t.Errorf("%s claims the key over %q: held by %q, %v; want %q", owner, replace, got.Owner, err, holder)
		}
	}
	release := func(owner string) {
		t.Helper()
		if err := s.ReleaseKey(t.Context(), "idem#x", owner); err != nil {
			t.Error(err)
		}
	}
	loseFirstReply(f, "PutItem")
	claim("oc_1", "", "oc_1") // the SDK repeats the write, and its condition fails against our own claim
	f.setRule(nil)
	claim("oc_2", "", "oc_1")
	claim("oc_2", "oc_3", "oc_1")
	if got, ok, err := s.FindClaim(t.Context(), "idem#x"); !ok || err != nil || got != newClaim("idem#x", "oc_1") {
		t.Errorf("found %+v, %v, %v; want %+v", got, ok, err, newClaim("idem#x", "oc_1"))
	}
	claim("oc_2", "oc_1", "oc_2")
	release("oc_1") // the key is not its own any more
	claim("oc_3", "", "oc_2")
	release("oc_2")
	claim("oc_3", "", "oc_3")
	*clock = clock.Add(10*time.Second - time.Millisecond)
	claim("oc_4", "", "oc_3")
	*clock = clock.Add(time.Millisecond)
	if _, ok, err := s.FindClaim(t.Context(), "idem#x"); ok || err != nil {
		t.Errorf("an expired claim is found: %v, %v", ok, err)
	}
	claim("oc_4", "", "oc_4")

	var callers sync.WaitGroup
	owners := make(chan string, 50)
	for i := range 50 {
		callers.Go(func() {
			id := fmt.Sprint("oc_r", i)
			if holder, err := s.ClaimKey(t.Context(), newClaim("idem#race", id), ""); err != nil {
				t.Error(err)
			} else if holder.Owner == id {
				owners <- id
			}
		})
	}
	callers.Wait()
	if len(owners) != 1 {
		t.Errorf("%d of 50 concurrent claims hold the key, want 1", len(owners))
	}
}

// The item is spelled out: it is what earlier versions stored.
func TestStoredOutboundClaimOfEarlierVersion(t *testing.T) {
	config, _ := newTables(t)
	now := time.Date(2026, 11, 18, 17, 30, 0, 0, time.UTC)
	until := now.Add(time.Hour)
	putItem(t, config, "ledger", map[string]types.AttributeValue{"key": stringValue("idem#x"), "fingerprint": stringValue("f"), "record": stringValue("oc_1"),
		"until": numberValue(until.UnixMilli()), "expiresAt": numberValue(until.Add(time.Minute).Unix())})
	s := dynamo.NewOutbound(config, "ledger", func() time.Time { return now })
	want := idempotency.Claim{Key: "idem#x", Owner: "oc_1", Fingerprint: "f", LeaseUntil: until, ExpiresAt: until.Add(time.Minute)}
	if got, ok, err := s.FindClaim(t.Context(), "idem#x"); got != want || !ok || err != nil {
		t.Errorf("found %+v, %v, %v; want %+v", got, ok, err, want)
	}
	if holder, err := s.ClaimKey(t.Context(), idempotency.Claim{Key: "idem#x", Owner: "oc_2", LeaseUntil: until, ExpiresAt: until}, ""); holder != want || err != nil {
		t.Errorf("the key is held by %+v, %v; want %+v", holder, err, want)
	}
	if err := s.ReleaseKey(t.Context(), "idem#x", "oc_1"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.FindClaim(t.Context(), "idem#x"); ok || err != nil {
		t.Errorf("the claim is there after its release: %v, %v", ok, err)
	}
}

func TestOutboundQuotas(t *testing.T) {
	s, f, clock := newOutboundLedger(t)
	tally := aurora.Quota{Key: "count#to#x", Amount: 1, Limit: 3, ExpiresAt: clock.Add(time.Hour)}
	counted := func(key string, want int64) {
		t.Helper()
		if n, err := s.QuotaUsed(t.Context(), key); n != want || err != nil {
			t.Errorf("%s is %d, want %d (%v)", key, n, want, err)
		}
	}
	var wait sync.WaitGroup
	taken := make(chan bool, 100)
	for i := range 100 {
		wait.Go(func() {
			ok, err := s.TakeQuota(t.Context(), tally, fmt.Sprint("oc_", i))
			if err != nil {
				t.Error(err)
			}
			if ok {
				taken <- true
			}
		})
	}
	wait.Wait()
	if len(taken) != 3 {
		t.Errorf("%d of 100 took from a counter of 3", len(taken))
	}
	counted(tally.Key, 3)
	if err := s.ReturnQuota(t.Context(), tally); err != nil {
		t.Error(err)
	}
	loseFirstReply(f, "UpdateItem")
	if ok, err := s.TakeQuota(t.Context(), tally, "oc_lost"); !ok || err != nil { // counted once, though it was made twice
		t.Errorf("%v %v", ok, err)
	}
	f.setRule(nil)
	counted(tally.Key, 3)
	if ok, err := s.TakeQuota(t.Context(), tally, "oc_more"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	loseFirstReply(f, "UpdateItem")
	if err := s.ReturnQuota(t.Context(), tally); err == nil || f.callCount() != 1 { // given back once, and nobody knows
		t.Errorf("%v, %d calls", err, f.callCount())
	}
	f.setRule(nil)
	counted(tally.Key, 2)
	money := aurora.Quota{Key: "count#spend", Amount: 100_000, Limit: 250_000, ExpiresAt: clock.Add(time.Hour)}
	for i, want := range []bool{true, true, false} {
		if ok, err := s.TakeQuota(t.Context(), money, fmt.Sprint("oc_", i)); ok != want || err != nil {
			t.Errorf("%d: %v %v", i, ok, err)
		}
	}
	counted(money.Key, 200_000)
	money.Key, money.Limit = "count#none", 99_999
	if ok, err := s.TakeQuota(t.Context(), money, "oc_1"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	counted(money.Key, 0)
	if err := s.ReturnQuota(t.Context(), money); err == nil {
		t.Error("a counter is below nothing")
	}
}

// With the table away everything says so, and as a 503.
func TestOutboundUnavailable(t *testing.T) {
	s, f, clock := newOutboundLedger(t)
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return errorReply(503, "ServiceUnavailable"), false
	})
	ctx := t.Context()
	r := aurora.OutboundCall{ID: "oc_1", CreatedAt: *clock}
	for name, call := range map[string]func() error{
		"OpenRecord": func() error { return s.CreateRecord(ctx, r) },
		"Record":     func() error { _, _, err := s.Record(ctx, "oc_1"); return err },
		"Change":     func() error { _, err := s.UpdateRecord(ctx, r); return err },
		"NameCall":   func() error { _, err := s.ClaimSID(ctx, "CA1", "oc_1"); return err },
		"Opened":     func() error { return s.AddPending(ctx, otherNumber, "oc_1") },
		"OpenOf":     func() error { _, err := s.Pending(ctx, otherNumber); return err },
		"FindClaim":  func() error { _, _, err := s.FindClaim(ctx, "idem#x"); return err },
		"ClaimKey": func() error {
			_, err := s.ClaimKey(ctx, idempotency.Claim{Key: "idem#x", LeaseUntil: *clock, ExpiresAt: *clock}, "")
			return err
		},
		"ReleaseKey": func() error { return s.ReleaseKey(ctx, "idem#x", "oc_1") },
		"Take":       func() error { _, err := s.TakeQuota(ctx, aurora.Quota{Key: "count#x", Limit: 1}, "oc_1"); return err },
		"Counted":    func() error { _, err := s.QuotaUsed(ctx, "count#x"); return err },
		"Consented":  func() error { _, err := s.HasConsent(ctx, otherNumber); return err },
		"Refused":    func() error { _, err := s.IsDoNotCall(ctx, otherNumber); return err },
		"Unsettled": func() error {
			for _, err := range s.UnresolvedRecords(ctx) {
				return err
			}
			return errors.New("nothing")
		},
	} {
		if err := call(); !fault.Is(err, fault.Unavailable) || fault.From(err).Code != "store_unavailable" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConsent(t *testing.T) {
	s, _, _ := newOutboundLedger(t)
	ctx := t.Context()
	is := func(what string, got bool, err error, want bool) {
		t.Helper()
		if got != want || err != nil {
			t.Errorf("%s: %v %v", what, got, err)
		}
	}
	ok, err := s.HasConsent(ctx, otherNumber)
	is("nobody asked", ok, err, false)
	for range 2 {
		if err := s.AddConsent(ctx, otherNumber, "form"); err != nil {
			t.Fatal(err)
		}
	}
	ok, err = s.HasConsent(ctx, otherNumber)
	is("agreed", ok, err, true)
	ok, err = s.RemoveConsent(ctx, otherNumber)
	is("withdrawn", ok, err, true)
	ok, err = s.RemoveConsent(ctx, otherNumber)
	is("withdrawn again", ok, err, false)
	ok, err = s.HasConsent(ctx, otherNumber)
	is("no more", ok, err, false)
	if err := s.AddDoNotCall(ctx, otherNumber, "test"); err != nil {
		t.Fatal(err)
	}
	ok, err = s.RemoveDoNotCall(ctx, otherNumber)
	is("struck", ok, err, true)
	ok, err = s.IsDoNotCall(ctx, otherNumber)
	is("off the list", ok, err, false)
	for _, bad := range []aurora.Phone{"", "555", "+1 415 555 0101"} {
		if err := s.AddConsent(ctx, bad, "x"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := s.RemoveDoNotCall(ctx, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// loseFirstReply lets DynamoDB do the first call of an operation and loses its reply.
func loseFirstReply(f *faultyTransport, operation string) {
	done := false
	f.setRule(func(op string, _ int) (func(*http.Request) (*http.Response, error), bool) {
		if op != operation || done {
			return nil, false
		}
		done = true
		return dropReply, true
	})
}
