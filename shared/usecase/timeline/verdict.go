package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.com/aurora/shared/core/trace"
)

// Verdict says which part of the service, or of the provider, was the cause of a problem.
type Verdict struct {
	Stage    Stage  `json:"stage"`
	Sentence string `json:"sentence"`
	// Record is the id of the record that shows it; nil if there is none.
	Record *trace.Key `json:"record,omitempty"`
}

// Stage is a part of the service, or of the provider.
type Stage string

// The stages, in the order of the rules.
const (
	StageAssistant Stage = "assistant" // no assistant answered
	StageModel     Stage = "model"     // a model was late
	StageTool      Stage = "tool"      // a tool was late or failed
	StageFallback  Stage = "fallback"  // the fallback message was spoken, or an error was answered
	StageVoice     Stage = "voice"     // our words were out, and the provider's voice was late
	StageUnreached Stage = "unreached" // the voice server did not ask
	StageNoRecords Stage = "noRecords" // nothing was recorded
	StageNone      Stage = "none"      // no problem
)

const (
	lateAfter = trace.SlowFirstWord
	// voiceLate is how long a provider's voice may take from our first words to its own.
	voiceLate = 3 * time.Second
	// askLate is how long a voice server may take from the caller's last word to its request.
	askLate = 5 * time.Second
)

// Judge returns the verdict about a call. records are all of the call, in the order of time.
func Judge(records []trace.Record) Verdict {
	for _, rule := range []func([]trace.Record) *Verdict{noAssistant, lateModel, badTool, fallback, lateVoice, unreached} {
		if v := rule(records); v != nil {
			return *v
		}
	}
	if len(records) == 0 {
		return Verdict{Stage: StageNoRecords, Sentence: "Nothing is recorded of this call: it was not sampled, its records have expired, or it never came here."}
	}
	return Verdict{Stage: StageNone, Sentence: "No problem is recorded: every turn had its first words in time."}
}

func newVerdict(stage Stage, r *trace.Record, format string, args ...any) *Verdict {
	return &Verdict{Stage: stage, Sentence: fmt.Sprintf(format, args...), Record: &r.ID}
}

// noAssistant is the rule for a request whose assistant could not be found or read.
func noAssistant(records []trace.Record) *Verdict {
	for i := range records {
		r := &records[i]
		switch r.Code.String() {
		case "assistant_not_found", "config_invalid":
			return newVerdict(StageAssistant, r, "No assistant answered: the request at %s ended with %s.", clock(r.At), r.Code)
		}
		isRequest := r.Message != nil && r.Message.Type.String() == "assistant-request"
		if isRequest && !r.Code.IsZero() {
			return newVerdict(StageAssistant, r, "No assistant answered: the assistant-request at %s ended with %s.", clock(r.At), r.Code)
		}
	}
	return nil
}

// lateModel is the rule for the model that took longest to its first chunk.
func lateModel(records []trace.Record) *Verdict {
	var worst *trace.Record
	var model trace.Model
	longest := int64(0)
	for i := range records {
		if records[i].Turn == nil {
			continue
		}
		for _, m := range records[i].Turn.Models {
			if waited := waitedFor(m); waited > longest {
				worst, model, longest = &records[i], m, waited
			}
		}
	}
	if longest < lateAfter.Milliseconds() {
		return nil
	}
	word := "had its first chunk only then"
	if model.FirstChunk == nil {
		word = "said nothing"
	}
	return newVerdict(StageModel, worst, "The model %s was late: in the turn at %s it was waited for %s, and %s.", model.Name, clock(worst.At), seconds(longest), word)
}

// waitedFor returns for how many milliseconds a model was waited for.
func waitedFor(m trace.Model) int64 {
	if m.FirstChunk != nil {
		return int64(*m.FirstChunk * 1000)
	}
	return m.Ms
}

// badTool is the rule for a tool that failed or took long: first the one that took longest, then the first that failed.
func badTool(records []trace.Record) *Verdict {
	var slowest, failed *trace.Record
	var slow, bad trace.Tool
	for i := range records {
		for _, t := range records[i].Tools {
			if t.Ms >= lateAfter.Milliseconds() && t.Ms > slow.Ms {
				slowest, slow = &records[i], t
			}
			if failed == nil && !t.Code.IsZero() {
				failed, bad = &records[i], t
			}
		}
	}
	switch {
	case slowest != nil && !slow.Code.IsZero():
		return newVerdict(StageTool, slowest, "The tool %s was late: at %s it took %s and ended with %s.", slow.Name, clock(slowest.At), seconds(slow.Ms), slow.Code)
	case slowest != nil:
		return newVerdict(StageTool, slowest, "The tool %s was late: at %s it took %s.", slow.Name, clock(slowest.At), seconds(slow.Ms))
	case failed != nil:
		return newVerdict(StageTool, failed, "The tool %s failed at %s after %s with %s.", bad.Name, clock(failed.At), seconds(bad.Ms), bad.Code)
	}
	return nil
}

