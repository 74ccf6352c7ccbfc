package callindex

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
)

// minTurns is how often a person has to speak after the assistant, as the report says, before a machine that the telephone
// provider detected no longer makes the call a voicemail. Greetings and beeps are often transcribed as one turn.
const minTurns = 2

// mergedField is a part of a row that comes from one source as a whole.
type mergedField struct {
	name string
	// rank is 0 if a row says nothing about the field. Of two rows the one with the greater rank counts, then the newer one.
	rank func(c *aurora.Call) int
	copy func(to, from *aurora.Call)
}

// has is the rank of a field that a row has or lacks.
func has(present bool) int {
	if present {
		return 1
	}
	return 0
}

// mergedFields are all fields but those that deriveFields sets.
var mergedFields = []mergedField{
	{"id", func(c *aurora.Call) int { return has(c.ID != "") }, func(to, from *aurora.Call) { to.ID = from.ID }},
	{"startedAt", func(c *aurora.Call) int { return has(!c.StartedAt.IsZero()) }, func(to, from *aurora.Call) { to.StartedAt = from.StartedAt }},
	{"endedAt", func(c *aurora.Call) int { return has(!c.EndedAt.IsZero()) }, func(to, from *aurora.Call) { to.EndedAt = from.EndedAt }},
	{"seconds", func(c *aurora.Call) int { return has(c.Seconds != nil) }, func(to, from *aurora.Call) { to.Seconds = from.Seconds }},
	{"cost", func(c *aurora.Call) int { return has(c.Cost != nil) }, func(to, from *aurora.Call) { to.Cost = from.Cost }},
	{"endedReason", func(c *aurora.Call) int { return has(c.EndedReason != "") }, func(to, from *aurora.Call) { to.EndedReason = from.EndedReason }},
	{"direction", func(c *aurora.Call) int { return has(c.Direction != "") }, func(to, from *aurora.Call) { to.Direction = from.Direction }},
	{"customer", func(c *aurora.Call) int { return 2*has(c.Customer != "") + has(c.Withheld) },
		func(to, from *aurora.Call) { to.Customer, to.Withheld = from.Customer, from.Withheld }},
	{"customerName", func(c *aurora.Call) int { return has(c.CustomerName != "") }, func(to, from *aurora.Call) { to.CustomerName = from.CustomerName }},
	{"summary", func(c *aurora.Call) int { return has(c.Summary != "") }, func(to, from *aurora.Call) { to.Summary = from.Summary }},
	{"success", func(c *aurora.Call) int { return has(c.Success != "") }, func(to, from *aurora.Call) { to.Success = from.Success }},
	{"recordingUrl", func(c *aurora.Call) int { return has(c.Recording != "") }, func(to, from *aurora.Call) { to.Recording = from.Recording }},
	{"answeredBy", func(c *aurora.Call) int { return has(c.AnsweredBy != "") }, func(to, from *aurora.Call) { to.AnsweredBy = from.AnsweredBy }},
	{"retentionDays", func(c *aurora.Call) int { return has(c.RetentionDays > 0) }, func(to, from *aurora.Call) { to.RetentionDays = from.RetentionDays }},
	{"reportedAt", func(c *aurora.Call) int { return has(!c.ReportedAt.IsZero()) }, func(to, from *aurora.Call) { to.ReportedAt = from.ReportedAt }},
	{"transfer", func(c *aurora.Call) int { return has(c.Transferred || c.TransferFailed) },
		func(to, from *aurora.Call) { to.Transferred, to.TransferFailed = from.Transferred, from.TransferFailed }},
	{conversationField, conversationRank, func(to, from *aurora.Call) {
		to.ObjectKey, to.Transcript, to.Spoke = from.ObjectKey, from.Transcript, from.Spoke
		to.CallerTurns, to.ConversationUnknown = from.CallerTurns, from.ConversationUnknown
	}},
	{"outcome", func(c *aurora.Call) int { return has(judgedOutcome(c) != "") }, func(to, from *aurora.Call) { to.Outcome = judgedOutcome(from) }},
	{"sentiment", func(c *aurora.Call) int { return has(c.Sentiment != "") }, func(to, from *aurora.Call) { to.Sentiment = from.Sentiment }},
	{"topics", func(c *aurora.Call) int { return has(len(c.Topics) > 0) }, func(to, from *aurora.Call) { to.Topics = from.Topics }},
	{"actionItems", func(c *aurora.Call) int { return has(len(c.ActionItems) > 0) }, func(to, from *aurora.Call) { to.ActionItems = from.ActionItems }},
	{"extracted", func(c *aurora.Call) int { return has(len(c.Extracted) > 0 || c.AnalysisNote != "") },
		func(to, from *aurora.Call) { to.Extracted, to.AnalysisNote = from.Extracted, from.AnalysisNote }},
	{"analysisModel", func(c *aurora.Call) int { return has(c.AnalysisModel != "") }, func(to, from *aurora.Call) {
		to.AnalysisModel, to.AnalysisCost = from.AnalysisModel, from.AnalysisCost
		to.PromptTokens, to.CompletionTokens = from.PromptTokens, from.CompletionTokens
	}},
}

