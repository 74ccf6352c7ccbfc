package versions_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// memory is all stores in memory, with the conditions of the real ones.
type memory struct {
	live     map[string]aurora.PublishedAssistant
	drafts   map[string]aurora.AssistantDraft
	versions map[string][]aurora.AssistantVersion // in the order of numbers
	events   map[string]aurora.AuditEvent
	claims   map[aurora.Phone]aurora.NumberClaim
}

func newMemory() *memory {
	return &memory{live: map[string]aurora.PublishedAssistant{}, drafts: map[string]aurora.AssistantDraft{}, versions: map[string][]aurora.AssistantVersion{},
		events: map[string]aurora.AuditEvent{}, claims: map[aurora.Phone]aurora.NumberClaim{}}
}

func (m *memory) Live(_ context.Context, id string) (aurora.PublishedAssistant, bool, error) {
	p, ok := m.live[id]
	return p, ok, nil
}

func (m *memory) Publish(_ context.Context, p aurora.PublishedAssistant, before int, exists bool) (bool, error) {
	now, ok := m.live[p.ID]
	if ok != exists || ok && now.Stamp != before {
		return false, nil
	}
	p.Version = p.Stamp
	m.live[p.ID] = p
	return true, nil
}

// putOutside writes a document as another program does, without a version.
func (m *memory) putOutside(id string, content []byte) {
	m.live[id] = aurora.PublishedAssistant{ID: id, Content: content, Hash: aurora.HashDocument(content)}
}

func (m *memory) Remove(_ context.Context, id string, stamp int) (bool, error) {
	now, ok := m.live[id]
	if !ok || now.Stamp != stamp {
		return false, nil
	}
	delete(m.live, id)
	return true, nil
}

func (m *memory) AllLive(context.Context) (all []aurora.PublishedAssistant, _ error) {
	for _, p := range m.live {
		all = append(all, p)
	}
	return all, nil
}

// numbered returns the ids of the assistants with a number.
func (m *memory) numbered(number aurora.Phone) (ids []string) {
	for id, p := range m.live {
		if strings.Contains(string(p.Content), `"assistantPhoneNumber":"`+string(number)+`"`) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (m *memory) WithNumber(_ context.Context, number aurora.Phone) ([]string, error) {
	return m.numbered(number), nil
}

func (m *memory) Draft(_ context.Context, id string) (aurora.AssistantDraft, bool, error) {
	d, ok := m.drafts[id]
	return d, ok, nil
}

func (m *memory) PutDraft(_ context.Context, d aurora.AssistantDraft, before int) (bool, error) {
	if m.drafts[d.AssistantID].Rev != before {
		return false, nil
	}
	m.drafts[d.AssistantID] = d
	return true, nil
}

func (m *memory) Versions(_ context.Context, id string, before, limit int) (all []aurora.AssistantVersion, _ error) {
	for _, v := range slices.Backward(m.versions[id]) {
		if (before == 0 || v.Number < before) && len(all) < limit {
			all = append(all, v)
		}
	}
	return all, nil
}

func (m *memory) Version(_ context.Context, id string, number int) (aurora.AssistantVersion, bool, error) {
	for _, v := range m.versions[id] {
		if v.Number == number {
			return v, true, nil
		}
	}
	return aurora.AssistantVersion{}, false, nil
}

func (m *memory) AddVersion(ctx context.Context, v aurora.AssistantVersion) (bool, error) {
	if _, ok, _ := m.Version(ctx, v.AssistantID, v.Number); ok {
		return false, nil
	}
	m.versions[v.AssistantID] = append(m.versions[v.AssistantID], v)
	return true, nil
}

func (m *memory) MarkLive(_ context.Context, id string, number int, at time.Time) error {
	for i, v := range m.versions[id] {
		if v.Number == number && v.LiveAt.IsZero() {
			m.versions[id][i].LiveAt = at
		}
	}
	return nil
}

func (m *memory) PutAudit(_ context.Context, e aurora.AuditEvent) error {
	if _, ok := m.events[e.ID]; !ok {
		m.events[e.ID] = e
	}
	return nil
}

func (m *memory) SetAuditState(_ context.Context, id, state string) error {
	if e, ok := m.events[id]; ok && e.State == aurora.AuditBegun {
		e.State = state
		m.events[id] = e
	}
	return nil
}

func (m *memory) AuditEvents(_ context.Context, month, before string, limit int) (all []aurora.AuditEvent, _ error) {
	for id, e := range m.events {
		if strings.HasPrefix(id, month) && (before == "" || id < before) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b aurora.AuditEvent) int { return cmp.Compare(b.ID, a.ID) })
	return all[:min(len(all), limit)], nil
}

func (m *memory) NumberClaim(_ context.Context, number aurora.Phone) (aurora.NumberClaim, bool, error) {
	c, ok := m.claims[number]
	return c, ok, nil
}

func (m *memory) PutNumberClaim(_ context.Context, c aurora.NumberClaim, before string) (bool, error) {
	if m.claims[c.Number].Token != before {
		return false, nil
	}
	m.claims[c.Number] = c
	return true, nil
}

func (m *memory) DeleteNumberClaim(_ context.Context, number aurora.Phone, token string) error {
	if m.claims[number].Token == token {
		delete(m.claims, number)
	}
	return nil
}
