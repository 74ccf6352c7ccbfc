package dynamo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

const (
	recordPrefix  = "placed#"
	recordTTL     = 30 * 24 * time.Hour // the person's name and what was said of them go with it
	pendingPrefix = "open#"
	pendingTTL    = 48 * time.Hour
)

// Outbound is the ledger as outbound calls use it. Use NewOutbound.
type Outbound struct {
	*Ledger
	singleAttempt lazyTable // asks one time: giving back twice would let a call too many through
}

// NewOutbound returns the table of this name.
func NewOutbound(config func() (aws.Config, error), table string, now func() time.Time) *Outbound {
	return &Outbound{Ledger: &Ledger{table: openTable(config, table, withAttempts(3)), now: now, ownerKey: recordKey}, singleAttempt: openTable(config, table, withAttempts(1))}
}

// withAttempts sets a client's limits for a caller who waits for a call to be placed.
func withAttempts(n int) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = n, 150*time.Millisecond })
		if client, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = client.WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = time.Second })
		}
	}
}

// outboundItem is an aurora.OutboundCall as an item. Times are milliseconds since 1970, 0 where there is none.
type outboundItem struct {
	Key             string   `dynamo:"key,hash"`
	State           string   `dynamo:"state"`
	AssistantID     string   `dynamo:"assistantId"`
	From            string   `dynamo:"from"`
	To              string   `dynamo:"to"`
	AssistantNumber string   `dynamo:"assistantNumber"`
	Number          string   `dynamo:"number"`
	Name            string   `dynamo:"name"`
	Email           string   `dynamo:"email,omitempty"`
	Info            string   `dynamo:"info,omitempty"`
	KeyName         string   `dynamo:"keyName"`
	SID             string   `dynamo:"sid,omitempty"`
	Code            string   `dynamo:"code,omitempty"`
	Status          string   `dynamo:"status,omitempty"`
	AnsweredBy      string   `dynamo:"answeredBy,omitempty"`
	Created         int64    `dynamo:"created"`
	Deadline        int64    `dynamo:"deadline"`
	Checked         int64    `dynamo:"checked,omitempty"`
	AnsweredAt      int64    `dynamo:"answeredAt,omitempty"`
	EndedAt         int64    `dynamo:"endedAt,omitempty"`
	Seconds         *float64 `dynamo:"seconds,omitempty"`
	Revision        int      `dynamo:"revision"`
	ExpiresAt       int64    `dynamo:"expiresAt"`
}

func newOutboundItem(r aurora.OutboundCall) outboundItem {
	return outboundItem{Key: recordPrefix + r.ID, State: string(r.State), AssistantID: r.AssistantID, From: string(r.From), To: string(r.To),
		AssistantNumber: r.AssistantNumber, Number: r.Number, Name: r.Name, Email: r.Email, Info: r.Info, KeyName: r.KeyName, SID: r.SID,
		Code: r.Code, Status: string(r.Status), AnsweredBy: r.AnsweredBy, Created: millis(r.CreatedAt), Deadline: millis(r.Deadline),
		Checked: millis(r.CheckedAt), AnsweredAt: millis(r.AnsweredAt), EndedAt: millis(r.EndedAt), Seconds: r.Seconds, Revision: r.Revision,
		ExpiresAt: r.CreatedAt.Add(recordTTL).Unix()}
}

func (i outboundItem) record() aurora.OutboundCall {
	return aurora.OutboundCall{ID: i.Key[len(recordPrefix):], State: aurora.OutboundState(i.State), AssistantID: i.AssistantID,
		From: aurora.Phone(i.From), To: aurora.Phone(i.To), AssistantNumber: i.AssistantNumber, Number: i.Number, Name: i.Name, Email: i.Email,
		Info: i.Info, KeyName: i.KeyName, SID: i.SID, Code: i.Code, Status: aurora.CallStatus(i.Status), AnsweredBy: i.AnsweredBy,
		CreatedAt: timeFromMillis(i.Created), Deadline: timeFromMillis(i.Deadline), CheckedAt: timeFromMillis(i.Checked), AnsweredAt: timeFromMillis(i.AnsweredAt),
		EndedAt: timeFromMillis(i.EndedAt), Seconds: i.Seconds, Revision: i.Revision}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeFromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func timeFromSeconds(s int64) time.Time { return time.Unix(s, 0).UTC() }

// CreateRecord writes a new record. Ids are not used twice, so one that is there already is ours, and its reply was lost.
func (s *Outbound) CreateRecord(ctx context.Context, r aurora.OutboundCall) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Put(newOutboundItem(r)).If("attribute_not_exists($)", "key").Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return errUnavailable("The call cannot be written down now.").Because(fmt.Errorf("open record: %w", err))
	}
	return nil
}