const conversationField = "conversation"

// conversationRank prefers a report with a readable transcript to a report without one, and that to no report.
func conversationRank(c *aurora.Call) int {
	switch {
	case c.ObjectKey == "":
		return 0
	case c.ConversationUnknown:
		return 1
	default:
		return 2
	}
}

// merge returns the row that two rows of one call make together. Each field comes from the newest source that says it, so
// neither the order of the sources nor their number matters. The key and the revision are those of a.
func merge(a, b aurora.Call) aurora.Call {
	restoreFacts(&a)
	restoreFacts(&b)
	merged := aurora.Call{CallKey: a.CallKey, Version: max(a.Version, b.Version), Revision: a.Revision}
	for _, f := range mergedFields {
		from := &a
		if cmp.Or(cmp.Compare(f.rank(&b), f.rank(&a)), cmp.Compare(versionOf(&b, f.name), versionOf(&a, f.name))) > 0 {
			from = &b
		}
		if f.rank(from) == 0 {
			continue
		}
		f.copy(&merged, from)
		if version := versionOf(from, f.name); version != merged.Version {
			if merged.FieldVersions == nil {
				merged.FieldVersions = map[string]string{}
			}
			merged.FieldVersions[f.name] = version
		}
	}
	deriveFields(&merged)
	return merged
}

// restoreFacts completes a row of an earlier version, which had no AnsweredBy: without a report only a machine made it a
// voicemail.
func restoreFacts(c *aurora.Call) {
	if c.ObjectKey == "" && c.Disposition == aurora.DispositionVoicemail && c.AnsweredBy == "" {
		c.AnsweredBy = "machine"
	}
}

// versionOf returns the version of the source of a row's field.
func versionOf(c *aurora.Call, field string) string { return cmp.Or(c.FieldVersions[field], c.Version) }

// deriveFields sets what follows from facts of several sources: the disposition and the outcome.
func deriveFields(c *aurora.Call) {
	c.Disposition = providermsg.Classify(c.EndedReason, evidenceOf(c))
	isMachine := aurora.IsMachine(c.AnsweredBy) && c.CallerTurns < minTurns
	if isMachine && c.Disposition != aurora.DispositionFailed {
		c.Disposition = aurora.DispositionVoicemail
	}
	if clearly := clearOutcome(c); clearly != "" {
		c.Outcome, c.JudgedOutcome = clearly, c.Outcome
	}
}

// clearOutcome returns the outcome that is clear without judgement; empty for a call without a report.
func clearOutcome(c *aurora.Call) aurora.Outcome {
	if c.ObjectKey == "" {
		return ""
	}
	return providermsg.ClearOutcome(c.Disposition, c.Transferred, evidenceOf(c))
}

// judgedOutcome returns the outcome that the provider or a model judged.
func judgedOutcome(c *aurora.Call) aurora.Outcome {
	if c.Outcome == clearOutcome(c) {
		return c.JudgedOutcome
	}
	return c.Outcome
}

// evidenceOf returns what a row says about its call. The telephone provider completes answered calls only.
func evidenceOf(c *aurora.Call) providermsg.Evidence {
	if c.ObjectKey == "" {
		return providermsg.Evidence{Spoke: true}
	}
	return providermsg.Evidence{Spoke: c.Spoke, Unknown: c.ConversationUnknown, Seconds: c.Seconds, Success: c.Success}
}

// isSame reports whether two rows are stored in the same way.
func isSame(a, b aurora.Call) bool {
	if !maps.Equal(a.FieldVersions, b.FieldVersions) {
		return false
	}
	textA, errA := json.Marshal(a)
	textB, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(textA, textB)
}
