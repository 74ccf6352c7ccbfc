package versions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	claimLease     = 30 * time.Second // how long a claim of a number is a lock
	commitWithin   = 15 * time.Second // from the claim to the write of the published copy
	versionTries   = 5                // for a number, while others publish too
	replaySearched = 50               // the newest versions that are searched for an earlier request with the same key
)

// Publication is a document that shall answer calls.
type Publication struct {
	ID           string // identifies the request: a repetition publishes nothing more
	Document     []byte
	Note         string
	Actor        Actor
	BasedOn      int
	RestoredFrom int
	// Unchecked publishes a document as it is: a restore of documents that answered calls before.
	Unchecked bool
	// AllowMissingHandoffs publishes a handoff to an assistant that does not exist.
	AllowMissingHandoffs bool
	// Expected is checked against what is live before anything is written; nil means that nothing is expected.
	Expected func(live aurora.PublishedAssistant, exists bool) error
}

// Outcome is what a publication did.
type Outcome struct {
	Version  aurora.AssistantVersion
	Replayed bool // an earlier request with the same id published it
	Same     bool // the document was live already, and nothing was written
}

// Publish makes a document answer calls, as a new version.
func (s *Service) Publish(ctx context.Context, p Publication) (Outcome, error) {
	content, a, err := Canonical(p.Document)
	if err != nil {
		return Outcome{}, err
	}
	w := &publishing{Service: s, p: p, content: content, hash: aurora.HashDocument(content), id: a.ID(), number: numberOf(content)}
	return w.run(ctx)
}

// publishing is one publication on its way.
type publishing struct {
	*Service
	p       Publication
	id      string
	content []byte
	hash    string
	number  aurora.Phone

	live   aurora.PublishedAssistant
	exists bool
	claim  aurora.NumberClaim
}

func (w *publishing) run(ctx context.Context) (Outcome, error) {
	var err error
	if w.live, w.exists, err = w.Published.Live(ctx, w.id); err != nil {
		return Outcome{}, err
	}
	if o, ok, err := w.replay(ctx); ok || err != nil {
		return o, err
	}
	if w.p.Expected != nil {
		if err := w.p.Expected(w.live, w.exists); err != nil {
			return Outcome{}, err
		}
	}
	if w.exists && w.live.Version > 0 && w.live.Hash == w.hash {
		v, ok, err := w.History.Version(ctx, w.id, w.live.Version)
		if err != nil || ok {
			return Outcome{Version: v, Same: true}, err
		}
	}
	if err := w.validate(ctx); err != nil {
		return Outcome{}, err
	}
	before, err := w.settleLive(ctx, w.live, w.exists)
	if err != nil {
		return Outcome{}, err
	}
	deadline := w.Now().Add(commitWithin)
	if err := w.claimNumber(ctx); err != nil {
		return Outcome{}, err
	}
	v, err := w.addVersion(ctx)
	if err == nil {
		err = w.commit(ctx, v, before, deadline)
	}
	if err != nil {
		w.releaseOwnClaim(ctx)
		return Outcome{}, err
	}
	v.LiveAt = w.Now()
	return Outcome{Version: v}, w.finish(ctx, v)
}

// replay returns the version that an earlier request with the same id published.
func (w *publishing) replay(ctx context.Context) (o Outcome, ok bool, err error) {
	if w.exists && w.live.PublishID == w.p.ID && w.live.Version > 0 {
		v, ok, err := w.History.Version(ctx, w.id, w.live.Version)
		if err != nil || !ok {
			return o, false, err
		}
		return Outcome{Version: v, Replayed: true}, true, nil
	}
	newest, err := w.History.Versions(ctx, w.id, 0, replaySearched)
	if err != nil {
		return o, false, err
	}
	for _, v := range newest {
		if v.PublishID == w.p.ID && !v.LiveAt.IsZero() {
			return Outcome{Version: v, Replayed: true}, true, nil
		}
	}
	return o, false, nil
}

// validate returns everything that is wrong with the document, also in view of the other assistants.
func (w *publishing) validate(ctx context.Context) error {
	if w.p.Unchecked {
		return nil
	}
	complaints, err := w.Complaints(ctx, w.content, w.p.AllowMissingHandoffs)
	if err != nil || len(complaints) == 0 {
		return err
	}
	return errInvalidDocument(complaints)
}

