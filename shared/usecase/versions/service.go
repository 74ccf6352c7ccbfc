package versions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Published is the table of assistants. Writes report whether they were done.
type Published interface {
	// Live returns the published document of an assistant, read consistently.
	Live(ctx context.Context, id string) (p aurora.PublishedAssistant, ok bool, err error)
	// Publish stores a document over the one with the stamp before. exists says whether there must be one.
	Publish(ctx context.Context, p aurora.PublishedAssistant, before int, exists bool) (done bool, err error)
	// Remove deletes the document with this stamp.
	Remove(ctx context.Context, id string, stamp int) (done bool, err error)
	// AllLive returns all published documents.
	AllLive(ctx context.Context) ([]aurora.PublishedAssistant, error)
	// WithNumber returns the ids of the assistants that have a number, by an index that may lag behind.
	WithNumber(ctx context.Context, number aurora.Phone) ([]string, error)
}

// History stores drafts and versions. Writes report whether they were done.
type History interface {
	Draft(ctx context.Context, id string) (d aurora.AssistantDraft, ok bool, err error)
	// PutDraft stores a draft over the one with the revision before; 0 means that there is none.
	PutDraft(ctx context.Context, d aurora.AssistantDraft, before int) (done bool, err error)
	// Versions returns the versions with a number below before, the newest first; 0 means all numbers.
	Versions(ctx context.Context, id string, before, limit int) ([]aurora.AssistantVersion, error)
	Version(ctx context.Context, id string, number int) (v aurora.AssistantVersion, ok bool, err error)
	// AddVersion stores a version unless there is one with its number.
	AddVersion(ctx context.Context, v aurora.AssistantVersion) (done bool, err error)
	// MarkLive sets LiveAt unless it is set.
	MarkLive(ctx context.Context, id string, number int, at time.Time) error
}

// Audit stores who did what.
type Audit interface {
	// PutAudit stores an event unless there is one with its id.
	PutAudit(ctx context.Context, e aurora.AuditEvent) error
	// SetAuditState changes the state of an event that has begun.
	SetAuditState(ctx context.Context, id, state string) error
	// AuditEvents returns the events of a month such as 2026-11 before an id, the newest first.
	AuditEvents(ctx context.Context, month, before string, limit int) ([]aurora.AuditEvent, error)
}

// Numbers stores the claims of telephone numbers. Writes report whether they were done.
type Numbers interface {
	NumberClaim(ctx context.Context, number aurora.Phone) (c aurora.NumberClaim, ok bool, err error)
	// PutNumberClaim stores a claim over the one with the token before; "" means that there is none.
	PutNumberClaim(ctx context.Context, c aurora.NumberClaim, before string) (done bool, err error)
	// DeleteNumberClaim deletes the claim with the token.
	DeleteNumberClaim(ctx context.Context, number aurora.Phone, token string) error
}

// Service publishes assistants.
type Service struct {
	Published Published
	History   History
	Audit     Audit
	Numbers   Numbers
	// Check returns everything that is wrong with a document.
	Check func(document []byte) []fault.Complaint
	// InUse is the id of an assistant that must not be deleted because a setting names it, and the setting's name.
	InUse, InUseBy string
	Now            func() time.Time
	NewID          func() string // random, at least 16 characters
}

// Actor is who changes an assistant, and from where.
type Actor struct {
	Name      string
	Via       string // aurora.ViaCLI or aurora.ViaAPI
	RequestID string
}

// Canonical returns a document in the form in which it is stored: canonical, and without what the store adds.
func Canonical(document []byte) (content []byte, a aurora.Assistant, err error) {
	if content, err = canonicalObject(document); err != nil {
		return nil, a, err
	}
	if a, err = aurora.ParseAssistant(content); err != nil {
		return nil, a, fault.New(fault.Invalid, "This is not the configuration of an assistant.").WithCode("config_invalid").Because(err)
	}
	return content, a, nil
}

// canonicalObject returns a JSON object in canonical form.
func canonicalObject(document []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil || fields == nil {
		return nil, fault.New(fault.Invalid, "The document must be a JSON object.").WithCode("invalid_json").Because(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "There is something after the JSON object.").WithCode("invalid_json")
	}
	content, err := aurora.StoredContent(fields)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The document cannot be read.").WithCode("invalid_json").Because(err)
	}
	return content, nil
}

// numberOf returns the number by which calls find the assistant; "" if it has none.
func numberOf(content []byte) aurora.Phone {
	var a struct {
		Number aurora.Text `json:"assistantPhoneNumber"`
	}
	if json.Unmarshal(content, &a) != nil {
		return ""
	}
	p, _ := aurora.ParsePhone(string(a.Number))
	return p
}

func errUnknownAssistant() *fault.Error {
	return fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")
}

// newAuditID returns an id that is in the order of time.
func (s *Service) newAuditID(at time.Time) string {
	return fmt.Sprintf("%s-%.12s", at.UTC().Format("2006-01-02T15:04:05.000Z"), s.NewID())
}
