package liquid

import (
	"errors"
	"fmt"
	"strings"
)

// Error is something in a template that cannot be read or rendered.
type Error struct {
	Line   int
	Reason error  // one of a fixed list: it can be logged
	Detail string // what the reason is about; it may quote the template
}

// Error returns a sentence for the person who wrote the template.
func (e *Error) Error() string {
	text := fmt.Sprintf("line %d: %v", e.Line, e.Reason)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }

// The reasons of errors.
var (
	errNotClosed      = errors.New("something is not closed")
	errSyntax         = errors.New("this cannot be read")
	errUnknownFilter  = errors.New("there is no such filter")
	errUnknownTag     = errors.New("there is no such tag")
	errNoTag          = errors.New("this tag is not available in prompts")
	errArguments      = errors.New("a filter has the wrong number of values")
	errMisplaced      = errors.New("a tag is not inside the tag that it belongs to")
	errTooDeep        = fmt.Errorf("tags or expressions are nested more than %d deep", maxDepth)
	errTooManyTokens  = fmt.Errorf("the template has more than %d tags and outputs, or more than %d bytes of them", maxTokens/2, maxMarkupBytes)
	errTooLarge       = fmt.Errorf("the template has more than %d bytes", maxSourceBytes)
	errDivisionByZero = errors.New("a number is divided by zero")
	errNumberTooLarge = errors.New("a number is too large")
	errDateFormat     = errors.New("the format of a date has a width of more than three digits")
	errPanic          = errors.New("the template cannot be rendered")

	// errBudget is wrapped by the reasons that say that a template takes too much.
	errBudget  = errors.New("the template takes too much")
	errSteps   = fmt.Errorf("%w: more than %d steps", errBudget, maxSteps)
	errBytes   = fmt.Errorf("%w: its texts have more than %d bytes", errBudget, maxBytes)
	errOutput  = fmt.Errorf("%w: the filled-in text has more than %d characters", errBudget, maxOutput)
	errContext = fmt.Errorf("%w: more time than the request has", errBudget)
)

// maxErrors is how many errors of one template are reported.
const maxErrors = 10

// errorList collects the errors of a template. It reports each one once for a line.
type errorList struct{ all []*Error }

func (l *errorList) add(line int, reason error, detail string) {
	for _, e := range l.all {
		if e.Line == line && e.Reason == reason && e.Detail == detail {
			return
		}
	}
	if len(l.all) < maxErrors {
		l.all = append(l.all, &Error{Line: line, Reason: reason, Detail: excerpt(detail)})
	}
}

// excerpt returns the beginning of a piece of a template, on one line.
func excerpt(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 80 {
		s = string(runes[:80]) + "…"
	}
	return s
}
