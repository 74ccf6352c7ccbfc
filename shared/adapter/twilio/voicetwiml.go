package twilio

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twilio/twilio-go/twiml"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
)

// dialTimeout is how long the other line rings. Most voicemails answer later.
const dialTimeout = 25 * time.Second

// ApologyTwiML is the answer when not even a plan can be written: it says so and ends the call.
const ApologyTwiML = xmlHeader + "<Response><Say>We are sorry. We cannot take your call right now. Please try again later.</Say><Hangup/></Response>"

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>`

// VoiceTwiML writes a plan as TwiML. Attributes are in alphabetical order, so that equal plans are equal documents.
func VoiceTwiML(ctx context.Context, p aurora.CallPlan) (string, error) {
	if p.Reject {
		return writeTwiML([]twiml.Element{&twiml.VoiceReject{Reason: "busy"}})
	}
	var verbs []twiml.Element
	if words := spokenWords(p.Say); words != "" {
		verbs = append(verbs, &twiml.VoiceSay{Message: words, Language: sayLanguage(p.Language)})
	}
	if p.RecordingURL != "" {
		verbs = append(verbs, &twiml.VoiceStart{InnerElements: []twiml.Element{&twiml.VoiceRecording{RecordingStatusCallback: p.RecordingURL,
			RecordingStatusCallbackMethod: "POST", RecordingStatusCallbackEvent: "completed", Channels: "dual"}}})
	}
	switch {
	case p.Relay != nil:
		verbs = append(verbs, &twiml.VoiceConnect{Action: p.Relay.AfterURL, Method: methodOf(p.Relay.AfterURL),
			InnerElements: []twiml.Element{relayElement(ctx, *p.Relay)}})
	case p.Dial != nil:
		noun, err := dialNoun(p.Dial.To)
		if err != nil {
			return "", err
		}
		verbs = append(verbs, &twiml.VoiceDial{AnswerOnBridge: "true", Timeout: strconv.Itoa(int(dialTimeout / time.Second)), CallerId: string(p.Dial.CallerID),
			Action: p.Dial.AfterURL, Method: methodOf(p.Dial.AfterURL), InnerElements: []twiml.Element{noun}})
	case p.Hangup:
		verbs = append(verbs, &twiml.VoiceHangup{})
	}
	return writeTwiML(verbs)
}

// writeTwiML writes a document. The library goes through maps, so the order of the attributes has to be set afterwards.
func writeTwiML(verbs []twiml.Element) (string, error) {
	document, response := twiml.CreateDocument()
	twiml.AddAllVerbs(response, verbs)
	for _, element := range document.FindElements("//*") {
		element.SortAttrs()
	}
	out, err := twiml.ToXML(document)
	if err != nil {
		return "", fmt.Errorf("write TwiML: %w", err)
	}
	return out, nil
}

// methodOf returns the method for a callback's address.
func methodOf(address string) string {
	if address == "" {
		return ""
	}
	return "POST"
}

// spokenWords returns a text without what XML cannot hold and no voice speaks.
func spokenWords(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\ufffd' || r == '\ufffe' || r == '\uffff' {
			return -1
		}
		return r
	}, text.Line(s, maxSpokenRunes)))
}

// maxSpokenRunes is Twilio's limit for the words of Say: https://www.twilio.com/docs/voice/twiml/say
const maxSpokenRunes = 4096

// dialNoun returns the line that is dialled.
func dialNoun(to aurora.Destination) (twiml.Element, error) {
	number, ok := aurora.ParsePhone(to.Number)
	switch {
	case ok:
		noun := &twiml.VoiceNumber{PhoneNumber: string(number)}
		if extension().MatchString(to.Extension) {
			noun.SendDigits = "wwww" + to.Extension // each w is a pause of half a second
		}
		return noun, nil
	case to.Number == "" && sipURI().MatchString(to.SIPURI) && len(to.SIPURI) <= 255:
		return &twiml.VoiceSip{SipUrl: to.SIPURI}, nil
	}
	return nil, fault.New(fault.Invalid, "The destination has no phone number or SIP address that can be called.").WithCode("invalid_destination")
}

// sayLanguages are the languages of Say's basic voices (https://www.twilio.com/docs/voice/twiml/say/text-speech). Another one
// would be an error.
var sayLanguages = strings.Fields(`da-DK de-DE en-AU en-CA en-GB en-IN en-US ca-ES es-ES es-MX fi-FI fr-CA fr-FR it-IT ja-JP ko-KR nb-NO
	nl-NL pl-PL pt-BR pt-PT ru-RU sv-SE zh-CN zh-HK zh-TW`)

// sayLanguage returns the language of Say for a BCP 47 tag; empty, which is en-US, if Say does not know it.
func sayLanguage(tag string) string { return knownLanguage(tag, sayLanguages) }

// knownLanguage returns the tag of a list that is nearest to a BCP 47 tag: the same one, else the first one of its language.
func knownLanguage(tag string, known []string) string {
	primary, _, _ := strings.Cut(tag, "-")
	nearest := ""
	for _, k := range known {
		if strings.EqualFold(k, tag) {
			return k
		}
		if p, _, _ := strings.Cut(k, "-"); nearest == "" && strings.EqualFold(p, primary) {
			nearest = k
		}
	}
	return nearest
}
