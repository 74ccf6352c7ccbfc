package textmessage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
)

const (
	person  = "+14155550123"
	own     = "+15551230100"
	service = "MG00000000000000000000000000000001"
)

// sid returns the sid of a message.
func sid(n int) string { return fmt.Sprintf("SM%032x", n) }

// fakeStore has the conversations, as JSON, the assistants and the lists.
type fakeStore struct {
	conversations map[string]string
	owners        map[string]string // of messages, by sid
	reports       map[string]aurora.TextReport
	doNotCall     map[aurora.Phone]bool
	assistants    []aurora.Assistant
	saves         int
	failSave      int // the save that fails, counted from 1; 0 for none
	err           error
}

func newStore() *fakeStore {
	a := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantPhoneNumber: own, OrgName: "Harbor"}}
	b := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "avery", TextFromNumber: "+15551230200"}}
	c := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "service"}, SMS: aurora.SMSSettings{MessagingServiceSID: service}}
	return &fakeStore{conversations: map[string]string{}, owners: map[string]string{}, reports: map[string]aurora.TextReport{}, doNotCall: map[aurora.Phone]bool{}, assistants: []aurora.Assistant{a, b, c}}
}

func (s *fakeStore) find(matches func(a aurora.Assistant) bool) (aurora.Assistant, error) {
	if s.err != nil {
		return aurora.Assistant{}, s.err
	}
	for _, a := range s.assistants {
		if matches(a) {
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.")
}

func (s *fakeStore) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return a.ID() == id })
}

func (s *fakeStore) ByNumber(_ context.Context, number aurora.Phone) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return slices.Contains(a.Numbers(), number) })
}

func (s *fakeStore) ByTextKey(_ context.Context, key string) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return a.TextKey() == key })
}

func (s *fakeStore) AddDoNotCall(_ context.Context, number aurora.Phone, _ string) error {
	s.doNotCall[number] = true
	return s.err
}

func (s *fakeStore) RemoveDoNotCall(_ context.Context, number aurora.Phone) (bool, error) {
	was := s.doNotCall[number]
	delete(s.doNotCall, number)
	return was, s.err
}

func (s *fakeStore) LoadTexts(_ context.Context, c *aurora.TextConversation) error {
	if stored, ok := s.conversations[c.AssistantID+string(c.Own)+string(c.Person)]; ok {
		return json.Unmarshal([]byte(stored), c)
	}
	return s.err
}

func (s *fakeStore) SaveTexts(_ context.Context, c *aurora.TextConversation) error {
	if s.saves++; s.saves == s.failSave || s.err != nil {
		return fault.New(fault.Unavailable, "The store does not answer.")
	}
	key := c.AssistantID + string(c.Own) + string(c.Person)
	var before aurora.TextConversation
	_ = json.Unmarshal([]byte(s.conversations[key]), &before) // nothing is stored before the first save
	if before.Revision != c.Revision {
		return fault.New(fault.Conflict, "The conversation was changed meanwhile.")
	}
	c.Revision++
	b, err := json.Marshal(c)
	s.conversations[key] = string(b)
	return err
}

func (s *fakeStore) RememberText(_ context.Context, sid, assistantID string) error {
	s.owners[sid] = assistantID
	return nil
}

func (s *fakeStore) RecordTextReport(_ context.Context, r aurora.TextReport) (string, bool, error) {
	if before := s.reports[r.SID]; before.Status.Rank() >= r.Status.Rank() {
		return "", false, s.err
	}
	s.reports[r.SID] = r
	return s.owners[r.SID], true, s.err
}

// fakeQueue collects what is sent.
type fakeQueue struct {
	sent []string // group, deduplication id and body
	err  error
}

func (q *fakeQueue) SendToGroup(_ context.Context, body, group, id string) error {
	if q.err == nil {
		q.sent = append(q.sent, group+" "+id+" "+body)
	}
	return q.err
}

// fakeEngine repeats what it reads, and remembers the turns.
type fakeEngine struct {
	turns []Turn
	fail  func(t Turn) error
}

