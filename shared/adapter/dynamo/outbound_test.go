package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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

const recipient aurora.Phone = "+14155550101"

const sid = "CA00000000000000000000000000000001"

func newOutboundLedger(t *testing.T) (*dynamo.Outbound, *faultyTransport, *time.Time) {
	t.Helper()
	config, f := newTables(t)
	clock := time.Date(2026, 11, 18, 17, 30, 0, 0, time.UTC)
	return dynamo.NewOutbound(config, "ledger", func() time.Time { return clock }), f, &clock
}

// newOutboundCall returns a call in progress, with every field that it has then.
func newOutboundCall(id string, now time.Time) aurora.OutboundCall {
	return aurora.OutboundCall{ID: id, State: aurora.OutboundInProgress, AssistantID: "riley", From: "+15551230100", To: recipient,
		AssistantNumber: "4639465275", Number: "+1 415 555 0101", Name: "Ann", Email: "ann@example.com", Info: "i", KeyName: "k-external",
		CreatedAt: now, Deadline: now.Add(30 * time.Second)}
}

// expectRecord checks the record that an id or a sid leads to; nil expects none.
func expectRecord(t *testing.T, s *dynamo.Outbound, idOrSID string, want *aurora.OutboundCall) {
	t.Helper()
	got, ok, err := s.Record(t.Context(), idOrSID)
	if err != nil || ok != (want != nil) || ok && !reflect.DeepEqual(got, *want) {
		t.Errorf("the record of %s: found %v %+v, %v\nwant %+v", idOrSID, ok, got, err, want)
	}
}

