package dynamo

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// Versions reads and writes the history table: drafts and versions of assistants, and the audit. Use NewVersions.
type Versions struct {
	table     lazyTable
	retention time.Duration // of the audit
}

// NewVersions returns the history in the table with this name. auditRetention is how long audit events are kept.
func NewVersions(config func() (aws.Config, error), table string, auditRetention time.Duration) *Versions {
	return &Versions{table: openTable(config, table), retention: auditRetention}
}

const (
	historyKey   = "pk"
	historyRange = "sk"
	draftRange   = "draft"
	versionStart = "v#"
	auditStart   = "audit#"
)

func historyPartition(id string) string { return "assistant#" + id }

// versionRange returns the range key of a version; keys are in the order of numbers.
func versionRange(number int) string { return fmt.Sprintf("%s%010d", versionStart, number) }

// historyItem is a draft or a version as an item.
type historyItem struct {
	Partition    string    `dynamo:"pk,hash"`
	Range        string    `dynamo:"sk,range"`
	Rev          int       `dynamo:"rev,omitempty"`
	Deleted      bool      `dynamo:"deleted,omitempty"`
	Number       int       `dynamo:"number,omitempty"`
	BasedOn      int       `dynamo:"basedOn,omitempty"`
	BasedHash    string    `dynamo:"basedHash,omitempty"`
	RestoredFrom int       `dynamo:"restoredFrom,omitempty"`
	Content      []byte    `dynamo:"content,omitempty"` // compressed: a prompt may have 400 KB, which is an item's limit
	Hash         string    `dynamo:"hash,omitempty"`
	Note         string    `dynamo:"note,omitempty"`
	By           string    `dynamo:"by,omitempty"`
	Via          string    `dynamo:"via,omitempty"`
	PublishID    string    `dynamo:"publishId,omitempty"`
	WriteID      string    `dynamo:"writeId,omitempty"`
	AuditID      string    `dynamo:"auditId,omitempty"`
	At           time.Time `dynamo:"at"`
	LiveAt       time.Time `dynamo:"liveAt,omitempty"`
}

func errHistory(what string, err error) error {
	return errUnavailable("The versions of assistants cannot be read or written now.").Because(fmt.Errorf("%s: %w", what, err))
}

// put stores an item on a condition and reports whether it did.
func (s *Versions) put(ctx context.Context, item any, condition string, args ...any) (done bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Put(item).If(condition, args...).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, errHistory("write history", err)
	}
	return true, nil
}

func (s *Versions) find(ctx context.Context, id, key string) (item historyItem, ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return item, false, err
	}
	err = t.Get(historyKey, historyPartition(id)).Range(historyRange, dynamo.Equal, key).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return item, false, nil
	}
	if err != nil {
		return item, false, errHistory("read history", err)
	}
	item.Content, err = decompress(item.Content)
	return item, err == nil, err
}

// Draft returns the draft of an assistant, also a deleted one.
func (s *Versions) Draft(ctx context.Context, id string) (d aurora.AssistantDraft, ok bool, err error) {
	i, ok, err := s.find(ctx, id, draftRange)
	if !ok || err != nil {
		return d, false, err
	}
	return aurora.AssistantDraft{AssistantID: id, Rev: i.Rev, Deleted: i.Deleted, BasedOn: i.BasedOn, BasedHash: i.BasedHash, Content: i.Content, Hash: i.Hash,
		Editor: i.By, At: i.At.UTC(), WriteID: i.WriteID}, true, nil
}

// PutDraft stores a draft over the one with the revision before, and reports whether it did.
func (s *Versions) PutDraft(ctx context.Context, d aurora.AssistantDraft, before int) (done bool, err error) {
	content, err := compress(d.Content)
	if err != nil {
		return false, err
	}
	item := historyItem{Partition: historyPartition(d.AssistantID), Range: draftRange, Rev: d.Rev, Deleted: d.Deleted, BasedOn: d.BasedOn, BasedHash: d.BasedHash,
		Content: content, Hash: d.Hash, By: d.Editor, At: d.At.UTC(), WriteID: d.WriteID}
	if before == 0 {
		return s.put(ctx, item, "attribute_not_exists($)", historyKey)
	}
	return s.put(ctx, item, "$ = ?", "rev", before)
}

// Versions returns the versions of an assistant with a number below before, the newest first. 0 means all numbers.
func (s *Versions) Versions(ctx context.Context, id string, before, limit int) ([]aurora.AssistantVersion, error) {
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	last := versionStart + "~" // behind all digits
	if before > 0 {
		last = versionRange(before - 1)
	}
	var items []historyItem
	err = t.Get(historyKey, historyPartition(id)).Range(historyRange, dynamo.Between, versionStart, last).
		Order(dynamo.Descending).Consistent(true).Limit(limit).All(ctx, &items)
	if err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return nil, errHistory("read versions", err)
	}
	all := make([]aurora.AssistantVersion, len(items))
	for n, i := range items {
		if i.Content, err = decompress(i.Content); err != nil {
			return nil, err
		}
		all[n] = i.version(id)
	}
	return all, nil
}

