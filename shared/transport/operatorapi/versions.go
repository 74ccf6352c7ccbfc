package operatorapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/versions"
)

const assistantPath = "/api/v1/assistants/{id}"

// versionRoutes are the handlers of assistants and their versions.
type versionRoutes struct{ *versions.Service }

// RegisterVersions adds the routes of assistants, their drafts and versions, and of the audit.
func RegisterVersions(s *Shell, service *versions.Service) {
	v := versionRoutes{service}
	view := func(path string, h web.HandlerFunc) {
		s.Add(Route{Method: http.MethodGet, Path: path, Right: auth.RightView, Handler: h})
	}
	edit := func(method, path string, h web.HandlerFunc) {
		s.Add(Route{Method: method, Path: path, Right: auth.RightEdit, Changes: true, Handler: h})
	}
	view("/api/v1/assistants", v.list)
	view(assistantPath, v.show)
	view(assistantPath+"/draft", v.showDraft)
	view(assistantPath+"/versions", v.listVersions)
	view(assistantPath+"/versions/{number}", v.showVersion)
	view(assistantPath+"/diff", v.compare)
	view("/api/v1/audit", v.audit)
	edit(http.MethodPut, assistantPath+"/draft", v.putDraft)
	edit(http.MethodPatch, assistantPath+"/draft", v.patchDraft)
	edit(http.MethodDelete, assistantPath+"/draft", v.deleteDraft)
	edit(http.MethodPost, assistantPath+"/publish", v.publish)
	edit(http.MethodPost, assistantPath+"/rollback", v.rollback)
	s.Add(
		Route{Method: http.MethodPost, Path: assistantPath + "/validate", Right: auth.RightEdit, Handler: v.validate},
		Route{Method: http.MethodDelete, Path: assistantPath, Right: auth.RightAdminister, Changes: true, Handler: v.remove},
	)
}

func versionsActor(r *http.Request) versions.Actor {
	a := ActorOf(r)
	return versions.Actor{Name: a.Name, Via: a.Via, RequestID: a.RequestID}
}

// draftResponse is a draft. The list of assistants has no document.
type draftResponse struct {
	AssistantID string          `json:"assistantId"`
	Rev         int             `json:"rev"`
	BasedOn     int             `json:"basedOn"`
	Editor      string          `json:"editor"`
	At          time.Time       `json:"at"`
	Hash        string          `json:"hash"`
	Document    json.RawMessage `json:"document,omitempty"`
}

func newDraftResponse(d aurora.AssistantDraft) draftResponse {
	return draftResponse{d.AssistantID, d.Rev, d.BasedOn, d.Editor, d.At, d.Hash, d.Content}
}

// versionResponse is a version. Lists have no document.
type versionResponse struct {
	AssistantID  string          `json:"assistantId"`
	Version      int             `json:"version"`
	Note         string          `json:"note"`
	By           string          `json:"by"`
	Via          string          `json:"via"`
	At           time.Time       `json:"at"`
	LiveAt       *time.Time      `json:"liveAt"` // null: it never answered
	BasedOn      int             `json:"basedOn,omitempty"`
	RestoredFrom int             `json:"restoredFrom,omitempty"`
	Hash         string          `json:"hash"`
	Document     json.RawMessage `json:"document,omitempty"`
	Unchanged    bool            `json:"unchanged,omitempty"` // the document was live already
}

func newVersionResponse(v aurora.AssistantVersion) versionResponse {
	response := versionResponse{AssistantID: v.AssistantID, Version: v.Number, Note: v.Note, By: v.By, Via: v.Via, At: v.At, BasedOn: v.BasedOn,
		RestoredFrom: v.RestoredFrom, Hash: v.Hash}
	if !v.LiveAt.IsZero() {
		response.LiveAt = &v.LiveAt
	}
	return response
}

// assistantResponse is a published assistant. Version is 0 if the document was changed without a version.
type assistantResponse struct {
	AssistantID string          `json:"assistantId"`
	Version     int             `json:"version"`
	PublishedBy string          `json:"publishedBy"`
	PublishedAt *time.Time      `json:"publishedAt"`
	Hash        string          `json:"hash"`
	ETag        string          `json:"etag"`
	Document    json.RawMessage `json:"document,omitempty"`
	Draft       *draftResponse  `json:"draft,omitempty"` // lists do not have it
}

