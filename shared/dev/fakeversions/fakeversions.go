// Package fakeversions is the stores of package versions in memory.
package fakeversions

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Memory is all stores in memory, with the conditions of the real ones. Use New.
type Memory struct {
	Published map[string]aurora.PublishedAssistant
	Drafts    map[string]aurora.AssistantDraft
	History   map[string][]aurora.AssistantVersion // in the order of numbers
	Events    map[string]aurora.AuditEvent
	Claims    map[aurora.Phone]aurora.NumberClaim
}

// New returns empty stores.
func New() *Memory {
	return &Memory{Published: map[string]aurora.PublishedAssistant{}, Drafts: map[string]aurora.AssistantDraft{}, History: map[string][]aurora.AssistantVersion{},
		Events: map[string]aurora.AuditEvent{}, Claims: map[aurora.Phone]aurora.NumberClaim{}}
}

// Live returns a published document.
func (m *Memory) Live(_ context.Context, id string) (aurora.PublishedAssistant, bool, error) {
	p, ok := m.Published[id]
	return p, ok, nil
}

// Publish stores a document over the one with the stamp before.
func (m *Memory) Publish(_ context.Context, p aurora.PublishedAssistant, before int, exists bool) (bool, error) {
	now, ok := m.Published[p.ID]
	if ok != exists || ok && now.Stamp != before {
		return false, nil
	}
	p.Version = p.Stamp
	m.Published[p.ID] = p
	return true, nil
}

// PutOutside writes a document as another program does, without a version.
func (m *Memory) PutOutside(id string, content []byte) {
	m.Published[id] = aurora.PublishedAssistant{ID: id, Content: content, Hash: aurora.HashDocument(content)}
}

// Remove deletes a document.
func (m *Memory) Remove(_ context.Context, id string, stamp int) (bool, error) {
	now, ok := m.Published[id]
	if !ok || now.Stamp != stamp {
		return false, nil
	}
	delete(m.Published, id)
	return true, nil
}

// AllLive returns all published documents.
func (m *Memory) AllLive(context.Context) (all []aurora.PublishedAssistant, _ error) {
	for _, p := range m.Published {
		all = append(all, p)
	}
	return all, nil
}

// Numbered returns the ids of the assistants with a number.
func (m *Memory) Numbered(number aurora.Phone) (ids []string) {
	for id, p := range m.Published {
		if strings.Contains(string(p.Content), `"assistantPhoneNumber":"`+string(number)+`"`) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// WithNumber is Numbered.
func (m *Memory) WithNumber(_ context.Context, number aurora.Phone) ([]string, error) {
	return m.Numbered(number), nil
}

// Draft returns a draft.
func (m *Memory) Draft(_ context.Context, id string) (aurora.AssistantDraft, bool, error) {
	d, ok := m.Drafts[id]
	return d, ok, nil
}

// PutDraft stores a draft over the revision before.
func (m *Memory) PutDraft(_ context.Context, d aurora.AssistantDraft, before int) (bool, error) {
	if m.Drafts[d.AssistantID].Rev != before {
		return false, nil
	}
	m.Drafts[d.AssistantID] = d
	return true, nil
}

// Versions returns versions, the newest first.
func (m *Memory) Versions(_ context.Context, id string, before, limit int) (all []aurora.AssistantVersion, _ error) {
	for _, v := range slices.Backward(m.History[id]) {
		if (before == 0 || v.Number < before) && len(all) < limit {
			all = append(all, v)
		}
	}
	return all, nil
}

// Version returns one version.
func (m *Memory) Version(_ context.Context, id string, number int) (aurora.AssistantVersion, bool, error) {
	for _, v := range m.History[id] {
		if v.Number == number {
			return v, true, nil
		}
	}
	return aurora.AssistantVersion{}, false, nil
}

// AddVersion stores a version unless there is one with its number.
func (m *Memory) AddVersion(ctx context.Context, v aurora.AssistantVersion) (bool, error) {
	if _, ok, _ := m.Version(ctx, v.AssistantID, v.Number); ok {
		return false, nil
	}
	m.History[v.AssistantID] = append(m.History[v.AssistantID], v)
	return true, nil
}

// MarkLive sets LiveAt once.
func (m *Memory) MarkLive(_ context.Context, id string, number int, at time.Time) error {
	for i, v := range m.History[id] {
		if v.Number == number && v.LiveAt.IsZero() {
			m.History[id][i].LiveAt = at
		}
	}
	return nil
}

// PutAudit stores an event once.
func (m *Memory) PutAudit(_ context.Context, e aurora.AuditEvent) error {
	if _, ok := m.Events[e.ID]; !ok {
		m.Events[e.ID] = e
	}
	return nil
}

// SetAuditState changes the state of an event that has begun.
func (m *Memory) SetAuditState(_ context.Context, id, state string) error {
	if e, ok := m.Events[id]; ok && e.State == aurora.AuditBegun {
		e.State = state
		m.Events[id] = e
	}
	return nil
}

// AuditEvents returns events, the newest first.
func (m *Memory) AuditEvents(_ context.Context, month, before string, limit int) (all []aurora.AuditEvent, _ error) {
	for id, e := range m.Events {
		if strings.HasPrefix(id, month) && (before == "" || id < before) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b aurora.AuditEvent) int { return cmp.Compare(b.ID, a.ID) })
	return all[:min(len(all), limit)], nil
}

// NumberClaim returns a claim.
func (m *Memory) NumberClaim(_ context.Context, number aurora.Phone) (aurora.NumberClaim, bool, error) {
	c, ok := m.Claims[number]
	return c, ok, nil
}

// PutNumberClaim stores a claim over the one with the token before.
func (m *Memory) PutNumberClaim(_ context.Context, c aurora.NumberClaim, before string) (bool, error) {
	if m.Claims[c.Number].Token != before {
		return false, nil
	}
	m.Claims[c.Number] = c
	return true, nil
}

// DeleteNumberClaim deletes a claim.
func (m *Memory) DeleteNumberClaim(_ context.Context, number aurora.Phone, token string) error {
	if m.Claims[number].Token == token {
		delete(m.Claims, number)
	}
	return nil
}
