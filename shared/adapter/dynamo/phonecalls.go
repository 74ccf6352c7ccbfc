package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	phonePrefix      = "phone#"
	connectionPrefix = "phoneconn#"
	phoneTTL         = 48 * time.Hour
	maxPhoneAttempts = 12 // to change a call that others change at the same time
	maxWriters       = 12
)

// PhoneCalls stores the state of phone calls in the ledger table. Use NewPhoneCalls.
type PhoneCalls struct {
	table lazyTable
	now   func() time.Time
	newID func() string
}

// NewPhoneCalls returns the phone calls in a table. newID returns a random id.
func NewPhoneCalls(config func() (aws.Config, error), table string, now func() time.Time, newID func() string) *PhoneCalls {
	return &PhoneCalls{table: openTable(config, table, withFastReads), now: now, newID: newID}
}

// Open opens the connection to DynamoDB.
func (s *PhoneCalls) Open(ctx context.Context) error { return s.table.open(ctx, "key") }

// phoneItem is an aurora.PhoneCall as an item. Writers are the ids of the newest writes: after a lost reply the SDK repeats a
// write, whose condition then fails, and the id shows that the first one was applied.
type phoneItem struct {
	Key       string   `dynamo:"key,hash"`
	State     string   `dynamo:"state"` // JSON
	Revision  int64    `dynamo:"revision"`
	Writers   []string `dynamo:"writers"`
	ExpiresAt int64    `dynamo:"expiresAt"`
}

func (s *PhoneCalls) newItem(c aurora.PhoneCall, writers []string) (phoneItem, error) {
	state, err := json.Marshal(c)
	if err != nil {
		return phoneItem{}, fmt.Errorf("write phone call: %w", err)
	}
	writers = writers[max(0, len(writers)-maxWriters):]
	return phoneItem{Key: phonePrefix + c.SID, State: string(state), Revision: c.Revision, Writers: writers, ExpiresAt: s.now().Add(phoneTTL).Unix()}, nil
}

// CreateCall stores a new call and returns it, or returns the one that is stored.
func (s *PhoneCalls) CreateCall(ctx context.Context, c aurora.PhoneCall) (aurora.PhoneCall, error) {
	t, err := s.table()
	if err != nil {
		return c, err
	}
	item, err := s.newItem(c, nil)
	if err != nil {
		return c, err
	}
	err = t.Put(item).If("attribute_not_exists($) OR $ <= ?", "key", expiryKey, s.now().Unix()).Run(ctx)
	if err == nil {
		return c, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return c, errPhoneStore("write phone call", err)
	}
	stored, ok, err := s.Call(ctx, c.SID)
	if err == nil && !ok {
		err = errPhoneStore("write phone call", errors.New("the call was removed meanwhile"))
	}
	return stored, err
}

// Call returns the state of a call. It is not ok if there is none, or an expired one.
func (s *PhoneCalls) Call(ctx context.Context, sid string) (c aurora.PhoneCall, ok bool, err error) {
	c, _, ok, err = s.read(ctx, sid)
	return c, ok, err
}

func (s *PhoneCalls) read(ctx context.Context, sid string) (c aurora.PhoneCall, writers []string, ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return c, nil, false, err
	}
	var item phoneItem
	err = t.Get("key", phonePrefix+sid).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) || err == nil && item.ExpiresAt <= s.now().Unix() {
		return c, nil, false, nil
	}
	if err != nil {
		return c, nil, false, errPhoneStore("read phone call", err)
	}
	if err := json.Unmarshal([]byte(item.State), &c); err != nil {
		return c, nil, false, fmt.Errorf("read phone call: %w", err)
	}
	return c, item.Writers, true, nil
}

// UpdateCall changes the state of a call and returns it. change gets the state that is stored, may be called several times,
// and reports whether there is anything to write. The error is fault.NotFound if there is no such call, and fault.Conflict if
// others changed it each time.
func (s *PhoneCalls) UpdateCall(ctx context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	writer := s.newID()
	for attempt := range maxPhoneAttempts {
		c, writers, ok, err := s.read(ctx, sid)
		switch {
		case err != nil:
			return c, err
		case !ok:
			return c, fault.New(fault.NotFound, "There is no such call.").WithCode("call_not_found")
		case slices.Contains(writers, writer): // the write before was applied, and its reply was lost
			return c, nil
		case !change(&c):
			return c, nil
		}
		done, err := s.put(ctx, c, append(writers, writer))
		if done || err != nil {
			c.Revision++
			return c, err
		}
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(time.Duration(attempt) * 3 * time.Millisecond):
		}
	}
	return aurora.PhoneCall{}, fault.New(fault.Conflict, "The call's state changes too fast.").WithCode("call_busy")
}

// put writes the state over the one with the same revision, and increases the revision.
func (s *PhoneCalls) put(ctx context.Context, c aurora.PhoneCall, writers []string) (done bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	c.Revision++
	item, err := s.newItem(c, writers)
	if err != nil {
		return false, err
	}
	err = t.Put(item).If("$ = ?", revisionKey, c.Revision-1).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, errPhoneStore("write phone call", err)
	}
	return true, nil
}

func errPhoneStore(what string, err error) error {
	return errUnavailable("The state of phone calls cannot be used now.").Because(fmt.Errorf("%s: %w", what, err))
}

// connectionItem maps a connection of the WebSocket API to its call.
type connectionItem struct {
	Key       string `dynamo:"key,hash"`
	CallSID   string `dynamo:"callSid"`
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// PutConnection stores which call a connection of the WebSocket API belongs to.
func (s *PhoneCalls) PutConnection(ctx context.Context, connectionID, callSID string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	item := connectionItem{Key: connectionPrefix + aurora.SafeKey(connectionID), CallSID: callSID, ExpiresAt: s.now().Add(phoneTTL).Unix()}
	if err := t.Put(item).Run(ctx); err != nil {
		return errPhoneStore("write connection", err)
	}
	return nil
}

// ConnectionCall returns the sid of the call that a connection belongs to. It is not ok if that is not stored.
func (s *PhoneCalls) ConnectionCall(ctx context.Context, connectionID string) (callSID string, ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return "", false, err
	}
	var item connectionItem
	err = t.Get("key", connectionPrefix+aurora.SafeKey(connectionID)).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, errPhoneStore("read connection", err)
	}
	return item.CallSID, true, nil
}
