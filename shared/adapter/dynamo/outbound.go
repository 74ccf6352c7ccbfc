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
	recordTTL     = 30 * 24 * time.Hour // the name, e-mail address and info of the person are deleted with it
	pendingPrefix = "open#"
	pendingTTL    = 48 * time.Hour
)

// Outbound is the ledger with the items of outbound calls. Use NewOutbound.
type Outbound struct {
	*Ledger
	singleAttempt lazyTable // without retries, for ReturnQuota
}

// NewOutbound returns the ledger in the table with this name.
func NewOutbound(config func() (aws.Config, error), table string, now func() time.Time) *Outbound {
	return &Outbound{Ledger: &Ledger{table: openTable(config, table, withAttempts(3)), now: now, ownerKey: recordKey}, singleAttempt: openTable(config, table, withAttempts(1))}
}

// withAttempts limits the attempts of a client while a caller waits for a call to be placed.
func withAttempts(n int) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = n, 150*time.Millisecond })
		if client, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = client.WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = time.Second })
		}
	}
}

// outboundItem is an aurora.OutboundCall as an item. Times are milliseconds since 1970, and 0 if not known.
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
	VoiceMode       string   `dynamo:"voiceMode,omitempty"`
	Storage         string   `dynamo:"storage,omitempty"`
	RetentionDays   int      `dynamo:"retentionDays,omitempty"`
	ExpiresAt       int64    `dynamo:"expiresAt"`
}

func newOutboundItem(r aurora.OutboundCall) outboundItem {
	assistant := aurora.Assistant{RetentionDays: r.RetentionDays}
	return outboundItem{Key: recordPrefix + r.ID, State: string(r.State), AssistantID: r.AssistantID, From: string(r.From), To: string(r.To),
		AssistantNumber: r.AssistantNumber, Number: r.Number, Name: r.Name, Email: r.Email, Info: r.Info, KeyName: r.KeyName, SID: r.SID,
		Code: r.Code, Status: string(r.Status), AnsweredBy: r.AnsweredBy, Created: millis(r.CreatedAt), Deadline: millis(r.Deadline),
		Checked: millis(r.CheckedAt), AnsweredAt: millis(r.AnsweredAt), EndedAt: millis(r.EndedAt), Seconds: r.Seconds, Revision: r.Revision,
		VoiceMode: string(r.VoiceMode), Storage: string(r.Storage), RetentionDays: r.RetentionDays, ExpiresAt: r.CreatedAt.Add(assistant.Retention(recordTTL)).Unix()}
}

func (i outboundItem) record() aurora.OutboundCall {
	return aurora.OutboundCall{ID: i.Key[len(recordPrefix):], State: aurora.OutboundState(i.State), AssistantID: i.AssistantID,
		From: aurora.Phone(i.From), To: aurora.Phone(i.To), AssistantNumber: i.AssistantNumber, Number: i.Number, Name: i.Name, Email: i.Email,
		Info: i.Info, KeyName: i.KeyName, SID: i.SID, Code: i.Code, Status: aurora.CallStatus(i.Status), AnsweredBy: i.AnsweredBy,
		CreatedAt: timeFromMillis(i.Created), Deadline: timeFromMillis(i.Deadline), CheckedAt: timeFromMillis(i.Checked), AnsweredAt: timeFromMillis(i.AnsweredAt),
		EndedAt: timeFromMillis(i.EndedAt), Seconds: i.Seconds, Revision: i.Revision, VoiceMode: aurora.VoiceMode(i.VoiceMode), Storage: aurora.Storage(i.Storage), RetentionDays: i.RetentionDays}
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

// CreateRecord stores a new record. An id is never used twice: if the record is there already, this call stored it and the
// reply was lost.
func (s *Outbound) CreateRecord(ctx context.Context, r aurora.OutboundCall) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Put(newOutboundItem(r)).If("attribute_not_exists($)", "key").Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return errUnavailable("The call's record cannot be stored now.").Because(fmt.Errorf("create record: %w", err))
	}
	return nil
}

