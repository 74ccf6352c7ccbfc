package textmessage

import (
	"cmp"
	"fmt"
	"strings"

	"example.com/aurora/shared/core/text"
)

// Contents is what a message holds beside its text.
type Contents struct {
	Media []string // the types of its media, such as image/jpeg
	// ButtonText and ButtonPayload are the button that the person has pressed, on WhatsApp.
	ButtonText, ButtonPayload string
	// Latitude and Longitude are a place that the person shares, in degrees. Label and Address describe it.
	Latitude, Longitude, Label, Address string
	// RepliedSID is the message that the person replied to.
	RepliedSID string
}

// Limits of what reaches the model, in characters. Twilio passes on at most 1,600 characters of an SMS and 4,096 of WhatsApp.
const (
	maxBody     = 5000
	maxNote     = 200 // of a value in a note
	maxMentions = 10  // of media types
)

// words returns the message as the model reads it: the text, and notes in brackets of what else came.
func (m Message) words() string {
	parts := []string{}
	body := strings.TrimSpace(text.Clip(text.Printable(m.Body), maxBody))
	if body == "" {
		body = note(m.ButtonText)
	}
	if body != "" {
		parts = append(parts, body)
	}
	if m.ButtonPayload != "" && m.ButtonPayload != m.ButtonText {
		parts = append(parts, fmt.Sprintf("[The person pressed the button %q.]", note(cmp.Or(m.ButtonPayload, m.ButtonText))))
	}
	if m.Latitude != "" || m.Longitude != "" {
		place := strings.Join(nonEmpty(note(m.Label), note(m.Address)), ", ")
		parts = append(parts, "[The person shared a location: latitude "+note(m.Latitude)+", longitude "+note(m.Longitude)+strings.TrimRight(" "+place, " ")+".]")
	}
	if n := len(m.Media); n == 1 {
		parts = append(parts, "[The person sent a file of the type "+note(m.Media[0])+". It cannot be opened here.]")
	} else if n > 1 {
		types := make([]string, 0, maxMentions)
		for _, t := range m.Media[:min(n, maxMentions)] {
			types = append(types, note(t))
		}
		parts = append(parts, fmt.Sprintf("[The person sent %d files of the types %s. They cannot be opened here.]", n, strings.Join(types, ", ")))
	}
	if len(parts) == 0 {
		return "[The person sent a message without text.]"
	}
	return strings.Join(parts, "\n")
}

// note returns a value for a note: on one line, short, and without the brackets that end a note.
func note(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("[", "(", "]", ")").Replace(text.Clip(text.Printable(s), maxNote))), " ")
}

func nonEmpty(all ...string) (some []string) {
	for _, s := range all {
		if s != "" {
			some = append(some, s)
		}
	}
	return some
}
