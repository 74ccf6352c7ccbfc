package timeline

import (
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/trace"
)

// Step is one thing that happened.
type Step struct {
	At   time.Time `json:"at"`   // by our clock
	Lane string    `json:"lane"` // caller, voice, webhook, turn, model, tool, outbound or after
	What string    `json:"what"`
	Name string    `json:"name,omitempty"` // of a model, a tool, an assistant
	Ms   *int64    `json:"ms,omitempty"`   // how long it took
	Code string    `json:"code,omitempty"`
	// ProviderAt is the time by the provider's clock.
	ProviderAt time.Time `json:"providerAt,omitzero"`
	// Record is the id of the record; empty for a step from another source.
	Record string `json:"record,omitempty"`
}

// Steps returns the steps of a record.
func Steps(r *trace.Record) []Step {
	if r.Message != nil {
		return append([]Step{messageStep(r)}, toolSteps(r)...)
	}
	if r.Turn == nil {
		return nil
	}
	at := func(ms int64) time.Time { return r.At.Add(time.Duration(ms) * time.Millisecond) }
	id := r.ID.String()
	steps := []Step{{At: r.At, Lane: "turn", What: "request arrived", Name: r.Turn.Channel.String(), Record: id}}
	if !r.AssistantSource.IsZero() {
		steps = append(steps, Step{At: at(r.AssistantMs), Lane: "turn", What: "assistant read from " + r.AssistantSource.String(), Name: r.Assistant.String(), Ms: &r.AssistantMs, Record: id})
	}
	for _, m := range r.Turn.Models {
		steps = append(steps, Step{At: at(m.AtMs), Lane: "model", What: "model asked, " + m.Outcome.String(), Name: m.Name.String(), Ms: &m.Ms, Code: m.Code.String(), Record: id})
		if m.FirstChunk != nil {
			ms := waitedFor(m)
			steps = append(steps, Step{At: at(m.AtMs + ms), Lane: "model", What: "first chunk", Name: m.Name.String(), Ms: &ms, Record: id})
		}
	}
	if r.Turn.FillerMs != nil {
		steps = append(steps, Step{At: at(*r.Turn.FillerMs), Lane: "turn", What: "filler sent", Ms: r.Turn.FillerMs, Record: id})
	}
	if r.Turn.FirstByteMs != nil {
		steps = append(steps, Step{At: at(*r.Turn.FirstByteMs), Lane: "turn", What: "first bytes sent", Ms: r.Turn.FirstByteMs, Record: id})
	}
	steps = append(steps, toolSteps(r)...)
	for _, h := range r.Turn.Handoffs {
		steps = append(steps, Step{At: at(h.AtMs), Lane: "turn", What: "handed over", Name: h.To.String(), Record: id})
	}
	if !r.Turn.Action.IsZero() {
		steps = append(steps, Step{At: at(r.Ms), Lane: "turn", What: "action", Name: r.Turn.Action.String(), Record: id})
	}
	return append(steps, Step{At: at(r.Ms), Lane: "turn", What: "turn ended, " + r.Turn.Outcome.String(), Ms: &r.Ms, Code: r.Code.String(), Record: id})
}

func toolSteps(r *trace.Record) (steps []Step) {
	for _, t := range r.Tools {
		steps = append(steps, Step{At: r.At.Add(time.Duration(t.AtMs) * time.Millisecond), Lane: "tool", What: "tool called", Name: t.Name.String(), Ms: &t.Ms, Code: t.Code.String(), Record: r.ID.String()})
	}
	return steps
}

// messageStep returns the step of a provider's message.
func messageStep(r *trace.Record) Step {
	m := r.Message
	s := Step{At: r.At, Lane: "webhook", What: m.Type.String(), Name: m.State.String(), Ms: &r.Ms, Code: r.Code.String(), ProviderAt: m.ProviderAt, Record: r.ID.String()}
	switch m.Type.String() {
	case "speech-update":
		if s.Lane = "voice"; m.Role.String() == "user" {
			s.Lane = "caller"
		}
	case "user-interrupted":
		s.Lane = "caller"
	case "hang":
		s.Lane = "voice"
	case "status-update":
		if !m.Reason.IsZero() {
			s.Code = m.Reason.String()
		}
	}
	return s
}

// outboundSteps returns the steps of an outbound call, from its record in the ledger.
func outboundSteps(r aurora.OutboundCall) (steps []Step) {
	add := func(at time.Time, what, name string) {
		if !at.IsZero() {
			steps = append(steps, Step{At: at, Lane: "outbound", What: what, Name: name, Code: r.Code})
		}
	}
	add(r.CreatedAt, "claimed", string(r.State))
	add(r.CheckedAt, "state asked of Twilio", string(r.Status))
	add(r.AnsweredAt, "answered", trace.NewName(r.AnsweredBy).String())
	add(r.EndedAt, "ended", string(r.Status))
	return steps
}

// notPlaced returns the verdict about an outbound call that was not placed, or nil.
func notPlaced(r aurora.OutboundCall) *Verdict {
	if r.Code == "" {
		return nil
	}
	return &Verdict{Stage: StageUnreached, Sentence: "Nothing reached us: the outbound call ended with " + trace.NewName(r.Code).String() + " before it was answered."}
}

// rowSteps returns what was done with a call after its end.
func rowSteps(c aurora.Call) (steps []Step) {
	add := func(at time.Time, what, name string) {
		if !at.IsZero() {
			steps = append(steps, Step{At: at, Lane: "after", What: what, Name: name})
		}
	}
	add(c.StartedAt, "call began, by its report", "")
	add(c.EndedAt, "call ended, by its report", trace.NewName(c.EndedReason).String())
	add(c.ReportedAt, "report made and indexed", "")
	if c.AnalysisModel != "" {
		add(c.ReportedAt, "analysed", trace.NewName(c.AnalysisModel).String())
	}
	return steps
}
