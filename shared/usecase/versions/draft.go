package versions

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// maxDraftBytes limits a draft. Its item holds it compressed, and an item has at most 400 KB.
const maxDraftBytes = 380_000

// DraftETag returns the entity tag of a draft.
func DraftETag(d aurora.AssistantDraft) string { return fmt.Sprintf(`"d%d"`, d.Rev) }

func errNoDraft() *fault.Error {
	return fault.New(fault.NotFound, "The assistant has no draft.").WithCode("draft_not_found")
}

func errDraftChanged(d aurora.AssistantDraft) *fault.Error {
	return fault.Newf(fault.PreconditionFailed, "The draft was changed by %s at %s.", d.Editor, d.At.UTC().Format("2006-01-02 15:04:05 UTC")).
		WithCode("changed_meanwhile").WithCurrent(fault.State{ETag: DraftETag(d), Editor: d.Editor, At: d.At})
}

// Draft returns the draft of an assistant.
func (s *Service) Draft(ctx context.Context, id string) (aurora.AssistantDraft, error) {
	d, ok, err := s.History.Draft(ctx, id)
	if err == nil && (!ok || d.Deleted) {
		err = errNoDraft()
	}
	return d, err
}

// DraftChange is a draft to store.
type DraftChange struct {
	AssistantID string
	Document    []byte
	ETag        string // of the draft that is replaced; empty creates one
	// BasedOn is the live version that the editor has taken into account; 0 keeps the one of the draft.
	BasedOn int
	Actor   Actor
}

// SaveDraft stores a draft. It need not be valid: it is a draft. But it must be an object with the assistant's id.
func (s *Service) SaveDraft(ctx context.Context, c DraftChange) (aurora.AssistantDraft, error) {
	content, err := draftContent(c.AssistantID, c.Document)
	if err != nil {
		return aurora.AssistantDraft{}, err
	}
	before, ok, err := s.History.Draft(ctx, c.AssistantID)
	if err != nil {
		return before, err
	}
	exists := ok && !before.Deleted
	switch {
	case c.ETag == "" && exists:
		return before, errDraftChanged(before)
	case c.ETag != "" && !exists:
		return before, errNoDraft()
	case c.ETag != "" && c.ETag != DraftETag(before):
		return before, errDraftChanged(before)
	}
	d := aurora.AssistantDraft{AssistantID: c.AssistantID, Rev: before.Rev + 1, BasedOn: before.BasedOn, BasedHash: before.BasedHash, Content: content,
		Hash: aurora.HashDocument(content), Editor: c.Actor.Name, At: s.Now(), WriteID: s.NewID()}
	if !exists || c.BasedOn > 0 {
		live, isLive, err := s.Published.Live(ctx, c.AssistantID)
		if err != nil {
			return d, err
		}
		if c.BasedOn > 0 && (!isLive || live.Version != c.BasedOn) {
			return d, errOutdated(live)
		}
		d.BasedOn, d.BasedHash = live.Version, live.Hash
	}
	return d, s.putDraft(ctx, d, before.Rev)
}

// putDraft stores a draft over the revision before.
func (s *Service) putDraft(ctx context.Context, d aurora.AssistantDraft, before int) error {
	done, err := s.History.PutDraft(ctx, d, before)
	if err != nil || done {
		return err
	}
	now, _, err := s.History.Draft(ctx, d.AssistantID)
	if err != nil || now.WriteID == d.WriteID {
		return err // nil: the reply was lost
	}
	return errDraftChanged(now)
}

// draftContent returns a document in canonical form. Its id must be the assistant's.
func draftContent(id string, document []byte) ([]byte, error) {
	if !aurora.IsSafeID(id) {
		return nil, fault.New(fault.Invalid, "An assistant's id has 1 to 64 letters, digits, _ and -.").WithCode("invalid_assistant_id").WithParam("assistantId")
	}
	content, err := canonicalObject(document)
	if err != nil {
		return nil, err
	}
	var named struct {
		ID json.RawMessage `json:"assistantId"`
	}
	if err := json.Unmarshal(content, &named); err != nil || string(named.ID) != `"`+id+`"` {
		return nil, fault.Newf(fault.Invalid, "assistantId must be %q, the id in the address.", id).WithCode("invalid_assistant_id").WithParam("assistantId")
	}
	if n := len(content); n > maxDraftBytes {
		return nil, fault.Newf(fault.TooLarge, "The draft has %d bytes; at most %d can be stored.", n, maxDraftBytes).WithCode("body_too_large")
	}
	return content, nil
}

