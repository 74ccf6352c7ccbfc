package agent

import "context"

// Completion is one whole message of a model.
type Completion struct {
	Text string // also that of a refusal; FinishReason is then FinishContentFilter
	// Model is the server's name of the model, else the requested one. It is empty if a chain of models chose one and its
	// server did not name it.
	Model        string
	Usage        Usage
	FinishReason string
}

// Complete sends one request to a model and waits for the whole message. It runs no tools. After an error it returns what
// came before, because tokens that were used must be paid for.
func Complete(ctx context.Context, m Model, r ModelRequest) (Completion, error) {
	a := accumulator{model: r.Model}
	var err error
	for chunk, chunkErr := range m.Stream(ctx, r) {
		if chunkErr != nil {
			err = chunkErr
			break
		}
		a.add(chunk)
	}
	a.endText()
	err = a.finish(ctx, err)
	return Completion{Text: a.text.String(), Model: a.model, Usage: a.usage, FinishReason: a.finishReason}, err
}