// sidItem leads from a call's sid to its record.
type sidItem struct {
	Key       string `dynamo:"key,hash"`
	Record    string `dynamo:"record"`
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// Record finds a record by its id or by the call's sid; it is not ok where there is none, or an expired one.
func (s *Outbound) Record(ctx context.Context, idOrSID string) (r aurora.OutboundCall, ok bool, err error) {
	if idOrSID == "" {
		return r, false, nil
	}
	if aurora.IsCallSID(idOrSID) { // no record's id looks like one
		var named sidItem
		if ok, err = s.getItem(ctx, recordPrefix+idOrSID, &named); !ok || err != nil {
			return r, false, err
		}
		idOrSID = named.Record
	}
	var item outboundItem
	if ok, err = s.getItem(ctx, recordPrefix+idOrSID, &item); !ok || err != nil || item.ExpiresAt <= s.now().Unix() {
		return r, false, err
	}
	return item.record(), true, nil
}

func (s *Outbound) getItem(ctx context.Context, key string, into any) (ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Get("key", key).Consistent(true).One(ctx, into)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, errUnavailable("The calls' records cannot be read now.").Because(fmt.Errorf("read record: %w", err))
	}
	return true, nil
}

// UpdateRecord writes a record in the place of the one with the revision before; it reports whether it did.
func (s *Outbound) UpdateRecord(ctx context.Context, r aurora.OutboundCall) (done bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Put(newOutboundItem(r)).If("$ = ?", "revision", r.Revision-1).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, errUnavailable("The call cannot be written down now.").Because(fmt.Errorf("change record: %w", err))
	}
	return true, nil
}

// ClaimSID gives a sid to a record, and returns the record that has it.
func (s *Outbound) ClaimSID(ctx context.Context, sid, record string) (owner string, err error) {
	t, err := s.table()
	if err != nil {
		return "", err
	}
	item := sidItem{Key: recordPrefix + sid, Record: record, ExpiresAt: s.now().Add(recordTTL).Unix()}
	err = t.Put(item).If("attribute_not_exists($)", "key").Run(ctx)
	if err == nil {
		return record, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return "", errUnavailable("The call cannot be written down now.").Because(fmt.Errorf("name call: %w", err))
	}
	if _, err := s.getItem(ctx, item.Key, &item); err != nil {
		return "", err
	}
	return item.Record, nil
}

// pendingItem is the calls to a number that may be unsettled.
type pendingItem struct {
	Key     string   `dynamo:"key,hash"`
	Records []string `dynamo:"records,set"`
}

// AddPending notes that a call to a number is about to be placed.
func (s *Outbound) AddPending(ctx context.Context, to aurora.Phone, record string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Update("key", pendingPrefix+string(to)).AddStringsToSet("records", record).Set(expiryKey, s.now().Add(pendingTTL).Unix()).Run(ctx)
	if err != nil {
		return errUnavailable("The call cannot be written down now.").Because(fmt.Errorf("note open call: %w", err))
	}
	return nil
}

// RemovePending notes that it is known what became of a call.
func (s *Outbound) RemovePending(ctx context.Context, to aurora.Phone, record string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Update("key", pendingPrefix+string(to)).DeleteStringsFromSet("records", record).If("contains($, ?)", "records", record).Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return fmt.Errorf("note settled call: %w", err)
	}
	return nil
}

// Pending is the calls to a number that may be unsettled.
func (s *Outbound) Pending(ctx context.Context, to aurora.Phone) ([]string, error) {
	var item pendingItem
	_, err := s.getItem(ctx, pendingPrefix+string(to), &item)
	return item.Records, err
}

// UnresolvedRecords is every record that nobody has settled. It reads the whole table, for the operator.
func (s *Outbound) UnresolvedRecords(ctx context.Context) iter.Seq2[aurora.OutboundCall, error] {
	return func(yield func(aurora.OutboundCall, error) bool) {
		t, err := s.table()
		if err != nil {
			yield(aurora.OutboundCall{}, err)
			return
		}
		found := t.Scan().Filter("begins_with($, ?) AND ($ = ? OR $ = ?)", "key", recordPrefix,
			"state", string(aurora.OutboundInProgress), "state", string(aurora.OutboundUnknown)).Iter()
		for {
			var item outboundItem
			if !found.Next(ctx, &item) {
				break
			}
			if item.ExpiresAt > s.now().Unix() && !yield(item.record(), nil) {
				return
			}
		}
		if err := found.Err(); err != nil {
			yield(aurora.OutboundCall{}, errUnavailable("The ledger cannot be read now.").Because(fmt.Errorf("scan ledger: %w", err)))
		}
	}
}