// fallback is the rule for a turn that ended with the fallback message or with an error.
func fallback(records []trace.Record) *Verdict {
	for i := range records {
		r := &records[i]
		switch {
		case r.Turn == nil:
		case r.Turn.IsFallback:
			return newVerdict(StageFallback, r, "The fallback message was spoken in the turn at %s: %s.", clock(r.At), cmp.Or(r.Code.String(), "no code"))
		case slices.Contains([]string{"failed", "rejected", "given_up"}, r.Turn.Outcome.String()):
			return newVerdict(StageFallback, r, "The turn at %s ended with the error %s.", clock(r.At), cmp.Or(r.Code.String(), "without a code"))
		}
	}
	return nil
}

// lateVoice is the rule for words that were sent in time, of which the provider says that the caller heard them late or not at all.
func lateVoice(records []trace.Record) *Verdict {
	tellsSpeech := slices.ContainsFunc(records, func(r trace.Record) bool { return isType(&r, "speech-update") })
	for i := range records {
		r := &records[i]
		if r.Turn == nil || r.Turn.FirstByteMs == nil || *r.Turn.FirstByteMs >= lateAfter.Milliseconds() {
			continue
		}
		sent := r.At.Add(time.Duration(*r.Turn.FirstByteMs) * time.Millisecond)
		if v := judgeVoice(r, sent, records[i+1:], tellsSpeech); v != nil {
			return v
		}
	}
	return nil
}

// judgeVoice judges what came after the words of a turn were sent. tellsSpeech says that the provider says when a voice begins.
func judgeVoice(r *trace.Record, sent time.Time, after []trace.Record, tellsSpeech bool) *Verdict {
	out := fmt.Sprintf("Our words were out %s after the request at %s", seconds(*r.Turn.FirstByteMs), clock(r.At))
	for i := range after {
		next := &after[i]
		late := next.At.Sub(sent)
		switch {
		case next.Turn != nil, speaks(next, "user", "started") && late > 0: // the conversation has gone on
			return nil
		case speaks(next, "assistant", "started") && late > voiceLate:
			return newVerdict(StageVoice, r, "%s, and the provider's voice began only after %s.", out, seconds(next.At.Sub(r.At).Milliseconds()))
		case speaks(next, "assistant", "started"):
			return nil
		case isType(next, "hang") && late > 0:
			return newVerdict(StageVoice, r, "%s, and the provider said after %s that the caller still heard nothing.", out, seconds(next.At.Sub(r.At).Milliseconds()))
		case hasEnded(next) && tellsSpeech && late > voiceLate:
			return newVerdict(StageVoice, r, "%s, and the provider's voice had not begun when the call ended after %s.", out, seconds(next.At.Sub(r.At).Milliseconds()))
		}
	}
	return nil
}

// hasEnded reports whether a message says that the call is over.
func hasEnded(r *trace.Record) bool {
	return isType(r, "end-of-call-report") || r.Message != nil && r.Message.State.String() == "ended"
}

// unreached is the rule for a caller who spoke, or a provider that hung, while no turn was asked for.
func unreached(records []trace.Record) *Verdict {
	turns := 0
	for i := range records {
		if records[i].Turn != nil {
			turns++
		}
	}
	for i := range records {
		r := &records[i]
		if !speaks(r, "user", "stopped") && !isType(r, "hang") {
			continue
		}
		answered := slices.ContainsFunc(records, func(o trace.Record) bool {
			return o.Turn != nil && o.At.After(r.At.Add(-askLate)) && o.At.Before(r.At.Add(askLate)) || isLater(r, &o)
		})
		if !answered {
			return newVerdict(StageUnreached, r, "Nothing reached us: after the %s at %s the voice server asked for no turn within %s.", r.Message.Type, clock(r.At), seconds(askLate.Milliseconds()))
		}
	}
	if len(records) > 0 && turns == 0 {
		return newVerdict(StageUnreached, &records[0], "Nothing reached us: the provider sent messages about the call, and the voice server asked for no turn. That is as it should be only if the provider runs the model itself.")
	}
	return nil
}

// isLater reports whether a provider's message shows speech soon after another message, without a turn between them.
func isLater(r, o *trace.Record) bool {
	return o.At.After(r.At) && o.At.Before(r.At.Add(askLate)) && (speaks(o, "user", "started") || speaks(o, "assistant", "started") || hasEnded(o))
}

// speaks reports whether a record is a speech-update of this role and state; an empty state stands for any.
func speaks(r *trace.Record, role, state string) bool {
	return isType(r, "speech-update") && r.Message.Role.String() == role && (state == "" || r.Message.State.String() == state)
}

func isType(r *trace.Record, name string) bool {
	return r.Message != nil && r.Message.Type.String() == name
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

func seconds(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }
