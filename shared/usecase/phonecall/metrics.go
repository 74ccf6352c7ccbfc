package phonecall

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/metric"
)

// The metrics of turns. Both begin when Twilio's message reached the gateway, which is before it is delivered.
const (
	metricFirstWords = "PhoneFirstWords" // until the first words of the answer, or of a filler, were sent
	metricBargeIn    = "PhoneBargeIn"    // until nothing more of the turn is sent
)

// measureFirstWords records how long the caller waited. Only the speaker calls it, after words were sent.
func (t *turn) measureFirstWords(ctx context.Context) {
	if !t.spoke && !t.start.asked.IsZero() {
		metric.MeasureTime(ctx, metricFirstWords, t.Now().Sub(t.start.asked))
	}
	t.spoke = true
}

// measureBargeIn records how long a turn that was superseded went on after an interruption.
func (t *turn) measureBargeIn(ctx context.Context, c aurora.PhoneCall) {
	if !c.LastInterruptAt.After(c.LastPromptAt) {
		return // by new words
	}
	took := t.Now().Sub(c.LastInterruptAt)
	metric.MeasureTime(ctx, metricBargeIn, took)
	slog.InfoContext(ctx, "turn stopped by an interruption", "event", "phone.turn_interrupted", "generation", t.generation, "ms", took.Milliseconds())
}