func (i historyItem) version(id string) aurora.AssistantVersion {
	v := aurora.AssistantVersion{AssistantID: id, Number: i.Number, Content: i.Content, Hash: i.Hash, Note: i.Note, By: i.By, Via: i.Via, PublishID: i.PublishID,
		BasedOn: i.BasedOn, RestoredFrom: i.RestoredFrom, At: i.At.UTC(), AuditID: i.AuditID}
	if !i.LiveAt.IsZero() {
		v.LiveAt = i.LiveAt.UTC()
	}
	return v
}

// Version returns one version, read consistently.
func (s *Versions) Version(ctx context.Context, id string, number int) (v aurora.AssistantVersion, ok bool, err error) {
	i, ok, err := s.find(ctx, id, versionRange(number))
	if !ok || err != nil {
		return v, false, err
	}
	return i.version(id), true, nil
}

// AddVersion stores a version unless there is one with its number. It reports whether it did.
func (s *Versions) AddVersion(ctx context.Context, v aurora.AssistantVersion) (done bool, err error) {
	content, err := compress(v.Content)
	if err != nil {
		return false, err
	}
	return s.put(ctx, historyItem{Partition: historyPartition(v.AssistantID), Range: versionRange(v.Number), Number: v.Number, BasedOn: v.BasedOn,
		RestoredFrom: v.RestoredFrom, Content: content, Hash: v.Hash, Note: v.Note, By: v.By, Via: v.Via, PublishID: v.PublishID, AuditID: v.AuditID,
		At: v.At.UTC(), LiveAt: v.LiveAt}, "attribute_not_exists($)", historyKey)
}

// MarkLive stores when a version began to answer calls, unless that is known.
func (s *Versions) MarkLive(ctx context.Context, id string, number int, at time.Time) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Update(historyKey, historyPartition(id)).Range(historyRange, versionRange(number)).Set("liveAt", at.UTC()).
		If("attribute_exists($) AND attribute_not_exists($)", historyKey, "liveAt").Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return errHistory("mark version live", err)
	}
	return nil
}

func compress(content []byte) ([]byte, error) {
	if len(content) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(content)
	err = errors.Join(err, z.Close()) // writes the rest
	return b.Bytes(), err
}

func decompress(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, errHistory("decompress", err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		return nil, errHistory("decompress", err)
	}
	return content, nil
}

// auditItem is an aurora.AuditEvent as an item.
type auditItem struct {
	Partition  string    `dynamo:"pk,hash"`
	ID         string    `dynamo:"sk,range"`
	At         time.Time `dynamo:"at"`
	Actor      string    `dynamo:"actor,omitempty"`
	Action     string    `dynamo:"action"`
	Target     string    `dynamo:"target,omitempty"`
	Before     int       `dynamo:"before,omitempty"`
	BeforeHash string    `dynamo:"beforeHash,omitempty"`
	After      int       `dynamo:"after,omitempty"`
	AfterHash  string    `dynamo:"afterHash,omitempty"`
	Note       string    `dynamo:"note,omitempty"`
	RequestID  string    `dynamo:"requestId,omitempty"`
	Via        string    `dynamo:"via,omitempty"`
	State      string    `dynamo:"state"`
	ExpiresAt  int64     `dynamo:"expiresAt"`
}

// auditPartition returns the partition of an event, by the month in its id.
func auditPartition(id string) string { return auditStart + id[:min(len(id), len("2026-11"))] }

// PutAudit stores an event unless there is one with its id.
func (s *Versions) PutAudit(ctx context.Context, e aurora.AuditEvent) error {
	_, err := s.put(ctx, auditItem{Partition: auditPartition(e.ID), ID: e.ID, At: e.At.UTC(), Actor: e.Actor, Action: e.Action, Target: e.Target, Before: e.Before,
		BeforeHash: e.BeforeHash, After: e.After, AfterHash: e.AfterHash, Note: e.Note, RequestID: e.RequestID, Via: e.Via, State: e.State,
		ExpiresAt: e.At.Add(s.retention).Unix()}, "attribute_not_exists($)", historyKey)
	return err
}

// SetAuditState changes the state of an event that has begun. An event in another state stays as it is.
func (s *Versions) SetAuditState(ctx context.Context, id, state string) error {
	if id == "" {
		return nil
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Update(historyKey, auditPartition(id)).Range(historyRange, id).Set("state", state).If("$ = ?", "state", aurora.AuditBegun).Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return errHistory("change audit event", err)
	}
	return nil
}

// AuditEvents returns the events of a month, such as 2026-11, with an id before the given one, the newest first. "" means all.
func (s *Versions) AuditEvents(ctx context.Context, month, before string, limit int) ([]aurora.AuditEvent, error) {
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	query := t.Get(historyKey, auditStart+month).Order(dynamo.Descending).Limit(limit)
	if before != "" {
		query = query.Range(historyRange, dynamo.Less, before)
	}
	var items []auditItem
	if err := query.All(ctx, &items); err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return nil, errHistory("read audit", err)
	}
	all := make([]aurora.AuditEvent, len(items))
	for n, i := range items {
		all[n] = aurora.AuditEvent{ID: i.ID, At: i.At.UTC(), Actor: i.Actor, Action: i.Action, Target: i.Target, Before: i.Before, BeforeHash: i.BeforeHash,
			After: i.After, AfterHash: i.AfterHash, Note: i.Note, RequestID: i.RequestID, Via: i.Via, State: i.State}
	}
	return all, nil
}