// sidItem maps a call's sid to its record.
type sidItem struct {
	Key       string `dynamo:"key,hash"`
	Record    string `dynamo:"record"`
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// Record returns a record by its id or by the call's sid. It is not ok if there is none, or an expired one.
func (s *Outbound) Record(ctx context.Context, idOrSID string) (r aurora.OutboundCall, ok bool, err error) {
	if idOrSID == "" {
		return r, false, nil
	}
	if aurora.IsCallSID(idOrSID) { // no record id has the form of a sid
		var sid sidItem
		if ok, err = s.getItem(ctx, recordPrefix+idOrSID, &sid); !ok || err != nil {
			return r, false, err
		}
		idOrSID = sid.Record
	}
	var item outboundItem
	if ok, err = s.getItem(ctx, recordPrefix+idOrSID, &item); !ok || err != nil || item.ExpiresAt <= s.now().Unix() {
		return r, false, err
	}
	return item.record(), true, nil
}

// getItem reads an item consistently. It is not ok if there is none.
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

// UpdateRecord stores a record over the one with the revision before. It reports whether it did.
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
		return false, errUnavailable("The call's record cannot be stored now.").Because(fmt.Errorf("update record: %w", err))
	}
	return true, nil
}

// ClaimSID maps a sid to a record, unless it is mapped already. It returns the id of the record that has the sid.
func (s *Outbound) ClaimSID(ctx context.Context, sid, recordID string) (owner string, err error) {
	t, err := s.table()
	if err != nil {
		return "", err
	}
	item := sidItem{Key: recordPrefix + sid, Record: recordID, ExpiresAt: s.now().Add(recordTTL).Unix()}
	err = t.Put(item).If("attribute_not_exists($)", "key").Run(ctx)
	if err == nil {
		return recordID, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return "", errUnavailable("The call's record cannot be stored now.").Because(fmt.Errorf("claim sid: %w", err))
	}
	if _, err := s.getItem(ctx, item.Key, &item); err != nil {
		return "", err
	}
	return item.Record, nil
}

// pendingItem is the list of pending calls to a number as an item.
type pendingItem struct {
	Key     string   `dynamo:"key,hash"`
	Records []string `dynamo:"records,set"`
}

// AddPending adds a call to the list of pending calls to a number.
func (s *Outbound) AddPending(ctx context.Context, to aurora.Phone, recordID string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Update("key", pendingPrefix+string(to)).AddStringsToSet("records", recordID).Set(expiryKey, s.now().Add(pendingTTL).Unix()).Run(ctx)
	if err != nil {
		return errUnavailable("The call's record cannot be stored now.").Because(fmt.Errorf("add pending call: %w", err))
	}
	return nil
}

// RemovePending removes a call from the list of pending calls to a number.
func (s *Outbound) RemovePending(ctx context.Context, to aurora.Phone, recordID string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Update("key", pendingPrefix+string(to)).DeleteStringsFromSet("records", recordID).If("contains($, ?)", "records", recordID).Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return fmt.Errorf("remove pending call: %w", err)
	}
	return nil
}

// Pending returns the record ids of the pending calls to a number.
func (s *Outbound) Pending(ctx context.Context, to aurora.Phone) ([]string, error) {
	var item pendingItem
	_, err := s.getItem(ctx, pendingPrefix+string(to), &item)
	return item.Records, err
}

// UnresolvedRecords yields all records that are in progress or unknown. It scans the whole table, for an operator.
func (s *Outbound) UnresolvedRecords(ctx context.Context) iter.Seq2[aurora.OutboundCall, error] {
	return func(yield func(aurora.OutboundCall, error) bool) {
		t, err := s.table()
		if err != nil {
			yield(aurora.OutboundCall{}, err)
			return
		}
		items := t.Scan().Filter("begins_with($, ?) AND ($ = ? OR $ = ?)", "key", recordPrefix,
			"state", string(aurora.OutboundInProgress), "state", string(aurora.OutboundUnknown)).Iter()
		for {
			var item outboundItem
			if !items.Next(ctx, &item) {
				break
			}
			if item.ExpiresAt > s.now().Unix() && !yield(item.record(), nil) {
				return
			}
		}
		if err := items.Err(); err != nil {
			yield(aurora.OutboundCall{}, errUnavailable("The ledger cannot be read now.").Because(fmt.Errorf("scan ledger: %w", err)))
		}
	}
}