func TestOutboundRecords(t *testing.T) {
	s, f, clock := newOutboundLedger(t)
	r := newOutboundCall("oc_1", *clock)
	f.loseFirstReply("PutItem")
	if err := s.CreateRecord(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	f.setRule(nil)
	expectRecord(t, s, "oc_1", &r)

	seconds := 4.5
	r.State, r.SID, r.Status, r.Seconds, r.AnsweredBy = aurora.OutboundPlaced, sid, aurora.CallCompleted, &seconds, "human"
	r.CheckedAt, r.AnsweredAt, r.EndedAt = *clock, *clock, *clock
	for _, c := range []struct {
		revision int
		want     bool
	}{{2, false}, {1, true}, {1, false}} {
		r.Revision = c.revision
		if done, err := s.UpdateRecord(t.Context(), r); done != c.want || err != nil {
			t.Errorf("update to revision %d: done %v, %v; want %v", c.revision, done, err, c.want)
		}
	}
	expectRecord(t, s, "oc_1", &r)

	expectRecord(t, s, sid, nil) // nothing has claimed the sid
	f.loseFirstReply("PutItem")
	if owner, err := s.ClaimSID(t.Context(), sid, "oc_1"); owner != "oc_1" || err != nil {
		t.Errorf("the sid belongs to %q, %v; want oc_1", owner, err)
	}
	f.setRule(nil)
	if owner, err := s.ClaimSID(t.Context(), sid, "oc_2"); owner != "oc_1" || err != nil {
		t.Errorf("after another claim the sid belongs to %q, %v; want oc_1", owner, err)
	}
	expectRecord(t, s, sid, &r)
	*clock = clock.Add(31 * 24 * time.Hour)
	expectRecord(t, s, "oc_1", nil) // expired
}

func TestUnresolvedRecords(t *testing.T) {
	s, _, clock := newOutboundLedger(t)
	for id, state := range map[string]aurora.OutboundState{"oc_1": aurora.OutboundPlaced, "oc_2": aurora.OutboundUnknown, "oc_3": aurora.OutboundRejected, "oc_4": aurora.OutboundInProgress} {
		r := newOutboundCall(id, *clock)
		r.State = state
		if err := s.CreateRecord(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for r, err := range s.UnresolvedRecords(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	if slices.Sort(ids); !slices.Equal(ids, []string{"oc_2", "oc_4"}) {
		t.Errorf("unresolved: %v, want oc_2 and oc_4", ids)
	}
}

func TestOutboundPending(t *testing.T) {
	s, _, _ := newOutboundLedger(t)
	add := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			if err := s.AddPending(t.Context(), recipient, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			if err := s.RemovePending(t.Context(), recipient, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect := func(what string, want ...string) {
		t.Helper()
		got, err := s.Pending(t.Context(), recipient)
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: pending %v, %v; want %v", what, got, err, want)
		}
	}
	remove("oc_1")
	expect("a number without calls")
	add("oc_1", "oc_2", "oc_2")
	expect("two calls", "oc_1", "oc_2")
	remove("oc_1", "oc_1", "oc_9")
	expect("one removed", "oc_2")
	remove("oc_2")
	expect("both removed")
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
	f.loseFirstReply("PutItem")
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
	q := aurora.Quota{Key: "count#to#x", Amount: 1, Limit: 3, ExpiresAt: clock.Add(time.Hour)}
	expectUsed := func(key string, want int64) {
		t.Helper()
		if n, err := s.QuotaUsed(t.Context(), key); n != want || err != nil {
			t.Errorf("%s is %d, %v; want %d", key, n, err, want)
		}
	}
	take := func(what string, q aurora.Quota, taker string, want bool) {
		t.Helper()
		if taken, err := s.TakeQuota(t.Context(), q, taker); taken != want || err != nil {
			t.Errorf("%s: taken %v, %v; want %v", what, taken, err, want)
		}
	}
	var callers sync.WaitGroup
	taken := make(chan bool, 100)
	for i := range 100 {
		callers.Go(func() {
			ok, err := s.TakeQuota(t.Context(), q, fmt.Sprint("oc_", i))
			if err != nil {
				t.Error(err)
			}
			if ok {
				taken <- true
			}
		})
	}
	callers.Wait()
	if len(taken) != 3 {
		t.Errorf("%d of 100 took from a quota of 3, want 3", len(taken))
	}
	expectUsed(q.Key, 3)
	if err := s.ReturnQuota(t.Context(), q); err != nil {
		t.Error(err)
	}
	f.loseFirstReply("UpdateItem")
	take("a take whose reply is lost, and that the SDK repeats", q, "oc_lost", true)
	f.setRule(nil)
	expectUsed(q.Key, 3)
	take("one more", q, "oc_more", false)
	f.loseFirstReply("UpdateItem")
	if err := s.ReturnQuota(t.Context(), q); err == nil || f.requestCount() != 1 {
		t.Errorf("a return whose reply is lost: %v in %d requests; want an error and one request", err, f.requestCount())
	}
	f.setRule(nil)
	expectUsed(q.Key, 2)
}

func TestOutboundQuotaOfMoney(t *testing.T) {
	s, _, clock := newOutboundLedger(t)
	q := aurora.Quota{Key: "count#spend", Amount: 100_000, Limit: 250_000, ExpiresAt: clock.Add(time.Hour)}
	for i, want := range []bool{true, true, false} {
		if taken, err := s.TakeQuota(t.Context(), q, fmt.Sprint("oc_", i)); taken != want || err != nil {
			t.Errorf("call %d: taken %v, %v; want %v", i+1, taken, err, want)
		}
	}
	if n, err := s.QuotaUsed(t.Context(), q.Key); n != 200_000 || err != nil {
		t.Errorf("used %d, %v; want 200000", n, err)
	}
	q.Key, q.Limit = "count#none", 99_999
	if taken, err := s.TakeQuota(t.Context(), q, "oc_1"); taken || err != nil {
		t.Errorf("a limit below the amount: taken %v, %v; want false", taken, err)
	}
	if err := s.ReturnQuota(t.Context(), q); err == nil {
		t.Error("a return to an unused quota: no error, so the counter is negative")
	}
}

// Without the table every method returns the error that becomes a 503.
func TestOutboundUnavailable(t *testing.T) {
	s, f, clock := newOutboundLedger(t)
	f.failAll(errorReply(503, "ServiceUnavailable"))
	claim := idempotency.Claim{Key: "idem#x", Owner: "oc_1", LeaseUntil: *clock, ExpiresAt: *clock}
	for name, call := range map[string]func(ctx context.Context) error{
		"CreateRecord": func(ctx context.Context) error { return s.CreateRecord(ctx, newOutboundCall("oc_1", *clock)) },
		"Record":       func(ctx context.Context) error { _, _, err := s.Record(ctx, "oc_1"); return err },
		"UpdateRecord": func(ctx context.Context) error {
			_, err := s.UpdateRecord(ctx, newOutboundCall("oc_1", *clock))
			return err
		},
		"ClaimSID":   func(ctx context.Context) error { _, err := s.ClaimSID(ctx, sid, "oc_1"); return err },
		"AddPending": func(ctx context.Context) error { return s.AddPending(ctx, recipient, "oc_1") },
		"Pending":    func(ctx context.Context) error { _, err := s.Pending(ctx, recipient); return err },
		"FindClaim":  func(ctx context.Context) error { _, _, err := s.FindClaim(ctx, "idem#x"); return err },
		"ClaimKey":   func(ctx context.Context) error { _, err := s.ClaimKey(ctx, claim, ""); return err },
		"FinishKey":  func(ctx context.Context) error { _, err := s.FinishKey(ctx, claim); return err },
		"ReleaseKey": func(ctx context.Context) error { return s.ReleaseKey(ctx, "idem#x", "oc_1") },
		"TakeQuota": func(ctx context.Context) error {
			_, err := s.TakeQuota(ctx, aurora.Quota{Key: "count#x", Limit: 1}, "oc_1")
			return err
		},
		"QuotaUsed":   func(ctx context.Context) error { _, err := s.QuotaUsed(ctx, "count#x"); return err },
		"HasConsent":  func(ctx context.Context) error { _, err := s.HasConsent(ctx, recipient); return err },
		"IsDoNotCall": func(ctx context.Context) error { _, err := s.IsDoNotCall(ctx, recipient); return err },
		"UnresolvedRecords": func(ctx context.Context) error {
			for _, err := range s.UnresolvedRecords(ctx) {
				return err
			}
			return errors.New("no error was yielded")
		},
	} {
		if err := call(t.Context()); !fault.Is(err, fault.Unavailable) || fault.From(err).Code != "store_unavailable" {
			t.Errorf("%s: %v, want store_unavailable", name, err)
		}
	}
}