func errInvalidDocument(complaints []fault.Complaint) *fault.Error {
	message := "The assistant is not valid. " + complaints[0].String() + "."
	if n := len(complaints); n > 1 {
		message = fmt.Sprintf("The assistant has %d errors. The first: %s.", n, complaints[0].String())
	}
	return fault.New(fault.Invalid, message).WithCode("assistant_invalid").WithParam(complaints[0].Path).WithComplaints(complaints)
}

// Complaints returns everything that is wrong with a document: in itself, and in view of the other assistants.
func (s *Service) Complaints(ctx context.Context, document []byte, allowMissingHandoffs bool) ([]fault.Complaint, error) {
	complaints := s.Check(document)
	var a aurora.Assistant
	if json.Unmarshal(document, &a) != nil {
		return complaints, nil
	}
	for i, target := range a.Handoffs {
		if allowMissingHandoffs || target == a.ID() {
			continue
		}
		if _, ok, err := s.Published.Live(ctx, target); err != nil {
			return nil, err
		} else if !ok {
			complaints = append(complaints, fault.Complaint{Path: fmt.Sprintf("handoffs.%d", i), Code: "handoff_unknown",
				Message: fmt.Sprintf("there is no published assistant %q", target)})
		}
	}
	if number, ok := aurora.ParsePhone(a.FallbackNumber); ok {
		owners, err := s.Published.WithNumber(ctx, number)
		if err != nil {
			return nil, err
		}
		for _, owner := range owners {
			message := "it is the number of another assistant, so calls would come back"
			if owner == a.ID() {
				message = "it is the assistant's number so far, so calls would come back"
			}
			complaints = append(complaints, fault.Complaint{Path: "fallbackNumber", Code: "number_taken", Message: message})
		}
	}
	return complaints, nil
}

// settleLive finishes the publication that is live and records a document that was changed without a version. It returns the
// version that is live afterwards.
func (s *Service) settleLive(ctx context.Context, live aurora.PublishedAssistant, exists bool) (version int, err error) {
	if !exists {
		return 0, nil
	}
	if live.Stamp > 0 {
		v, ok, err := s.History.Version(ctx, live.ID, live.Stamp)
		if err != nil {
			return 0, err
		}
		if ok && v.PublishID == live.PublishID {
			if err := s.settleVersion(ctx, v, live.At); err != nil {
				return 0, err
			}
		}
	}
	if live.Version > 0 {
		return live.Version, nil
	}
	for range versionTries {
		newest, err := s.newest(ctx, live.ID)
		if err != nil {
			return 0, err
		}
		if newest.Via == aurora.ViaOutside && newest.Hash == live.Hash {
			return newest.Number, nil
		}
		now := s.Now()
		v := aurora.AssistantVersion{AssistantID: live.ID, Number: newest.Number + 1, Content: live.Content, Hash: live.Hash, BasedOn: live.Stamp,
			Via: aurora.ViaOutside, PublishID: s.NewID(), At: now, LiveAt: now, Note: "recorded before it was replaced"}
		done, err := s.History.AddVersion(ctx, v)
		if err != nil {
			return 0, err
		}
		if done {
			return v.Number, nil
		}
	}
	return 0, errBusy()
}

// settleVersion writes what a publication writes after the version has begun to answer.
func (s *Service) settleVersion(ctx context.Context, v aurora.AssistantVersion, at time.Time) error {
	if v.LiveAt.IsZero() {
		if err := s.History.MarkLive(ctx, v.AssistantID, v.Number, at); err != nil {
			return err
		}
		return s.Audit.SetAuditState(ctx, v.AuditID, aurora.AuditDone)
	}
	return nil
}

func (s *Service) newest(ctx context.Context, id string) (v aurora.AssistantVersion, err error) {
	all, err := s.History.Versions(ctx, id, 0, 1)
	if err != nil || len(all) == 0 {
		return v, err
	}
	return all[0], nil
}