func (e *fakeEngine) TakeTurn(_ context.Context, t Turn) (Answer, error) {
	if e.fail != nil {
		if err := e.fail(t); err != nil {
			return Answer{}, err
		}
	}
	e.turns = append(e.turns, t)
	reply := "You said: " + strings.ReplaceAll(t.Text, "\n", " / ")
	messages, err := json.Marshal([]agent.Message{{Role: agent.RoleUser, Content: t.Text}, {Role: agent.RoleAssistant, Content: reply}})
	return Answer{Text: reply, Messages: messages, ActiveAgent: "billing", Variables: map[string]any{"turns": len(e.turns)}}, err
}

// fakeProvider is Twilio: it accepts messages, and can fail before or after it has accepted one.
type fakeProvider struct {
	now      func() time.Time
	accepted []aurora.OutgoingText
	times    []time.Time
	before   error // nothing is accepted
	after    error // the message is accepted, and the answer is lost
	listErr  error
}

func (p *fakeProvider) SendText(_ context.Context, m aurora.OutgoingText) (string, error) {
	if p.before != nil {
		return "", p.before
	}
	p.accepted, p.times = append(p.accepted, m), append(p.times, p.now())
	if p.after != nil {
		return "", p.after
	}
	return sid(1000 + len(p.accepted)), nil
}

func (p *fakeProvider) FindSentText(_ context.Context, m aurora.OutgoingText, since time.Time, leaveOut []string) (string, error) {
	for i, sent := range p.accepted {
		if found := sid(1001 + i); sent.Body == m.Body && sent.To == m.To && !p.times[i].Before(since) && !slices.Contains(leaveOut, found) {
			return found, p.listErr
		}
	}
	return "", p.listErr
}

// fakeGuard allows everything but numbers on the list, and what reject says.
type fakeGuard struct {
	store  *fakeStore
	reject error
	texts  []contact.Text
}

func (g *fakeGuard) CheckNumber(context.Context, contact.Channel, aurora.Phone, aurora.Assistant) error {
	return nil
}

func (g *fakeGuard) CheckDoNotCall(_ context.Context, _ contact.Channel, to aurora.Phone) error {
	if g.store.doNotCall[to] {
		return fault.New(fault.Forbidden, "This number is on the do-not-call list.").WithCode("do_not_call")
	}
	return nil
}

func (g *fakeGuard) SendText(ctx context.Context, t contact.Text, send func(context.Context) error) error {
	if !t.ConfirmsOptOut {
		if err := g.CheckDoNotCall(ctx, contact.Texts, t.To); err != nil {
			return err
		}
	}
	if g.reject != nil {
		return g.reject
	}
	g.texts = append(g.texts, t)
	return send(ctx)
}

// stack is a worker with all that it uses.
type stack struct {
	*Worker
	store    *fakeStore
	engine   *fakeEngine
	provider *fakeProvider
	guard    *fakeGuard
	time     time.Time
	waits    int
	patient  bool // there is time for other tries within a delivery
}

func newStack() *stack {
	s := &stack{store: newStore(), engine: &fakeEngine{}, time: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time { return s.time }
	s.provider, s.guard = &fakeProvider{now: now}, &fakeGuard{store: s.store}
	s.Worker = &Worker{Assistants: s.store, Conversations: s.store, Engine: s.engine, Contacts: s.guard, Provider: s.provider, DoNotCallList: s.store, Now: now,
		Wait: func(_ context.Context, d time.Duration) bool { s.time = s.time.Add(d); s.waits++; return s.patient }}
	return s
}

// sentBodies returns what Twilio has accepted.
func (s *stack) sentBodies() (bodies []string) {
	for _, m := range s.provider.accepted {
		bodies = append(bodies, m.Body)
	}
	return bodies
}

// deliver hands messages to the worker, the receives-th time.
func (s *stack) deliver(ctx context.Context, receives int, messages ...aurora.IncomingText) error {
	var group []Delivery
	for _, m := range messages {
		group = append(group, Delivery{m, receives})
	}
	return errors.Join(s.Handle(ctx, group)...)
}

// incoming returns the nth message of the person.
func incoming(n int, text string) aurora.IncomingText {
	return aurora.IncomingText{SID: sid(n), AssistantID: "riley", From: person, To: own, Text: text, StatusURL: "https://aurora.example.com/twilio/messages/status"}
}
