package operatorapi

import (
	"net/http"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// Precondition is the header If-Match of a request: the states of an object that the caller expects, as entity tags. See RFC 9110,
// section 13.1.1.
type Precondition struct {
	any  bool     // *: the object must exist
	tags []string // strong entity tags with their quotes
}

// ReadIfMatch returns the header If-Match of a request that must have it. The error is fault.PreconditionRequired without the
// header, and fault.Invalid if it cannot be read.
func ReadIfMatch(r *http.Request) (Precondition, error) {
	value := strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ","))
	if value == "" {
		return Precondition{}, fault.New(fault.PreconditionRequired, "Send If-Match with the ETag of what you have read, so that you do not overwrite the change of another operator.").
			WithCode("if_match_required").WithParam("If-Match")
	}
	if value == "*" {
		return Precondition{any: true}, nil
	}
	var p Precondition
	for rest := value; ; {
		weak, tag, after, ok := cutTag(rest)
		if !ok {
			return Precondition{}, fault.New(fault.Invalid, `If-Match must be entity tags such as "d7", with their quotes, separated by commas.`).
				WithCode("invalid_if_match").WithParam("If-Match")
		}
		if !weak { // If-Match compares strongly, so a weak tag matches nothing
			p.tags = append(p.tags, tag)
		}
		after = strings.TrimLeft(after, " \t")
		if after == "" {
			return p, nil
		}
		if after[0] != ',' {
			rest = "" // the next turn reports it
			continue
		}
		rest = strings.TrimLeft(after[1:], " \t,")
	}
}

// cutTag cuts an entity tag off the front of a list.
func cutTag(list string) (weak bool, tag, after string, ok bool) {
	rest, weak := strings.CutPrefix(list, "W/")
	if !strings.HasPrefix(rest, `"`) {
		return false, "", "", false
	}
	end := strings.IndexByte(rest[1:], '"')
	if end < 0 {
		return false, "", "", false
	}
	return weak, rest[:end+2], rest[end+2:], true
}

// Matches reports whether an object with this entity tag is as the caller expects. An object that does not exist has the tag "".
func (p Precondition) Matches(etag string) bool {
	if p.any {
		return etag != ""
	}
	for _, tag := range p.tags {
		if tag == etag {
			return true
		}
	}
	return false
}

// Check returns fault.PreconditionFailed with the current state of an object that is not as the caller expects.
func (p Precondition) Check(current fault.State) error {
	if p.Matches(current.ETag) {
		return nil
	}
	return ErrChanged(current)
}

// ErrChanged returns the error of a caller who has not read the current state of an object.
func ErrChanged(current fault.State) error {
	return fault.New(fault.PreconditionFailed, "This was changed after you read it. The field current says by whom and when.").
		WithCode("changed_meanwhile").WithParam("If-Match").WithCurrent(current)
}

// CreatesOnly reports whether a request has the header If-None-Match: *, with which it writes only what does not exist yet.
func CreatesOnly(r *http.Request) bool {
	return strings.TrimSpace(strings.Join(r.Header.Values("If-None-Match"), ",")) == "*"
}

// SetETag sets the header ETag of a response. The tag has its quotes.
func SetETag(w http.ResponseWriter, etag string) { w.Header().Set("ETag", etag) }