// addVersion stores the version under the next number.
func (w *publishing) addVersion(ctx context.Context) (v aurora.AssistantVersion, err error) {
	now := w.Now()
	v = aurora.AssistantVersion{AssistantID: w.id, Content: w.content, Hash: w.hash, Note: w.p.Note, By: w.p.Actor.Name, Via: w.p.Actor.Via, PublishID: w.p.ID,
		BasedOn: w.p.BasedOn, RestoredFrom: w.p.RestoredFrom, At: now, AuditID: w.newAuditID(now)}
	for range versionTries {
		newest, err := w.newest(ctx, w.id)
		if err != nil {
			return v, err
		}
		if newest.PublishID == w.p.ID && newest.Hash == w.hash {
			return newest, nil // an earlier attempt of this request, or the lost reply of this one
		}
		v.Number = newest.Number + 1
		done, err := w.History.AddVersion(ctx, v)
		if err != nil || done {
			return v, err
		}
	}
	return v, errBusy()
}

// commit writes the audit event and then the published copy.
func (w *publishing) commit(ctx context.Context, v aurora.AssistantVersion, before int, deadline time.Time) error {
	action := "assistant.published"
	if v.RestoredFrom > 0 {
		action = "assistant.rolled_back"
	}
	err := w.Audit.PutAudit(ctx, aurora.AuditEvent{ID: v.AuditID, At: v.At, Actor: w.p.Actor.Name, Action: action, Target: w.id, Before: before,
		BeforeHash: w.live.Hash, After: v.Number, AfterHash: v.Hash, Note: v.Note, RequestID: w.p.Actor.RequestID, Via: w.p.Actor.Via, State: aurora.AuditBegun})
	if err != nil {
		return err
	}
	left := deadline.Sub(w.Now())
	if left <= 0 {
		return fault.New(fault.Timeout, "The assistant was not published: the stores are too slow.").WithCode("timeout")
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	done, err := w.Published.Publish(ctx, aurora.PublishedAssistant{ID: w.id, Content: w.content, Hash: w.hash, Stamp: v.Number, PublishID: w.p.ID,
		By: w.p.Actor.Name, At: w.Now()}, w.live.Stamp, w.exists)
	if done {
		return nil
	}
	if err != nil {
		w.claim.Until = time.Time{} // the write may still arrive, so the number stays locked
	}
	now, exists, readErr := w.Published.Live(ctx, w.id)
	if readErr == nil && exists && now.PublishID == w.p.ID && now.Stamp == v.Number {
		return nil // the reply was lost
	}
	if err = errors.Join(err, readErr); err != nil {
		return err
	}
	return errors.Join(errChanged(now, exists), w.Audit.SetAuditState(ctx, v.AuditID, aurora.AuditAbandoned))
}

// finish writes what can be repaired later, so an error of it is only logged.
func (w *publishing) finish(ctx context.Context, v aurora.AssistantVersion) error {
	err := errors.Join(w.History.MarkLive(ctx, w.id, v.Number, v.LiveAt), w.Audit.SetAuditState(ctx, v.AuditID, aurora.AuditDone))
	if w.number != "" {
		free := w.claim
		free.Until = time.Time{}
		_, claimErr := w.Numbers.PutNumberClaim(ctx, free, w.claim.Token)
		err = errors.Join(err, claimErr)
	}
	if old := numberOf(w.live.Content); w.exists && old != w.number {
		err = errors.Join(err, w.releaseNumber(ctx, w.id, old))
	}
	slog.InfoContext(ctx, "assistant published", "event", "assistant.published", "assistantId", w.id, "assistantVersion", v.Number, "via", v.Via, "actor", v.By)
	if err != nil {
		slog.WarnContext(ctx, "a publication was not finished; the next one finishes it", "event", "assistant.publication_unfinished", "assistantId", w.id, "error", err)
	}
	return nil
}

func errBusy() *fault.Error {
	return fault.New(fault.Conflict, "The assistant is being published by another request. Try again.").WithCode("publish_in_progress").WithRetryAfter(time.Second)
}

// errChanged says that the published document is not the one that was expected.
func errChanged(now aurora.PublishedAssistant, exists bool) *fault.Error {
	e := fault.New(fault.PreconditionFailed, "The assistant was changed since you read it.").WithCode("changed_meanwhile")
	if exists {
		return e.WithCurrent(fault.State{ETag: ETagOf(now), Editor: now.By, At: now.At})
	}
	return e
}

// ETagOf returns the entity tag of a published document.
func ETagOf(p aurora.PublishedAssistant) string {
	if p.Version > 0 {
		return fmt.Sprintf(`"v%d"`, p.Version)
	}
	return fmt.Sprintf(`"u%.16s"`, p.Hash) // not published as a version, so its content identifies it
}
