package webhook

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/personaldata"
	"example.com/aurora/shared/core/providermsg"
)

// maxNamedAssistants bounds the assistants of one message that are read.
const maxNamedAssistants = 10

// protect returns a message as its assistant lets it be stored. The error says that the assistant cannot be read now.
func (a Archive) protect(ctx context.Context, s Scrubbed) (Scrubbed, error) {
	if a.Assistants == nil {
		return s, nil
	}
	ids := []string{s.Identity.AssistantID}
	if bytes.Contains(s.JSON, []byte("squad")) || bytes.Contains(s.JSON, []byte("ssistantActivations")) {
		if m, err := providermsg.ParseMessage(s.JSON); err == nil {
			ids = append(ids, m.SquadAssistantIDs(maxNamedAssistants)...)
		}
	}
	assistant, _, err := a.strictest(ctx, ids, s.Identity.AssistantNumber)
	if named := s.Identity.AssistantID; named == "" || named == assistant.ID() {
		aurora.LogAssistant(ctx, assistant)
	}
	if err != nil || assistant.Storage.IsEverything() {
		return s, err
	}
	body, err := personaldata.Apply(assistant, s.JSON)
	if err != nil {
		return s, fmt.Errorf("remove personal data: %w", err)
	}
	protected, err := Scrub(body)
	protected.Removed += s.Removed
	return protected, err
}

// strictest returns the assistant that lets the least be stored: of those with these ids, else the one that has the number. found
// is false if none of them is stored.
func (a Archive) strictest(ctx context.Context, ids []string, number aurora.Phone) (strictest aurora.Assistant, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	add := func(assistant aurora.Assistant, err error) error {
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err == nil && (!found || assistant.Storage.IsStricterThan(strictest.Storage)) {
			strictest, found = assistant, true
		}
		return err
	}
	for i, id := range ids {
		if aurora.IsSafeID(id) && !slices.Contains(ids[:i], id) {
			if err := add(a.Assistants.ByID(ctx, id)); err != nil {
				return strictest, found, err
			}
		}
	}
	if !found && number != "" {
		err = add(a.Assistants.ByNumber(ctx, number))
	}
	return strictest, found, err
}

// protectUnreadable returns a text that should have been a report as its assistant lets it be stored. The text may end before it
// names its assistant. So personal data is removed, unless it names an assistant that stores everything.
func (a Archive) protectUnreadable(ctx context.Context, s string) (string, error) {
	if a.Assistants == nil {
		return s, nil
	}
	var ids []string
	for _, m := range namedAssistant().FindAllStringSubmatch(s, maxNamedAssistants) {
		ids = append(ids, m[1])
	}
	assistant, found, err := a.strictest(ctx, ids, "")
	switch {
	case err != nil:
		return "", err
	case found && assistant.Storage.IsEverything():
		return s, nil
	case assistant.Storage == aurora.StoreFigures:
		return fmt.Sprintf("%s (%d bytes)", personaldata.Removed, len(s)), nil
	}
	return personaldata.Unreadable(s, assistant.BusinessNumbers()), nil
}

// namedAssistant matches a member that names an assistant in a text, also within a string: 1 the id.
var namedAssistant = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`assistant_?[iI]d\\*"\s*:\s*\\*"([A-Za-z0-9_-]{1,64})\\*"`)
})

func errNotStored(cause error) error {
	return fault.New(fault.Unavailable, "The message could not be stored. Send it again.").WithCode("store_unavailable").
		WithRetryAfter(retryAfter).Because(cause)
}
