package liquid

import (
	"context"
	"unicode/utf8"
)

// Limits of a template and of rendering it. Together they keep one rendering below 50 ms and 8 MB.
const (
	maxSourceBytes = 800_000
	maxMarkupBytes = 60_000 // of all tags and outputs
	maxTokens      = 10_000
	maxDepth       = 100
	maxSteps       = 50_000
	maxBytes       = 2 << 20 // of all texts and lists that are made, also those that are not printed
	maxOutput      = 200_000 // characters
	bytesPerStep   = 128     // reading so many bytes counts as a step
	bytesPerItem   = 32      // of a list
	// reserve is the part of the budget that is left for the rest of a template when one of its tags has used up the budget.
	reserve = 10
)

// budget counts what rendering takes. Each method returns an error that wraps errBudget when there is too much of something.
type budget struct {
	ctx      context.Context
	steps    int
	bytes    int
	maxSteps int
	maxBytes int
}

func newBudget(ctx context.Context) budget {
	return budget{ctx: ctx, maxSteps: maxSteps - maxSteps/reserve, maxBytes: maxBytes - maxBytes/reserve}
}

// step counts work.
func (b *budget) step(n int) error {
	before := b.steps
	b.steps += n
	if b.steps > b.maxSteps || n < 0 {
		return errSteps
	}
	if before/256 != b.steps/256 && b.ctx.Err() != nil {
		return errContext
	}
	return nil
}

// read counts the reading of a text.
func (b *budget) read(bytes int) error {
	if bytes < bytesPerStep {
		return nil
	}
	return b.step(bytes / bytesPerStep)
}

// readText counts the reading of a value, if that is a text.
func (b *budget) readText(v any) error {
	s, _ := v.(string)
	return b.read(len(s))
}

// fits returns an error if a text of so many bytes is too much, and counts nothing.
func (b *budget) fits(bytes int) error {
	if bytes < 0 || b.bytes+bytes > b.maxBytes {
		return errBytes
	}
	return nil
}

// made counts a new text. Call it before making the text where that is possible.
func (b *budget) made(bytes int) error {
	if err := b.fits(bytes); err != nil {
		return err
	}
	b.bytes += bytes
	return b.read(bytes)
}

// list counts a new list. Call it before making the list.
func (b *budget) list(items int) error {
	if items < 0 || items > b.maxSteps {
		return errSteps
	}
	if err := b.step(items); err != nil {
		return err
	}
	return b.made(items * bytesPerItem)
}

// reopen adds the reserve to the budget. It is called once, after a tag has used up the budget.
func (b *budget) reopen() {
	b.maxSteps, b.maxBytes = b.steps+maxSteps/reserve, b.bytes+maxBytes/reserve
}

// minWriterBytes is the size that a writer begins with.
const minWriterBytes = 64

// writer collects what is printed, or captured.
type writer struct {
	b             []byte
	characters    int
	maxCharacters int // 0: only the budget limits it
}

// textIn returns what was written.
func (r *renderer) textIn(w *writer) (string, error) {
	if err := r.made(len(w.b)); err != nil {
		return "", err
	}
	return string(w.b), nil
}

// print writes a text.
func (r *renderer) print(w *writer, s string) error {
	n := utf8.RuneCountInString(s)
	if w.maxCharacters > 0 && w.characters+n > w.maxCharacters {
		return errOutput
	}
	if err := r.read(len(s)); err != nil {
		return err
	}
	if needed := len(w.b) + len(s); needed > cap(w.b) {
		size := max(needed, 2*cap(w.b), minWriterBytes)
		if err := r.made(size); err != nil {
			return err
		}
		w.b = append(make([]byte, 0, size), w.b...)
	}
	w.b, w.characters = append(w.b, s...), w.characters+n
	return nil
}
