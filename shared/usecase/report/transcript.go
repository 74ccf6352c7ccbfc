package report

import (
	"fmt"
	"math"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

// Transcript is the page of one call that deserves attention: what the report says about it, and what was said.
type Transcript struct {
	Call          aurora.Attention
	Turns         []providermsg.Utterance
	AssistantName string
	OrgName       string
	// Language is the BCP 47 tag of what was said; empty if it is unknown.
	Language string
	// Zone is the assistant's time zone; nil stands for that of the call's time.
	Zone *time.Location
	// Public is PUBLIC_URL, as in Page.
	Public string
}

const (
	maxTurns           = 5000
	maxTurnChars       = 20_000
	maxTranscriptBytes = 2_000_000
)

type transcriptView struct {
	Title, Assistant, Org string
	When, Zone, Language  string
	Card                  card
	Turns                 []turnView
	More                  string
}

type turnView struct {
	Who, Offset string
	Caller      bool
	Said        []string
}

// HTML returns the transcript as one HTML file that loads nothing and runs nothing.
func (t Transcript) HTML() ([]byte, error) {
	zone := t.Zone
	if zone == nil {
		zone = t.Call.At.Location()
	}
	p := Page{Public: t.Public, Report: aurora.Report{AssistantName: t.AssistantName}}
	at := t.Call.At.In(zone)
	v := transcriptView{Assistant: p.displayName(80), Org: text.DisplayLine(t.OrgName, 120), When: at.Format("Monday 2 January 2006, 15:04"),
		Zone: formatZone(zone.String(), at), Language: validLanguageTag(t.Language), Card: p.card(t.Call, zone, pageLimits)}
	v.Title = "Call of " + v.When + " – " + v.Assistant
	said := 0
	for i, turn := range t.Turns {
		words := text.DisplayLines(turn.Text, maxTurnChars)
		if said += len(words); i >= maxTurns || said > maxTranscriptBytes {
			v.More = fmt.Sprintf("The call went on: %s more turns are not shown.", formatInt(len(t.Turns)-i))
			break
		}
		if words == "" {
			continue
		}
		one := turnView{Who: v.Assistant, Caller: turn.Who != providermsg.SpeakerAssistant, Said: splitParagraphs(words, maxTurnChars)}
		if one.Caller {
			one.Who = "Caller"
		}
		if s := turn.Seconds; s >= 0 && !math.IsInf(s, 0) && s < 1e6 {
			one.Offset = fmt.Sprintf("%d:%02d", int(s)/60, int(s)%60)
		}
		v.Turns = append(v.Turns, one)
	}
	return render("transcript.html.tmpl", v)
}