func newAssistantResponse(p aurora.PublishedAssistant) assistantResponse {
	response := assistantResponse{AssistantID: p.ID, Version: p.Version, PublishedBy: p.By, Hash: p.Hash, ETag: versions.ETagOf(p)}
	if !p.At.IsZero() {
		response.PublishedAt = &p.At
	}
	return response
}

func (v versionRoutes) list(w http.ResponseWriter, r *http.Request) error {
	limit, after, err := page(r)
	if err != nil {
		return err
	}
	all, err := v.Published.AllLive(r.Context())
	if err != nil {
		return err
	}
	response := listResponse[assistantResponse]{Data: []assistantResponse{}}
	for _, p := range all {
		if p.ID <= after || web.PrincipalOf(r).CheckAssistant(p.ID) != nil {
			continue
		}
		if len(response.Data) == limit {
			response.NextCursor = &response.Data[limit-1].AssistantID
			break
		}
		response.Data = append(response.Data, newAssistantResponse(p))
	}
	return web.WriteJSON(w, http.StatusOK, response)
}

func (v versionRoutes) show(w http.ResponseWriter, r *http.Request) error {
	p, err := v.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	response := newAssistantResponse(p)
	response.Document = p.Content
	d, err := v.Draft(r.Context(), p.ID)
	if err == nil {
		draft := newDraftResponse(d)
		draft.Document = nil
		response.Draft = &draft
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	SetETag(w, response.ETag)
	return web.WriteJSON(w, http.StatusOK, response)
}

// remove takes an assistant out of service.
func (v versionRoutes) remove(w http.ResponseWriter, r *http.Request) error {
	want, err := ReadIfMatch(r)
	if err != nil {
		return err
	}
	p, err := v.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := want.Check(fault.State{ETag: versions.ETagOf(p), Editor: p.By, At: p.At}); err != nil {
		return err
	}
	if err := v.Delete(r.Context(), p.ID, versions.ETagOf(p), versionsActor(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// validate checks the body, which is a document.
func (v versionRoutes) validate(w http.ResponseWriter, r *http.Request) error {
	body, err := web.ReadBody(r)
	if err != nil {
		return err
	}
	complaints, err := v.Complaints(r.Context(), body, false)
	if err != nil {
		return err
	}
	if complaints == nil {
		complaints = []fault.Complaint{}
	}
	return web.WriteJSON(w, http.StatusOK, map[string]any{"valid": len(complaints) == 0, "errors": complaints})
}

// publishID returns the id of a request that publishes: the same for repetitions with the same Idempotency-Key.
func (v versionRoutes) publishID(r *http.Request, action string) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return v.NewID(), nil
	}
	if len(key) > 255 {
		return "", fault.New(fault.Invalid, "Idempotency-Key must have at most 255 characters.").WithCode("invalid_idempotency_key").WithParam("Idempotency-Key")
	}
	sum := sha256.Sum256([]byte(ActorOf(r).KeyID + "\x00" + action + "\x00" + key))
	return hex.EncodeToString(sum[:]), nil
}

const maxNote = 1000

type publishRequest struct {
	Version *int   `json:"version"`
	Note    string `json:"note"`
}

func readPublishRequest(r *http.Request) (body publishRequest, err error) {
	if err := web.ReadStrictObject(r, &body); err != nil {
		return body, err
	}
	if len(body.Note) > maxNote {
		err = fault.Newf(fault.Invalid, "note must have at most %d bytes.", maxNote).WithCode("invalid_note").WithParam("note")
	}
	return body, err
}

// unmatched is the tag of a state that does not exist: the use case looks for a repetition and then rejects it.
const unmatched = `"-"`

func (v versionRoutes) publish(w http.ResponseWriter, r *http.Request) error {
	want, err := ReadIfMatch(r)
	if err != nil {
		return err
	}
	body, err := readPublishRequest(r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	publishID, err := v.publishID(r, "publish "+id)
	if err != nil {
		return err
	}
	d, err := v.Draft(r.Context(), id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	etag := unmatched
	if err == nil && want.Matches(versions.DraftETag(d)) {
		etag = versions.DraftETag(d)
	}
	o, err := v.PublishDraft(r.Context(), id, etag, body.Note, publishID, versionsActor(r))
	return writeOutcome(w, o, err)
}

func (v versionRoutes) rollback(w http.ResponseWriter, r *http.Request) error {
	var want Precondition
	var err error
	if !CreatesOnly(r) {
		if want, err = ReadIfMatch(r); err != nil {
			return err
		}
	}
	body, err := readPublishRequest(r)
	if err != nil {
		return err
	}
	if body.Version == nil || *body.Version < 1 {
		return fault.New(fault.Invalid, "version must be the number of a version, such as 12.").WithCode("invalid_version").WithParam("version")
	}
	id := r.PathValue("id")
	publishID, err := v.publishID(r, "rollback "+id)
	if err != nil {
		return err
	}
	p, exists, err := v.Published.Live(r.Context(), id)
	if err != nil {
		return err
	}
	etag := ""
	if !CreatesOnly(r) {
		if etag = unmatched; exists && want.Matches(versions.ETagOf(p)) {
			etag = versions.ETagOf(p)
		}
	}
	o, err := v.Rollback(r.Context(), id, *body.Version, etag, body.Note, publishID, versionsActor(r))
	return writeOutcome(w, o, err)
}

func writeOutcome(w http.ResponseWriter, o versions.Outcome, err error) error {
	if err != nil {
		return err
	}
	if o.Replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	SetETag(w, `"v`+strconv.Itoa(o.Version.Number)+`"`)
	response := newVersionResponse(o.Version)
	response.Unchanged = o.Same
	return web.WriteJSON(w, http.StatusOK, response)
}

func (v versionRoutes) listVersions(w http.ResponseWriter, r *http.Request) error {
	limit, cursor, err := page(r)
	if err != nil {
		return err
	}
	before := 0
	if cursor != "" {
		if before, err = strconv.Atoi(cursor); err != nil || before < 1 {
			return fault.New(fault.Invalid, "cursor is not valid.").WithCode("cursor_invalid").WithParam("cursor")
		}
	}
	all, err := v.History.Versions(r.Context(), r.PathValue("id"), before, limit)
	if err != nil {
		return err
	}
	response := listResponse[versionResponse]{Data: []versionResponse{}}
	for _, one := range all {
		response.Data = append(response.Data, newVersionResponse(one))
	}
	if len(all) == limit && all[limit-1].Number > 1 {
		next := strconv.Itoa(all[limit-1].Number)
		response.NextCursor = &next
	}
	return web.WriteJSON(w, http.StatusOK, response)
}

func (v versionRoutes) showVersion(w http.ResponseWriter, r *http.Request) error {
	number, _ := strconv.Atoi(r.PathValue("number")) // 0, which no version has, if it is no number
	one, err := v.FindVersion(r.Context(), r.PathValue("id"), number)
	if err != nil {
		return err
	}
	response := newVersionResponse(one)
	response.Document = one.Content
	return web.WriteJSON(w, http.StatusOK, response)
}

// compare compares two of: a version's number, live, draft.
func (v versionRoutes) compare(w http.ResponseWriter, r *http.Request) error {
	contents := map[string][]byte{}
	for _, side := range []string{"from", "to"} {
		content, err := v.content(r, r.URL.Query().Get(side), side)
		if err != nil {
			return err
		}
		contents[side] = content
	}
	changes, err := versions.Compare(contents["from"], contents["to"])
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, map[string]any{"from": r.URL.Query().Get("from"), "to": r.URL.Query().Get("to"), "changes": changes})
}

func (v versionRoutes) content(r *http.Request, name, side string) ([]byte, error) {
	id := r.PathValue("id")
	switch name {
	case "draft":
		d, err := v.Draft(r.Context(), id)
		return d.Content, err
	case "live":
		p, err := v.Find(r.Context(), id)
		return p.Content, err
	}
	number, err := strconv.Atoi(name)
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "%s must be the number of a version, live or draft.", side).WithCode("invalid_version").WithParam(side)
	}
	one, err := v.FindVersion(r.Context(), id, number)
	return one.Content, err
}

// audit lists who did what, as far as the operator may reach the assistants.
func (v versionRoutes) audit(w http.ResponseWriter, r *http.Request) error {
	limit, cursor, err := page(r)
	if err != nil {
		return err
	}
	all, err := v.AuditEvents(r.Context(), cursor, v.Now().AddDate(-2, 0, 0), limit)
	if err != nil {
		return err
	}
	response := listResponse[aurora.AuditEvent]{Data: []aurora.AuditEvent{}}
	for _, e := range all {
		if web.PrincipalOf(r).CheckAssistant(e.Target) == nil {
			response.Data = append(response.Data, e)
		}
	}
	if len(all) == limit {
		response.NextCursor = &all[limit-1].ID
	}
	return web.WriteJSON(w, http.StatusOK, response)
}
