package operatorapi

import (
	"mime"
	"net/http"
	"strconv"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/versions"
)

func (v versionRoutes) showDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := v.Draft(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeDraft(w, http.StatusOK, d)
}

func writeDraft(w http.ResponseWriter, status int, d aurora.AssistantDraft) error {
	SetETag(w, versions.DraftETag(d))
	return web.WriteJSON(w, status, newDraftResponse(d))
}

// putDraft stores the body as the draft. With If-None-Match: * it creates one.
func (v versionRoutes) putDraft(w http.ResponseWriter, r *http.Request) error {
	etag, status := "", http.StatusCreated
	if !CreatesOnly(r) {
		d, err := v.expectedDraft(r)
		if err != nil {
			return err
		}
		etag, status = versions.DraftETag(d), http.StatusOK
	}
	body, err := web.ReadBody(r)
	if err != nil {
		return err
	}
	return v.saveDraft(w, r, body, etag, status)
}

// expectedDraft returns the draft that the header If-Match names.
func (v versionRoutes) expectedDraft(r *http.Request) (aurora.AssistantDraft, error) {
	want, err := ReadIfMatch(r)
	if err != nil {
		return aurora.AssistantDraft{}, err
	}
	d, err := v.Draft(r.Context(), r.PathValue("id"))
	if err != nil {
		return d, err
	}
	return d, want.Check(fault.State{ETag: versions.DraftETag(d), Editor: d.Editor, At: d.At})
}

func (v versionRoutes) saveDraft(w http.ResponseWriter, r *http.Request, document []byte, etag string, status int) error {
	basedOn := 0
	if text := r.URL.Query().Get("basedOn"); text != "" {
		var err error
		if basedOn, err = strconv.Atoi(text); err != nil || basedOn < 1 {
			return fault.New(fault.Invalid, "basedOn must be the number of a version.").WithCode("invalid_version").WithParam("basedOn")
		}
	}
	d, err := v.SaveDraft(r.Context(), versions.DraftChange{AssistantID: r.PathValue("id"), Document: document, ETag: etag, BasedOn: basedOn, Actor: versionsActor(r)})
	if err != nil {
		return err
	}
	return writeDraft(w, status, d)
}

// patchDraft changes the draft by a JSON merge patch (RFC 7396).
func (v versionRoutes) patchDraft(w http.ResponseWriter, r *http.Request) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/merge-patch+json" {
		return fault.New(fault.UnsupportedMediaType, "The body must be application/merge-patch+json.").WithParam("Content-Type")
	}
	d, err := v.expectedDraft(r)
	if err != nil {
		return err
	}
	body, err := web.ReadBody(r)
	if err != nil {
		return err
	}
	patched, err := versions.MergePatch(d.Content, body)
	if err != nil {
		return err
	}
	return v.saveDraft(w, r, patched, versions.DraftETag(d), http.StatusOK)
}

func (v versionRoutes) deleteDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := v.expectedDraft(r)
	if err != nil {
		return err
	}
	if err := v.DeleteDraft(r.Context(), d.AssistantID, versions.DraftETag(d), versionsActor(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