// DeleteDraft discards the draft with an entity tag.
func (s *Service) DeleteDraft(ctx context.Context, id, etag string, actor Actor) error {
	d, err := s.Draft(ctx, id)
	if err != nil {
		return err
	}
	if DraftETag(d) != etag {
		return errDraftChanged(d)
	}
	now := s.Now()
	event := aurora.AuditEvent{ID: s.newAuditID(now), At: now, Actor: actor.Name, Action: "draft.discarded", Target: id, Before: d.BasedOn, BeforeHash: d.Hash,
		RequestID: actor.RequestID, Via: actor.Via, State: aurora.AuditDone}
	if err := s.Audit.PutAudit(ctx, event); err != nil {
		return err
	}
	return s.putDraft(ctx, s.emptied(d, actor), d.Rev)
}

// emptied returns what stays of a draft that is deleted.
func (s *Service) emptied(d aurora.AssistantDraft, actor Actor) aurora.AssistantDraft {
	return aurora.AssistantDraft{AssistantID: d.AssistantID, Rev: d.Rev + 1, Deleted: true, Editor: actor.Name, At: s.Now(), WriteID: s.NewID()}
}

func errOutdated(live aurora.PublishedAssistant) *fault.Error {
	return fault.Newf(fault.Conflict, "Another version (%s) was published since the draft began. Compare them, and save the draft with basedOn.", ETagOf(live)).
		WithCode("draft_outdated").WithCurrent(fault.State{ETag: ETagOf(live), Editor: live.By, At: live.At})
}

// PublishDraft publishes the draft with an entity tag. requestID repeats an earlier request if it is equal.
func (s *Service) PublishDraft(ctx context.Context, id, etag, note, publishID string, actor Actor) (Outcome, error) {
	d, ok, err := s.History.Draft(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	if !ok || d.Deleted || DraftETag(d) != etag {
		live, exists, err := s.Published.Live(ctx, id)
		if err != nil {
			return Outcome{}, err
		}
		w := &publishing{Service: s, p: Publication{ID: publishID}, id: id, live: live, exists: exists}
		if o, replayed, err := w.replay(ctx); replayed || err != nil {
			return o, err
		}
		if !ok || d.Deleted {
			return Outcome{}, errNoDraft()
		}
		return Outcome{}, errDraftChanged(d)
	}
	o, err := s.Publish(ctx, Publication{ID: publishID, Document: d.Content, Note: note, Actor: actor, BasedOn: d.BasedOn,
		Expected: func(live aurora.PublishedAssistant, exists bool) error {
			if exists && live.Hash == d.Hash {
				return nil // nothing to publish
			}
			if exists != (d.BasedHash != "") || live.Version != d.BasedOn || live.Hash != d.BasedHash {
				return errOutdated(live)
			}
			return nil
		}})
	if err == nil && !o.Replayed {
		// The draft equals what is live. If this fails, it stays, which does no harm.
		_, _ = s.History.PutDraft(ctx, s.emptied(d, actor), d.Rev)
	}
	return o, err
}

// MergePatch applies a JSON merge patch (RFC 7396) to a document: null removes a field, and arrays are replaced whole.
func MergePatch(document, patch []byte) ([]byte, error) {
	var before, change any
	for text, v := range map[*[]byte]*any{&document: &before, &patch: &change} {
		d := json.NewDecoder(bytes.NewReader(*text))
		d.UseNumber()
		if err := d.Decode(v); err != nil {
			return nil, fault.New(fault.Invalid, "The body is not valid JSON.").WithCode("invalid_json").Because(err)
		}
	}
	if _, ok := change.(map[string]any); !ok {
		return nil, fault.New(fault.Invalid, "The patch must be a JSON object.").WithCode("invalid_json")
	}
	return json.Marshal(merge(before, change))
}

func merge(before, change any) any {
	fields, ok := change.(map[string]any)
	if !ok {
		return change
	}
	target, ok := before.(map[string]any)
	if !ok {
		target = map[string]any{}
	}
	for name, v := range fields {
		if v == nil {
			delete(target, name)
		} else {
			target[name] = merge(target[name], v)
		}
	}
	return target
}
